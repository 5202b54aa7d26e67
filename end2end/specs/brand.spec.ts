import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { Shop } from "../support/shop";
import { expect, test as base } from "../support/test";

const SVG = '<svg xmlns="http://www.w3.org/2000/svg" width="160" height="40"><rect width="160" height="40" fill="#0f766e"/></svg>';

interface Dressed {
  images: { server: Server; origin: string };
  dressedShop: Shop;
}

/** A shop with a logo, an icon and an accent; its images come from a server of their own. */
const test = base.extend<Dressed>({
  images: async ({}, use) => {
    const server = createServer((_, answer) => answer.writeHead(200, { "content-type": "image/svg+xml" }).end(SVG));
    await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
    await use({ server, origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}` });
    await new Promise((closed) => server.close(closed));
  },
  dressedShop: async ({ images }, use) => {
    const folder = await mkdtemp(join(tmpdir(), "topup-brand-"));
    const look = `logo_url = "${images.origin}/logo.svg"\nicon_url = "${images.origin}/icon.svg"\naccent = "#ffd400"\n`;
    const sample = await readFile(resolve(__dirname, "../../catalog.toml"), "utf8");
    await writeFile(join(folder, "catalog.toml"), sample.replace('currency = "usd"', `${look}currency = "usd"`));
    const shop = await Shop.start({ CATALOG: join(folder, "catalog.toml") });
    await use(shop);
    await shop.stop();
    await rm(folder, { recursive: true });
  },
});

test("logo, icon and accent of the catalogue dress the pages", async ({ page, images, dressedShop: shop }) => {
  const customer = await shop.customer();
  await page.goto(`${shop.url}/sign-in`);
  const policy = (await page.request.get(`${shop.url}/sign-in`)).headers()["content-security-policy"] ?? "";
  expect(policy).toContain(`img-src 'self' data: ${images.origin};`);
  await expect(page.locator('link[rel="icon"]')).toHaveAttribute("href", `${images.origin}/icon.svg`);
  const logo = page.getByRole("banner").getByRole("img", { name: "Gleaner" });
  await expect(logo).toBeVisible();
  expect(await logo.evaluate((image: HTMLImageElement) => image.complete && image.naturalWidth)).toBe(160);

  const href = await page.locator('link[href^="/pkg/brand.css"]').getAttribute("href");
  const style = await page.request.get(`${shop.url}${href}`);
  expect(style.headers()["cache-control"]).toContain("immutable");
  expect((await page.request.get(`${shop.url}/pkg/brand.css?v=old`)).headers()["cache-control"]).toBe("no-cache");
  const again = await page.request.get(`${shop.url}${href}`, { headers: { "if-none-match": style.headers().etag ?? "" } });
  expect(again.status()).toBe(304);

  for (const colorScheme of ["light", "dark"] as const) {
    await page.emulateMedia({ colorScheme });
    const button = page.getByRole("button", { name: "Send link" });
    const colors = await button.evaluate((element) => {
      const style = getComputedStyle(element);
      return { ground: style.backgroundColor, text: style.color };
    });
    expect.soft(contrast(colors.ground, colors.text), `the filled button, ${colorScheme}`).toBeGreaterThanOrEqual(4.5);
    const link = await page.getByRole("contentinfo").getByRole("link", { name: "Terms" }).evaluate((element) => getComputedStyle(element).color);
    const ground = await page.evaluate(() => getComputedStyle(document.documentElement).backgroundColor);
    expect.soft(contrast(link, ground), `a link, ${colorScheme}`).toBeGreaterThanOrEqual(4.5);
    expect.soft(link, "yellow stays yellow").toMatch(/^rgb\((\d+), (\d+), \d+\)$/);
  }
  await customer.signIn(page);
  await expect(page.getByRole("banner").getByRole("img", { name: "Gleaner" })).toBeVisible();
});

test("without a look there is no second stylesheet", async ({ page, shop }) => {
  await page.goto("/sign-in");
  await expect(page.locator('link[href^="/pkg/brand.css"]')).toHaveCount(0);
  await expect(page.getByRole("banner").getByRole("link", { name: "Gleaner" })).toBeVisible();
  expect((await page.request.get(`${shop.url}/pkg/brand.css`)).status()).toBe(404);
});

test("the theme's buttons stay where one was, on the same page", async ({ page }) => {
  await page.goto("/_gallery/pro?top_ups=all");
  const group = page.getByRole("group", { name: "Theme" });
  await group.scrollIntoViewIfNeeded();
  const before = await group.boundingBox();
  await group.getByRole("button", { name: "Dark" }).click();
  await expect(page.locator("html")).toHaveAttribute("data-theme", "dark");
  expect(new URL(page.url()).pathname + new URL(page.url()).search).toBe("/_gallery/pro?top_ups=all");
  await expect(group).toBeInViewport();
  const after = await group.boundingBox();
  expect(Math.abs((after?.y ?? 0) - (before?.y ?? 999))).toBeLessThan(120);
  await group.getByRole("button", { name: "Auto" }).click();
  await expect(page.locator("html")).not.toHaveAttribute("data-theme");
});

/** The contrast of two colors `rgb(…)` (WCAG 2). */
function contrast(one: string, two: string): number {
  const luminance = (color: string) => {
    const [red = 0, green = 0, blue = 0] = (color.match(/\d+/g) ?? []).map((channel) => {
      const value = Number(channel) / 255;
      return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
  };
  const [dark = 0, light = 0] = [luminance(one), luminance(two)].sort((a, b) => a - b);
  return (light + 0.05) / (dark + 0.05);
}

test("a blocked form's page wears the accent, and its theme switch leads to a page", async ({ page, dressedShop: shop }) => {
  const sent = { headers: { "sec-fetch-site": "cross-site" }, form: { theme: "dark", back: "/billing" } };
  for (const [form, back] of [["theme", "/billing"], ["operator-act", "/operator"]]) {
    const blocked = await page.request.post(`${shop.url}/_fn/${form}`, sent);
    expect(blocked.status()).toBe(403);
    const html = await blocked.text();
    expect(html).toContain("We blocked this request");
    expect(html).toContain('href="/pkg/brand.css?v=');
    expect(html).toContain(`name="back" value="${back}"`);
  }
});
