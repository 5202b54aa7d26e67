-- Subscriptions at Stripe, as each was last seen.
create table subscriptions (
  id text primary key,                      -- sub_…
  customer_no integer not null references customers (no),
  stripe_customer text not null,            -- who pays: not always the customer's own cus_…
  status text not null,                     -- in Stripe's words
  price text,                               -- of the item that the plan is from
  plan text,                                -- of its price; null: a price that the catalogue did not know
  created_at integer not null,
  anchor integer not null,                   -- what its cycles are counted from
  period_end integer,                        -- until when it was invoiced
  ends_at integer,                           -- when it ends, or has ended
  owes integer,                              -- 1: its newest invoice is to be paid, 0: it is paid; null: not said
  unpaid_invoice text,                      -- the oldest that is to be paid, while past due
  past_due_since integer,                    -- since when that one is known to have failed
  version integer not null,                  -- how often it was looked at: an answer that was overtaken is not taken
  seen_at integer not null
);
create index subscriptions_of_customer on subscriptions (customer_no);

-- Which subscription a customer's plan follows. A row of its own, for few customers have one and every charge
-- writes their accounts.
create table plan_masters (
  customer_no integer primary key references customers (no),
  subscription text not null references subscriptions (id),
  grace_until integer,                       -- until when the plan is kept though it is not paid for
  ends_at integer                            -- when the subscription ends
);
