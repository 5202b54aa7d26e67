import type { Page } from "@playwright/test";
import type { Customer } from "../support/customer";
import { pay } from "../support/checkout";
import type { Shop } from "../support/shop";
import { signInAsOperator } from "../support/operator-sign-in";
import { expect, test } from "../support/test";

const cards = {
  pays: "4242 4242 4242 4242",
  asks: "4000 0027 6000 3184",
  lost: "4000 0000 0000 9987",
};

// A card is saved, a job decides, a job pays: several pages and a few seconds of jobs in each test.
test.describe.configure({ timeout: 180_000 });

/** The page's state beside its heading. */
async function expectState(page: Page, state: "Off" | "On" | "Paused" | "Stopped"): Promise<void> {
  await expect(page.getByRole("heading", { level: 1, name: `Automatic top-up ${state}` })).toBeVisible();
}

/** Chooses the smallest package below 500 credits, at most $50 in 30 days, and ends on the page with the box. */
async function choose(page: Page, at = ""): Promise<void> {
  await page.goto(`${at}/auto-top-up`);
  await page.getByLabel("Package").selectOption({ label: "1,200 credits for $9" });
  await page.getByLabel("When credits fall below").fill("500");
  await page.getByLabel("Spend at most in 30 days").fill("50");
  await page.getByRole("button", { name: "Update" }).click();
}

/** Agrees, and saves a card at Stripe's page. */
async function switchOn(page: Page, card: string): Promise<void> {
  await page.getByRole("checkbox", { name: /^I agree/ }).check();
  await page.getByRole("button", { name: "Save card and switch on" }).click();
  await page.getByLabel("Card number").fill(card);
  await page.getByLabel("Expiry").fill("12/34");
  await page.getByLabel("CVC").fill("123");
  await page.getByRole("button", { name: "Save card" }).click();
  const asks = page.getByRole("button", { name: "Confirm" });
  if (card === cards.asks) await asks.click();
}

/** The test clock stands still, and the jobs look every few seconds. */
async function expectAvailable(customer: Customer, credits: number): Promise<void> {
  await expect.poll(async () => (await customer.balance()).available, { timeout: 60_000 }).toBe(credits);
}

async function expectStateOfRule(shop: Shop, customer: Customer, state: string, reason: string | null = null): Promise<void> {
  const path = `/v1/customers/${customer.id}/auto_top_up`;
  await expect.poll(() => shop.operator.get(path), { timeout: 60_000 }).toMatchObject({ state, reason });
}

test("it is switched on, buys when credits run low, and is switched off", async ({ page, shop }) => {
  const customer = await shop.customer({ used: 4820 });
  await customer.signIn(page);
  await expect(page.getByText("Automatic top-up: Off")).toBeVisible();
  await page.getByRole("link", { name: "Set up automatic top-up" }).click();
  await expectState(page, "Off");

  await choose(page);
  await expect(page.getByText("You have 180 credits, so we'll buy 1,200 for $9 now, as soon as it's on.")).toBeVisible();
  const box = page.getByRole("checkbox", { name: /^I agree/ });
  await expect(box).not.toBeChecked();
  await expect(box).toHaveAccessibleName(/Acme Data has fewer than 500 credits.*1,200 credits for \$9.*at most \$50 in any 30 days/);
  await switchOn(page, cards.pays);
  await expectState(page, "On");
  await expect(page.getByRole("status")).toContainText("Automatic top-up is on.");

  await expectAvailable(customer, 1380);
  await page.reload();
  await expect(page.getByRole("status")).toHaveCount(0);
  const agreed = page.getByRole("region", { name: "What is agreed", exact: true });
  await expect(agreed).toContainText("When you have fewer than 500 credits, we'll buy 1,200 for $9, at most $50 in any 30 days, on Visa ···· 4242.");
  await expect(agreed.getByRole("progressbar", { name: "Spent in 30 days" })).toHaveAttribute("aria-valuetext", "$9 of $50 spent in the last 30 days");
  const bought = page.getByRole("region", { name: "Bought automatically" }).getByRole("row").filter({ hasText: "1,200 credits" });
  await expect(bought).toHaveCount(1);
  await expect(bought).toContainText("Credited");

  // Refused for want of credits: one purchase of several packages closes the gap.
  await shop.operator.post(`/v1/customers/${customer.id}/usage`, { credits: 3000 }).catch(() => undefined);
  await expectAvailable(customer, 3780);

  await page.reload();
  await page.getByRole("button", { name: "Switch off" }).click();
  await expectState(page, "Off");
  await expect(page.getByRole("status")).toContainText("Nothing more is bought, and your card is removed.");
  await expect(page.getByRole("region", { name: "What was agreed" })).toContainText("Switched off");
});

