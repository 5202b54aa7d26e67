import type { Page } from "@playwright/test";
import { expect, test } from "../support/test";

/**
 * Each page beside its committed picture, in both themes, wide and on a phone. After a change that is meant:
 * `make pictures`, look at each that changed, commit them.
 *
 * The states are hand-made and their clock stands still, the fonts are the tests' own: nothing in a picture may depend
 * on the day, the machine or the order of the tests. Other specs check the states and their words.
 */
const looks = {
  "wide-light": { colorScheme: "light", width: 1440 },
  "wide-dark": { colorScheme: "dark", width: 1440 },
  "phone-light": { colorScheme: "light", width: 360 },
  "phone-dark": { colorScheme: "dark", width: 360 },
} as const;

/** Name and path of the fullest pages: pictures are heavy. */
const pages = {
  "billing-pro": "/_gallery/pro",
  "billing-free": "/_gallery/free",
  purchase: "/_gallery/purchase-success",
  usage: "/_gallery/usage-weekly",
  "usage-days": "/_gallery/usage-switched-off",
  history: "/_gallery/history",
  "history-filtered": "/_gallery/history-filtered",
  settings: "/_gallery/settings",
  "sign-in": "/sign-in",
  plans: "/demo/plans",
  "operator-sign-in": "/operator/sign-in",
};

for (const [name, look] of Object.entries(looks)) {
  test(`every page looks as it did, ${name}`, async ({ page, shop }) => {
    test.setTimeout(120_000);
    const customer = await shop.customer();
    await dress(page, look.colorScheme, look.width);
    for (const [picture, path] of Object.entries(pages)) {
      if (picture === "plans") await customer.signIn(page);
      await page.goto(path);
      // Where the clock does not stand still a date is a block of colour.
      // Today's dates are covered, and as wide on every day.
      const dates = picture === "plans" ? page.locator("time") : undefined;
      await dates?.evaluateAll((all) => all.forEach((date) => (date.textContent = "30 Dec 2026")));
      const mask = dates ? [dates] : [];
      await expect.soft(page).toHaveScreenshot(`${picture}-${name}.png`, { fullPage: true, mask });
    }
  });
}

async function dress(page: Page, colorScheme: "light" | "dark", width: number): Promise<void> {
  await page.setViewportSize({ width, height: 800 });
  await page.emulateMedia({ colorScheme });
}

test("Billing on paper looks as it did", async ({ page }) => {
  // A sheet of A4 at 96 dots an inch, without its margins; a reader in the dark prints on white all the same.
  await dress(page, "dark", 718);
  await page.emulateMedia({ media: "print" });
  for (const state of ["pro", "purchase"]) {
    await page.goto(`/_gallery/${state}`);
    await expect.soft(page).toHaveScreenshot(`paper-${state}.png`, { fullPage: true });
  }
});
