import type { Page } from "@playwright/test";
import { expect, test } from "../support/test";
import { colorRules, violations } from "../support/axe";
import { openBar, switchTo } from "../support/demo";
import { Shop } from "../support/shop";
import { buy, cards, startCheckout } from "../support/checkout";
import { openWithOutcome } from "../support/flash";
import { signInAsOperator } from "../support/operator-sign-in";
import { askForLink, signInByEmail } from "../support/emails";
import { withPricedShop } from "../support/priced-shop";

/** The page as it stands, its colors in both themes, and no sideways scrolling. */
async function expectSound(page: Page, state = "", but: string[] = []): Promise<void> {
  for (const colorScheme of ["light", "dark"] as const) {
    await page.emulateMedia({ colorScheme });
    const rules = colorScheme === "dark" ? { only: colorRules } : { but };
    expect.soft(await violations(page, rules), `axe, ${colorScheme} ${state}`).toEqual([]);
  }
  const wider = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
  expect.soft(wider, `pixels wider than the window ${state}`).toBeLessThanOrEqual(0);
}

test("the page of a portal link", async ({ page, shop }) => {
  const customer = await shop.customer();
  await (await shop.customer()).signIn(page);
  await page.goto(await customer.portalLink());
  await expect(page.getByRole("button", { name: /^Continue to / })).toBeVisible();
  await expectSound(page);
});

test("the sign-in page", async ({ page }) => {
  await page.goto("/sign-in");
  await expectSound(page);
});

test("Billing on Free", async ({ page, shop }) => {
  const customer = await shop.customer({ plan: "free", used: 262 });
  await customer.signIn(page);
  await expectSound(page);
});

test("Billing before the first purchase", async ({ page, shop }) => {
  const customer = await shop.customer({ used: 4820 });
  await customer.signIn(page);
  await expectSound(page);
  // No notice on this page: the packages are in sight, on a phone too.
  const first = await page.getByRole("button", { name: /^Buy for/ }).first().boundingBox();
  expect(first?.y).toBeLessThan(700);
});

test("a purchase, and Billing after it", async ({ page, shop }) => {
  const customer = await shop.customer({ used: 4820 });
  await customer.signIn(page);
  await startCheckout(page);
  await expectSound(page);
  await page.goBack();
  await buy(page);
  await expectSound(page);
  await page.getByRole("link", { name: "Back to Billing" }).click();
  await expect(page.getByRole("region", { name: "Your top-ups" }).getByRole("row").filter({ hasText: "1,200" })).toHaveCount(1);
  await expectSound(page);
});

test("signing in by email", async ({ page, shop }) => {
  const customer = await shop.customer();
  const link = await askForLink(page, shop, customer.email);
  await expectSound(page, "sent");
  await page.goto(link);
  await page.getByRole("main").getByRole("button").click();
  await page.goto(link);
  await expectSound(page, "expired");
  await page.goto("/sign-in/nonsense");
  await expectSound(page, "expired, not by email");
  await openWithOutcome(page, "/sign-in", "bad_address", { email: "ada@" });
  await expectSound(page, "no address");
});

test("Settings with everything open, and the menu of accounts", async ({ page, shop }) => {
  const customer = await shop.customer();
  await shop.customer({ email: customer.email, name: "Meridian Retail Intelligence GmbH & Co. Kommanditgesellschaft" });
  await signInByEmail(page, shop, customer.email);
  await page.goto("/settings");
  const form = page.getByRole("form", { name: "Invite a member" });
  await form.getByLabel("Email").fill("accounts.payable.for.all.of.europe@finance.meridian-retail.example");
  await form.getByRole("button", { name: "Invite" }).click();
  await page.getByLabel("Key name").fill("nightly report");
  await page.getByRole("button", { name: "Create key" }).click();
  for (const summary of await page.locator("summary").all()) await summary.click();
  await expectSound(page);
});

