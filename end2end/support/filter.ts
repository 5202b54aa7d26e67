import type { Locator, Page } from "@playwright/test";

/** The filter of History; on a phone it is folded, and opened here. */
export async function openFilter(page: Page): Promise<Locator> {
  const filter = page.getByRole("form", { name: "Filter" });
  if (!(await filter.isVisible())) await page.locator("summary", { hasText: "Filter" }).click();
  return filter;
}
