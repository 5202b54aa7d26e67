import type { Browser, Page } from "@playwright/test";
import { randomUUID } from "node:crypto";
import { formOf, send } from "../support/checkout";
import { askForLink, newestLink, signInByEmail } from "../support/emails";
import type { Shop } from "../support/shop";
import { expect, test } from "../support/test";

const someone = () => `${randomUUID()}@acme.example`;

/** A page of another person, or of another device, under the same rules as the test's own. */
async function elsewhere(browser: Browser, shop: Shop): Promise<Page> {
  const { viewport, javaScriptEnabled } = test.info().project.use;
  return (await browser.newContext({ baseURL: shop.url, viewport, javaScriptEnabled })).newPage();
}

const members = (page: Page) => page.getByRole("region", { name: "Members" });
const row = (page: Page, email: string) => members(page).getByRole("listitem").filter({ hasText: email });
const devices = (page: Page) => page.getByRole("region", { name: "Signed-in devices" });

async function invite(page: Page, email: string, role: string): Promise<void> {
  const form = page.getByRole("form", { name: "Invite a member" });
  await form.getByLabel("Email").fill(email);
  await form.getByLabel("Role").selectOption(role);
  await form.getByRole("button", { name: "Invite" }).click();
  await expect(page.getByRole("status")).toContainText("Invitation sent.");
}

test("an emailed link signs in once, and an old one is replaced by a new one", async ({ page, context, shop }) => {
  const customer = await shop.customer();
  const link = await askForLink(page, shop, customer.email);
  expect(page.url(), "no address in the URL").not.toContain("customer.example");
  await page.goto(link);
  await page.goto(link);
  await page.getByRole("button", { name: `Continue as ${customer.email} to ` }).click();
  await expect(page.getByRole("heading", { level: 1, name: "Billing" })).toBeVisible();

  await context.clearCookies();
  await page.goto(link);
  await expect(page.getByRole("heading", { name: "This link has expired." })).toBeVisible();
  await page.getByRole("button", { name: "Send a new one" }).click();
  await expect(page.getByRole("status")).toContainText("If that address belongs to a Gleaner account");
});

test("an unknown address gets the same answer as a member", async ({ page }) => {
  await page.goto("/sign-in");
  await page.getByLabel("Email").fill("eve@evil.example");
  await page.getByRole("button", { name: "Send link" }).click();
  await expect(page.getByRole("status")).toHaveText(
    "If eve@evil.example belongs to a Gleaner account, a link is on its way. It works for 15 minutes.",
  );
});

test("a member is invited, becomes an admin and is removed", async ({ page, browser, shop }) => {
  const customer = await shop.customer();
  const vi = someone();
  await signInByEmail(page, shop, customer.email);
  await page.getByRole("navigation").getByRole("link", { name: "Settings" }).click();
  await invite(page, vi, "Viewer");
  await expect(row(page, vi)).toContainText("Viewer · Invited");
  await row(page, vi).getByRole("button", { name: /^Resend/ }).click();
  await expect(page.getByRole("status")).toContainText("Invitation sent again.");

  const theirs = await elsewhere(browser, shop);
  await signInByEmail(theirs, shop, vi);
  await expect(theirs.getByText("Ask an owner or admin to buy.")).toBeVisible();
  await expect(theirs.getByRole("button", { name: /^Buy for/ })).toHaveCount(0);
  await theirs.goto("/settings");
  await expect(row(theirs, customer.email)).toContainText("Owner since");
  await expect(theirs.getByRole("form")).toHaveCount(0);
  await expect(members(theirs).getByText("Change")).toHaveCount(0);

  await row(page, vi).getByText("Change").click();
  await row(page, vi).getByLabel("Role").selectOption("Admin");
  await row(page, vi).getByRole("button", { name: `Save the role of ${vi}` }).click();
  await expect(page.getByRole("status")).toContainText("Role changed.");
  await theirs.goto("/billing");
  await expect(theirs.getByRole("button", { name: /^Buy for/ })).toHaveCount(4);

  await row(page, vi).getByText("Change").click();
  await row(page, vi).getByRole("button", { name: `Remove ${vi}` }).click();
  await expect(page.getByRole("status")).toContainText("Member removed.");
  await expect(row(page, vi)).toHaveCount(0);
  await theirs.goto("/billing");
  await expect(theirs).toHaveURL(/\/sign-in/);
  await theirs.context().close();
});

