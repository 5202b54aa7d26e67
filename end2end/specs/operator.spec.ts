import { buy, cards, pay, startCheckout } from "../support/checkout";
import { emailsTo } from "../support/emails";
import { expect, test } from "../support/test";
import { signInAsOperator } from "../support/operator-sign-in";

test("an operator finds a customer, gives credits and takes them back, with a reason", async ({ page, shop }) => {
  const customer = await shop.customer({ used: 4820, email: `ada-${Date.now()}@acme.example` });
  await signInAsOperator(page);
  await page.getByRole("searchbox").fill(customer.email);
  await page.getByRole("button", { name: "Search" }).click();
  await page.getByRole("region", { name: "Customers found" }).getByRole("link", { name: "Acme Data" }).click();
  await page.getByText("Give courtesy credits").click();
  await page.getByLabel("Credits").fill("250");
  await page.getByLabel("Reason").first().fill("An hour without service");
  await page.getByRole("button", { name: "Give", exact: true }).click();
  await expect(page.getByRole("status")).toContainText("Done.");
  expect((await customer.balance()).available).toBe(430);
  const audit = page.getByRole("region", { name: "Audit" }).last();
  await expect(audit.getByRole("row").filter({ hasText: "An hour without service" })).toContainText("250 credits");
  const grant = page.getByRole("region", { name: "Grants" }).last().getByRole("row").filter({ hasText: "Courtesy" });
  await grant.getByText("Void").first().click();
  await grant.getByLabel("Reason").fill("The wrong customer");
  await grant.getByRole("button", { name: "Void remaining credits" }).click();
  await expect(page.getByRole("status")).toContainText("Done.");
  expect((await customer.balance()).available).toBe(180);
});

test("a form sent twice acts once", async ({ page, shop }) => {
  const customer = await shop.customer({ used: 5000 });
  await signInAsOperator(page);
  await page.goto(`/operator/customers/${customer.id}`);
  for (const said of ["Done.", "This form was already sent."]) {
    await page.getByText("Give courtesy credits").click();
    await page.getByLabel("Credits").fill("10");
    await page.getByLabel("Reason").first().fill("Twice");
    const key = page.locator("form", { hasText: "Last day" }).locator("input[name=key]");
    await key.evaluate((input: HTMLInputElement) => (input.value = "0190a5d0-0000-7000-8000-000000000009"));
    await page.getByRole("button", { name: "Give", exact: true }).click();
    await expect(page.getByRole("status")).toContainText(said);
  }
  expect((await customer.balance()).available).toBe(10);
});

test("a customer's sign-in opens no operator's page", async ({ page, shop }) => {
  const customer = await shop.customer();
  await customer.signIn(page);
  await page.goto("/operator/sales");
  await expect(page).toHaveURL(/\/operator\/sign-in\?to=%2Foperator%2Fsales$/);
  await page.getByLabel("Email").fill("nobody@shop.example");
  await page.getByLabel("Password", { exact: true }).fill("no such password");
  await page.getByRole("button", { name: "Sign in", exact: true }).click();
  await expect(page.getByRole("alert")).toContainText("is wrong");
});

test("the sales report is a file", async ({ page, shop }) => {
  await shop.customer({ used: 4820 });
  await signInAsOperator(page);
  await page.goto("/operator/sales");
  const [download] = await Promise.all([
    page.waitForEvent("download"),
    page.getByRole("link", { name: "Credits by kind, all months (CSV)" }).click(),
  ]);
  expect(download.suggestedFilename()).toBe("sales.csv");
});

test("Home shows today's figures, the newest purchases and the customers that ran out", async ({ page, shop }) => {
  const name = `Ran Dry ${Date.now()}`;
  const customer = await shop.customer({ name });
  await customer.signIn(page);
  await buy(page);
  const [purchase] = await customer.purchases();
  await customer.charge(5000);
  await customer.charge(1200);
  await signInAsOperator(page);
  const figures = page.getByRole("region", { name: "Figures" });
  for (const label of ["Sold in 30 days", "Unused paid credits", "Open alarms", "Failed payments"]) {
    await expect(figures.getByText(label)).toBeVisible();
  }
  await expect(figures).toContainText(/\$\d/);
  const newest = page.getByRole("region", { name: "Latest purchases" });
  await expect(newest.getByRole("row").filter({ hasText: name })).toContainText("$9.00");
  await expect(async () => {
    await page.goto("/operator");
    const dry = page.getByRole("region", { name: "Ran out this week" });
    await expect(dry.getByRole("row").filter({ hasText: name })).toContainText("Starter", { timeout: 500 });
  }).toPass();
  await newest.getByRole("row").filter({ hasText: name }).getByRole("link").last().click();
  await expect(page).toHaveURL(new RegExp(`/operator/purchases/${purchase?.id}`));
});

