import type { Locator, Page } from "@playwright/test";
import { expect, test } from "../support/test";
import { cards, expectPayPage, smallest } from "../support/checkout";
import { newestLink, signInByEmail } from "../support/emails";

/** Presses Tab until the element has the focus. */
async function tabTo(page: Page, wanted: Locator): Promise<void> {
  for (let n = 0; n < 150; n++) {
    if (await wanted.evaluate((element) => element === document.activeElement)) return;
    await page.keyboard.press("Tab");
  }
  throw new Error(`no way by Tab to ${wanted}`);
}

/** That the focus can be seen where it is. */
async function expectRing(wanted: Locator): Promise<void> {
  expect(await wanted.evaluate((element) => getComputedStyle(element).outlineStyle)).toBe("solid");
}

test("with the keyboard alone: sign in, choose, read the refund rule, pay, see the credits", async ({ page, shop }) => {
  const customer = await shop.customer({ used: 4820 });
  await page.goto("/sign-in");
  await tabTo(page, page.getByLabel("Email"));
  await page.keyboard.type(customer.email);
  await page.keyboard.press("Enter");
  await expect(page.getByRole("status")).toContainText("a link is on its way");
  await page.goto(await newestLink(shop, customer.email));
  await tabTo(page, page.getByRole("main").getByRole("button"));
  await page.keyboard.press("Enter");
  await expect(page.getByRole("heading", { level: 1, name: "Billing" })).toBeVisible();

  // The first stop leads past the header.
  await page.keyboard.press("Tab");
  await expect(page.getByRole("link", { name: "Skip to content" })).toBeFocused();
  await page.keyboard.press("Enter");
  const offer = page.getByRole("button", { name: smallest.button });
  await expect(page.getByRole("region", { name: "Buy a top-up" })).toContainText("Valid 12 months · Non-refundable");
  await tabTo(page, offer);
  await expectRing(offer);
  await page.keyboard.press("Enter");

  await expectPayPage(page);
  await expect(page.getByText(/1,200 credits for Gleaner, valid until \d+ \w+ \d{4}\. Non-refundable\./)).toBeVisible();
  await tabTo(page, page.getByLabel("Card number"));
  await page.keyboard.type(cards.good);
  await page.keyboard.press("Tab");
  await page.keyboard.type("12/34");
  await page.keyboard.press("Tab");
  await page.keyboard.type("123");
  await tabTo(page, page.getByRole("button", { name: smallest.pay }));
  await page.keyboard.press("Enter");

  await expect(page.getByRole("status")).toContainText("1,200 credits added. 180 → 1,380 available.");
  const back = page.getByRole("link", { name: "Back to Billing" });
  await tabTo(page, back);
  await page.keyboard.press("Enter");
  await expect(page.getByRole("region", { name: "Balance" })).toContainText("1,380");
  await expect(page.getByRole("region", { name: "Your top-ups" }).getByRole("row").filter({ hasText: "1,200" })).toHaveCount(1);
  expect(await customer.balance()).toMatchObject({ available: 1380, top_up: { remaining: 1200 } });
});

/** Tabs to the element and presses Enter. */
async function press(page: Page, wanted: Locator): Promise<void> {
  await tabTo(page, wanted);
  await expectRing(wanted);
  await page.keyboard.press("Enter");
}

test("with the keyboard alone: a chart is switched off and on, a table is scrolled", async ({ page, shop }) => {
  const customer = await shop.customer({ used: 4820 });
  await shop.operator.post(`/v1/customers/${customer.id}/usage`, { credits: 2, operation: "crawl", quantities: { requests: 3 } });
  await customer.signIn(page);
  await press(page, page.getByRole("navigation", { name: "Account" }).getByRole("link", { name: "Usage" }));
  const metrics = page.getByRole("navigation", { name: "Metrics" });
  const requests = page.getByRole("img", { name: /^Requests, day by day/ });
  await expect(requests).toBeVisible();
  await press(page, metrics.getByRole("link", { name: "Requests" }));
  await expect(requests).toHaveCount(0);
  await press(page, metrics.getByRole("link", { name: "Requests" }));
  await expect(requests).toBeVisible();
  await press(page, page.getByRole("navigation", { name: "Range" }).getByRole("link", { name: "7 days" }));
  await expect(page.getByRole("heading", { level: 2, name: "Day by day" })).toBeVisible();
  await page.setViewportSize({ width: 360, height: 740 });
  const table = page.getByRole("region", { name: "Day by day" });
  await tabTo(page, table);
  await page.keyboard.press("ArrowRight");
  await expect.poll(() => table.evaluate((element) => element.scrollLeft)).toBeGreaterThan(0);
});

