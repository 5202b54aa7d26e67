// Drives the client that openapi-generator made by its generator typescript-fetch, against a real server.
import { deepStrictEqual as same, ok } from "node:assert/strict";
import { ChargesApi, Configuration, CustomersApi, HoldsApi, LedgerApi, ResponseError } from "./made/fetch/index.js";

const headers = { "x-api-key": process.env.KEY ?? "" };
const config = new Configuration({ basePath: process.env.TOPUP, headers });
const [customers, charges, holds, ledger] = [new CustomersApi(config), new ChargesApi(config), new HoldsApi(config), new LedgerApi(config)];
const id = "fetch-client";

const made = await customers.putCustomer({ id, putCustomer: { email: "ada@fetch.example", plan: "starter" } });
ok(made.createdAt instanceof Date && !Number.isNaN(made.createdAt.getTime()));
const charged = await charges.charge({ id, idempotencyKey: "job-1", charge: { credits: 12.5 } });
same([charged.credits, charged.balance.available], [12.5, 4987.5]);
const hold = await holds.openHold({ id, idempotencyKey: "job-2", openHold: { credits: 500, ttlSeconds: 3600 } });
const settled = await holds.settleHold({ id: hold.id, idempotencyKey: "job-2-settled", settle: { credits: 340 } });
same(settled.released, 160);
const row = (idempotencyKey: string, credits: number) => ({ customer: id, idempotencyKey, credits });
const { results } = await charges.chargeMany({ batch: { charges: [row("b1", 1), row("b2", 99999)] } });
same([results[0]?.usage?.balance.available, results[1]?.error?.needed], [4646.5, 99999]);
const refused: unknown = await charges.charge({ id, idempotencyKey: "job-3", charge: { credits: 99999 } }).catch((e: unknown) => e);
ok(refused instanceof ResponseError && refused.response.status === 402);
const first = await ledger.listEntries({ id, limit: 2 });
const second = await ledger.listEntries({ id, limit: 2, cursor: first.next ?? "" });
same([...first.data, ...second.data].map((entry) => entry.seq), [1, 2, 3, 4]);
ok(first.data.every((entry) => entry.eventAt instanceof Date));
console.log("TypeScript, by openapi-generator: ok");