test("Usage and History", async ({ page, shop }) => {
  // Nine pages are looked through.
  test.slow();
  const customer = await shop.customer({ used: 4820 });
  await customer.signIn(page);
  await page.goto("/usage?range=7d");
  await expectSound(page, "nothing but the plan");
  await page.goto("/billing");
  await buy(page);
  await customer.charge(380);
  for (const path of ["/usage", "/usage?range=cycle", "/usage?range=custom&from=soon", "/usage?range=weekly&hide=credits", "/history", "/history?source=nobody&from=2026-02-30"]) {
    await page.goto(path);
    await expectSound(page, path);
  }
});

test("plans that are sold at Stripe", async ({ page }) => {
  await withPricedShop(async (priced) => {
    const customer = await priced.customer({ plan: "free" });
    await customer.signIn(page);
    await page.goto(`${priced.url}/plans`);
    await expectSound(page);
    await page.getByRole("button", { name: "Upgrade to Starter, $19 a month" }).click();
    await page.getByLabel("Card number").fill(cards.good);
    await page.getByLabel("Expiry").fill("12/34");
    await page.getByLabel("CVC").fill("123");
    await page.getByRole("button", { name: "Pay $19.00" }).click();
    await expect(page.getByRole("button", { name: "Change or cancel" })).toBeVisible();
    await expectSound(page);
    await page.getByRole("button", { name: "Change or cancel" }).click();
    await expect(page.getByRole("heading", { name: "Your plan" })).toBeVisible();
    await expectSound(page);
  });
});

test("a page that does not exist", async ({ page, shop }) => {
  const customer = await shop.customer();
  await customer.signIn(page);
  expect((await page.goto("/no-such-page"))?.status()).toBe(404);
  await expectSound(page);
});

test("the operator's pages", async ({ page, shop }) => {
  test.setTimeout(120_000);
  const customer = await shop.customer({ used: 4820 });
  await customer.signIn(page);
  await buy(page);
  await openWithOutcome(page, "/operator/sign-in", "wrong");
  await expectSound(page);
  await signInAsOperator(page);
  const [purchase] = await customer.purchases();
  for (const path of ["", `?q=${customer.id}`, `/customers/${customer.id}`, `/purchases/${purchase?.id}`, `/purchases/${purchase?.id}/refund?amount=9.00`, "/alarms", "/sales", "/keys", "/account"]) {
    expect((await page.goto(`/operator${path}`))?.status()).toBe(200);
    // Collapsed parts are checked too.
    await page.evaluate(() => document.querySelectorAll("main details").forEach((folded) => folded.setAttribute("open", "")));
    await expectSound(page, path);
  }
});

// In parts, so that the workers share them.
const parts = 4;
for (let part = 0; part < parts; part++) {
  test(`every state of every page, part ${part + 1} of ${parts}`, async ({ page }) => {
    test.setTimeout(300_000);
    await page.goto("/_gallery");
    const states = await page.getByRole("main").getByRole("link").allTextContents();
    expect(states.length).toBeGreaterThan(30);
    for (const state of states.filter((_, index) => index % parts === part)) {
      await page.goto(`/_gallery/${state}`);
      await expectSound(page, state);
    }
  });
}

test("the demo's bar and its own pages", async ({ page }) => {
  // Six pages in two themes, and a shop of its own.
  test.setTimeout(300_000);
  const demo = await Shop.start({ DEMO_SEED: "full", TEST_CLOCK: undefined });
  try {
    await page.goto(demo.url);
    await switchTo(page, "Meridian Retail Intelligence GmbH");
    await openBar(page);
    await expectSound(page, "Billing in the demo");
    for (const path of ["/demo/plans", "/demo/mails", "/demo/events"]) {
      await page.goto(demo.url + path);
      await expectSound(page, path);
    }
    await page.goto(`${demo.url}/demo/mails`);
    await page.getByRole("link", { name: /^1,000 credits expire on / }).first().click();
    const frame = page.locator("iframe");
    const letter = await frame.getAttribute("src");
    // axe would wait for the email, whose policy disables scripts: it is checked on its own, without its policy.
    await frame.evaluate((element) => element.remove());
    await expectSound(page, "around an email");
    const html = await (await page.request.get(demo.url + letter)).text();
    await page.goto("about:blank");
    await page.setContent(html);
    // An email stands in its program's page, which has the landmarks.
    await expectSound(page, "an email", ["landmark-one-main", "region"]);
  } finally {
    await demo.stop();
  }
});