test("with the keyboard alone: the bars of a chart are read", async ({ page, shop, javaScriptEnabled }) => {
  const customer = await shop.customer({ used: 40 });
  await customer.signIn(page);
  await press(page, page.getByRole("navigation", { name: "Account" }).getByRole("link", { name: "Usage" }));
  if (javaScriptEnabled === false) {
    // The table says the same.
    await expect(page.getByRole("row").filter({ hasText: "so far" })).toContainText("40");
    return;
  }
  const bars = page.getByRole("slider", { name: "Credits, day by day" });
  await expect(bars).toBeAttached();
  await tabTo(page, bars);
  const words = page.getByRole("figure").first().locator(".read");
  await page.keyboard.press("End");
  await expect(words).toHaveText(/so far: 40 · all from plan$/);
  await page.keyboard.press("ArrowLeft");
  await expect(words).toHaveText(/: none$/);
  await expect(bars).toHaveAttribute("aria-valuetext", /: none$/);
});

test("with the keyboard alone: the history is filtered, and Back returns", async ({ page, shop }) => {
  const customer = await shop.customer({ used: 100 });
  for (let n = 0; n < 60; n++) await customer.charge(1);
  await customer.signIn(page);
  await page.goto("/history");
  const filter = page.getByRole("form", { name: "Filter" });
  const unfold = async () => {
    if (!(await filter.isVisible())) await press(page, page.locator("summary", { hasText: "Filter" }));
  };
  await unfold();
  await tabTo(page, filter.getByLabel("Show"));
  await page.keyboard.type("Usage");
  await tabTo(page, filter.getByLabel("Operation"));
  await page.keyboard.type("scrape");
  await press(page, filter.getByRole("button", { name: "Show" }));
  await expect(page).toHaveURL(/show=used&operation=scrape/);
  const rows = page.getByRole("table").getByRole("row");
  await expect(rows).toHaveCount(51);
  await press(page, page.getByRole("link", { name: "Older" }));
  await expect(rows).toHaveCount(12);
  await unfold();
  await expect(filter.getByLabel("Show")).toHaveValue("used");
  await press(page, page.getByRole("link", { name: "Newest" }));
  await expect(rows).toHaveCount(51);
  await unfold();
  await press(page, filter.getByRole("link", { name: "Clear" }));
  await expect(page).toHaveURL(/\/history$/);
});

test("with the keyboard alone: running low is set, a key is made and revoked, another device is signed out", async ({ page, shop, browser }) => {
  const customer = await shop.customer();
  const other = await browser.newPage({ baseURL: shop.url });
  await signInByEmail(other, shop, customer.email);
  await signInByEmail(page, shop, customer.email);
  await press(page, page.getByRole("navigation", { name: "Account" }).getByRole("link", { name: "Settings" }));

  await tabTo(page, page.getByLabel(/fewer than/));
  await page.keyboard.type("750");
  await page.keyboard.press("Enter");
  await expect(page.getByRole("status")).toContainText("Saved.");
  await expect(page.getByLabel(/fewer than/)).toHaveValue("750");

  await tabTo(page, page.getByLabel("Key name"));
  await page.keyboard.type("nightly report");
  await page.keyboard.press("Enter");
  await expect(page.getByRole("status")).toContainText("Copy your key now.");
  const keys = page.getByRole("region", { name: "API keys" });
  await press(page, keys.locator("summary"));
  await press(page, keys.getByRole("button", { name: "Revoke key nightly report" }));
  await expect(page.getByRole("status")).toContainText("Key revoked.");

  const devices = page.getByRole("region", { name: "Signed-in devices" });
  await press(page, devices.getByRole("button", { name: /^Sign out Chrom/ }).first());
  await expect(page.getByRole("status")).toContainText("Device signed out.");
  await other.goto("/billing");
  await expect(other).toHaveURL(/sign-in/);
  await other.close();
});