test("a customer's page leads with plan, reset, owner and last purchase, and to Stripe", async ({ page, shop }) => {
  const customer = await shop.customer({ email: `ada-${Date.now()}@acme.example` });
  await customer.signIn(page);
  await buy(page);
  const [purchase] = await customer.purchases();
  await signInAsOperator(page);
  await page.goto(`/operator/customers/${customer.id}`);
  const head = page.getByRole("region", { name: "Customer", exact: true });
  for (const words of ["Starter", "$19", "Next reset", customer.email, "$9.00", customer.id]) {
    await expect(head).toContainText(words);
  }
  await expect(head.getByTitle(customer.id)).toHaveText(customer.id);
  const stripe = head.getByRole("link", { name: "Open in Stripe (customer)" });
  await expect(stripe).toHaveAttribute("href", /^https:\/\/dashboard\.stripe\.com\/test\/customers\/cus_/);
  await head.getByRole("link", { name: /\d{4}$/ }).click();
  await expect(page).toHaveURL(new RegExp(`/operator/purchases/${purchase?.id}`));
  const payment = page.getByRole("link", { name: "Open in Stripe (payment)" });
  await expect(payment).toHaveAttribute("href", /^https:\/\/dashboard\.stripe\.com\/test\/payments\/pi_/);
});

test("a sign-in link is shown once, signs in once with the chosen role, and stands in the audit", async ({ page, shop }) => {
  const customer = await shop.customer();
  await signInAsOperator(page);
  await page.goto(`/operator/customers/${customer.id}`);
  await page.getByText("Copy a sign-in link").click();
  const form = page.locator("form", { has: page.getByRole("button", { name: "Create link" }) });
  await expect(form.getByLabel("Role")).toHaveValue("viewer");
  await form.getByLabel("Reason").fill("Cannot find the invoice");
  await form.getByRole("button").click();
  await expect(page.getByRole("status")).toContainText("as viewer of Acme Data");
  const link = (await page.getByRole("status").getByRole("code").textContent()) ?? "";
  const audit = page.getByRole("region", { name: "Audit" }).last();
  await expect(audit.getByRole("row").filter({ hasText: "Sign-in link created" })).toContainText("viewer until");
  await page.reload();
  await expect(page.getByRole("main")).not.toContainText("/sign-in/");
  await page.goto(link);
  await expect(page.getByRole("heading", { level: 1, name: "Billing" })).toBeVisible();
  await expect(page.getByRole("main").getByRole("button", { name: /^Buy/ })).toHaveCount(0);
});

test("no operator's page is wider than the window, from 320 px on", async ({ page, shop }) => {
  test.setTimeout(120_000);
  const customer = await shop.customer({ name: `Acme${"x".repeat(100)}`, used: 5000 });
  await customer.signIn(page);
  await buy(page);
  const [purchase] = await customer.purchases();
  await signInAsOperator(page);
  for (const width of [320, 360, 768, 1440]) {
    await page.setViewportSize({ width, height: 800 });
    for (const path of ["", `?q=${customer.id}`, `/customers/${customer.id}`, `/purchases/${purchase?.id}`, `/purchases/${purchase?.id}/refund?amount=9`, "/alarms", "/sales", "/keys", "/account"]) {
      await page.goto(`/operator${path}`);
      await expect(page.getByRole("heading", { level: 1 })).toBeVisible();
      const box = await page.locator("body").boundingBox();
      const main = await page.getByRole("main").boundingBox();
      expect(Math.max(box?.width ?? 0, (main?.x ?? 0) + (main?.width ?? 0)), `${width} ${path}`).toBeLessThanOrEqual(width);
    }
  }
});

test("a refused form of an operator stays open, keeps what was typed, and says why", async ({ page, shop }) => {
  const customer = await shop.customer();
  await signInAsOperator(page);
  await page.goto(`/operator/customers/${customer.id}`);
  await page.getByText("Give courtesy credits").click();
  const form = page.locator("details", { hasText: "Give courtesy credits" });
  await form.getByLabel("Credits").fill("500");
  await form.getByLabel("Last day (UTC)").fill("2020-01-31");
  await form.getByLabel("Reason").fill("An outage");
  await form.getByRole("button", { name: "Give" }).click();
  await expect(page.getByRole("alert")).toContainText("The last day is in the past.");
  await expect(form).toContainText("The last day is in the past.");
  await expect(form.getByLabel("Credits")).toHaveValue("500");
  await expect(form.getByLabel("Credits")).toBeInViewport();
  await expect(form.getByLabel("Last day (UTC)")).toHaveValue("2020-01-31");
  await expect(form.getByLabel("Reason")).toHaveValue("An outage");
  // Other forms are as they were.
  await expect(page.locator("details", { hasText: "Erase this customer" })).not.toHaveAttribute("open");
  await page.reload();
  await expect(form).not.toHaveAttribute("open");
});

