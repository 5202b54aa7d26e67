import { expect, type Page } from "@playwright/test";
import type { Shop } from "./shop";

export interface NewCustomer {
  plan?: "free" | "starter" | "builder" | "pro";
  name?: string;
  email?: string;
  cycle_anchor?: string;
  /** Credits already used in this cycle. */
  used?: number;
}

/** The part of the balance's answer that the specs read. */
export interface Balance {
  available: number;
  held: number;
  plan: { allowance: number; used: number; remaining: number; resets_at: string };
  top_up: { remaining: number };
}

export interface Purchase {
  id: string;
  package: string;
  state: string;
}

export type Role = "owner" | "admin" | "viewer";

export class Customer {
  constructor(
    private readonly shop: Shop,
    readonly id: string,
    readonly email: string,
  ) {}

  balance(): Promise<Balance> {
    return this.shop.operator.get<Balance>(`/v1/customers/${this.id}/balance`);
  }

  async purchases(): Promise<Purchase[]> {
    return (await this.shop.operator.get<{ data: Purchase[] }>(`/v1/customers/${this.id}/purchases`)).data;
  }

  async charge(credits: number, quantities?: Record<string, number>): Promise<void> {
    await this.shop.operator.post(`/v1/customers/${this.id}/usage`, { credits, operation: "scrape", quantities });
  }

  /** A portal link from the operator API. */
  async portalLink(role?: Role, path?: string): Promise<string> {
    const { url } = await this.shop.operator.post<{ url: string }>(
      `/v1/customers/${this.id}/portal_sessions`,
      { ...(role && { role }), ...(path && { path }) },
    );
    return url;
  }

  /** Opens a portal link; ends on the Billing page. A browser that is signed in as somebody else is asked first. */
  async signIn(page: Page, role?: Role): Promise<void> {
    await page.goto(await this.portalLink(role));
    if (await page.getByRole("heading", { level: 1, name: "Sign in" }).isVisible()) {
      await page.getByRole("main").getByRole("button").click();
    }
    await expect(page.getByRole("heading", { level: 1, name: "Billing" })).toBeVisible();
  }
}
