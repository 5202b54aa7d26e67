import { test as base, expect } from "../support/test";
import { Shop } from "../support/shop";
import { buy } from "../support/checkout";

/** The demo as `make demo` starts it: four customers with their story, and a clock that goes and can be moved. */
const test = base.extend<object, { demo: Shop }>({
  demo: [
    async ({}, use) => {
      const shop = await Shop.start({ DEMO_SEED: "full", TEST_CLOCK: undefined });
      await use(shop);
      await shop.stop();
    },
    { scope: "worker", timeout: 60_000 },
  ],
});

import type { Page } from "@playwright/test";

/** The bar's tools fold away on a narrow window. */
async function openBar(page: Page): Promise<void> {
  const tools = page.getByLabel("Customer");
  const summary = page.locator("aside summary");
  // The bar ends the page, and may not have come yet.
  await expect(tools.or(summary).filter({ visible: true }).first()).toBeVisible();
  if (!(await tools.isVisible())) await summary.click();
}

async function lookAs(page: Page, name: string): Promise<void> {
  await openBar(page);
  await page.getByLabel("Customer").selectOption({ label: name });
  await page.getByRole("button", { name: "Switch" }).click();
  await expect(page.getByRole("heading", { level: 1, name: "Billing" })).toBeVisible();
}

test("the four customers are as the story says", async ({ page, demo }) => {
  await page.goto(demo.url);
  const balance = page.getByRole("region", { name: "Balance" });
  const purchases = page.getByRole("region", { name: "Purchases" });

  await lookAs(page, "Fjord Notes");
  await expect(balance).toContainText("38 left of 300");
  await expect(page.getByText("Top-ups need a paid plan.")).toBeVisible();

  await lookAs(page, "Larch Research");
  await expect(balance).toContainText("0 left of 25,000");
  await expect(balance).toContainText("In use since");
  await expect(balance).toContainText("240 held");
  await expect(page.getByText("Pro would have been $165 cheaper over your last 3 cycles.")).toBeVisible();
  await expect(purchases.getByRole("row").filter({ hasText: "Failed" })).toHaveCount(1);

  await lookAs(page, "Meridian Retail Intelligence GmbH");
  await expect(balance).toContainText("57,750.625 left of 100,000");
  await expect(balance).toContainText("40,999.375 used · 1,250 held by running jobs");
  await expect(balance).toContainText("Bonus credits 1,250, until");
  await expect(page.getByText("At your pace all 1,000 will expire unused.")).toBeVisible();
  await expect(purchases.getByRole("row").filter({ hasText: "Processing" })).toHaveCount(1);
  await purchases.getByRole("row").filter({ hasText: "Processing" }).getByRole("link").first().click();
  await expect(page.getByRole("status")).toContainText("Your bank payment is on its way.");

  await lookAs(page, "Meridian Retail Intelligence GmbH, as a viewer");
  await expect(page.getByText("Ask an owner or admin to buy.")).toBeVisible();
  await openBar(page);
  await page.getByRole("link", { name: /^Mailbox/ }).click();
  await expect(page.getByRole("link", { name: /^1,000 credits expire on / })).toHaveCount(2);
});

test("buy, use, and go to the reset", async ({ page, demo }) => {
  await page.goto(demo.url);
  await lookAs(page, "Acme Data");
  const balance = page.getByRole("region", { name: "Balance" });
  await expect(balance).toContainText("180 left of 5,000");
  await buy(page);
  await page.getByRole("link", { name: "Back to Billing" }).click();

  await openBar(page);
  await page.getByLabel("Credits to use").fill("380");
  await page.getByRole("button", { name: "Use credits" }).click();
  await expect(page.getByRole("status")).toContainText("Credits were used.");
  await expect(balance).toContainText("0 left of 5,000");
  await expect(balance).toContainText("1,000");

  await openBar(page);
  await page.getByLabel("Credits to use").fill("1,000.001");
  await page.getByRole("button", { name: "Use credits" }).click();
  await expect(page.getByRole("alert")).toContainText("there are not so many credits");

  await openBar(page);
  await page.getByLabel("Move the clock to").selectOption("reset");
  await page.getByRole("button", { name: "Move the clock" }).click();
  await expect(balance).toContainText("5,000 left of 5,000");
  await expect(page.getByText("1,000 top-up credits carried over.")).toBeVisible();
});

test("emails, events and plans are a click away", async ({ page, demo }) => {
  await page.goto(demo.url);
  await lookAs(page, "Fjord Notes");
  await page.getByRole("link", { name: "Upgrade", exact: true }).click();
  await page.getByRole("button", { name: "Choose Starter" }).click();
  await expect(page.getByRole("status")).toContainText("The plan was changed.");
  await buy(page);
  await openBar(page);
  await page.getByRole("link", { name: /^Mailbox/ }).click();
  await page.getByRole("link", { name: "1,200 credits added: receipt" }).first().click();
  await expect(page.frameLocator("iframe").getByRole("heading", { name: "1,200 credits added" })).toBeVisible();
  await expect(page.getByRole("region", { name: "The same as plain text" })).toContainText("Price: $9.00");
  await openBar(page);
  await page.getByRole("link", { name: "Stripe's events" }).click();
  await expect(page.getByRole("row").filter({ hasText: "checkout.session.completed" }).first()).toContainText("Done");
});