test("lower values apply at once, and higher ones need a new consent", async ({ page, shop }) => {
  const customer = await shop.customer();
  await customer.signIn(page);
  await choose(page);
  await switchOn(page, cards.pays);
  await expectState(page, "On");
  await page.getByRole("link", { name: "Change", exact: true }).click();
  await page.getByLabel("Spend at most in 30 days").fill("20");
  await page.getByRole("button", { name: "Update" }).click();
  await expect(page.getByRole("checkbox", { name: /^I agree/ })).toHaveCount(0);
  await page.getByRole("button", { name: "Save", exact: true }).click();
  await expect(page.getByRole("status")).toContainText("The lower values apply from now on.");
  await expect(page.getByRole("region", { name: "What is agreed", exact: true })).toContainText("at most $20 in any 30 days");
  await page.getByRole("link", { name: "Change", exact: true }).click();
  await page.getByLabel("Spend at most in 30 days").fill("21");
  await page.getByRole("button", { name: "Update" }).click();
  await expect(page.getByRole("checkbox", { name: /^I agree/ })).not.toBeChecked();
});

test("a card that asks is confirmed at the bank", async ({ page, shop }) => {
  const customer = await shop.customer({ used: 4820 });
  await customer.signIn(page);
  await choose(page);
  await switchOn(page, cards.asks);
  await expectState(page, "On");
  await expect(async () => {
    await page.goto("/auto-top-up");
    await expect(page.getByText("Your bank asks you to confirm $9 for 1,200 credits.")).toBeVisible({ timeout: 1_000 });
  }).toPass({ timeout: 60_000 });
  expect(await customer.balance()).toMatchObject({ available: 180 });
  await page.goto("/billing");
  await expect(page.getByText("Your bank asks you to confirm a payment.")).toBeVisible();
  await page.goto("/auto-top-up");
  await page.getByRole("link", { name: "Confirm payment" }).click();
  await page.getByRole("button", { name: "Confirm" }).click();
  await expect(page.getByText("Paid on")).toBeVisible();
  await expectAvailable(customer, 1380);
});

test("a lost card stops it, and another card lifts that", async ({ page, shop }) => {
  const customer = await shop.customer({ used: 4820 });
  await customer.signIn(page);
  await choose(page);
  await switchOn(page, cards.lost);
  await expectStateOfRule(shop, customer, "suspended", "declined");
  await page.goto("/auto-top-up");
  await expectState(page, "Stopped");
  await expect(page.getByText("Your card was declined, so automatic top-up has stopped.")).toBeVisible();
  expect(await customer.balance()).toMatchObject({ available: 180 });

  // The same card again: refused before anything is charged.
  await choose(page);
  await switchOn(page, cards.lost);
  await expect(page.getByRole("alert")).toContainText("Automatic top-up has stopped on this card.");
  await choose(page);
  await switchOn(page, cards.pays);
  await expectState(page, "On");
  await expectAvailable(customer, 1380);
});