test("the last owner cannot be removed", async ({ page, shop }) => {
  const customer = await shop.customer();
  const second = someone();
  await signInByEmail(page, shop, customer.email);
  await page.goto("/settings");
  await row(page, customer.email).getByText("Change").click();
  await expect(row(page, customer.email)).toContainText("There must be at least one owner. Make someone else an owner first.");
  await expect(row(page, customer.email).getByRole("button")).toHaveCount(0);

  await invite(page, second, "Owner");
  await row(page, customer.email).getByText("Change").click();
  const leave = await formOf(row(page, customer.email).getByRole("button", { name: "Leave" }));
  await row(page, second).getByText("Change").click();
  await row(page, second).getByRole("button", { name: `Remove ${second}` }).click();
  await expect(page.getByRole("status")).toContainText("Member removed.");

  // The form of a page that was drawn while there were two.
  const answer = await send(page, leave);
  expect(answer.status()).toBe(303);
  // To the same page with a fragment it would not load anew.
  await page.goto("about:blank");
  await page.goto(answer.headers().location);
  await expect(page.getByRole("alert")).toContainText("There must be at least one owner. Make someone else an owner first");
  await expect(row(page, customer.email)).toContainText("Owner since");
});

test("a person with two accounts switches between them by keyboard", async ({ page, shop }) => {
  const email = someone();
  const acme = await shop.customer({ email, name: "Acme Data" });
  await shop.customer({ email, name: "Fjord Notes", plan: "free" });
  await signInByEmail(page, shop, email);
  const banner = page.getByRole("banner");
  await expect(banner.getByText("Acme Data").first()).toBeVisible();
  await expect(page.getByRole("button", { name: /^Buy for/ })).toHaveCount(4);

  await banner.locator("summary").focus();
  await page.keyboard.press("Enter");
  await page.keyboard.press("Tab");
  await page.keyboard.press("Tab");
  await expect(banner.getByRole("button", { name: "Fjord Notes Owner" })).toBeFocused();
  await page.keyboard.press("Enter");
  await expect(page.getByText("Top-ups need a paid plan.")).toBeVisible();
  expect(await acme.purchases()).toEqual([]);
});

test("devices are signed out, one and all others", async ({ page, browser, shop }) => {
  const customer = await shop.customer();
  await signInByEmail(page, shop, customer.email);
  const [phone, laptop] = [await elsewhere(browser, shop), await elsewhere(browser, shop)];
  await signInByEmail(phone, shop, customer.email);
  await page.goto("/settings");
  await expect(devices(page).getByRole("listitem")).toHaveCount(2);
  await expect(devices(page).getByRole("listitem").filter({ hasText: "This device" })).toHaveCount(1);
  await devices(page).getByRole("button", { name: /^Sign out Chrom/ }).click();
  await expect(page.getByRole("status")).toContainText("Device signed out.");
  await phone.goto("/billing");
  await expect(phone).toHaveURL(/\/sign-in/);

  await signInByEmail(laptop, shop, customer.email);
  await page.goto("/settings");
  await page.getByRole("button", { name: "Sign out my other devices" }).click();
  await expect(page.getByRole("status")).toContainText("Your other devices are signed out.");
  await laptop.goto("/billing");
  await expect(laptop).toHaveURL(/\/sign-in/);
  await expect(devices(page).getByRole("listitem")).toHaveCount(1);
  await phone.context().close();
  await laptop.context().close();
});

test("an API key is shown once and revoked", async ({ page, shop }) => {
  const customer = await shop.customer();
  await customer.signIn(page, "admin");
  await page.goto("/settings");
  const keys = page.getByRole("region", { name: "API keys" });
  await expect(keys).toContainText("No keys yet.");
  await keys.getByLabel("Key name").fill("nightly report");
  await keys.getByRole("button", { name: "Create key" }).click();
  const shown = page.getByRole("status");
  await expect(shown).toContainText("Copy your key now. You won't be able to see “nightly report” again.");
  const key = await shown.getByText(/^\s*tk_[0-9a-f]{64}\s*$/).textContent();
  const copy = shown.getByRole("button", { name: /^Copy/ });
  if (test.info().project.use.javaScriptEnabled === false) {
    await expect(copy).toHaveCount(0);
  } else {
    await page.context().grantPermissions(["clipboard-read", "clipboard-write"]);
    await copy.click();
    await expect(shown.getByRole("button", { name: /^Copied/ })).toBeVisible();
    expect(await page.evaluate(() => navigator.clipboard.readText())).toBe(key!.trim());
  }
  await page.reload();
  await expect(page.getByText(key!.trim())).toHaveCount(0);
  await expect(page.getByRole("status"), "an outcome is said once").toHaveCount(0);

  await expect(keys.getByRole("listitem")).toContainText("Never used");
  await keys.getByText("Revoke").first().click();
  await keys.getByRole("button", { name: "Revoke key nightly report" }).click();
  await expect(page.getByRole("status")).toContainText("Key revoked.");
  await expect(keys).toContainText("No keys yet.");
});

