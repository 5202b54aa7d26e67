import type { Page } from "@playwright/test";
import { buy } from "../support/checkout";
import { Shop } from "../support/shop";
import { bar, expect, expectBarInView, openBar, step, switchTo, test } from "../support/demo";

const widths = [320, 360, 768, 1024, 1440];
const paths = {
  "signed out": ["/sign-in", "/operator/sign-in", "/no-such-page"],
  customer: ["/billing", "/usage", "/history", "/settings", "/auto-top-up", "/demo/plans", "/demo/mails", "/demo/events"],
  operator: ["/operator", "/operator/customers/larch", "/operator/alarms", "/operator/sales", "/operator/second-factor"],
};

/** The bar is whole in the window before anything is clicked or scrolled, and what the page ends with is above it. */
async function expectRoomForBar(page: Page, name: string): Promise<void> {
  await expect.soft(bar(page), name).toBeInViewport({ ratio: 1 });
  await expect.soft(step(page, 4), name).toBeInViewport({ ratio: 1 });
  const found = await page.evaluate(() => {
    const edges = () => document.querySelector("aside.demo")!.getBoundingClientRect();
    const atTop = Math.round(edges().bottom) - window.innerHeight;
    window.scrollTo(0, document.documentElement.scrollHeight);
    const below = document.querySelector("footer")!.getBoundingClientRect().bottom - edges().top;
    const wider = document.documentElement.scrollWidth - document.documentElement.clientWidth;
    return { atTop, covers: Math.max(0, Math.round(below)), wider: Math.max(0, wider) };
  });
  expect.soft(found, name).toEqual({ atTop: 0, covers: 0, wider: 0 });
  await expect.soft(bar(page), `${name}, scrolled down`).toBeInViewport({ ratio: 1 });
}

test("the bar is in view on every page at every width", async ({ page, demo }) => {
  test.setTimeout(180_000);
  for (const [who, pages] of Object.entries(paths)) {
    await page.setViewportSize({ width: 1440, height: 900 });
    await page.goto(`${demo.url}/sign-in`);
    if (who === "customer") await page.getByRole("button", { name: "Larch Research" }).click();
    if (who === "operator") await page.getByRole("button", { name: "Operator console" }).click();
    for (const path of pages) {
      for (const width of widths) {
        await page.setViewportSize({ width, height: 740 });
        await page.goto(demo.url + path);
        await expectRoomForBar(page, `${path} at ${width}`);
      }
    }
  }
});

test("the focus is never under the bar", async ({ page, demo }) => {
  await page.goto(demo.url);
  await switchTo(page, "Larch Research");
  for (const [width, height] of [[1440, 700], [360, 640]] as const) {
    await page.setViewportSize({ width, height });
    for (const path of ["/billing", "/settings"]) {
      await page.goto(demo.url + path);
      for (let stops = 0; stops < 90; stops++) {
        await page.keyboard.press("Tab");
        const found = await page.evaluate(() => {
          const [focus, demo] = [document.activeElement!, document.querySelector("aside.demo")!];
          const covered = focus.getBoundingClientRect().bottom - demo.getBoundingClientRect().top;
          return { covered, inBar: demo.contains(focus), name: focus.outerHTML.slice(0, 80) };
        });
        if (found.inBar) break;
        expect.soft(found.covered, `${found.name} on ${path} at ${width}`).toBeLessThanOrEqual(0);
      }
      expect(await page.evaluate(() => document.querySelector("aside.demo")!.contains(document.activeElement))).toBe(true);
    }
  }
});

test("on a phone everything is behind More, and nothing is wider than the window", async ({ page, demo }) => {
  await page.goto(demo.url);
  await switchTo(page, "Meridian Retail Intelligence GmbH");
  for (const width of [320, 360]) {
    await page.setViewportSize({ width, height: 740 });
    await page.goto(`${demo.url}/billing`);
    await openBar(page);
    const tools = [
      page.getByLabel("Customer"),
      page.getByRole("button", { name: "Use credits" }),
      page.getByRole("button", { name: "Move the clock" }),
      page.getByRole("link", { name: /^Mailbox/ }),
      page.getByRole("link", { name: "Stripe's events" }),
    ];
    for (const tool of tools) await expect.soft(tool).toBeInViewport({ ratio: 1 });
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(width);
  }
});

test("to the operator console and back", async ({ page, demo }) => {
  await page.goto(demo.url);
  await switchTo(page, "Fjord Notes");
  await bar(page).getByRole("button", { name: "Operator" }).click();
  await expect(page).toHaveURL(/\/operator$/);
  await expectBarInView(page);
  await bar(page).getByRole("link", { name: "Back to Billing" }).click();
  await expect(page.getByRole("heading", { level: 1, name: "Billing" })).toBeVisible();
  await expect(page.getByText("Fjord Notes").first()).toBeVisible();
});

test("each customer says at the sign-in what it shows", async ({ page, demo }) => {
  await page.goto(`${demo.url}/sign-in`);
  const people = page.getByRole("region", { name: "Demo: sign in as" });
  await expect(people.getByRole("button")).toHaveText([
    "Acme Data Starter, nearly out: start here",
    "Larch Research buys too often",
    "Meridian credits about to expire",
    "Fjord Notes can't buy yet",
    "Operator console",
  ]);
});

test("a charge over the API ticks the second step while one looks on", async ({ page, javaScriptEnabled }) => {
  test.setTimeout(120_000);
  const own = await Shop.start({ DEMO_SEED: "full", TEST_CLOCK: undefined });
  try {
    await page.goto(own.url);
    await switchTo(page, "Larch Research");
    await buy(page);
    await page.getByRole("link", { name: "Back to Billing" }).click();
    await expect(step(page, 1)).toContainText("Done");
    await expect(step(page, 2)).not.toContainText("Done");
    if (javaScriptEnabled !== false) await expect(page.locator("html[data-stream]")).toBeAttached();
    await own.operator.post("/v1/customers/larch/usage", { credits: 5 });
    // Without script a page is renewed by its links.
    if (javaScriptEnabled === false) await page.goto(`${own.url}/billing`);
    await expect(step(page, 2)).toContainText("Done");
  } finally {
    await own.stop();
  }
});
