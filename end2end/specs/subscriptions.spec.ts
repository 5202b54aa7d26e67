import { cards } from "../support/checkout";
import { withPricedShop } from "../support/priced-shop";
import type { Shop } from "../support/shop";
import { expect, test as base } from "../support/test";

const test = base.extend<{}, { shop: Shop }>({
  shop: [async ({}, use) => withPricedShop(use), { scope: "worker", timeout: 60_000 }],
});

test("an upgrade is paid at Checkout, and changed and cancelled in the portal", async ({ page, shop }) => {
  const customer = await shop.customer({ plan: "free" });
  await customer.signIn(page);
  await page.getByRole("link", { name: "Upgrade to buy 1,200 credits" }).click();
  await expect(page.getByRole("heading", { level: 1, name: "Plans" })).toBeVisible();
  await page.getByRole("button", { name: "Upgrade to Starter, $19 a month" }).click();

  await page.getByLabel("Card number").fill(cards.good);
  await page.getByLabel("Expiry").fill("12/34");
  await page.getByLabel("CVC").fill("123");
  await page.getByRole("button", { name: "Pay $19.00" }).click();

  await expect(page.getByRole("status")).toContainText("You're on Starter.");
  await expect(page.getByRole("button", { name: "Buy 1,200 for $9" })).toBeVisible();
  await page.getByRole("link", { name: "Back to Billing" }).click();
  await expect(page.getByRole("region", { name: "Balance" })).toContainText("5,000 left of 5,000");

  await page.goto(`${shop.url}/plans`);
  await page.getByRole("button", { name: "Change or cancel" }).click();
  await page.getByRole("button", { name: "Change to Builder for $79.00 a month" }).click();
  await expect(page.getByText("Builder for $79.00 a month", { exact: true })).toBeVisible();
  await expect.poll(async () => (await customer.balance()).plan.allowance).toBe(25000);
  await page.getByRole("button", { name: "Cancel at the end of the period" }).click();
  await expect(page.getByRole("button", { name: "Keep the plan" })).toBeVisible();
  await page.getByRole("link", { name: /Back to/ }).click();
  const balance = page.getByRole("region", { name: "Balance" });
  await expect(async () => {
    await page.reload();
    await expect(balance).toContainText("Changes to Free on", { timeout: 1_000 });
  }).toPass({ timeout: 30_000 });
});

test("a viewer is sent to an owner or admin", async ({ page, shop }) => {
  const customer = await shop.customer({ plan: "free" });
  await customer.signIn(page, "viewer");
  await page.goto(`${shop.url}/plans`);
  await expect(page.getByText("Ask an owner or admin to change the plan.")).toBeVisible();
  await expect(page.getByRole("main").getByRole("button")).toHaveCount(0);
});
