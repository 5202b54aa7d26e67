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

test("notices follow the balance, and wait while a button has the focus", async ({ page, shop }) => {
  const customer = await shop.customer({ used: 100 });
  await customer.signIn(page);
  await page.goto("/billing");
  await mark(page);
  const out = page.getByText("You're out of credits.");
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

test("charts are switched in place, by keyboard too, and the address follows", async ({ page, shop }) => {
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
  await expect(page.getByRole("row", { name: /^Total/ })).toContainText("123");
  await same(page);
  await page.reload();
  await expect(page.getByRole("heading", { level: 2, name: "Week by week" })).toBeVisible();
});

test("a bar is read by pointer, key and touch, and nothing moves", async ({ page, shop, hasTouch }) => {
  const customer = await shop.customer({ used: 40 });
  await shop.operator.post(`/v1/customers/${customer.id}/usage`, { credits: 2.5, operation: "crawl", quantities: { requests: 3 } });
  await customer.signIn(page);
  await page.goto("/usage?range=7d");
  await mark(page);
  const chart = page.getByRole("figure").first();
  const [words, bars, slider] = [chart.locator(".read"), chart.locator("svg g"), page.getByRole("slider", { name: "Credits, day by day" })];
  await expect(words).toHaveText(/^\d+ \w+, so far: 42\.5 · all from plan$/);
  // In the document: the focus may scroll the page.
  const find = () => bars.first().evaluate((bar) => ({ top: bar.getBoundingClientRect().top + scrollY, left: bar.getBoundingClientRect().left }));
  const place = await find();
  await (hasTouch ? bars.nth(2).tap() : bars.nth(2).hover());
  await expect(words).toHaveText(/^\d+ \w+: none$/);
  await expect(bars.nth(2)).toHaveClass("on");
  await expect(slider).toHaveValue("2");

  await page.mouse.move(0, 0);
  await slider.focus();
  for (const key of ["End", "ArrowLeft", "ArrowRight"]) await page.keyboard.press(key);
  await expect(words).toHaveText(/so far: 42\.5/);
  await expect(slider).toHaveAttribute("aria-valuetext", /so far: 42\.5 · all from plan$/);
  // Each chart has its own, and keeps its bar while the figures move.
  await page.getByRole("slider", { name: "Requests, day by day" }).focus();
  await page.keyboard.press("Home");
  await customer.charge(7);
  await expect(words).toHaveText(/so far: 49\.5/);
  const requests = page.getByRole("slider", { name: "Requests, day by day" });
  await expect(requests).toBeFocused();
  await expect(requests).toHaveValue("0");
  await expect(requests).toHaveAttribute("aria-valuetext", /: none$/);
  expect(await find()).toEqual(place);
  await same(page);
});

test("History counts new lines, and shows them when they are wanted", async ({ page, shop }) => {
  const customer = await shop.customer({ used: 100 });
  await customer.signIn(page);
  await page.goto("/history");
  await mark(page);
  const rows = page.getByRole("table").getByRole("row");
  await expect(rows).toHaveCount(3);
  const place = await page.getByRole("table").boundingBox();
  await customer.charge(1);
  await expect(page.getByText("1 new line · Show")).toBeVisible();
  await customer.charge(1);
  await expect(page.getByText("2 new lines · Show")).toBeVisible();
  await expect(page.getByText("Available now: 4,898")).toBeVisible();
  await expect(rows).toHaveCount(3);
  expect(await page.getByRole("table").boundingBox()).toEqual(place);
  await page.getByRole("navigation", { name: "New lines" }).getByRole("link", { name: "Show" }).click();
  await expect(rows).toHaveCount(5);
  await expect(page.getByText("new line")).toHaveCount(0);
  await same(page);

  // A filter counts its own lines alone.
  await page.goto("/history?show=added");
  await customer.charge(1);
  await expect(page.getByText("Available now: 4,897")).toBeVisible();
  await expect(page.getByText("new line")).toHaveCount(0);
});

test("after a sign-out elsewhere the next press leads to the sign-in page", async ({ page, shop }) => {
  const customer = await shop.customer({ used: 100 });
  await customer.signIn(page);
  await page.goto("/usage");
  await page.context().clearCookies();
  await page.getByRole("navigation", { name: "Range" }).getByRole("link", { name: "7 days" }).click();
  await expect(page).toHaveURL(/\/sign-in/);
});

test("figures that cannot be refreshed are marked as old until the server is back", async ({ browser, shop }) => {
  // Not the watched page: a status of 502 is meant here.
  const page = await browser.newPage();
  const customer = await shop.customer({ used: 100 });
  await customer.signIn(page);
  // A proxy whose server is away: the browser by itself would never ask again.
  let asked = 0;
  const away = (url: URL) => url.pathname === "/live";
  await page.route(away, (route) => { asked++; return route.fulfill({ status: 502, contentType: "text/html", body: "<h1>Bad gateway</h1>" }); });
  await page.goto("/billing");
  await mark(page);
  const old = page.getByText("These figures may be old.");
  await expect(old).toBeHidden();
  await expect(old).toBeVisible();
  expect(asked).toBeGreaterThan(1);
  await expect(page.getByRole("link", { name: "Reload" })).toBeVisible();
  await customer.charge(4_300);
  await page.unroute(away);
  await expect(page.getByRole("region", { name: "Balance" })).toContainText("600 left of 5,000");
  await expect(old).toBeHidden();
  await same(page);
  await page.close();
});

test("a missing server is asked at longer and longer intervals", async ({ browser, shop }) => {
  const page = await browser.newPage();
  const customer = await shop.customer({ used: 100 });
  await customer.signIn(page);
  let asked = 0;
  await page.route((url) => url.pathname === "/live", (route) => { asked++; return route.fulfill({ status: 502 }); });
  await page.addInitScript(() => {
    Math.random = () => 0;
    // How often the script has heard that the stream is gone.
    const Native = EventSource;
    Object.assign(window, { failed: 0, EventSource: class extends Native {
      constructor(url: string) {
        super(url);
        this.addEventListener("error", () => { (window as unknown as { failed: number }).failed++; });
      }
    } });
  });
  await page.clock.install();
  await page.clock.pauseAt(Date.now() + 60_000);
  await page.goto("/usage");
  for (const [n, seconds] of [2, 4, 8, 16, 32, 64, 128, 256, 256].entries()) {
    await expect.poll(() => page.evaluate(() => (window as unknown as { failed: number }).failed)).toBe(n + 1);
    await page.clock.runFor(seconds * 1_000 - 100);
    expect(asked).toBe(n + 1);
    await page.clock.runFor(200);
  }
  await page.close();
});

test("a page that could not be refreshed is marked as old", async ({ browser, shop }) => {
  const page = await browser.newPage();
  const customer = await shop.customer({ used: 100 });
  await customer.signIn(page);
  await page.goto("/billing");
  const old = page.getByText("These figures may be old.");
  await page.route((url) => url.pathname === "/billing", (route) => route.fulfill({ status: 503 }));
  await customer.charge(4_300);
  await expect(old).toBeVisible();
  await page.unrouteAll();
  await expect(page.getByRole("region", { name: "Balance" })).toContainText("600 left of 5,000");
  await expect(old).toBeHidden();
  await page.close();
});
