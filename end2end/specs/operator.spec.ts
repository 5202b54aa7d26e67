import { expect, test } from "../support/test";
import { signInAsOperator } from "../support/operator-sign-in";

test("an operator finds a customer, gives credits and takes them back, with a reason", async ({ page, shop }) => {
  const customer = await shop.customer({ used: 4820, email: `ada-${Date.now()}@acme.example` });
  await signInAsOperator(page);
  await page.getByRole("searchbox").fill(customer.email);
  await page.getByRole("button", { name: "Search" }).click();
  await page.getByRole("region", { name: "Customers found" }).getByRole("link", { name: customer.id }).click();
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
  await expect(page).toHaveURL(/\/operator\/sign-in$/);
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
    page.getByRole("link", { name: "All months as CSV" }).first().click(),
  ]);
  expect(download.suggestedFilename()).toBe("sales.csv");
});
