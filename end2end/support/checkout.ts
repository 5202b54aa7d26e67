import { expect, type APIResponse, type Locator, type Page } from "@playwright/test";

export const cards = { good: "4242 4242 4242 4242", declined: "4000 0000 0000 0002", disputed: "4000 0000 0000 0259" };

export const smallest = { button: "Buy for $9, 1,200 credits", pay: "Pay $9.00" };

/** From the Billing page to the pay page. */
export async function startCheckout(page: Page): Promise<void> {
  await page.getByRole("button", { name: smallest.button }).click();
  await expectPayPage(page);
}

export async function expectPayPage(page: Page): Promise<void> {
  await expect(page.getByRole("button", { name: smallest.pay })).toBeVisible();
}

/** Fills in the pay page and presses its button. */
export async function pay(page: Page, card: string): Promise<void> {
  await page.getByLabel("Card number").fill(card);
  await page.getByLabel("Expiry").fill("12/34");
  await page.getByLabel("CVC").fill("123");
  await page.getByRole("button", { name: smallest.pay }).click();
}

/** Buys the smallest package; ends on the purchase's page, which says that the credits are there. */
export async function buy(page: Page): Promise<void> {
  await startCheckout(page);
  await pay(page, cards.good);
  await expect(page.getByRole("status")).toContainText("1,200 credits added.");
}

/** A native form as the browser would send it by one of its buttons. */
export interface Form {
  action: string;
  fields: Record<string, string>;
}

export async function formOf(button: Locator): Promise<Form> {
  return button.evaluate((element) => {
    const submitter = element as HTMLButtonElement;
    const form = submitter.form;
    if (!form) throw new Error("The button is in no form");
    const fields: Record<string, string> = {};
    // No forEach: where script is off, the browser calls nobody back.
    for (const [name, value] of new FormData(form, submitter)) fields[name] = String(value);
    const action = submitter.getAttribute("formaction") ?? form.getAttribute("action") ?? "";
    return { action: new URL(action, document.baseURI).href, fields };
  });
}

/** Sends a form with the page's cookies and the headers of a same-origin submit, and does not follow the answer. */
export function send(page: Page, form: Form): Promise<APIResponse> {
  return page.request.post(form.action, {
    form: form.fields,
    headers: { origin: new URL(form.action).origin, "sec-fetch-site": "same-origin" },
    maxRedirects: 0,
  });
}
