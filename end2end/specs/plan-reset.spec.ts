import { expect, test } from "../support/test";
import { buy } from "../support/checkout";

test("usage takes plan credits first, and a reset leaves top-ups alone", async ({ page, ownShop: shop }) => {
  const customer = await shop.customer({ used: 4820 });
  await customer.signIn(page);
  await buy(page);

  await customer.charge(380);
  const used = await customer.balance();
  expect(used).toMatchObject({ available: 1000, plan: { used: 5000, remaining: 0 }, top_up: { remaining: 1000 } });
  await page.getByRole("link", { name: "Back to Billing" }).click();
  const balance = page.getByRole("region", { name: "Balance" });
  await expect(balance).toContainText("0 left of 5,000");
  await expect(balance).toContainText("1,000");
  await expect(page.getByText("Your plan credits are used up")).toBeVisible();

  await shop.operator.moveClockTo(used.plan.resets_at);
  expect(await customer.balance()).toMatchObject({ available: 6000, plan: { used: 0, remaining: 5000 }, top_up: { remaining: 1000 } });
  // The session of a month ago has ended.
  await customer.signIn(page);
  await expect(balance).toContainText("5,000 left of 5,000");
  await expect(balance).toContainText("1,000");
});
