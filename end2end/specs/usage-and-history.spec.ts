import type { Page } from "@playwright/test";
import { test, expect } from "../support/test";
import { buy } from "../support/checkout";
import { openFilter } from "../support/filter";

test("usage shows on Usage, and line by line in History", async ({ page, shop }) => {
  const customer = await shop.customer({ used: 4820 });
  await customer.signIn(page);
  await buy(page);
  await customer.charge(380);

  await page.getByRole("navigation", { name: "Account" }).getByRole("link", { name: "Usage" }).click();
  await expect(page.getByRole("heading", { level: 1, name: "Usage" })).toBeVisible();
  await expect(page.getByRole("img", { name: /^Credits, day by day/ })).toBeVisible();
  const all = page.getByRole("row", { name: /^Total/ });
  await expect(all).toContainText("5,200");
  await expect(all).toContainText("200");
  await page.getByRole("navigation", { name: "Range" }).getByRole("link", { name: "7 weeks" }).click();
  await expect(page.getByRole("heading", { level: 2, name: "Week by week" })).toBeVisible();
  await expect(all).toContainText("5,200");

  await page.getByRole("link", { name: "Scrape" }).click();
  await expect(page.getByRole("heading", { level: 1, name: "History" })).toBeVisible();
  const lines = page.getByRole("table", { name: "Changes to your credits, newest first" });
  await expect(lines.getByRole("row").nth(1)).toContainText("180 from plan, 200 from the top-up of");
  await expect(lines.getByRole("row")).toHaveCount(3);

  const filter = await openFilter(page);
  await filter.getByLabel("Show").selectOption("Credits added");
  await filter.getByLabel("Operation").fill("");
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
  await page.getByText("No results.").getByRole("link", { name: "Clear filters" }).click();
  await expect(page.getByRole("table")).toContainText("Plan credits");
  await page.goto("/history?from=2026-02-30");
  const from = page.getByLabel("From");
  await expect(from).toHaveAccessibleDescription("Enter a date, such as 2026-11-30.");
  await expect(from).toBeVisible();
  await page.getByRole("link", { name: "Clear" }).click();
  await expect(page.getByRole("table")).toContainText("Plan credits");
  await page.goto("/usage?range=7d");
  await expect(page.getByText("No usage in the last 7 days. Usage appears here within seconds of a request.")).toBeVisible();
});

test("History knows the cycles, and suggests operations and sources", async ({ page, shop }) => {
  const customer = await shop.customer({ used: 10 });
  await shop.operator.post(`/v1/customers/${customer.id}/usage`, { credits: 2, operation: "scrape_page", source: "crawler-7" });
  await customer.signIn(page);
  await page.goto("/history");
  const period = page.getByRole("navigation", { name: "Period" });
  await expect(period.getByRole("link")).toHaveText(["This cycle"]);
  await period.getByRole("link", { name: "This cycle" }).click();
  await expect(page).toHaveURL(/cycle=this/);
  await expect(page.getByRole("table").getByRole("row")).toHaveCount(4);

  const filter = await openFilter(page);
  const suggested = (list: string) => page.locator(`datalist#${list} option`).evaluateAll((all) => all.map((one) => one.getAttribute("value")));
  expect(await suggested("operation-list")).toEqual(["scrape", "scrape_page"]);
  expect(await suggested("source-list")).toEqual(["crawler-7"]);
  await filter.getByLabel("Operation").fill("Scrape page");
  await filter.getByRole("button", { name: "Show" }).click();
  await expect(page).toHaveURL(/cycle=this/);
  await expect(page.getByRole("table").getByRole("row")).toHaveCount(2);
  await period.getByRole("link", { name: "This cycle" }).click();
  await expect(page).not.toHaveURL(/cycle=/);
  await page.goto("/history?source=crawler-7&show=added");
  await expect(page.getByText("No results.")).toBeVisible();
});

/** The lines of the file that the page offers, without its head. */
async function csvLines(page: Page): Promise<string[]> {
  const href = await page.getByRole("link", { name: "Download as CSV" }).getAttribute("href");
  const answer = await page.request.get(new URL(href ?? "", page.url()).href);
  expect(answer.headers()["content-type"]).toContain("text/csv");
  return (await answer.text()).trim().split("\n").slice(1);
}

