import type { Page } from "@playwright/test";
import { buy } from "../support/checkout";
import { withPricedShop } from "../support/priced-shop";
import type { Shop } from "../support/shop";
import { expect, test } from "../support/test";

const widths = [320, 360, 768, 1440];

/** Hand-made states of the page, each with a state of the notice, the adviser or the card. */
const states = ["plenty", "starter", "advice-buy", "builder", "pro", "free", "free-paused", "upgraded", "out-of-credits", "viewer", "unfinished"];

async function wider(page: Page): Promise<number> {
  return page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
}

test("Billing fits every width, and without a notice the first package is in sight", async ({ page }) => {
  test.slow();
  for (const width of widths) {
    await page.setViewportSize({ width, height: 740 });
    for (const state of states) {
      await page.goto(`/_gallery/${state}`);
      expect.soft(await wider(page), `${state} at ${width}`).toBeLessThanOrEqual(0);
    }
    await page.goto("/_gallery/plenty");
    await expect(page.getByRole("main").locator(".notice")).toHaveCount(0);
    const first = await page.getByRole("button", { name: "Buy for $9, 1,200 credits" }).boundingBox();
    expect.soft(first?.y, `the first Buy at ${width}`).toBeLessThan(700);
  }
});

test("a page has at most five sizes of type", async ({ page }) => {
  for (const state of [...states, "purchase", "usage", "history", "settings"]) {
    await page.goto(`/_gallery/${state}`);
    const sizes = await page.evaluate(() => {
      const text = [...document.body.querySelectorAll("main *")].filter((one) => [...one.childNodes].some((node) => node.nodeType === 3 && node.textContent?.trim()));
      return [...new Set(text.map((one) => getComputedStyle(one).fontSize))];
    });
    expect.soft(sizes.length, `${state}: ${sizes.join(" ")}`).toBeLessThanOrEqual(5);
  }
});

test("the notice says what is coming, with the package that fits", async ({ page }) => {
  await page.goto("/_gallery/advice-buy");
  const notice = page.getByText(/^About 180 credits left\. At this pace they run out tomorrow, 11 days before your reset\.$/);
  await expect(notice).toBeVisible();
  await expect(page.getByRole("button", { name: "Buy 5,000 for $30" })).toBeVisible();
  const advice = page.getByRole("complementary", { name: "Advice" });
  await expect(advice).toContainText("Top-ups are your cheapest option. You'll need about 5,500 more credits over the next 3 months: $39 in top-ups, or $180 for Builder.");
  await expect(advice.getByText("Builder instead of Starter")).toBeHidden();
  await advice.getByText("How we worked this out").click();
  await expect(advice.getByText("Builder instead of Starter: 3 × $60 = $180.")).toBeVisible();
  const cards = page.getByRole("region", { name: "Buy a top-up" }).getByRole("listitem");
  await expect(cards.filter({ hasText: "Fits you" })).toHaveCount(1);
  await expect(cards.filter({ hasText: "Fits you" })).toContainText("5,000 credits");
  await expect(cards.filter({ hasText: "Fits you" })).toContainText("≈ 2,500 pages");
});

test("a larger plan that is cheaper is the one thing advised", async ({ page }) => {
  await page.goto("/_gallery/builder");
  const advice = page.getByRole("complementary", { name: "Advice" });
  await expect(advice).toContainText("Pro is cheaper for you.");
  await expect(advice).toContainText("Pro would have saved you $165 in the last 3 cycles: $675 in top-ups against $510.");
  await expect(advice.getByRole("link", { name: "See Pro" })).toBeVisible();
  await expect(advice.getByRole("button", { name: /^Hide until/ })).toBeVisible();
  await expect(page.getByText("Fits you")).toHaveCount(0);
  await expect(page.getByText("Top-ups are your cheapest option.")).toHaveCount(0);
});

test("a low balance is said on the page, and the mark is set there", async ({ page, shop }) => {
  const customer = await shop.customer({ used: 4820 });
  await customer.signIn(page);
  await expect(page.getByText("Only 180 credits left.")).toBeVisible();
  await expect(page.getByRole("button", { name: "Buy 1,200 for $9" })).toBeVisible();
  const buying = page.getByRole("region", { name: "Buy a top-up" });
  await buying.getByText("Email me when I have fewer than 500 credits").click();
  await buying.getByRole("textbox").fill("150");
  await buying.getByRole("button", { name: "Save" }).click();
  await expect(page.getByRole("status")).toContainText("Saved.");
  await expect(buying.getByText("Email me when I have fewer than 150 credits")).toBeVisible();
  await expect(page.getByText("Only 180 credits left.")).toHaveCount(0);
  // The outcome stands at the form, in view.
  await expect(buying.getByRole("status")).toBeInViewport();
  await buying.getByRole("textbox").fill("many");
  await buying.getByRole("button", { name: "Save" }).click();
  await expect(buying.getByRole("alert")).toContainText("That's not a number of credits.");
  await expect(buying.getByRole("textbox")).toHaveValue("many");
  await expect(buying.getByRole("textbox")).toBeInViewport();
});

