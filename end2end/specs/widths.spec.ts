import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import type { Page } from "@playwright/test";
import type { Customer } from "../support/customer";
import { buy } from "../support/checkout";
import { Shop } from "../support/shop";
import { expect, test as base } from "../support/test";

/**
 * Nothing is wider than a window of 320 px, and the header holds at every width and zoom: with a word of 120 letters in
 * every name, a source of 64 hex digits, and an id as long as the API takes.
 */
const WORD = "Unternehmensberatungsdienstleistungs".repeat(4).slice(0, 120);
const HEX = "0123456789abcdef".repeat(4);
const LONG_ID = "i".repeat(128);

const test = base.extend<{}, { customer: Customer }>({
  shop: [
    async ({}, use) => {
      const folder = await mkdtemp(join(tmpdir(), "topup-long-"));
      const sample = await readFile(resolve(__dirname, "../../catalog.toml"), "utf8");
      const catalog = sample.replace('"Gleaner"', `"${WORD}"`).replace('"Starter"', `"${WORD}"`).replace('"Requests"', `"${WORD}"`);
      await writeFile(join(folder, "catalog.toml"), catalog);
      const shop = await Shop.start({ CATALOG: join(folder, "catalog.toml") });
      await use(shop);
      await shop.stop();
      await rm(folder, { recursive: true });
    },
    { scope: "worker", timeout: 60_000 },
  ],
  customer: [
    async ({ shop }, use) => {
      const email = `${"a".repeat(60)}@${"long-".repeat(10)}name.example`;
      const customer = await shop.customer({ name: WORD, email });
      const usage = { credits: 4990, operation: "o".repeat(32), source: HEX, quantities: { requests: 999_999_999_999 } };
      await shop.operator.post(`/v1/customers/${customer.id}/usage`, usage);
      await shop.operator.put(`/v1/customers/${LONG_ID}`, { email: "i@long.example", name: WORD, plan: "starter" });
      await use(customer);
    },
    { scope: "worker" },
  ],
});

/** How much wider than its window the page is, and the elements that stand out. */
async function tooWide(page: Page): Promise<string[]> {
  return page.evaluate(() => {
    const wide = (document.scrollingElement?.scrollWidth ?? 0) - innerWidth;
    if (wide <= 0) return [];
    const scrolls = (element: Element): boolean =>
      element.parentElement !== null &&
      (getComputedStyle(element.parentElement).overflowX !== "visible" || scrolls(element.parentElement));
    const out = [...document.querySelectorAll("body *")].filter((e) => e.getBoundingClientRect().right > innerWidth + 1 && !scrolls(e));
    return [`${wide} px`, ...out.slice(-3).map((element) => element.outerHTML.slice(0, 160))];
  });
}

async function expectNarrow(page: Page, path: string): Promise<void> {
  await page.goto(path);
  expect.soft(await tooWide(page), path.replace(WORD, "…")).toEqual([]);
}

test.describe("at 320 px", () => {
  test.use({ viewport: { width: 320, height: 640 } });

  test("every state of the gallery", async ({ page }) => {
    test.slow();
    await page.goto("/_gallery");
    const states = await page.getByRole("main").getByRole("link").evaluateAll((links) => links.map((link) => link.getAttribute("href") ?? ""));
    expect(states.length).toBeGreaterThan(20);
    for (const state of states) await expectNarrow(page, state);
  });

  test("a customer's pages, the sign-in, the demo and errors", async ({ page, customer }) => {
    test.slow();
    for (const path of ["/sign-in", "/nothing", `/${HEX}${HEX}`]) await expectNarrow(page, path);
    await page.goto("/sign-in");
    await page.getByRole("textbox").fill(customer.email);
    await page.getByRole("button", { name: "Send link" }).click();
    expect.soft(await tooWide(page), "a sent link").toEqual([]);
    await expectNarrow(page, await customer.portalLink());
    await customer.signIn(page, "owner");
    await buy(page);
    expect.soft(await tooWide(page), "a purchase").toEqual([]);
    const pages = ["/billing", "/billing?top_ups=all&purchases=all", "/usage", "/usage?range=weekly", "/history", `/history?source=${HEX}`, "/settings"];
    for (const path of [...pages, "/auto-top-up", "/plans", "/demo/plans", "/demo/mails", "/demo/events"]) await expectNarrow(page, path);
    await page.goto("/settings");
    await page.getByRole("textbox", { name: /key/i }).fill(WORD.slice(0, 64));
    await page.getByRole("button", { name: /(make|create) key/i }).click();
    expect.soft(await tooWide(page), "a new key").toEqual([]);
  });

  test("the operator's pages", async ({ page, customer }) => {
    await page.goto("/operator/sign-in");
    expect.soft(await tooWide(page), "operator sign-in").toEqual([]);
    await page.getByRole("button", { name: "Sign in as the operator" }).click();
    await expect(page.getByRole("banner").getByRole("button", { name: "Sign out" })).toBeVisible();
    const paths = ["", `?q=${HEX}`, "?q=Unter", "/alarms", "/sales", "/keys", `/customers/${customer.id}`, `/customers/${LONG_ID}`, "/nothing"];
    for (const path of paths) await expectNarrow(page, `/operator${path}`);
    for (const { id } of await customer.purchases()) await expectNarrow(page, `/operator/purchases/${id}`);
  });

  test("every email", async ({ page, customer }) => {
    test.slow();
    await customer.signIn(page, "owner");
    await buy(page);
    await expect.poll(async () => {
      await page.goto("/demo/mails");
      return page.getByRole("main").getByRole("link").count();
    }).toBeGreaterThan(1);
    const emails = await page.getByRole("main").getByRole("rowheader").getByRole("link").evaluateAll((links) => links.map((link) => link.getAttribute("href") ?? ""));
    for (const email of emails) {
      await expectNarrow(page, email);
      await expectNarrow(page, `${email}/html`);
    }
  });
});