test("any days can be shown, and days that can't be are answered at their field", async ({ page, shop }) => {
  const customer = await shop.customer({ used: 40 });
  await customer.signIn(page);
  await page.goto("/usage");
  await page.getByRole("navigation", { name: "Range" }).getByRole("link", { name: "Custom" }).click();
  const form = page.getByRole("form", { name: "Custom range" });
  const [first, last] = [form.getByLabel("First day (UTC)"), form.getByLabel("Last day (UTC)")];
  const today = await last.inputValue();
  const before = (days: number) => new Date(Date.parse(today) - days * 86_400_000).toISOString().slice(0, 10);
  await expect(first).toHaveValue(before(29));
  await first.fill(before(2));
  await form.getByRole("button", { name: "Show" }).click();
  await expect(page).toHaveURL(new RegExp(`from=${before(2)}&to=${today}`));
  await expect(page.getByRole("row", { name: /^Total/ })).toContainText("40");
  await expect(page.getByRole("region", { name: "Day by day" }).locator("tbody tr")).toHaveText([/, so far/, /–/, /–/]);
  expect(await csvLines(page)).toHaveLength(3);

  await first.fill(today);
  await last.fill(before(1));
  await form.getByRole("button", { name: "Show" }).click();
  await expect(last).toHaveAccessibleDescription("The last day can't be before the first.");
  await expect(last).toHaveValue(before(1));
  await expect(first).toHaveAccessibleDescription("");
  await page.goto("/usage?range=custom&from=2026-02-30&to=2026-03-01");
  await expect(first).toHaveAccessibleDescription("Enter a date, such as 2026-11-30.");
  await page.goto(`/usage?range=custom&from=${before(400)}&to=${today}`);
  await expect(first).toHaveAccessibleDescription("Choose at most 366 days.");
});

test("a cycle shows its own usage, and where the pace leads", async ({ page, ownShop: shop }) => {
  const customer = await shop.customer({ used: 900 });
  const reset = (await customer.balance()).plan.resets_at;
  const days = (n: number) => new Date(Date.parse(reset) + n * 86_400_000).toISOString();
  await shop.operator.moveClockTo(days(-10));
  await customer.charge(300);
  await customer.signIn(page);
  await page.goto(`${shop.url}/usage?range=cycle`);
  await expect(page.getByRole("link", { name: /^This cycle \(\d+ \w+ – \d+ \w+\)$/ })).toHaveAttribute("aria-current", "true");
  await expect(page.getByRole("link", { name: "Last cycle" })).toHaveCount(0);
  const chart = page.getByRole("figure").first();
  await expect(chart).toContainText(/About \d+ a day\. At this pace, about 1,\d00 by the reset on \d+ \w+\./);
  // From today's column up to the reset's.
  const columns = await chart.locator("svg g").count();
  expect(await chart.locator("svg path").getAttribute("d")).toMatch(/^M\d+ \d+H\d+$/);
  expect(await csvLines(page)).toHaveLength(columns);

  await shop.operator.moveClockTo(reset);
  await customer.charge(7);
  await customer.signIn(page);
  await page.goto(`${shop.url}/usage?range=cycle`);
  await expect(page.getByRole("row", { name: /^Total/ })).toContainText("7");
  await expect(chart).toContainText("less than the first day of last cycle");
  await page.getByRole("link", { name: "Last cycle" }).click();
  await expect(page.getByRole("row", { name: /^Total/ })).toContainText("1,200");
  await page.getByRole("link", { name: "Scrape" }).click();
  await expect(page).toHaveURL(/operation=scrape&cycle=last/);
  await expect(page.getByRole("table").getByRole("row")).toHaveCount(3);
});

const states = ["usage", "usage-cycle", "usage-custom", "usage-wrong-days", "usage-empty", "history", "history-new-lines", "history-bad", "history-nothing"];

for (const width of [320, 360, 768, 1440]) {
  test(`at ${width} px nothing on Usage and History is wider than the window`, async ({ page }) => {
    await page.setViewportSize({ width, height: 800 });
    for (const state of states) {
      await page.goto(`/_gallery/${state}`);
      const wider = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
      expect.soft(wider, state).toBeLessThanOrEqual(0);
      const filter = page.getByRole("form", { name: "Filter" });
      if (state === "history") await expect(filter).toBeVisible({ visible: width > 640 });
      if (state === "history-bad") await expect(filter).toBeVisible();
      // The slider over the bars is the script's.
      if (state === "usage") await expect(page.locator("svg g.on")).toHaveCount(6);
    }
  });
}
