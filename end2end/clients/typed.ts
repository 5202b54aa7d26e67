// Drives the client of openapi-typescript and openapi-fetch, against a real server.
import { deepStrictEqual as same, ok } from "node:assert/strict";
import createClient from "openapi-fetch";
import type { components, paths } from "./made/typed.js";

const api = createClient<paths>({ baseUrl: process.env.TOPUP, headers: { "x-api-key": process.env.KEY } });
const id = "typed-client";
const path = { id };
const key = (name: string) => ({ path, header: { "Idempotency-Key": name } });
const isInstant = (text: string | undefined) => text !== undefined && !Number.isNaN(Date.parse(text));

const made = await api.PUT("/v1/customers/{id}", { params: { path }, body: { email: "ada@typed.example", plan: "starter" } });
ok(isInstant(made.data?.created_at), JSON.stringify(made.error));

const charged = await api.POST("/v1/customers/{id}/usage", { params: key("job-1"), body: { credits: 12.5, quantities: { requests: 1 } } });
same(charged.data?.balance.available, 4987.5);
ok(isInstant(charged.data?.created_at));

const hold = await api.POST("/v1/customers/{id}/holds", { params: key("job-2"), body: { credits: 500, ttl_seconds: 3600 } });
ok(hold.data, JSON.stringify(hold.error));
const state: "open" = hold.data.state;
same(state, "open");
const settle = { path: { id: hold.data.id }, header: { "Idempotency-Key": "job-2-settled" } };
const settled = await api.POST("/v1/holds/{id}/settle", { params: settle, body: { credits: 340 } });
same(settled.data?.released, 160);

const batch = await api.POST("/v1/usage", {
  body: { charges: [{ customer: id, idempotency_key: "b1", credits: 1 }, { customer: id, idempotency_key: "b2", credits: 99999 }] },
});
ok(batch.data, JSON.stringify(batch.error));
const [good, short] = batch.data.results;
same([good?.status, good?.usage?.balance.available], [201, 4646.5]);
same([short?.status, short?.error?.code, short?.error?.needed, short?.error?.available], [402, "insufficient_credits", 99999, 4646.5]);

const refused = await api.POST("/v1/customers/{id}/usage", { params: key("job-3"), body: { credits: 99999 } });
const problem: components["schemas"]["Problem"] | undefined = refused.error;
same([refused.response.status, problem?.code, problem?.needed], [402, "insufficient_credits", 99999]);

const seqs: number[] = [];
for (let cursor: string | undefined; ; ) {
  const page = await api.GET("/v1/customers/{id}/entries", { params: { path, query: { limit: 2, cursor } } });
  // Text is the CSV, which was not asked for.
  ok(typeof page.data === "object", JSON.stringify(page.error));
  seqs.push(...page.data.data.map((entry) => entry.seq));
  ok(page.data.data.every((entry) => isInstant(entry.event_at)));
  if (page.data.next === null) break;
  cursor = page.data.next;
}
same(seqs, seqs.map((_, n) => n + 1));
ok(seqs.length > 3);
console.log("TypeScript, by openapi-typescript: ok");
