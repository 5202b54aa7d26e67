import type { Page } from "@playwright/test";

/** Opens a page that shows the outcome of a form, as after the form's redirect. */
export async function openWithOutcome(page: Page, path: string, code: string, values: Record<string, string> = {}): Promise<void> {
  const flash = Buffer.from(JSON.stringify({ page: path, code, values })).toString("base64url");
  await page.goto(path);
  await page.context().addCookies([{ name: "flash", value: flash, url: page.url() }]);
  await page.goto(path);
}
