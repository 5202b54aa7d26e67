import { expect, type Page } from "@playwright/test";

/** Signs in as the demo's operator; ends on the search. */
export async function signInAsOperator(page: Page): Promise<void> {
  await page.goto("/operator/sign-in");
  await page.getByRole("button", { name: "Sign in as the operator" }).click();
  await expect(page.getByRole("heading", { level: 1, name: "Home" })).toBeVisible();
}