/** The parts of the header that stick out of the window, or lie on one another. */
async function misplaced(page: Page): Promise<string[]> {
  return page.getByRole("banner").evaluate((header) => {
    const parts = [...header.querySelectorAll(".brand, nav a, .person button, .person summary, .person > .name")];
    const boxes = parts.map((part) => ({ name: part.textContent?.trim().slice(0, 20) ?? "", box: part.getBoundingClientRect() }));
    const found = boxes.filter(({ box }) => box.width < 1 || box.left < 0 || box.right > innerWidth + 0.5).map(({ name, box }) => `${name}: ${box.left} to ${box.right}`);
    for (const [n, one] of boxes.entries()) {
      for (const other of boxes.slice(n + 1)) {
        const [a, b] = [one.box, other.box];
        const apart = a.right <= b.left + 0.5 || b.right <= a.left + 0.5 || a.bottom <= b.top + 0.5 || b.bottom <= a.top + 0.5;
        if (!apart) found.push(`${one.name} on ${other.name}`);
      }
    }
    return found;
  });
}

async function expectHeaderHolds(page: Page, who: string): Promise<void> {
  for (const width of [320, 360, 480, 640, 660, 720, 960, 1440]) {
    for (const text of ["100%", "200%"]) {
      await page.setViewportSize({ width, height: 640 });
      await page.evaluate((size) => (document.documentElement.style.fontSize = size), text);
      expect.soft(await misplaced(page), `${who}: ${width} px, text at ${text}`).toEqual([]);
      const height = (await page.getByRole("banner").boundingBox())?.height ?? 0;
      expect.soft(height, `${who}: ${width} px, text at ${text}`).toBeLessThan(text === "100%" ? 110 : 330);
    }
  }
}

test("the header holds at every width and zoom", async ({ page, customer }) => {
  test.slow();
  await customer.signIn(page, "owner");
  await expectHeaderHolds(page, "owner");
  await page.goto("/_gallery/pro");
  await expectHeaderHolds(page, "gallery");
});

test("the header of a viewer and of an operator holds", async ({ page, customer }) => {
  test.slow();
  await customer.signIn(page, "viewer");
  await expectHeaderHolds(page, "viewer");
  await page.goto("/operator/sign-in");
  await page.getByRole("button", { name: "Sign in as the operator" }).click();
  await expect(page.getByRole("banner").getByRole("button", { name: "Sign out" })).toBeVisible();
  await expectHeaderHolds(page, "operator");
});

test("in forced colors the header, the focus and badges are readable", async ({ page, customer }) => {
  await page.emulateMedia({ forcedColors: "active" });
  await customer.signIn(page, "owner");
  const current = page.getByRole("banner").getByRole("link", { name: "Billing" });
  expect(await current.evaluate((link) => getComputedStyle(link).textDecorationLine)).toBe("underline");
  await page.keyboard.press("Tab");
  const outline = await page.evaluate(() => getComputedStyle(document.activeElement ?? document.body).outlineStyle);
  expect(outline).toBe("solid");
  await page.goto("/_gallery/pro");
  const badges = page.locator(".badge:not(.plain)");
  for (const badge of await badges.all()) {
    expect(await badge.evaluate((element) => getComputedStyle(element).borderTopStyle)).toBe("solid");
  }
});
