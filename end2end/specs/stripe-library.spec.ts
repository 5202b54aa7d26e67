import { expect, test } from "../support/test";
import { cards, pay, startCheckout } from "../support/checkout";
import { Inbox, sandboxKeys, stripeOf } from "../support/stripe";

// The stand-in for Stripe is our own opinion of Stripe. Here Stripe's own library has a say.

test("Stripe's own library finds the sale, its event and its refund in the sandbox", async ({ page, shop }) => {
  const stripe = await stripeOf(shop);
  const inbox = await Inbox.start();
  const endpoint = await stripe.webhookEndpoints.create({
    url: inbox.url,
    enabled_events: ["checkout.session.completed", "refund.created"],
  });
  const customer = await shop.customer();
  await customer.signIn(page);
  await startCheckout(page);
  const id = new URL(page.url()).pathname.split("/").at(-1) ?? "";
  const open = await stripe.checkout.sessions.retrieve(id, { expand: ["line_items"] });
  const [purchase] = await customer.purchases();
  expect(open).toMatchObject({
    status: "open",
    payment_status: "unpaid",
    mode: "payment",
    amount_subtotal: 900,
    currency: "usd",
    client_reference_id: purchase?.id,
  });
  expect(open.line_items?.data[0]?.description).toContain("1,200 credits");

  await pay(page, cards.good);
  await expect(page.getByRole("status")).toContainText("1,200 credits added.");
  const paid = await stripe.checkout.sessions.retrieve(id, { expand: ["payment_intent.latest_charge"] });
  expect(paid).toMatchObject({ status: "complete", payment_status: "paid" });
  if (!paid.payment_intent || typeof paid.payment_intent === "string") throw new Error("The payment was not expanded");
  expect(paid.payment_intent).toMatchObject({ status: "succeeded", amount_received: 900 });

  // The library believes the stand-in's signature over the very bytes, and nothing else.
  const completed = () => inbox.came.find(({ body }) => body.includes(id) && body.includes("checkout.session.completed"));
  await expect.poll(completed).toBeTruthy();
  const { body, signature } = completed() ?? { body: "", signature: "" };
  const event = stripe.webhooks.constructEvent(body, signature, endpoint.secret ?? "");
  expect(event.type).toBe("checkout.session.completed");
  expect((event.data.object as { id: string }).id).toBe(id);
  const forged = () => stripe.webhooks.constructEvent(body.replace("900", "901"), signature, endpoint.secret ?? "");
  expect(forged).toThrow(/signature/i);
  expect(() => stripe.webhooks.constructEvent(body, signature, sandboxKeys.webhook)).toThrow(/signature/i);
  const listed = await stripe.events.list({ type: "checkout.session.completed", limit: 100 });
  expect(listed.data.map(({ id }) => id)).toContain(event.id);

  // A third of the money takes a third of the credits, once for a key.
  const intent = paid.payment_intent.id;
  const refund = () => stripe.refunds.create({ payment_intent: intent, amount: 300 }, { idempotencyKey: `refund-${id}` });
  expect((await refund()).id).toBe((await refund()).id);
  await expect.poll(async () => (await customer.balance()).top_up.remaining).toBe(800);
  await stripe.webhookEndpoints.update(endpoint.id, { disabled: true });
  await inbox.stop();
});

test("a signature of Stripe's own library is accepted, and refused with another secret", async ({ shop }) => {
  const stripe = await stripeOf(shop);
  const payload = JSON.stringify({
    id: "evt_of_the_library", object: "event", type: "customer.created", created: 1_700_000_000, livemode: false,
    data: { object: { id: "cus_of_the_library", object: "customer" } },
  });
  const post = async (secret: string, timestamp = Math.floor(Date.now() / 1000)) => {
    const signature = stripe.webhooks.generateTestHeaderString({ payload, secret, timestamp });
    const headers = { "stripe-signature": signature, "content-type": "application/json" };
    return (await fetch(`${shop.url}/webhooks/stripe`, { method: "POST", headers, body: payload })).status;
  };
  expect(await post(sandboxKeys.webhook)).toBe(200);
  expect(await post("whsec_of_somebody_else_00000")).toBe(400);
  expect(await post(sandboxKeys.webhook, Math.floor(Date.now() / 1000) - 301)).toBe(400);
});

test("the sandbox's errors are those of Stripe's library", async ({ shop }) => {
  const stripe = await stripeOf(shop);
  await expect(stripe.checkout.sessions.retrieve("cs_test_nobodys")).rejects.toMatchObject({
    type: "StripeInvalidRequestError",
    statusCode: 404,
    code: "resource_missing",
  });
  await expect((await stripeOf(shop, "sk_test_another")).customers.list()).rejects.toMatchObject({
    type: "StripeAuthenticationError",
    statusCode: 401,
  });
  const key = { idempotencyKey: `customer-${Date.now()}` };
  await stripe.customers.create({ email: "ada@acme.example" }, key);
  await expect(stripe.customers.create({ email: "eve@acme.example" }, key)).rejects.toMatchObject({ type: "StripeIdempotencyError" });
});

