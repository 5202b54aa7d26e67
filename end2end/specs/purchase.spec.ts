import { expect, test } from "../support/test";
import { buy, cards, expectPayPage, formOf, pay, send, smallest, startCheckout } from "../support/checkout";

test("credits are added at once and show when they expire", async ({ page, shop }) => {
  const customer = await shop.customer({ used: 4820 });
  await customer.signIn(page);
  const balance = page.getByRole("region", { name: "Balance" });
  await expect(balance).toContainText("180 left of 5,000");
  await expect(page.getByRole("region", { name: "Your top-ups" })).toContainText("No top-ups yet.");

  await startCheckout(page);
  await pay(page, cards.good);

  const outcome = page.getByRole("status");
  await expect(outcome).toContainText("1,200 credits added.");
  await expect(outcome).toContainText("180 → 1,380 available.");
  await expect(outcome).toContainText("Valid until");

  await page.getByRole("link", { name: "Back to Billing" }).click();
  await expect(balance).toContainText("1,200");
  const topUps = page.getByRole("region", { name: "Your top-ups" });
  const topUp = topUps.getByRole("row").filter({ hasText: "1,200" });
  await expect(topUp).toHaveCount(1);
  await expect(topUp.locator("time[datetime]")).toHaveCount(2);
  const bought = page.getByRole("region", { name: "Purchases" }).getByRole("row").filter({ hasText: "1,200 credits" });
  await expect(bought).toContainText("$9.00");
  await expect(bought).toContainText("Credited");

  expect(await customer.balance()).toMatchObject({ available: 1380, plan: { remaining: 180 }, top_up: { remaining: 1200 } });
});

test("a Checkout that is closed charges nothing", async ({ page, shop }) => {
  const customer = await shop.customer();
  await customer.signIn(page);
  await startCheckout(page);

  await page.getByRole("link", { name: /back|cancel/i }).click();

  await expect(page.getByRole("status")).toContainText("You left checkout. You weren't charged.");
  expect(await customer.balance()).toMatchObject({ available: 5000, top_up: { remaining: 0 } });
});

test("after a declined card another card works", async ({ page, shop }) => {
  const customer = await shop.customer();
  await customer.signIn(page);
  await startCheckout(page);

  await pay(page, cards.declined);
  await expect(page.getByRole("alert")).toContainText(/declined/i);
  expect(await customer.balance()).toMatchObject({ top_up: { remaining: 0 } });

  await pay(page, cards.good);
  await expect(page.getByRole("status")).toContainText("1,200 credits added.");
  expect(await customer.balance()).toMatchObject({ top_up: { remaining: 1200 } });
  expect(await customer.purchases()).toHaveLength(1);
});

test("a double click is one purchase", async ({ page, shop }) => {
  const customer = await shop.customer();
  await customer.signIn(page);

  await page.getByRole("button", { name: smallest.button }).dblclick();

  await expectPayPage(page);
  expect(await customer.purchases()).toHaveLength(1);
});

test("a form sent twice at the same time is one purchase", async ({ page, shop }) => {
  const customer = await shop.customer();
  await customer.signIn(page);
  const form = await formOf(page.getByRole("button", { name: smallest.button }));

  const [first, second] = await Promise.all([send(page, form), send(page, form)]);

  const checkout = first.headers().location;
  expect(checkout).toBeTruthy();
  expect(second.headers().location).toBe(checkout);
  expect(await customer.purchases()).toHaveLength(1);
  await page.goto(checkout);
  await expectPayPage(page);
});

test("a buyer who was signed out while paying gets the credits", async ({ page, context, shop }) => {
  const customer = await shop.customer();
  await customer.signIn(page);
  await startCheckout(page);
  await context.clearCookies();

  await pay(page, cards.good);

  await expect(page.getByRole("status")).toContainText("1,200 credits added.");
  expect(await customer.balance()).toMatchObject({ top_up: { remaining: 1200 } });
});

test("a second purchase is listed beside the first", async ({ page, shop }) => {
  const customer = await shop.customer();
  await customer.signIn(page);
  await buy(page);
  await page.getByRole("link", { name: "Back to Billing" }).click();
  await buy(page);

  expect(await customer.balance()).toMatchObject({ top_up: { remaining: 2400 } });
  expect((await customer.purchases()).map((purchase) => purchase.state)).toEqual(["credited", "credited"]);
});
