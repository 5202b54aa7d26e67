import type { Locator, Page } from "@playwright/test";
import { test as base, expect } from "./test";
import { Shop } from "./shop";

export { expect };

/** The demo as `make demo` starts it: four customers with their story, and a clock that runs and can be moved. */
export const test = base.extend<object, { demo: Shop }>({
  demo: [
    async ({}, use) => {
      const shop = await Shop.start({ DEMO_SEED: "full", TEST_CLOCK: undefined });
      await use(shop);
      await shop.stop();
    },
    { scope: "worker", timeout: 60_000 },
  ],
});

export function bar(page: Page): Locator {
  return page.getByRole("complementary", { name: "Demo" });
}

/** Playwright scrolls to what it clicks: without this a bar below the fold would pass. */
export async function expectBarInView(page: Page): Promise<void> {
  await expect(bar(page)).toBeInViewport({ ratio: 1 });
}

/** Opens the tools behind "More", and on a narrow window the choice of customers and the demo's pages. */
export async function openBar(page: Page): Promise<void> {
  await expectBarInView(page);
  const details = bar(page).locator("details");
  if ((await details.getAttribute("open")) === null) await details.locator("summary").click();
}

/** A step of the bar, of which the first is "Buy". */
export function step(page: Page, number: 1 | 2 | 3 | 4): Locator {
  return bar(page).getByRole("list", { name: "Four steps" }).getByRole("listitem").nth(number - 1);
}

/** Signs in as one of the demo's customers by the bar. */
export async function switchTo(page: Page, name: string): Promise<void> {
  const customer = page.getByLabel("Customer");
  await expectBarInView(page);
  if (!(await customer.isVisible())) await openBar(page);
  await customer.selectOption({ label: name });
  await page.getByRole("button", { name: "Switch" }).click();
  await expect(page.getByRole("heading", { level: 1, name: "Billing" })).toBeVisible();
  await expectBarInView(page);
}