test("a won dispute returns the credits, and a second, lost one removes them", async ({ page, shop }) => {
  const stripe = await stripeOf(shop);
  for (const { evidence, left } of [
    { evidence: "winning_evidence", left: 1_200 },
    { evidence: "losing_evidence", left: 0 },
  ]) {
    const customer = await shop.customer();
    await customer.signIn(page);
    await startCheckout(page);
    const id = new URL(page.url()).pathname.split("/").at(-1) ?? "";
    await pay(page, cards.disputed);
    await expect(page).toHaveURL(/\/purchases\//);
    await expect.poll(async () => (await customer.balance()).top_up).toMatchObject({ remaining: 0, frozen: 1_200 });
    const intent = (await stripe.checkout.sessions.retrieve(id)).payment_intent;
    const { data } = await stripe.disputes.list({ payment_intent: String(intent) });
    expect(data).toHaveLength(1);
    await stripe.disputes.update(data[0]?.id ?? "", { evidence: { uncategorized_text: evidence } });
    await expect.poll(async () => (await customer.balance()).top_up).toMatchObject({ remaining: left, frozen: 0 });
  }
});

test("Stripe's own library saves a card in the sandbox and pays invoices with it", async ({ page, shop }) => {
  const stripe = await stripeOf(shop);
  const customer = await stripe.customers.create({ email: "ada@acme.example" });
  /** Saves a card on the setup's page; its payment method. */
  async function saved(card: string): Promise<string> {
    const urls = { success_url: `${shop.url}/sign-in`, cancel_url: `${shop.url}/sign-in` };
    const setup = await stripe.checkout.sessions.create({ mode: "setup", currency: "usd", customer: customer.id, ...urls });
    expect(setup).toMatchObject({ mode: "setup", status: "open", payment_status: "no_payment_required" });
    await page.goto(setup.url ?? "");
    await page.getByLabel("Card number").fill(card);
    await page.getByLabel("Expiry").fill("12/34");
    await page.getByLabel("CVC").fill("123");
    await page.getByRole("button", { name: "Save card" }).click();
    await expect(page).toHaveURL(/sign-in/);
    const done = await stripe.checkout.sessions.retrieve(setup.id, { expand: ["setup_intent.payment_method"] });
    const intent = done.setup_intent;
    if (!intent || typeof intent === "string") throw new Error("The setup was not expanded");
    expect(intent).toMatchObject({ status: "succeeded", usage: "off_session", customer: customer.id });
    expect(intent.payment_method).toMatchObject({ type: "card", customer: customer.id, card: { exp_month: 12, exp_year: 2034 } });
    const method = intent.payment_method;
    return typeof method === "string" ? method : (method?.id ?? "");
  }
  /** An open invoice of two packages. */
  async function invoice(method: string): Promise<string> {
    const draft = await stripe.invoices.create({
      customer: customer.id, currency: "usd", auto_advance: false, default_payment_method: method, metadata: { purchase: "pur_1" },
    });
    const price = { currency: "usd", unit_amount: 900, product_data: { name: "1,200 credits" } };
    await stripe.invoices.addLines(draft.id ?? "", { lines: [{ quantity: 2, price_data: price }] });
    const open = await stripe.invoices.finalizeInvoice(draft.id ?? "", { auto_advance: false });
    expect(open).toMatchObject({ status: "open", subtotal: 1_800, total: 1_800, amount_remaining: 1_800, metadata: { purchase: "pur_1" } });
    expect(open.hosted_invoice_url).toContain("http");
    return open.id ?? "";
  }
  const good = await saved(cards.good);
  const id = await invoice(good);
  const paid = await stripe.invoices.pay(id, { off_session: true, payment_method: good });
  expect(paid).toMatchObject({ status: "paid", amount_paid: 1_800, amount_remaining: 0 });
  const payments = await stripe.invoicePayments.list({ invoice: id });
  expect(payments.data).toMatchObject([{ status: "paid", amount_paid: 1_800, payment: { type: "payment_intent" } }]);
  const listed = await stripe.invoices.list({ customer: customer.id, status: "paid" });
  expect(listed.data.map(({ id }) => id)).toEqual([id]);

  // A card that is saved and then declines; the invoice stays open until it is voided.
  const refuses = await saved("4000 0000 0000 0341");
  const next = await invoice(refuses);
  const declined = { type: "StripeCardError", code: "card_declined", decline_code: "generic_decline" };
  await expect(stripe.invoices.pay(next, { off_session: true })).rejects.toMatchObject(declined);
  expect((await stripe.invoices.voidInvoice(next)).status).toBe("void");
  await expect(stripe.invoices.pay(next, { off_session: true })).rejects.toMatchObject({ type: "StripeInvalidRequestError" });
  expect((await stripe.paymentMethods.detach(good)).customer).toBeNull();
});
