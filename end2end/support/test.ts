import { test as base, expect, type Page, type TestInfo } from "@playwright/test";
import { Shop } from "./shop";

export { expect };

interface EachTest {
  /** A shop for one test, which may move its clock. */
  ownShop: Shop;
}

interface EachWorker {
  shop: Shop;
}

export const test = base.extend<EachTest, EachWorker>({
  shop: [
    async ({}, use) => {
      const shop = await Shop.start();
      await use(shop);
      await shop.stop();
    },
    { scope: "worker", timeout: 60_000 },
  ],

  ownShop: async ({}, use, info) => {
    const shop = await Shop.start();
    await use(shop);
    await attachLog(shop, info);
    await shop.stop();
  },

  baseURL: async ({ shop }, use) => use(shop.url),

  page: async ({ page, shop }, use, info) => {
    const faults = watch(page, shop);
    await use(page);
    await attachLog(shop, info);
    expect(faults, "errors in the browser").toEqual([]);
  },
});

/**
 * Collects failures of any page: a missing CSP, a breach of it, a script error, a missing file.
 */
function watch(page: Page, shop: Shop): string[] {
  const faults: string[] = [];
  page.on("console", (message) => {
    if (/content security policy/i.test(message.text())) faults.push(message.text());
  });
  page.on("pageerror", (error) => faults.push(`script error: ${error.message}`));
  page.on("response", (response) => {
    if (response.status() >= 400 && response.request().resourceType() !== "document") {
      faults.push(`${response.status()} ${response.url()}`);
    }
    const { "content-type": type, "content-security-policy": policy } = response.headers();
    if (response.url().startsWith(shop.url) && type?.startsWith("text/html") && !/form-action/.test(policy ?? "")) {
      faults.push(`no CSP: ${response.url()}`);
    }
    // An email's document has the inline styles that email programs need, and no script.
    const isEmail = /\/demo\/mails\/\d+\/html$/.test(response.url()) && policy?.startsWith("default-src 'none'");
    if (!isEmail && policy?.includes("unsafe-")) faults.push(`unsafe CSP: ${response.url()}`);
  });
  return faults;
}

async function attachLog(shop: Shop, info: TestInfo): Promise<void> {
  if (info.status !== info.expectedStatus) await info.attach("topup.log", { body: shop.log(), contentType: "text/plain" });
}
