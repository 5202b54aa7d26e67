import { buy } from "../support/checkout";
import { bar, expect, openBar, step, switchTo, test } from "../support/demo";

test("the four customers are as the story says", async ({ page, demo }) => {
  await page.goto(demo.url);
  const balance = page.getByRole("region", { name: "Balance" });
  const purchases = page.getByRole("region", { name: "Purchases" });

  await switchTo(page, "Fjord Notes");
  await expect(balance).toContainText("38 left of 300");
  await expect(page.getByText("Top-ups need a paid plan.")).toBeVisible();

  await switchTo(page, "Larch Research");
  await expect(balance).toContainText("0 left of 25,000");
  await expect(balance).toContainText("In use since");
  await expect(balance).toContainText("240 held");
  // One verdict: what is left of its top-ups decides for them, and no line beside it says another way.
  const advice = page.getByRole("complementary", { name: "Advice" });
  await expect(advice).toContainText(/Top-ups are your cheapest option\.|Pro is cheaper for you\./);
  const forPro = (await advice.getByText("Pro is cheaper for you.").count()) > 0;
  await expect(advice.getByText("Pro would have saved you $165")).toHaveCount(forPro ? 1 : 0);
  await advice.getByText("How we worked this out").click();
  await expect(advice.getByText("Last 3 cycles: $675 in top-ups. Pro instead of Builder: 3 × $170 = $510.")).toBeVisible();
  await expect(purchases.getByRole("row").filter({ hasText: "Failed" })).toHaveCount(1);

  await switchTo(page, "Meridian Retail Intelligence GmbH");
  await expect(balance).toContainText("57,750.625 left of 100,000");
  await expect(balance).toContainText("40,999.375 used · 1,250 held by running jobs");
  await expect(balance).toContainText(/Bonus credits\s*1,250\s*Until/);
  await expect(page.getByText("so at this pace all 1,000 will expire unused.")).toBeVisible();
  await expect(purchases.getByRole("row").filter({ hasText: "Processing" })).toHaveCount(1);
  await purchases.getByRole("row").filter({ hasText: "Processing" }).getByRole("link").first().click();
  await expect(page.getByRole("status")).toContainText("Your payment is processing.");

  await switchTo(page, "Meridian Retail Intelligence GmbH, as a viewer");
  await expect(page.getByText("Ask an owner or admin to buy.")).toBeVisible();
  await openBar(page);
  await page.getByRole("link", { name: /^Mailbox/ }).click();
  await expect(page.getByRole("link", { name: /^1,000 credits expire on / })).toHaveCount(2);
});

test("buy, use, and go to the reset: each step ticks itself", async ({ page, demo }) => {
  await page.goto(demo.url);
  await switchTo(page, "Acme Data");
  const balance = page.getByRole("region", { name: "Balance" });
  await expect(balance).toContainText("180 left of 5,000");
  for (const number of [1, 2, 3] as const) await expect(step(page, number)).not.toContainText("Done");
  await bar(page).getByRole("link", { name: "Buy" }).click();
  await expect(page.getByRole("region", { name: "Buy a top-up" })).toBeInViewport();
  await buy(page);
  await expect(step(page, 1)).toContainText("Done");

  await bar(page).getByRole("button", { name: "Use 380" }).click();
  await expect(bar(page).getByRole("status")).toContainText("Credits used: plan credits first, then top-ups.");
  await expect(balance).toContainText("0 left of 5,000");
  await expect(balance).toContainText("1,000");
  await expect(step(page, 2)).toContainText("Done");
  await expect(step(page, 3)).not.toContainText("Done");

  await openBar(page);
  await page.getByLabel("Credits to use").fill("1,000.001");
  await page.getByRole("button", { name: "Use credits" }).click();
  await expect(bar(page).getByRole("alert")).toContainText("Refused: not enough credits.");

  await bar(page).getByRole("button", { name: "Next reset" }).click();
  await expect(balance).toContainText("5,000 left of 5,000");
  await expect(page.getByText("1,000 top-up credits carried over.")).toBeVisible();
  for (const number of [1, 2, 3] as const) await expect(step(page, number)).toContainText("Done");

  await openBar(page);
  await page.getByLabel("Move the clock to").selectOption("day");
  await page.getByRole("button", { name: "Move the clock" }).click();
  await expect(bar(page).getByRole("status")).toContainText("The clock has moved.");
});

test("a sign-in by one click leads where one was going", async ({ page, demo }) => {
  await page.context().clearCookies();
  await page.goto(`${demo.url}/usage?range=7d`);
  await page.getByRole("button", { name: /^Larch Research/ }).click();
  await expect(page).toHaveURL(/\/usage\?range=7d$/);
  await page.goto(`${demo.url}/operator/sales`);
  await page.getByRole("button", { name: "Sign in as the operator" }).click();
  await expect(page).toHaveURL(/\/operator\/sales$/);
});

test("emails, events and plans are a click away", async ({ page, demo }) => {
  await page.goto(demo.url);
  await switchTo(page, "Fjord Notes");
  // The notice has one too, on days when the credits would run out before the reset.
  await page.getByRole("link", { name: "Upgrade", exact: true }).first().click();
  await page.getByRole("button", { name: "Choose Starter" }).click();
  await expect(page.getByRole("status")).toContainText("Plan changed.");
  await buy(page);
  await openBar(page);
  await page.getByRole("link", { name: /^Mailbox/ }).click();
  await page.getByRole("link", { name: "1,200 credits added: receipt" }).first().click();
  await expect(page.frameLocator("iframe").getByRole("heading", { name: "1,200 credits added" })).toBeVisible();
  await expect(page.getByRole("region", { name: "Plain text" })).toContainText("Price: $9.00");
  await openBar(page);
  await page.getByRole("link", { name: "Stripe's events" }).click();
  await expect(page.getByRole("row").filter({ hasText: "checkout.session.completed" }).first()).toContainText("Done");
});
