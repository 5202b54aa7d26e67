import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { test as base, expect } from "../support/test";
import { Shop } from "../support/shop";
import { Detour } from "../support/detour";
import { cards, expectPayPage, pay, smallest, startCheckout } from "../support/checkout";

/** A shop whose way to Stripe the test can break. */
const test = base.extend<{ broken: { detour: Detour; shop: Shop }; folder: string }>({
  broken: async ({}, use) => {
    const made = await Detour.start();
    await use(made);
    await made.shop.stop();
    await made.detour.stop();
  },
  folder: async ({}, use) => {
    const folder = await mkdtemp(join(tmpdir(), "topup-trouble-"));
    await use(folder);
    await rm(folder, { recursive: true, force: true });
  },
});

test("while Stripe is down nothing is bought, and the same form buys afterwards", async ({ page, broken }) => {
  const { detour, shop } = broken;
  const customer = await shop.customer();
  await customer.signIn(page);
  detour.weather = "down";
  await page.getByRole("button", { name: smallest.button }).click();
  const alert = page.getByRole("alert");
  await expect(alert).toContainText("Checkout cannot be reached. You were not charged. Try again in a minute.");
  expect(await customer.balance()).toMatchObject({ top_up: { remaining: 0 } });

  detour.weather = "fair";
  await alert.getByRole("button", { name: "Try again" }).click();
  await expectPayPage(page);
  await pay(page, cards.good);
  await expect(page.getByRole("status")).toContainText("1,200 credits added.");
  expect((await customer.purchases()).filter(({ state }) => state === "credited")).toHaveLength(1);
});

test("when Stripe's answer never comes there is a page all the same, and one Checkout after it", async ({ page, broken }) => {
  const { detour, shop } = broken;
  const customer = await shop.customer();
  await customer.signIn(page);
  detour.weather = "silent";
  // Whoever waits longer for a page takes it for broken.
  await page.getByRole("button", { name: smallest.button }).click({ timeout: 5_000, noWaitAfter: true });
  await expect(page.getByRole("alert")).toContainText("Checkout cannot be reached. You were not charged.", { timeout: 8_000 });

  detour.weather = "fair";
  await page.getByRole("alert").getByRole("button", { name: "Try again" }).click();
  await expectPayPage(page);
  expect(await customer.purchases()).toHaveLength(1);
});

test("what is paid while Stripe cannot be asked is said to be on its way, and then is there", async ({ page, broken }) => {
  const { detour, shop } = broken;
  const customer = await shop.customer();
  await customer.signIn(page);
  await startCheckout(page);
  detour.weather = "down";
  await pay(page, cards.good);
  await expect(page.getByRole("status")).toContainText("Your credits are being added.");
  expect(await customer.balance()).toMatchObject({ top_up: { remaining: 0 } });

  detour.weather = "fair";
  await page.getByRole("link", { name: "Check again" }).click();
  await expect(page.getByText("1,200 of 1,200 left")).toBeVisible();
  expect(await customer.balance()).toMatchObject({ top_up: { remaining: 1200 } });
});

test("a payment that does not match is kept for a person, who is told which", async ({ page, broken }) => {
  const { detour, shop } = broken;
  const customer = await shop.customer();
  await customer.signIn(page);
  await startCheckout(page);
  detour.weather = "wrong";
  await pay(page, cards.good);
  const alert = page.getByRole("alert");
  await expect(alert).toContainText("We received a payment that does not match.");
  const [purchase] = await customer.purchases();
  expect(purchase.state).toBe("review");
  await expect(alert).toContainText(`Reference ${purchase.id}`);
  expect(await customer.balance()).toMatchObject({ top_up: { remaining: 0 } });
});

test("a price that changed behind the page is said, and nothing is bought", async ({ page, folder }) => {
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
