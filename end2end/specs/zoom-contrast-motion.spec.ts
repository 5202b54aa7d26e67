import type { Page } from "@playwright/test";
import { expect, test } from "../support/test";

/**
 * The pages for who reads them larger, in colours of their own, or without movement. Hand-made states, so that each
 * has on it all that it can have.
 */
const states = ["pro", "free", "purchase", "usage", "usage-cycle", "usage-weekly", "history", "history-filtered", "settings", "settings-new-key"];

async function wider(page: Page): Promise<number> {
  return page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
}

/** Elements that do not fit and cannot be scrolled to. */
async function cut(page: Page): Promise<string[]> {
  return page.getByRole("main").evaluate((main) => {
    const hides = (element: Element) => ["hidden", "clip"].includes(getComputedStyle(element).overflowX);
    const overflows = (element: Element) => element.clientWidth > 2 && element.scrollWidth > element.clientWidth + 1;
    const elements = [...main.querySelectorAll("*:not(input, select)")];
    return elements.filter((element) => hides(element) && overflows(element)).map((element) => element.outerHTML.slice(0, 80));
  });
}

for (const [name, width] of Object.entries({ "200 %": 640, "400 %": 320 })) {
  test(`at ${name} of a window of 1,280 pixels nothing scrolls sideways`, async ({ page }) => {
    await page.setViewportSize({ width, height: 512 });
    for (const state of states) {
      await page.goto(`/_gallery/${state}`);
      expect.soft(await wider(page), state).toBeLessThanOrEqual(0);
      expect.soft(await cut(page), `cut off in ${state}`).toEqual([]);
    }
  });
}

test("in forced colors bars, keys and the selection can be told apart", async ({ page }) => {
  await page.emulateMedia({ forcedColors: "active" });
  await page.goto("/_gallery/usage");
  const fills = (selector: string) => page.locator(selector).first().evaluate((element) => getComputedStyle(element).fill);
  const parts = [await fills("rect.used"), await fills("rect.held"), await fills("rect.teal")];
  const ground = await page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  expect(new Set([...parts, ground]).size).toBe(4);
  const mark = (selector: string) => page.locator(selector).first().evaluate((element) => getComputedStyle(element, "::before").color);
  expect([await mark(".key.used"), await mark(".key.held"), await mark(".key.teal")]).toEqual(parts);
  const range = page.getByRole("navigation", { name: "Range" });
  const line = (name: string) => range.getByRole("link", { name }).evaluate((element) => getComputedStyle(element).textDecorationLine);
  expect([await line("30 days"), await line("7 days")]).toEqual(["underline", "none"]);
});

test("with reduced motion nothing moves", async ({ page }) => {
  await page.emulateMedia({ reducedMotion: "reduce" });
  for (const state of states) {
    await page.goto(`/_gallery/${state}`);
    const moving = await page.evaluate(() => {
      const moves = (element: Element) => {
        const style = getComputedStyle(element);
        return style.transitionDuration !== "0s" || style.animationName !== "none" || style.scrollBehavior !== "auto";
      };
      return [...document.querySelectorAll("*")].filter(moves).map((element) => element.outerHTML.slice(0, 80));
    });
    expect.soft(moving, state).toEqual([]);
  }
});
