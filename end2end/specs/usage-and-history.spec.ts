import { test, expect } from "../support/test";
import { buy } from "../support/checkout";

test("usage shows on Usage, and line by line in History", async ({ page, shop }) => {
  const customer = await shop.customer({ used: 4820 });
  await customer.signIn(page);
  await buy(page);
  await customer.charge(380);

  await page.getByRole("navigation", { name: "Account" }).getByRole("link", { name: "Usage" }).click();
  await expect(page.getByRole("heading", { level: 1, name: "Usage" })).toBeVisible();
  await expect(page.getByRole("img", { name: /^Credits, day by day/ })).toBeVisible();
  const all = page.getByRole("row", { name: /^In all/ });
  await expect(all).toContainText("5,200");
  await expect(all).toContainText("200");
  await page.getByRole("navigation", { name: "Range" }).getByRole("link", { name: "7 weeks" }).click();
  await expect(page.getByRole("heading", { level: 2, name: "Week by week" })).toBeVisible();
  await expect(all).toContainText("5,200");

  await page.getByRole("link", { name: "Scrape" }).click();
  await expect(page.getByRole("heading", { level: 1, name: "History" })).toBeVisible();
  const lines = page.getByRole("table", { name: "What happened to your credits, newest first" });
  await expect(lines.getByRole("row").nth(1)).toContainText("180 from plan, 200 from the top-up of");
  await expect(lines.getByRole("row")).toHaveCount(3);

  const filter = page.getByRole("form", { name: "Filter" });
  await filter.getByLabel("Show").selectOption("Credits added");
  await filter.getByLabel("Operation").selectOption("Any");
  await filter.getByRole("button", { name: "Show" }).click();
  await expect(lines).toContainText("1,200 credits topped up");
  await expect(lines).not.toContainText("Scrape");
  await lines.getByRole("link", { name: "1,200 credits topped up" }).click();
  await expect(page.getByRole("heading", { level: 1 })).toContainText("1,200 credits");
});

test("an empty filter and an invalid day show the next step", async ({ page, shop }) => {
  const customer = await shop.customer();
  await customer.signIn(page);
  await page.goto("/history?source=nobody");
  await expect(page.getByText("Nothing matches. Take something out of the filter.")).toBeVisible();
  await page.goto("/history?from=2026-02-30");
  await expect(page.getByRole("alert")).toContainText("The first day could not be read");
  await page.getByRole("link", { name: "Clear" }).click();
  await expect(page.getByRole("table")).toContainText("Plan credits");
  await page.goto("/usage?range=7d");
  await expect(page.getByText("Nothing was used in this time.")).toBeVisible();
});
