"""Drives the Python client that openapi-generator made, against a real server."""

import datetime
import os

import credits_api as api

config = api.Configuration(host=os.environ["TOPUP"], api_key={"operatorHeader": os.environ["KEY"]})
client = api.ApiClient(config)
customers, charges = api.CustomersApi(client), api.ChargesApi(client)
holds, ledger, gifts = api.HoldsApi(client), api.LedgerApi(client), api.CourtesyCreditsApi(client)
ID = "python-client"


def is_instant(value):
    """Whether a client has parsed it, with its zone."""
    return isinstance(value, datetime.datetime) and value.utcoffset() is not None


made = customers.put_customer(ID, api.PutCustomer(email="ada@python.example", plan="starter"))
assert is_instant(made.created_at) and is_instant(made.cycle.end) and made.plan.next is None, made
assert customers.put_customer(ID, api.PutCustomer(plan="free")).plan.next.id == "free"
customers.put_customer(ID, api.PutCustomer(plan="starter"))

charged = charges.charge(ID, "job-1", api.Charge(credits=12.5, operation="scrape", quantities={"requests": 1}))
assert charged.credits == 12.5 and charged.balance.available == 4987.5 and is_instant(charged.created_at), charged
again = charges.charge_with_http_info(ID, "job-1", api.Charge(credits=12.5, operation="scrape", quantities={"requests": 1}))
assert {name.lower(): value for name, value in again.headers.items()}["idempotent-replayed"] == "true", again.headers
assert again.data.id == charged.id, again
assert is_instant(charges.void_usage(charged.id, "undo-1", api.Reason(reason="twice")).voided_at)

hold = holds.open_hold(ID, "job-2", api.OpenHold(credits=500, ttl_seconds=3600))
assert hold.state == "open" and is_instant(hold.expires_at), hold
settled = holds.settle_hold(hold.id, "job-2-settled", api.Settle(credits=340.125))
assert settled.state == "settled" and settled.released == 159.875 and settled.usage.startswith("use_"), settled
assert [one.state for one in holds.list_holds(ID, state="settled").data] == ["settled"]

rows = [
    api.BatchCharge(customer=ID, idempotency_key="b1", credits=1),
    api.BatchCharge(customer=ID, idempotency_key="b2", credits=99999),
    api.BatchCharge(customer="nobody", idempotency_key="b3", credits=1),
]
good, short, unknown = charges.charge_many(api.Batch(charges=rows)).results
assert good.status == 201 and good.usage.balance.available == 4658.875 and good.error is None, good
assert (short.status, short.error.code, short.error.needed) == (402, "insufficient_credits", 99999), short
assert short.error.available == 4658.875 and is_instant(short.error.resets_at) and short.usage is None, short
assert (unknown.status, unknown.error.code, unknown.error.needed) == (404, "not_found", None), unknown

try:
    charges.charge(ID, "job-3", api.Charge(credits=99999))
    raise AssertionError("99,999 credits were charged")
except api.ApiException as refused:
    assert (refused.status, refused.data.code, refused.data.needed) == (402, "insufficient_credits", 99999), refused
    assert is_instant(refused.data.resets_at) and refused.data.buy_url.endswith("/billing"), refused
try:
    charges.charge("nobody", "job-4", api.Charge(credits=1))
    raise AssertionError("nobody was charged")
except api.ApiException as refused:
    assert (refused.status, refused.data.code) == (404, "not_found"), refused

day = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(days=9)
gift = gifts.give_credits(ID, "gift-1", api.Give(credits=5, expires_at=day, reason="sorry"))
assert abs(gift.expires_at - day) < datetime.timedelta(seconds=1), gift

seqs, cursor = [], None
while True:
    page = ledger.list_entries(ID, limit=2, cursor=cursor)
    assert all(is_instant(entry.event_at) and is_instant(entry.created_at) for entry in page.data), page
    seqs += [entry.seq for entry in page.data]
    cursor = page.next
    if cursor is None:
        break
assert seqs == list(range(1, len(seqs) + 1)) and len(seqs) > 4, seqs

balance = customers.read_balance(ID)
assert is_instant(balance.as_of) and balance.available == 4663.875 and balance.top_up.next_expiry is None, balance
message = api.CreditsLow.from_json(
    '{"type":"credits.low","timestamp":"2026-11-23T09:41:55.120Z","data":{"customer":"acme","balance":{"available":500,'
    '"plan":500,"courtesy":0,"top_up":0,"held":0},"resets_at":"2026-12-04T11:00:00Z","buy_url":null}}'
)
assert is_instant(message.timestamp) and message.data.buy_url is None, message
print("Python, by openapi-generator: ok")
