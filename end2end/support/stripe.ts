import { createServer, type Server } from "node:http";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import Stripe from "stripe";
import type { Shop } from "./shop";

/** The stand-in's own key, which the demo is started with. */
export const sandboxKeys = { secret: "sk_test_sandbox_0000000000000000", webhook: "whsec_sandbox_0000000000000000" };

/** Stripe's own library, which takes the shop's stand-in for Stripe. */
export async function stripeOf(shop: Shop, key = sandboxKeys.secret): Promise<Stripe> {
  const { protocol, hostname, port } = await shop.sandbox();
  return new Stripe(key, { protocol: protocol === "https:" ? "https" : "http", host: hostname, port, maxNetworkRetries: 0 });
}

/** A server that keeps each webhook as it came: the very bytes, and their signature. */
export class Inbox {
  readonly came: { body: string; signature: string }[] = [];
  private readonly server: Server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      this.came.push({ body: Buffer.concat(chunks).toString(), signature: String(request.headers["stripe-signature"]) });
      response.writeHead(200).end();
    });
  });

  static async start(): Promise<Inbox> {
    const inbox = new Inbox();
    inbox.server.listen(0, "127.0.0.1");
    await once(inbox.server, "listening");
    return inbox;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}/webhooks`;
  }

  async stop(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise<void>((done) => this.server.close(() => done()));
  }
}
