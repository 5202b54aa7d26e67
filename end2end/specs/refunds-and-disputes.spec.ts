import type { Page } from "@playwright/test";
import { expect, test } from "../support/test";
import { buy, cards, pay, startCheckout } from "../support/checkout";
import { signInAsOperator } from "../support/operator-sign-in";
import { stripeOf } from "../support/stripe";
import type { Customer } from "../support/customer";

/** Opens the newest purchase's page as its customer, until it says so. */
async function expectPurchase(page: Page, customer: Customer, badge: string): Promise<void> {
  const [purchase] = await customer.purchases();
  await expect(async () => {
    await page.goto(`/purchases/${purchase?.id}`);
    await expect(page.getByRole("main").getByText(badge, { exact: true }).first()).toBeVisible({ timeout: 500 });
  }).toPass();
}

test("a partial refund shows on every page", async ({ page, shop }) => {
  const customer = await shop.customer({ email: `ada-${Date.now()}@acme.example` });
  await customer.signIn(page);
  await buy(page);
  const [purchase] = await customer.purchases();

  await signInAsOperator(page);
  await page.goto(`/operator/purchases/${purchase?.id}`);
  await page.getByText("Refund", { exact: true }).click();
  await page.getByLabel("Amount").fill("3.00");
  await page.getByRole("button", { name: "Review refund" }).click();
  const sum = page.getByRole("region", { name: "Refund" });
  await expect(sum).toContainText("This refund$3.00");
  await expect(sum).toContainText("Credits it takes back400");
  const form = page.locator("form", { has: page.getByRole("button", { name: "Refund $3.00" }) });
  await form.getByLabel("Reason").fill("Bought twice by mistake");
  await form.getByRole("button").click();
  await expect(page.getByRole("status")).toContainText("Stripe accepted the refund.");
  await expect.poll(async () => (await customer.balance()).top_up.remaining).toBe(800);

  await customer.signIn(page);
  await expect(page.getByRole("main")).toContainText("800");
  await expectPurchase(page, customer, "Partly refunded");
  await expect(page.getByRole("main")).toContainText("$3.00");
  await page.goto("/history");
  await expect(page.getByRole("row").filter({ hasText: "Refund of" }).first()).toContainText("400");

  await page.goto(`/operator/customers/${customer.id}`);
  const audit = page.getByRole("region", { name: "Audit" }).last();
  await expect(audit.getByRole("row").filter({ hasText: "Refund requested" })).toContainText("$3.00");
});

test("a disputed top-up is frozen, and a won one is back", async ({ page, shop }) => {
  const customer = await shop.customer();
  await customer.signIn(page);
  await startCheckout(page);
  const id = new URL(page.url()).pathname.split("/").at(-1) ?? "";
  await pay(page, cards.disputed);
  await expect(page).toHaveURL(/\/purchases\//);
  await expectPurchase(page, customer, "Disputed");
  await expect(page.getByRole("main")).toContainText("Bank review started");
  await page.goto("/billing");
  const row = page.getByRole("row").filter({ hasText: "1,200" }).first();
  await expect(row).toContainText(/review|Disputed|Frozen/i);

  await signInAsOperator(page);
  await page.goto("/operator/alarms");
  const [purchase] = await customer.purchases();
  await expect(page.getByRole("main")).toContainText(purchase?.id ?? "no purchase");

  const stripe = await stripeOf(shop);
  const intent = String((await stripe.checkout.sessions.retrieve(id)).payment_intent);
  const [dispute] = (await stripe.disputes.list({ payment_intent: intent })).data;
  await stripe.disputes.update(dispute?.id ?? "", { evidence: { uncategorized_text: "winning_evidence" } });
  await customer.signIn(page);
  await expectPurchase(page, customer, "Credited");
  await expect(page.getByRole("main")).toContainText("Bank review ended, credits returned");
  expect((await customer.balance()).top_up.remaining).toBe(1_200);
});
