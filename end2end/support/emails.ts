import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, type Page } from "@playwright/test";
import type { Shop } from "./shop";

/** The emails of a shop that writes them to files, oldest first, decoded. */
async function emails(shop: Shop): Promise<string[]> {
  const names = (await readdir(shop.emails)).filter((name) => name.endsWith(".eml")).sort();
  const all = await Promise.all(names.map((name) => readFile(join(shop.emails, name), "utf8")));
  return all.map((email) => email.replaceAll("=\r\n", "").replaceAll("=3D", "="));
}

/** The first match of a pattern in the newest email to an address. */
async function newest(shop: Shop, address: string, pattern: RegExp): Promise<string | undefined> {
  const theirs = (await emails(shop)).filter((email) => email.includes(`To: ${address}`));
  return theirs.reverse().map((email) => pattern.exec(email)?.[0]).find((found) => found);
}

/** The emails to an address that match a pattern, oldest first. */
export async function emailsTo(shop: Shop, address: string, pattern: RegExp): Promise<string[]> {
  return (await emails(shop)).filter((email) => email.includes(`To: ${address}`) && pattern.test(email));
}

const LINK = /http:\/\/\S+\/sign-in\/[0-9a-f]{64}(\?to=[\w%.-]+)?/;

/** The newest link to an address; waits for it. */
export async function newestLink(shop: Shop, address: string): Promise<string> {
  await expect.poll(() => newest(shop, address, LINK), { message: `an email to ${address}` }).toBeTruthy();
  return (await newest(shop, address, LINK))!;
}

/** Requests a link on the sign-in page and returns the link of the email. */
export async function askForLink(page: Page, shop: Shop, address: string): Promise<string> {
  const link = () => newest(shop, address, LINK);
  const before = await link();
  await page.goto("/sign-in");
  await page.getByLabel("Email").fill(address);
  await page.getByRole("button", { name: "Send link" }).click();
  await expect(page.getByRole("status")).toContainText(`If ${address} belongs to a Gleaner account, a link is on its way.`);
  await expect.poll(async () => (await link()) !== before, { message: `an email to ${address}` }).toBe(true);
  return (await link())!;
}

/** Signs in by an emailed link; ends on the Billing page. */
export async function signInByEmail(page: Page, shop: Shop, address: string): Promise<void> {
  await page.goto(await askForLink(page, shop, address));
  await page.getByRole("main").getByRole("button").click();
  await expect(page.getByRole("heading", { level: 1, name: "Billing" })).toBeVisible();
}
