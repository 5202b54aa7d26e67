import { test, expect } from "../support/test";
import type { Page } from "@playwright/test";

/** Marks the document: it is gone as soon as the page is loaded anew. */
const mark = (page: Page) => page.evaluate(() => document.documentElement.setAttribute("data-mark", "same"));
const same = (page: Page) => expect(page.locator("html")).toHaveAttribute("data-mark", "same");

test("the balance moves while the page is open, and nothing else does", async ({ page, shop }) => {
  const customer = await shop.customer({ used: 100 });
  await customer.signIn(page);
  await page.goto("/billing");
  await mark(page);
  const balance = page.getByRole("region", { name: "Balance" });
  await expect(balance).toContainText("4,900");
  const first = page.getByRole("button", { name: /^Buy for/ }).first();
  await first.focus();
  const place = await first.boundingBox();

  await customer.charge(4_300);
  await expect(balance).toContainText("600 left of 5,000");
  await expect(first).toBeFocused();
  expect(await first.boundingBox()).toEqual(place);
  await same(page);

  await customer.charge(600);
  await expect(balance).toContainText("0 left of 5,000");
  await same(page);
});

test("what is said of the balance moves with it, and waits while somebody is at a button", async ({ page, shop }) => {
  const customer = await shop.customer({ used: 100 });
  await customer.signIn(page);
  await page.goto("/billing");
  await mark(page);
  const out = page.getByText("You are out of credits.");
  const first = page.getByRole("button", { name: /^Buy for/ }).first();
  await first.focus();
  const place = await first.boundingBox();
  await customer.charge(4_900);
  await expect(page.getByRole("region", { name: "Balance" })).toContainText("0 left of 5,000");
  await expect(out).toHaveCount(0);
  expect(await first.boundingBox()).toEqual(place);
  await first.blur();
  await expect(out).toBeVisible();
  await same(page);
});

test("charts are switched where they are, by keyboard too, and the address follows", async ({ page, shop }) => {
  const customer = await shop.customer();
  await customer.charge(100, { requests: 7 });
  await customer.signIn(page);
  await page.goto("/usage");
  await mark(page);
  const metrics = page.getByRole("navigation", { name: "Metrics" });
  const chart = page.getByRole("img", { name: /^Requests, day by day/ });
  const one = metrics.getByRole("link", { name: "Requests" });
  await expect(chart).toBeVisible();
  await one.focus();
  await page.keyboard.press("Enter");
  await expect(chart).toHaveCount(0);
  await expect(page).toHaveURL(/hide=requests/);
  await expect(one).toBeFocused();
  await page.keyboard.press("Enter");
  await expect(chart).toBeVisible();
  await page.goBack();
  await expect(chart).toHaveCount(0);
  await page.getByRole("navigation", { name: "Range" }).getByRole("link", { name: "7 weeks" }).click();
  await expect(page.getByRole("heading", { level: 2, name: "Week by week" })).toBeVisible();
  await customer.charge(23);
  await expect(page.getByRole("row", { name: /^In all/ })).toContainText("123");
  await same(page);
  await page.reload();
  await expect(page.getByRole("heading", { level: 2, name: "Week by week" })).toBeVisible();
});

test("who is signed out meanwhile is led to sign in by the next press", async ({ page, shop }) => {
  const customer = await shop.customer({ used: 100 });
  await customer.signIn(page);
  await page.goto("/usage");
  await page.context().clearCookies();
  await page.getByRole("navigation", { name: "Range" }).getByRole("link", { name: "7 days" }).click();
  await expect(page).toHaveURL(/\/sign-in/);
});
