import type { Locator, Page } from "@playwright/test";
import { expect, test } from "../support/test";
import { cards, expectPayPage, smallest } from "../support/checkout";
import { newestLink } from "../support/mailbox";

/** Goes on by Tab until what is wanted has the focus; nothing is ever clicked. */
async function tabTo(page: Page, wanted: Locator): Promise<void> {
  for (let n = 0; n < 60; n++) {
    if (await wanted.evaluate((element) => element === document.activeElement)) return;
    await page.keyboard.press("Tab");
  }
  throw new Error(`no way by Tab to ${wanted}`);
}

/** That the focus can be seen where it is. */
async function expectRing(wanted: Locator): Promise<void> {
  expect(await wanted.evaluate((element) => getComputedStyle(element).outlineStyle)).toBe("solid");
}

test("with the keyboard alone: sign in, choose, read that it is not refunded, pay, see the credits", async ({ page, shop }) => {
  const customer = await shop.customer({ used: 4820 });
  await page.goto("/sign-in");
  await tabTo(page, page.getByLabel("E-mail"));
  await page.keyboard.type(customer.email);
  await page.keyboard.press("Enter");
  await expect(page.getByRole("status")).toContainText("a link is on its way");
  await page.goto(await newestLink(shop, customer.email));
  await tabTo(page, page.getByRole("main").getByRole("button"));
  await page.keyboard.press("Enter");
  await expect(page.getByRole("heading", { level: 1, name: "Billing" })).toBeVisible();

  // The first stop leads past the header.
  await page.keyboard.press("Tab");
  await expect(page.getByRole("link", { name: "Skip to content" })).toBeFocused();
  await page.keyboard.press("Enter");
  const offer = page.getByRole("button", { name: smallest.button });
  await expect(page.getByRole("region", { name: "Buy a top-up" })).toContainText("Valid 12 months · Non-refundable");
  await tabTo(page, offer);
  await expectRing(offer);
  await page.keyboard.press("Enter");

  await expectPayPage(page);
  await expect(page.getByText(/1,200 credits for Gleaner, valid until \d+ \w+ \d{4}\. Non-refundable\./)).toBeVisible();
  await tabTo(page, page.getByLabel("Card number"));
  await page.keyboard.type(cards.good);
  await page.keyboard.press("Tab");
  await page.keyboard.type("12/34");
  await page.keyboard.press("Tab");
  await page.keyboard.type("123");
  await tabTo(page, page.getByRole("button", { name: smallest.pay }));
  await page.keyboard.press("Enter");

  await expect(page.getByRole("status")).toContainText("1,200 credits added. Available now: 1,380.");
  const back = page.getByRole("link", { name: "Back to Billing" });
  await tabTo(page, back);
  await page.keyboard.press("Enter");
  await expect(page.getByRole("region", { name: "Balance" })).toContainText("1,380");
  await expect(page.getByRole("region", { name: "Your top-ups" }).getByRole("row").filter({ hasText: "1,200" })).toHaveCount(1);
  expect(await customer.balance()).toMatchObject({ available: 1380, top_up: { remaining: 1200 } });
});