test("a payment that nobody confirms stops it, until a person has paid with the card", async ({ page, ownShop }) => {
  const customer = await ownShop.customer({ used: 4820 });
  await customer.signIn(page);
  await choose(page, ownShop.url);
  await switchOn(page, cards.asks);
  await expect(async () => {
    await page.goto(`${ownShop.url}/auto-top-up`);
    await expect(page.getByRole("link", { name: "Confirm payment" })).toBeVisible({ timeout: 1_000 });
  }).toPass({ timeout: 60_000 });
  const day = 25 * 60 * 60 * 1000;
  await ownShop.operator.moveClockTo(new Date(Date.parse(await ownShop.operator.now()) + day).toISOString());
  await expectStateOfRule(ownShop, customer, "suspended", "authentication");

  await customer.signIn(page);
  await choose(page, ownShop.url);
  await switchOn(page, cards.asks);
  await expect(page.getByRole("alert")).toContainText("Automatic top-up has stopped on this card.");
  await page.goto(`${ownShop.url}/billing`);
  await page.getByRole("button", { name: "Buy for $9, 1,200 credits" }).click();
  await pay(page, cards.asks);
  await page.getByRole("button", { name: "Confirm" }).click();
  await expect(page.getByRole("status")).toContainText("1,200 credits added.");
  await choose(page, ownShop.url);
  await switchOn(page, cards.asks);
  await expectState(page, "On");
});

test("nothing is switched on without the box, and no form acts for another customer", async ({ page, shop }) => {
  const [one, other] = [await shop.customer(), await shop.customer()];
  await one.signIn(page);
  await choose(page);
  const form = page.locator("form", { has: page.getByRole("checkbox", { name: /^I agree/ }) });
  // The browser refuses to send it.
  await page.getByRole("button", { name: "Save card and switch on" }).click();
  await expectState(page, "Off");
  const action = await form.getAttribute("action");
  const fields: Record<string, string> = {};
  for (const input of await form.locator("input[type=hidden]").all()) {
    fields[(await input.getAttribute("name")) ?? ""] = (await input.getAttribute("value")) ?? "";
  }
  const send = (form: Record<string, string>) =>
    page.request.post(`${shop.url}${action}`, {
      form,
      headers: { origin: shop.url, "sec-fetch-site": "same-origin", accept: "text/html" },
      maxRedirects: 0,
    });
  const unticked = await send(fields);
  expect(unticked.headers().location).toContain("/auto-top-up?change=1&package=p1200");
  await page.goto(unticked.headers().location);
  await expect(page.getByRole("alert")).toContainText("Tick the box to agree.");
  // A changed value, and the form of another customer.
  expect((await send({ ...fields, agree: "yes", cap: "500000" })).headers().location).toBe("/auto-top-up");
  await other.signIn(page);
  expect((await send({ ...fields, agree: "yes" })).headers().location).toBe("/auto-top-up");
  for (const customer of [one, other]) await expectStateOfRule(shop, customer, "off");
});

test("a viewer reads, and changes nothing", async ({ page, shop }) => {
  const customer = await shop.customer();
  await customer.signIn(page);
  await choose(page);
  await switchOn(page, cards.pays);
  await expectState(page, "On");
  await customer.signIn(page, "viewer");
  await page.goto("/auto-top-up");
  await expectState(page, "On");
  await expect(page.getByRole("main").getByRole("button")).toHaveCount(0);
  await expect(page.getByRole("link", { name: "Change", exact: true })).toHaveCount(0);
});

test("consents can be downloaded", async ({ page, shop }) => {
  const customer = await shop.customer();
  await customer.signIn(page);
  await choose(page);
  await switchOn(page, cards.pays);
  const download = page.waitForEvent("download");
  await page.getByRole("link", { name: "Download CSV" }).click();
  expect((await download).suggestedFilename()).toBe("auto-top-up.csv");
  const file = await (await page.request.get("/auto-top-up.csv")).text();
  expect(file).toContain("agreed_at,agreed_by,text,text_sha256,package");
  expect(file).toContain("I agree: when Acme Data has fewer than 500 credits");
});

test("an operator sees the rule and switches it off", async ({ page, shop }) => {
  const customer = await shop.customer();
  await customer.signIn(page);
  await choose(page);
  await switchOn(page, cards.pays);
  await expectState(page, "On");
  await signInAsOperator(page);
  await page.goto(`/operator/customers/${customer.id}`);
  await expect(page.getByRole("region", { name: "Consents" })).toContainText("In force");
  await page.getByText("Switch off automatic top-up").click();
  await page.locator("details[open]").getByLabel("Reason").fill("the customer asked by phone");
  await page.getByRole("button", { name: "Switch off", exact: true }).click();
  await expect(page.getByRole("status")).toContainText("Done.");
  await expectStateOfRule(shop, customer, "off");
});
