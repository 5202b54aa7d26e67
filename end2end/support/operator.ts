import { randomUUID } from "node:crypto";

/** The operator API. A response other than 2xx fails the test. */
export class Operator {
  constructor(
    private readonly url: string,
    private readonly key: string,
  ) {}

  get<T>(path: string): Promise<T> {
    return this.send<T>("GET", path);
  }

  put<T>(path: string, body: unknown): Promise<T> {
    return this.send<T>("PUT", path, body);
  }

  post<T>(path: string, body: unknown): Promise<T> {
    return this.send<T>("POST", path, body, { "idempotency-key": randomUUID() });
  }

  /** The time of the test clock. */
  async now(): Promise<string> {
    return (await this.get<{ now: string }>("/test/clock")).now;
  }

  /** Moves the test clock; everything due by then is done when the promise resolves. */
  async moveClockTo(instant: string): Promise<void> {
    await this.send("POST", "/test/clock", { advance_to: instant });
  }

  private async send<T>(method: string, path: string, body?: unknown, headers: Record<string, string> = {}): Promise<T> {
    const response = await fetch(this.url + path, {
      method,
      headers: {
        authorization: `Bearer ${this.key}`,
        ...(body === undefined ? {} : { "content-type": "application/json" }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`);
    return JSON.parse(text) as T;
  }
}
