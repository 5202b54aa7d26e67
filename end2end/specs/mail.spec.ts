import { test as base, expect } from "../support/test";
import { MailServer } from "../support/mail-server";
import { Shop } from "../support/shop";
import { buy } from "../support/checkout";

/** A shop whose mails leave by SMTP, to a real server. */
const test = base.extend<{ post: MailServer; mailShop: Shop }>({
  post: async ({}, use) => {
    const post = await MailServer.start();
    await use(post);
    await post.stop();
  },
  mailShop: async ({ post }, use) => {
    const shop = await Shop.start({ SMTP_URL: post.url, MAIL_FROM: "Gleaner <billing@gleaner.example>" });
    await use(shop);
    await shop.stop();
  },
});

test("a link by mail signs in, and the receipt of what is bought comes by mail", async ({ page, post, mailShop: shop }) => {
  const customer = await shop.customer({ used: 4820 });
  await page.goto(`${shop.url}/sign-in`);
  await page.getByLabel("E-mail").fill(customer.email);
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
  for (const words of [receipt.text, receipt.html || ""]) {
    expect(words).toContain("$9");
    expect(words).toMatch(/non-refundable/i);
    expect(words).toContain("1,200");
  }
});
