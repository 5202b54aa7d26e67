import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { test as base, expect } from "../support/test";
import { Shop } from "../support/shop";
import { buy, cards, formOf, pay, send, smallest, startCheckout } from "../support/checkout";

/** A shop of the test's own that takes bank payments, which clear three days later. */
const test = base.extend<{ bankShop: Shop }>({
  bankShop: async ({}, use) => {
    const folder = await mkdtemp(join(tmpdir(), "topup-catalog-"));
    const sample = await readFile(resolve(__dirname, "../../catalog.toml"), "utf8");
    const file = join(folder, "catalog.toml");
    await writeFile(file, sample.replace('["card", "link"]', '["card", "us_bank_account"]'));
    const shop = await Shop.start({ CATALOG: file });
    await use(shop);
    await shop.stop();
    await rm(folder, { recursive: true, force: true });
  },
});

const HOUR = 3_600_000;

async function later(shop: Shop, hours: number): Promise<void> {
  await shop.operator.moveClockTo(new Date(Date.parse(await shop.operator.now()) + hours * HOUR).toISOString());
}

test("a bank payment is pending, then its credits are added", async ({ page, bankShop: shop }) => {
  const customer = await shop.customer();
  await customer.signIn(page);
  await startCheckout(page);
  await page.getByLabel("Bank transfer (clears later)").check();
  await page.getByRole("button", { name: smallest.pay }).click();

  const status = page.getByRole("status");
  await expect(status).toContainText("Your payment is processing.");
  await expect(status).toContainText("Bank payments take up to 5 days.");
  expect(await customer.balance()).toMatchObject({ top_up: { remaining: 0 } });
  const [purchase] = await customer.purchases();

  await later(shop, 73);
  await customer.signIn(page);
  await page.goto(`${shop.url}/purchases/${purchase.id}`);
  await expect(page.getByText("Credits added")).toBeVisible();
  await expect(page.getByText("1,200 of 1,200 left")).toBeVisible();
  expect(await customer.balance()).toMatchObject({ top_up: { remaining: 1200 } });
});

test("an open Checkout can be continued until it expires", async ({ page, ownShop: shop }) => {
  const customer = await shop.customer();
  await customer.signIn(page);
  const form = await formOf(page.getByRole("button", { name: smallest.button }));
  await startCheckout(page);

  await page.goto(`${shop.url}/billing`);
  const row = page.getByRole("region", { name: "Purchases" }).getByRole("row").filter({ hasText: "Not finished" });
  await expect(row).toHaveCount(1);
  await row.getByRole("button", { name: /^Continue/ }).click();
  await expect(page.getByRole("button", { name: smallest.pay })).toBeVisible();

  await later(shop, 2);
  await page.goto(`${shop.url}/billing`);
  await expect(row).toHaveCount(0);
  const answer = await send(page, form);
  await page.goto(new URL(answer.headers().location, shop.url).href);
  await expect(page.getByRole("alert")).toContainText("That checkout has expired. You weren't charged.");
  await page.getByRole("button", { name: "Buy again" }).click();
  await expect(page.getByRole("button", { name: smallest.pay })).toBeVisible();
  const [, old] = await customer.purchases();
  await page.goto(`${shop.url}/purchases/${old.id}`);
  await expect(page.getByText("Not paid", { exact: true })).toBeVisible();
});

test("the form of a paid purchase asks before it buys again", async ({ page, shop }) => {
  const customer = await shop.customer();
  await customer.signIn(page);
  const form = await formOf(page.getByRole("button", { name: smallest.button }));
  await startCheckout(page);
  await pay(page, cards.good);
  await expect(page.getByRole("status")).toContainText("1,200 credits added.");

  const answer = await send(page, form);
  await page.goto(new URL(answer.headers().location, shop.url).href);
  await expect(page.getByRole("status")).toContainText(/You bought this at \d\d:\d\d\. Buy it again\?/);
  await page.getByRole("button", { name: "Buy again" }).click();
  await expect(page.getByRole("button", { name: smallest.pay })).toBeVisible();
  expect(await customer.purchases()).toHaveLength(2);
});

test("the upgrade hint is dismissed for the cycle", async ({ page, ownShop: shop }) => {
  const customer = await shop.customer({ plan: "builder" });
  for (let cycle = 0; cycle < 2; cycle++) {
    await customer.signIn(page);
    await page.goto(`${shop.url}/billing`);
    await page.getByRole("button", { name: "Buy for $225, 50,000 credits" }).click();
    await page.getByLabel("Card number").fill(cards.good);
    await page.getByLabel("Expiry").fill("12/34");
    await page.getByLabel("CVC").fill("123");
    await page.getByRole("button", { name: "Pay $225.00" }).click();
    await expect(page.getByRole("status")).toContainText("50,000 credits added.");
    await customer.charge(70_000);
    if (cycle === 0) await shop.operator.moveClockTo((await customer.balance()).plan.resets_at);
  }
  await page.goto(`${shop.url}/billing`);
  const hint = page.getByRole("complementary", { name: "Advice" });
  await expect(hint).toContainText("Pro is cheaper for you.");
  await expect(hint).toContainText("Pro would have saved you $110 in the last 2 cycles: $450 in top-ups against $340.");
  await hint.getByRole("button", { name: /^Hide until/ }).click();
  await expect(page.getByRole("heading", { level: 1, name: "Billing" })).toBeVisible();
  await expect(hint).toHaveCount(0);
});

test("no page carries a script except the live updates", async ({ page, shop }) => {
  const customer = await shop.customer();
  await customer.signIn(page);
  await buy(page);
  for (const path of ["/billing", "/billing?top_ups=all&purchases=all"]) {
    await page.goto(path);
    const scripts = await page.locator("script").evaluateAll((all) => all.map((one) => one.getAttribute("src")));
    expect(scripts).toEqual([expect.stringMatching(/^\/live\.js\?v=/)]);
  }
});

test("a failed bank payment charges nothing and can be retried", async ({ page, bankShop: shop }) => {
  const customer = await shop.customer();
  await customer.signIn(page);
  await startCheckout(page);
  await page.getByLabel("Bank transfer (refused later)").check();
  await page.getByRole("button", { name: smallest.pay }).click();
  await expect(page.getByRole("status")).toContainText("Your payment is processing.");
  const [purchase] = await customer.purchases();

  await later(shop, 73);
  await customer.signIn(page);
  await expect(page.getByRole("region", { name: "Purchases" }).getByRole("row").filter({ hasText: "Failed" })).toHaveCount(1);
  await page.goto(`${shop.url}/purchases/${purchase.id}`);
  await expect(page.getByRole("alert")).toContainText("The payment didn't go through. You weren't charged.");
  await page.getByRole("button", { name: "Try again" }).click();
  await expect(page.getByRole("button", { name: smallest.pay })).toBeVisible();
  expect(await customer.balance()).toMatchObject({ top_up: { remaining: 0 } });
});
