import { createServer, request, type IncomingMessage, type ServerResponse } from "node:http";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { Shop } from "./shop";
import { sandboxKeys } from "./stripe";

/** The demo accepts another address for its sandbox only with both. */
const keys = { STRIPE_SECRET_KEY: sandboxKeys.secret, STRIPE_WEBHOOK_SECRETS: sandboxKeys.webhook };

/** How requests to Stripe fail. */
export type Failure =
  | "none"
  /** The connection breaks before Stripe has the request. */
  | "down"
  /** Stripe handles the request; the response never arrives. */
  | "silent"
  /** Every Checkout says that half of the price was paid. */
  | "wrong";

/** A proxy between a shop and its Stripe sandbox that can fail. Webhooks and buyers do not pass through it. */
export class StripeProxy {
  failure: Failure = "none";
  private sandbox?: URL;
  private readonly server = createServer((asked, answer) => this.pass(asked, answer));

  static async start(): Promise<{ proxy: StripeProxy; shop: Shop }> {
    const proxy = new StripeProxy();
    proxy.server.listen(0, "127.0.0.1");
    await once(proxy.server, "listening");
    const { port } = proxy.server.address() as AddressInfo;
    const shop = await Shop.start({ ...keys, STRIPE_API_BASE: `http://127.0.0.1:${port}/` });
    proxy.sandbox = await shop.sandbox();
    return { proxy, shop };
  }

  async stop(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise<void>((done) => this.server.close(() => done()));
  }

  private pass(asked: IncomingMessage, answer: ServerResponse): void {
    if (this.failure === "down" || !this.sandbox) {
      asked.socket.destroy();
      return;
    }
    const { method, url, headers } = asked;
    const target = new URL(url ?? "/", this.sandbox);
    const onward = request(target, { method, headers: { ...headers, host: target.host } }, (got) => {
      const chunks: Buffer[] = [];
      got.on("data", (chunk: Buffer) => chunks.push(chunk));
      got.on("end", () => {
        if (this.failure === "silent") return;
        let body = Buffer.concat(chunks).toString();
        if (this.failure === "wrong") body = body.replace(/"amount_subtotal":\s*900\b/, '"amount_subtotal":450');
        const { "content-length": _, "transfer-encoding": __, ...rest } = got.headers;
        answer.writeHead(got.statusCode ?? 502, rest);
        answer.end(body);
      });
    });
    onward.on("error", () => asked.socket.destroy());
    asked.pipe(onward);
  }
}
