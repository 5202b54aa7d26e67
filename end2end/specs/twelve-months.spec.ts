import type { Page } from "@playwright/test";
import { test as base, expect } from "../support/test";
import { Shop } from "../support/shop";
import { buy } from "../support/checkout";
import { openBar, switchTo } from "../support/demo";

/** A demo of the test's own: its clock goes a year on. */
const test = base.extend<{ demo: Shop }>({
  demo: async ({}, use) => {
    const shop = await Shop.start({ DEMO_SEED: "full", TEST_CLOCK: undefined });
    await use(shop);
    await shop.stop();
  },
});

const DAY = /\d{1,2} [A-Z][a-z]{2} 20\d\d/;

/** Where the bar's clock can go next, soonest first, but for the next day: a reset, a reminder, an expiry. */
async function leaps(page: Page): Promise<{ kind: string; on: number }[]> {
  await openBar(page);
  const select = page.getByLabel("Move the clock to");
  const found = [];
  for (const option of await select.locator("option").all()) {
    const kind = (await option.getAttribute("value")) ?? "";
    const day = DAY.exec((await option.textContent()) ?? "")?.[0];
    if (kind !== "day" && day) found.push({ kind, on: Date.parse(`${day} UTC`) });
  }
  return found.sort((one, other) => one.on - other.on);
}

test("a year of a top-up: twelve resets, two reminders, one removal, the same dates everywhere", async ({ page, demo }) => {
  test.setTimeout(120_000);
  await page.goto(demo.url);
  await switchTo(page, "Acme Data");
  await buy(page);
  const purchase = page.url().replace(/\?.*/, "");
  const expires = DAY.exec(await page.getByRole("status").innerText())?.[0] ?? "no day";
  await page.getByRole("link", { name: "Back to Billing" }).click();
  const balance = page.getByRole("region", { name: "Balance" });
  const topUps = page.getByRole("region", { name: "Top-ups" });
  await expect(topUps.getByRole("row").filter({ hasText: expires })).toContainText("1,200");

  const passed: Record<string, number> = {};
  for (let gone = false; !gone; ) {
    const [next] = await leaps(page);
    if (!next) throw new Error("The bar's clock cannot go on");
    await page.getByLabel("Move the clock to").selectOption(next.kind);
    await page.getByRole("button", { name: "Move the clock" }).click();
    await expect(page.getByText("The clock has moved.")).toBeVisible();
    // The session of weeks ago may have ended.
    await switchTo(page, "Acme Data");
    passed[next.kind] = (passed[next.kind] ?? 0) + 1;
    gone = next.kind === "expiry";
    await expect(balance).toContainText(passed.reset ? "5,000 left of 5,000" : "180 left of 5,000");
    if (!gone) await expect(topUps.getByRole("row").filter({ hasText: expires })).toContainText("1,200");
  }
  expect(passed).toEqual({ reset: 12, reminder: 2, expiry: 1 });
  await expect(topUps.getByRole("row").filter({ hasText: expires })).toHaveCount(0);

  await page.goto(purchase);
  await expect(page.getByRole("main")).toContainText(expires);
  await page.goto(`${demo.url}/history`);
  await expect(page.getByRole("row").filter({ hasText: "Expired: top-up" }).first()).toContainText("1,200");
  await page.getByRole("link", { name: /^Mailbox/ }).click();
  await expect(page.getByRole("link", { name: `1,200 credits expire on ${expires}` })).toHaveCount(2);
  await expect(page.getByRole("link", { name: "1,200 credits have expired" })).toHaveCount(1);
  for (const email of [`1,200 credits expire on ${expires}`, "1,200 credits added: receipt"]) {
    await page.getByRole("link", { name: email }).first().click();
    await expect(page.getByRole("region", { name: "Plain text" })).toContainText(expires);
    await page.goBack();
  }
});
