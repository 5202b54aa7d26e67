import type { Page } from "@playwright/test";
import { violations } from "../support/axe";
import { buy } from "../support/checkout";
import { EmailServer } from "../support/email-server";
import { emailsTo, signInByEmail } from "../support/emails";
import { Shop } from "../support/shop";
import { expect, test as base } from "../support/test";

/** A shop that sends its emails by SMTP to a real server. */
const test = base.extend<{ post: EmailServer; smtpShop: Shop }>({
  post: async ({}, use) => {
    const post = await EmailServer.start();
    await use(post);
    await post.stop();
  },
  smtpShop: async ({ post }, use) => {
    const shop = await Shop.start({ SMTP_URL: post.url, MAIL_FROM: "Gleaner <billing@gleaner.example>" });
    await use(shop);
    await shop.stop();
  },
});
const mark = (page: Page) => page.getByRole("form", { name: "Low balance" });
const mails = (page: Page) => page.getByRole("region", { name: "Emails" });

test("an alert is emailed at the balance that was set, and none after emails are stopped", async ({ page, shop }) => {
  const customer = await shop.customer();
  await signInByEmail(page, shop, customer.email);
  await page.goto("/settings");
  for (const wrong of ["a lot", "-5", "0", "2000000000"]) {
    await mark(page).getByLabel(/fewer than/).fill(wrong);
    await mark(page).getByRole("button", { name: /^Save/ }).click();
    await expect(page.getByRole("alert")).toContainText("Enter a number of credits, above 0");
    await expect(mark(page).getByLabel(/fewer than/), "the typed value stays, and has the focus").toHaveValue(wrong);
    await expect(mark(page).getByLabel(/fewer than/)).toBeFocused();
  }
  await mark(page).getByLabel(/fewer than/).fill("4000");
  await mark(page).getByRole("button", { name: /^Save/ }).click();
  await expect(page.getByRole("status")).toContainText("Saved.");
  await expect(mark(page).getByLabel(/fewer than/)).toHaveValue("4000");

  await customer.charge(999);
  await customer.charge(1);
  const low = () => emailsTo(shop, customer.email, /^Subject: About 4,000 credits left/m);
  await expect.poll(low, { message: "an email at the balance that was set" }).toHaveLength(1);

  await mails(page).getByRole("button", { name: /^Turn off/ }).click();
  await expect(page.getByRole("status")).toContainText("Low-balance emails are off.");
  await expect(mails(page)).toContainText("You don't get low-balance emails.");
  await customer.charge(4000);
  // Alerts are written in order: a later one has been sent, so this one is past.
  const next = await shop.customer({ used: 5000 });
  const sent = () => emailsTo(shop, next.email, /^Subject: You're out of credits/m);
  await expect.poll(sent, { message: "the next customer's email", timeout: 30_000 }).toHaveLength(1);
  await page.goto("/billing");
  await expect(page.getByText("You're out of credits. New requests will fail.")).toBeVisible();

  await page.goto("/settings");
  await mails(page).getByRole("button", { name: /^Turn on/ }).click();
  await expect(page.getByRole("status")).toContainText("Low-balance emails are on.");
  const out = await emailsTo(shop, customer.email, /^Subject: You're out of credits/m);
  expect(out, "no email while they were stopped").toHaveLength(0);
});

test("the link in an alert stops the alerts", async ({ page, shop }) => {
  const customer = await shop.customer({ used: 4500 });
  const low = () => emailsTo(shop, customer.email, /^Subject: About .* left/m);
  await expect.poll(low, { message: "an email about a low balance" }).toHaveLength(1);
  const [email] = await low();
  expect(email).toMatch(/^List-Unsubscribe-Post: List-Unsubscribe=One-Click/im);
  const link = /^List-Unsubscribe: <(\S+)>/im.exec(email as string)?.[1];
  expect(link, email).toBeTruthy();
  await page.goto(link as string);
  await page.getByRole("button", { name: "Turn off" }).click();
  await expect(page.getByRole("button", { name: "Turn on" })).toBeVisible();
  await signInByEmail(page, shop, customer.email);
  await page.goto("/settings");
  await expect(mails(page)).toContainText("You don't get low-balance emails.");
});

test("an emailed link signs in, and a purchase is followed by a receipt", async ({ page, post, smtpShop: shop }) => {
  const customer = await shop.customer({ used: 4820 });
  await page.goto(`${shop.url}/sign-in`);
  await page.getByLabel("Email").fill(customer.email);
  await page.getByRole("button", { name: "Send link" }).click();
  await expect(page.getByRole("status")).toContainText("a link is on its way. It works for 15 minutes.");

  const invitation = await post.to(customer.email, /sign in/i);
  const link = /http:\/\/\S+\/sign-in\/[^\s"]+/.exec(invitation.text ?? "")?.[0];
  expect(link, invitation.text).toBeTruthy();
  await page.goto(link as string);
  await page.getByRole("main").getByRole("button").click();
  await expect(page.getByRole("heading", { level: 1, name: "Billing" })).toBeVisible();

  await buy(page);
  const receipt = await post.to(customer.email, /^1,200 credits added: receipt$/);
  expect(receipt.from?.value[0]).toMatchObject({ address: "billing@gleaner.example", name: "Gleaner" });
  const html = receipt.html || "";
  for (const words of [receipt.text, html]) {
    expect(words).toContain("$9");
    expect(words).toMatch(/non-refundable/i);
    expect(words).toContain("1,200");
    expect(words).toMatch(/\/purchases\/pur_\w+\/invoice/);
    expect(words).toMatch(/Receipts go to every owner and admin of Acme Data\. They can('|&#39;)t be turned off\./);
  }
  expect(html).toMatch(/<a class="go" href="[^"]+\/invoice"[^>]*>View invoice<\/a>/);
  expect(html).toContain("prefers-color-scheme:dark");
  expect(html, "no look in the catalogue, nothing to load").not.toContain("<img");
});

test("an email is readable at 320 px in both themes, with one button", async ({ page, shop, javaScriptEnabled }) => {
  const customer = await shop.customer({ used: 4820 });
  await customer.signIn(page);
  await buy(page);
  await page.goto("/demo/mails");
  await page.getByRole("link", { name: "1,200 credits added: receipt" }).first().click();
  const letter = page.frameLocator("iframe.letter");
  await expect(letter.getByRole("link", { name: "View invoice" })).toBeVisible();
  await page.setViewportSize({ width: 320, height: 640 });
  // Its own document has no script, which axe needs.
  const html = await (await page.request.get(`${page.url()}/html`)).text();
  await page.goto("about:blank");
  await page.setContent(html);
  for (const colorScheme of ["light", "dark"] as const) {
    await page.emulateMedia({ colorScheme });
    if (javaScriptEnabled === false) continue;
    expect.soft(await violations(page, { only: ["color-contrast"] }), colorScheme).toEqual([]);
  }
  await expect(page.locator("a.go")).toHaveCount(1);
  expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(320);
});
