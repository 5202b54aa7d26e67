import type { Page } from "@playwright/test";
import { mailsTo, signInByMail } from "../support/mailbox";
import { expect, test } from "../support/test";

const mark = (page: Page) => page.getByRole("form", { name: "Running low" });
const mails = (page: Page) => page.getByRole("region", { name: "Mails" });

test("who sets when credits run low is told just then, and no more once the mails are stopped", async ({ page, shop }) => {
  const customer = await shop.customer();
  await signInByMail(page, shop, customer.email);
  await page.goto("/settings");
  for (const wrong of ["a lot", "-5", "0", "2000000000"]) {
    await mark(page).getByLabel(/^Running low at/).fill(wrong);
    await mark(page).getByRole("button", { name: /^Set/ }).click();
    await expect(page.getByRole("alert")).toContainText("“Running low at” must be a number of credits.");
  }
  await mark(page).getByLabel(/^Running low at/).fill("4000");
  await mark(page).getByRole("button", { name: /^Set/ }).click();
  await expect(page.getByRole("status")).toContainText("Running low changed.");
  await expect(mark(page).getByLabel(/^Running low at/)).toHaveValue("4000");

  await customer.charge(999);
  await customer.charge(1);
  const low = () => mailsTo(shop, customer.email, /^Subject: Running low: 4,000 credits left/m);
  await expect.poll(low, { message: "a mail once the mark is reached" }).toHaveLength(1);

  await mails(page).getByRole("button", { name: "Stop these mails" }).click();
  await expect(page.getByRole("status")).toContainText("Mails about a low balance are off.");
  await expect(mails(page)).toContainText("Mails about a low balance do not come to you.");
  await customer.charge(4000);
  await page.goto("/billing");
  await expect(page.getByText("You are out of credits. New requests are refused.")).toBeVisible();

  await page.goto("/settings");
  await mails(page).getByRole("button", { name: "Send them again" }).click();
  await expect(page.getByRole("status")).toContainText("Mails about a low balance are on.");
  const out = await mailsTo(shop, customer.email, /^Subject: Out of credits/m);
  expect(out, "nothing came while they were stopped").toHaveLength(0);
});

test("the mailed link stops just those mails", async ({ page, shop }) => {
  const customer = await shop.customer({ used: 4500 });
  const low = () => mailsTo(shop, customer.email, /^Subject: Running low/m);
  await expect.poll(low, { message: "a mail about a low balance" }).toHaveLength(1);
  const [mail] = await low();
  expect(mail).toMatch(/^List-Unsubscribe-Post: List-Unsubscribe=One-Click/im);
  const link = /^List-Unsubscribe: <(\S+)>/im.exec(mail as string)?.[1];
  expect(link, mail).toBeTruthy();
  await page.goto(link as string);
  await page.getByRole("button", { name: "Stop these mails" }).click();
  await expect(page.getByRole("button", { name: "Send them again" })).toBeVisible();
  await signInByMail(page, shop, customer.email);
  await page.goto("/settings");
  await expect(mails(page)).toContainText("Mails about a low balance do not come to you.");
});