test("an outcome and a new key stand in the card of their form, in view", async ({ page, shop }) => {
  const customer = await shop.customer();
  await signInByEmail(page, shop, customer.email);
  await page.goto("/settings");
  const keys = page.getByRole("region", { name: "API keys" });
  await keys.getByLabel("Key name").fill("nightly report");
  await keys.getByRole("button", { name: "Create key" }).click();
  await expect(keys.getByRole("status")).toContainText("Copy your key now.");
  await expect(keys.getByRole("status")).toBeInViewport();
  const emails = page.getByRole("region", { name: "Emails" });
  await emails.getByLabel(/fewer than/).fill("750");
  await emails.getByRole("button", { name: "Save" }).click();
  await expect(emails.getByRole("status")).toContainText("Saved.");
  await expect(emails.getByRole("status")).toBeInViewport();
  await expect(page.getByRole("status")).toHaveCount(1);
});

test("dates follow the time zone", async ({ page, shop }) => {
  const customer = await shop.customer();
  await customer.signIn(page, "admin");
  await page.goto("/settings");
  const zone = page.getByRole("region", { name: "Time zone" });
  await zone.getByLabel("Time zone").selectOption("Asia/Kathmandu");
  await zone.getByRole("button", { name: "Save" }).click();
  await expect(page.getByRole("status")).toContainText("Time zone changed.");
  // The outcome stands in the card of its form, in view.
  await expect(page).toHaveURL(/\/settings#zone$/);
  await expect(zone.getByRole("status")).toBeInViewport();
  await expect(zone).toContainText("UTC+5:45");
  await expect(zone.getByRole("option", { name: "Asia/Kathmandu (UTC+5:45)" })).toHaveJSProperty("selected", true);
});

test("a refused field keeps its value, and the error is said once", async ({ page, shop }) => {
  const customer = await shop.customer();
  await signInByEmail(page, shop, customer.email);
  await page.goto("/settings");
  const form = page.getByRole("form", { name: "Invite a member" });
  await form.getByLabel("Email").fill(customer.email);
  await form.getByRole("button", { name: "Invite" }).click();
  await expect(page.getByRole("alert")).toHaveText("This person is already a member. Change their role in the list.");
  await expect(form.getByLabel("Email")).toHaveValue(customer.email);
  await expect(form.getByLabel("Email")).toBeFocused();
  await expect(form.getByLabel("Email")).toHaveAttribute("aria-describedby", "invite-email-error");
  await expect(page).toHaveURL(/\/settings$/);
  await page.reload();
  await expect(page.getByRole("alert")).toHaveCount(0);
  await page.goto("/billing");
  await page.goBack();
  await expect(page.getByRole("alert")).toHaveCount(0);
});

test("sign-in leads to where the person was going", async ({ page, shop }) => {
  const customer = await shop.customer();
  await page.goto("/history?operation=scrape");
  await expect(page.getByRole("heading", { level: 1, name: "Sign in" })).toBeVisible();
  await page.getByLabel("Email").fill(customer.email);
  await page.getByRole("button", { name: "Send link" }).click();
  await expect(page.getByRole("status")).toContainText("a link is on its way");
  await page.goto(await newestLink(shop, customer.email));
  await page.getByRole("main").getByRole("button").click();
  await expect(page).toHaveURL(/\/history\?operation=scrape$/);
});

test("a portal link opens at once", async ({ page, shop }) => {
  const customer = await shop.customer();
  const link = await customer.portalLink("owner", "/usage");
  await page.goto(link);
  await expect(page).toHaveURL(/\/usage$/);
  await page.goto(link);
  await expect(page, "the same browser goes on").toHaveURL(/\/usage$/);
});

test("the theme is remembered", async ({ page, shop }) => {
  const customer = await shop.customer();
  await customer.signIn(page);
  await page.getByRole("group", { name: "Theme" }).getByRole("button", { name: "Dark" }).click();
  await expect(page.getByRole("button", { name: "Dark" })).toHaveAttribute("aria-pressed", "true");
  await page.goto("/settings");
  await expect(page.locator("html")).toHaveAttribute("data-theme", "dark");
  await page.getByRole("group", { name: "Theme" }).getByRole("button", { name: "Auto" }).click();
  await expect(page).toHaveURL(/\/settings#theme$/);
  await expect(page.locator("html")).not.toHaveAttribute("data-theme");
});