test("a viewer reads that an owner or admin can buy", async ({ page, shop }) => {
  const customer = await shop.customer({ used: 4820 });
  await customer.signIn(page, "viewer");
  await expect(page.getByText("You have view-only access.")).toBeVisible();
  await expect(page.getByText(/Your plan resets on .* Ask an owner or admin to buy\./)).toBeVisible();
  await expect(page.getByRole("link", { name: "Change plan" })).toHaveCount(0);
  await expect(page.getByRole("button", { name: "Save" })).toHaveCount(0);
});

test("the figures of the card add up", async ({ page }) => {
  await page.goto("/_gallery/pro");
  const balance = page.getByRole("region", { name: "Balance" });
  const figures = await balance.locator(".total > data, .figure > data").evaluateAll((all) => all.map((one) => Number(one.getAttribute("value"))));
  const [available, ...parts] = figures;
  expect(parts).toHaveLength(3);
  expect(parts.reduce((sum, part) => sum + part, 0)).toBe(available);
  await expect(balance.getByRole("progressbar", { name: "Plan credits" })).toHaveAttribute("aria-valuetext", "40,999.375 used, 1,250 held by running jobs, 57,750.625 left of 100,000");
});

test("in forced colours notices keep their glyphs", async ({ page }) => {
  await page.emulateMedia({ forcedColors: "active" });
  const glyphs = [];
  for (const state of ["pro", "starter", "adding", "upgraded"]) {
    await page.goto(`/_gallery/${state}`);
    glyphs.push(await page.locator("main .notice").first().evaluate((one) => getComputedStyle(one, "::before").content));
  }
  expect(new Set(glyphs).size).toBe(4);
});

test("the package that was wanted on Free is offered after the upgrade", async ({ page, shop }) => {
  const customer = await shop.customer({ plan: "free", used: 262 });
  await customer.signIn(page);
  await page.getByRole("link", { name: "Upgrade to buy 1,200 credits" }).click();
  await page.getByRole("button", { name: "Choose Starter" }).click();
  await page.goto("/billing");
  await expect(page.getByText("You're on Starter. You can buy top-ups now.")).toBeVisible();
  await page.getByRole("button", { name: "Buy 1,200 for $9" }).click();
  await expect(page.getByRole("button", { name: "Pay $9.00" })).toBeVisible();
  await page.goto(`${shop.url}/billing`);
  await expect(page.getByText("You can buy top-ups now.")).toHaveCount(0);
});

test("card, address and VAT ID are at Stripe, once it knows the customer", async ({ page, shop }) => {
  const customer = await shop.customer();
  await customer.signIn(page);
  const portal = page.getByRole("button", { name: "Card, billing address and VAT ID" });
  await expect(portal).toHaveCount(0);
  await buy(page);
  await page.getByRole("link", { name: "Back to Billing" }).click();
  await portal.click();
  await expect(page).toHaveURL(/\/portal\//);
  await page.getByRole("link", { name: /Back to/ }).click();
  await expect(page.getByRole("heading", { level: 1, name: "Billing" })).toBeVisible();
});

const subscribed = test.extend<{}, { shop: Shop }>({
  shop: [async ({}, use) => withPricedShop(use), { scope: "worker", timeout: 60_000 }],
});

subscribed("a plan is changed or cancelled in two clicks", async ({ page, shop }) => {
  const customer = await shop.customer({ plan: "free" });
  await customer.signIn(page);
  await page.getByRole("link", { name: "Upgrade to buy 5,000 credits" }).click();
  await page.getByRole("button", { name: "Upgrade to Starter, $19 a month" }).click();
  await page.getByLabel("Card number").fill("4242 4242 4242 4242");
  await page.getByLabel("Expiry").fill("12/34");
  await page.getByLabel("CVC").fill("123");
  await page.getByRole("button", { name: "Pay $19.00" }).click();
  await page.goto(`${shop.url}/billing`);
  await expect(page.getByText("You're on Starter. You can buy top-ups now.")).toBeVisible();
  await expect(page.getByRole("button", { name: "Buy 5,000 for $30" })).toBeVisible();
  await page.getByRole("region", { name: "Balance" }).getByRole("link", { name: "Change plan" }).click();
  await page.getByRole("button", { name: "Change or cancel" }).click();
  await expect(page.getByRole("button", { name: "Cancel at the end of the period" })).toBeVisible();
});
