import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, type Page } from "@playwright/test";
import type { Shop } from "./shop";

/** The mails of a shop that writes them as files, oldest first, in one piece each. */
async function mails(shop: Shop): Promise<string[]> {
  const names = (await readdir(shop.mails)).filter((name) => name.endsWith(".eml")).sort();
  const all = await Promise.all(names.map((name) => readFile(join(shop.mails, name), "utf8")));
  return all.map((mail) => mail.replaceAll("=\r\n", "").replaceAll("=3D", "="));
}

/** What stands in the newest mail to an address that has it. */
async function newest(shop: Shop, address: string, pattern: RegExp): Promise<string | undefined> {
  const theirs = (await mails(shop)).filter((mail) => mail.includes(`To: ${address}`));
  return theirs.reverse().map((mail) => pattern.exec(mail)?.[0]).find((found) => found);
}

/** The mails to an address that a pattern is found in, oldest first. */
export async function mailsTo(shop: Shop, address: string, pattern: RegExp): Promise<string[]> {
  return (await mails(shop)).filter((mail) => mail.includes(`To: ${address}`) && pattern.test(mail));
}

const LINK = /http:\/\/\S+\/sign-in\/[0-9a-f]{64}/;

/** The link that an address was sent, as soon as it is there. */
export async function newestLink(shop: Shop, address: string): Promise<string> {
  await expect.poll(() => newest(shop, address, LINK), { message: `a mail to ${address}` }).toBeTruthy();
  return (await newest(shop, address, LINK))!;
}

/** Asks for a link on the sign-in page; the link of the mail that comes. */
export async function askForLink(page: Page, shop: Shop, address: string): Promise<string> {
  const link = () => newest(shop, address, LINK);
  const before = await link();
  await page.goto("/sign-in");
  await page.getByLabel("E-mail").fill(address);
  await page.getByRole("button", { name: "Send link" }).click();
  await expect(page.getByRole("status")).toContainText(`If ${address} belongs to a Gleaner account, a link is on its way.`);
  await expect.poll(async () => (await link()) !== before, { message: `a mail to ${address}` }).toBe(true);
  return (await link())!;
}

/** Signs in by a mailed link; ends on the Billing page. */
export async function signInByMail(page: Page, shop: Shop, address: string): Promise<void> {
  await page.goto(await askForLink(page, shop, address));
  await page.getByRole("main").getByRole("button").click();
  await expect(page.getByRole("heading", { level: 1, name: "Billing" })).toBeVisible();
}
