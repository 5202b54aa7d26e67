import AxeBuilder from "@axe-core/playwright";
import type { Page } from "@playwright/test";

/** The rules that read colors: all that a theme can break. */
export const colorRules = ["color-contrast", "link-in-text-block"];

/** What axe finds on the page as it stands: by all rules but some, or by these rules alone. */
export async function violations(page: Page, { only, but = [] }: { only?: string[]; but?: string[] }) {
  // No page has a frame of another origin, which the legacy mode leaves out; the other mode opens a page for each answer.
  const axe = new AxeBuilder({ page }).setLegacyMode().options({ resultTypes: ["violations"] }).disableRules(but);
  const { violations } = await (only ? axe.withRules(only) : axe).analyze();
  return violations.flatMap(({ id, nodes }) => nodes.map(({ target, failureSummary }) => ({ id, target, failureSummary })));
}
