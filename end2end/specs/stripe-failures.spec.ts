import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { test as base, expect } from "../support/test";
import { Shop } from "../support/shop";
import { StripeProxy } from "../support/stripe-proxy";
import { cards, expectPayPage, pay, smallest, startCheckout } from "../support/checkout";

/** A shop whose requests to Stripe can fail. */
const test = base.extend<{ broken: { proxy: StripeProxy; shop: Shop }; folder: string }>({
  broken: async ({}, use) => {
    const made = await StripeProxy.start();
    await use(made);
    await made.shop.stop();
    await made.proxy.stop();
  },
  folder: async ({}, use) => {
    const folder = await mkdtemp(join(tmpdir(), "topup-stripe-failures-"));
    await use(folder);
    await rm(folder, { recursive: true, force: true });
  },
});

test("during an outage nothing is bought, and the same form works afterwards", async ({ page, broken }) => {
  const { proxy, shop } = broken;
  const customer = await shop.customer();
  await customer.signIn(page);
  proxy.failure = "down";
  await page.getByRole("button", { name: smallest.button }).click();
  const alert = page.getByRole("alert");
  await expect(alert).toContainText("We can't reach checkout right now. You weren't charged. Try again in a minute.");
  expect(await customer.balance()).toMatchObject({ top_up: { remaining: 0 } });

  proxy.failure = "none";
  await alert.getByRole("button", { name: "Try again" }).click();
  await expectPayPage(page);
  await pay(page, cards.good);
  await expect(page.getByRole("status")).toContainText("1,200 credits added.");
  expect((await customer.purchases()).filter(({ state }) => state === "credited")).toHaveLength(1);
});

test("without a response from Stripe there is a page, and one Checkout afterwards", async ({ page, broken }) => {
  const { proxy, shop } = broken;
  const customer = await shop.customer();
  await customer.signIn(page);
  proxy.failure = "silent";
  // After this time people take a page for broken.
  await page.getByRole("button", { name: smallest.button }).click({ timeout: 5_000, noWaitAfter: true });
  await expect(page.getByRole("alert")).toContainText("We can't reach checkout right now. You weren't charged.", { timeout: 8_000 });

  proxy.failure = "none";
  await page.getByRole("alert").getByRole("button", { name: "Try again" }).click();
  await expectPayPage(page);
  expect(await customer.purchases()).toHaveLength(1);
});

test("a payment during an outage is shown as pending, then credited", async ({ page, broken }) => {
  const { proxy, shop } = broken;
  const customer = await shop.customer();
  await customer.signIn(page);
  await startCheckout(page);
  proxy.failure = "down";
  await pay(page, cards.good);
  await expect(page.getByRole("status")).toContainText("adding your credits.");
  expect(await customer.balance()).toMatchObject({ top_up: { remaining: 0 } });

  proxy.failure = "none";
  await page.getByRole("link", { name: "Check again" }).click();
  await expect(page.getByText("1,200 of 1,200 left")).toBeVisible();
  expect(await customer.balance()).toMatchObject({ top_up: { remaining: 1200 } });
});

test("a payment that does not match waits for an operator", async ({ page, broken }) => {
  const { proxy, shop } = broken;
  const customer = await shop.customer();
  await customer.signIn(page);
  await startCheckout(page);
  proxy.failure = "wrong";
  await pay(page, cards.good);
  const alert = page.getByRole("alert");
  await expect(alert).toContainText("We received a payment that doesn't match.");
  const [purchase] = await customer.purchases();
  expect(purchase.state).toBe("review");
  await expect(alert).toContainText(`Reference ${purchase.id}`);
  expect(await customer.balance()).toMatchObject({ top_up: { remaining: 0 } });
});

test("a price that changed behind the page is shown, and nothing is bought", async ({ page, folder }) => {
  const sample = await readFile(resolve(__dirname, "../../catalog.toml"), "utf8");
  const file = join(folder, "catalog.toml");
  const settings = { CATALOG: file, DATABASE_URL: `sqlite://${join(folder, "topup.db")}`, OPERATOR_KEYS: "e".repeat(48) };
  await writeFile(file, sample);
  const before = await Shop.start(settings);
  const customer = await before.customer();
  await customer.signIn(page);
  await before.stop();

  // The shop is started again with another price, while the page is open.
  const dearer = sample.replace("amount = 900", "amount = 1000");
  expect(dearer).not.toBe(sample);
  await writeFile(file, dearer);
  const after = await Shop.start({ ...settings, LISTEN: new URL(before.url).host });
  try {
    expect(after.url).toBe(before.url);
    await page.getByRole("button", { name: smallest.button }).click();
    await expect(page.getByRole("alert")).toContainText("The offer has changed: 1,200 credits now cost $10. You weren't charged.");
    expect(await customer.purchases()).toEqual([]);
    await expect(page.getByRole("button", { name: "Buy for $10, 1,200 credits" })).toBeVisible();
  } finally {
    await after.stop();
  }
});
