import { expect, test } from "../support/test";
import { buy, formOf, send, smallest } from "../support/checkout";

test("Free sees how to upgrade and no packages", async ({ page, shop }) => {
  const customer = await shop.customer({ plan: "free", used: 262 });
  await customer.signIn(page);

  await expect(page.getByRole("link", { name: "Upgrade to buy 1,200 credits" })).toBeVisible();
  await expect(page.getByRole("link", { name: /^Upgrade to buy/ })).toHaveCount(4);
  await expect(page.getByRole("button", { name: /^Buy for/ })).toHaveCount(0);
  await expect(page.getByText("Top-ups need a paid plan.")).toBeVisible();
});

test("another customer's form is refused on Free", async ({ page, browser, shop }) => {
  // The form of a customer who may buy …
  const starter = await shop.customer();
  const elsewhere = await browser.newPage();
  await starter.signIn(elsewhere);
  const form = await formOf(elsewhere.getByRole("button", { name: smallest.button }));
  await elsewhere.close();

  // … sent by a customer who may not.
  const free = await shop.customer({ plan: "free" });
  await free.signIn(page);
  const answer = await send(page, form);

  expect(answer.status()).toBeLessThan(500);
  expect(answer.status()).not.toBe(200);
  const next = answer.headers().location;
  if (next) {
    expect(new URL(next, shop.url).origin).toBe(shop.url);
    await page.goto(next);
    await expect(page.getByRole("alert")).toContainText("You weren't charged.");
  }
  expect(await free.purchases()).toEqual([]);
  expect(await starter.purchases()).toEqual([]);
});

test("a page from before the plan ended buys nothing", async ({ page, ownShop: shop }) => {
  const now = Date.parse(await shop.operator.now());
  const ends = new Date(now + 3_600_000).toISOString();
  const customer = await shop.customer({ cycle_anchor: ends });
  await shop.operator.put(`/v1/customers/${customer.id}`, { plan: "free" });
  await customer.signIn(page);
  const buy = page.getByRole("button", { name: smallest.button });
  await expect(buy).toBeVisible();

  await shop.operator.moveClockTo(ends);
  await buy.click();

  await expect(page.getByRole("alert")).toContainText("Top-ups need a paid plan.");
  expect(await customer.purchases()).toEqual([]);
});

test("a viewer sees the packages and cannot buy", async ({ page, shop }) => {
  const customer = await shop.customer();
  await customer.signIn(page, "viewer");

  await expect(page.getByText("Ask an owner or admin to buy.")).toBeVisible();
  await expect(page.getByRole("button", { name: /^Buy for/ })).toHaveCount(0);
});

test("another customer's purchase is not found", async ({ page, browser, shop }) => {
  const buyer = await shop.customer();
  const elsewhere = await browser.newPage();
  await buyer.signIn(elsewhere);
  await buy(elsewhere);
  await elsewhere.close();
  const [purchase] = await buyer.purchases();

  const other = await shop.customer();
  await other.signIn(page);
  const theirs = await page.goto(`/purchases/${purchase.id}`);
  expect(theirs?.status()).toBe(404);
  await expect(page.getByText(purchase.id)).toHaveCount(0);
  // It looks exactly like one that never was.
  const unknown = await page.goto("/purchases/pur_01890a5d-ac96-774b-bcce-b302099a8057");
  expect(unknown?.status()).toBe(404);
});

test("Billing needs a sign-in", async ({ page }) => {
  await page.goto("/billing");
  await expect(page).toHaveURL(/\/sign-in/);
});

test("a portal link works once", async ({ page, context, shop }) => {
  const customer = await shop.customer();
  const link = await customer.portalLink();
  // Scanners follow links: only a person's browser that navigates uses the link up.
  expect((await page.request.get(link)).status()).toBe(200);
  await page.goto(link);
  await expect(page.getByRole("heading", { level: 1, name: "Billing" })).toBeVisible();

  await context.clearCookies();
  await page.goto(link);
  await expect(page.getByText("This link has expired.")).toBeVisible();
});