test("Failed payments leads to their list", async ({ page }) => {
  await signInAsOperator(page);
  await page.getByRole("region", { name: "Figures" }).getByRole("link", { name: "Failed payments" }).click();
  await expect(page.getByRole("heading", { level: 1, name: "Failed payments" })).toBeVisible();
  await expect(page.getByText("In the last 30 days, newest first.")).toBeVisible();
});

test("a refund of used credits says so before it is done", async ({ page, shop }) => {
  const customer = await shop.customer({ used: 5000 });
  await customer.signIn(page);
  await buy(page);
  await customer.charge(900);
  const [purchase] = await customer.purchases();
  await signInAsOperator(page);
  await page.goto(`/operator/purchases/${purchase?.id}`);
  await page.getByText("Refund", { exact: true }).click();
  await page.getByLabel("Amount").fill("9.01");
  await page.getByRole("button", { name: "Review refund" }).click();
  await expect(page.getByRole("alert")).toContainText("The refund exceeds what was paid.");
  await expect(page.getByLabel("Amount")).toHaveValue("9.01");
  await expect(page.getByLabel("Amount")).toBeInViewport();
  await page.getByLabel("Amount").fill("4.50");
  await page.getByRole("button", { name: "Review refund" }).click();
  await expect(page.getByText("300 credits were already used.")).toBeVisible();
  const sum = page.getByRole("region", { name: "Refund" });
  await expect(sum).toContainText("Credits it takes back600");
  await expect(sum).toContainText("Removed at once300");
  expect((await customer.balance()).available, "a look changes nothing").toBe(300);
  await page.getByLabel("Reason").fill("Agreed with the customer");
  await page.getByRole("button", { name: "Refund $4.50" }).click();
  await expect(page.getByRole("status")).toContainText("Stripe accepted the refund.");
  await expect.poll(async () => (await customer.balance()).available).toBe(0);
});

test("a dispute's alarm and purchase have the deadline, and an email goes to operators who want it", async ({ page, shop }) => {
  await signInAsOperator(page);
  await page.goto("/operator/account");
  await page.getByRole("button", { name: "Turn on alarm emails" }).click();
  await expect(page.getByRole("status")).toContainText("Alarm emails are on.");
  const customer = await shop.customer();
  await customer.signIn(page);
  await startCheckout(page);
  await pay(page, cards.disputed);
  const [purchase] = await customer.purchases();
  await expect(async () => {
    await page.goto("/operator/alarms");
    const alarm = page.getByRole("region", { name: "Open alarms" }).getByRole("row").filter({ hasText: purchase?.id ?? "none" });
    await expect(alarm).toContainText("Dispute", { timeout: 500 });
    await expect(alarm.getByRole("cell").nth(3)).toContainText(/\d{1,2} \w{3} \d{4}, \d{2}:\d{2}/, { timeout: 500 });
  }).toPass();
  await page.goto(`/operator/purchases/${purchase?.id}`);
  const parts = page.getByRole("region", { name: "Refunds and disputes" });
  await expect(parts).toContainText("Answer by");
  await expect(parts.getByRole("link", { name: "Open in Stripe (dispute)" })).toHaveAttribute("href", /\/test\/disputes\/d[pu]_/);
  const emails = () => emailsTo(shop, "operator@demo.example", /^Subject: Alarm: Dispute/m);
  await expect.poll(emails, { message: "one email for the alarm" }).toHaveLength(1);
  await page.goto("/operator/account");
  await page.getByRole("button", { name: "Turn off" }).click();
  await expect(page.getByRole("status")).toContainText("Alarm emails are off.");
});

test("Sales leads with money, then what is owed, then a row a month", async ({ page, shop }) => {
  const customer = await shop.customer();
  await customer.signIn(page);
  await buy(page);
  await signInAsOperator(page);
  await page.goto("/operator/sales");
  const main = page.getByRole("main");
  await expect(main.getByRole("region", { name: "Sold" })).toContainText(/Sold in 12 months \(before tax\)\$\d/);
  await expect(main.getByRole("img", { name: /Money sold by month/ })).toBeVisible();
  await expect(main.getByRole("region", { name: "Outstanding" })).toContainText("Paid for unused top-ups, before tax (deferred revenue)");
  const rows = main.getByRole("region", { name: "By month" }).getByRole("row");
  await expect(rows).toHaveCount(2);
});

test("an id is copied whole", async ({ page, shop, javaScriptEnabled, context }) => {
  const customer = await shop.customer();
  await signInAsOperator(page);
  await page.goto(`/operator/customers/${customer.id}`);
  const copy = page.getByRole("button", { name: `Copy ${customer.id}` });
  if (javaScriptEnabled === false) {
    await expect(copy).toBeHidden();
    return;
  }
  await context.grantPermissions(["clipboard-read", "clipboard-write"]);
  await copy.click();
  await expect(page.getByRole("button", { name: "Copied" })).toBeVisible();
  expect(await page.evaluate(() => navigator.clipboard.readText())).toBe(customer.id);
});
