import { createServer, request, type IncomingMessage, type ServerResponse } from "node:http";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { Shop } from "./shop";
import { sandboxKeys } from "./stripe";

/** The demo takes a detour to its sandbox only with both. */
const keys = { STRIPE_SECRET_KEY: sandboxKeys.secret, STRIPE_WEBHOOK_SECRETS: sandboxKeys.webhook };

/** How the calls to Stripe fare on their way. */
export type Weather =
  | "fair"
  /** The connection breaks before anything has happened. */
  | "down"
  /** What was asked for happens; the answer never comes. */
  | "silent"
  /** Every Checkout says that half as much was paid. */
  | "wrong";

/** A shop whose calls to Stripe go through a server of the test's, which can break them. Webhooks and buyers do not. */
export class Detour {
  weather: Weather = "fair";
  private sandbox?: URL;
  private readonly server = createServer((asked, answer) => this.pass(asked, answer));

  static async start(): Promise<{ detour: Detour; shop: Shop }> {
    const detour = new Detour();
    detour.server.listen(0, "127.0.0.1");
    await once(detour.server, "listening");
    const { port } = detour.server.address() as AddressInfo;
    const shop = await Shop.start({ ...keys, STRIPE_API_BASE: `http://127.0.0.1:${port}/` });
    detour.sandbox = await shop.sandbox();
    return { detour, shop };
  }

  async stop(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise<void>((done) => this.server.close(() => done()));
  }

  private pass(asked: IncomingMessage, answer: ServerResponse): void {
    if (this.weather === "down" || !this.sandbox) {
      asked.socket.destroy();
      return;
    }
    const { method, url, headers } = asked;
    const target = new URL(url ?? "/", this.sandbox);
    const onward = request(target, { method, headers: { ...headers, host: target.host } }, (got) => {
      const chunks: Buffer[] = [];
      got.on("data", (chunk: Buffer) => chunks.push(chunk));
      got.on("end", () => {
        if (this.weather === "silent") return;
        let body = Buffer.concat(chunks).toString();
        if (this.weather === "wrong") body = body.replace(/"amount_subtotal":\s*900\b/, '"amount_subtotal":450');
        const { "content-length": _, "transfer-encoding": __, ...rest } = got.headers;
        answer.writeHead(got.statusCode ?? 502, rest);
        answer.end(body);
      });
    });
    onward.on("error", () => asked.socket.destroy());
    asked.pipe(onward);
  }
}
