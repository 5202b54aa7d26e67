-- People, purchases, Stripe's events, mail, alarms: everything beside the ledger.

create table members (
  no integer primary key,
  customer_no integer not null references customers (no),
  email text not null,
  role text not null,                       -- owner, admin, viewer
  created_at integer not null,
  removed_at integer,
  alerts integer not null default 1,         -- 0: no mails about a low balance
  unique (customer_no, email)
);
create index members_by_email on members (email);

-- One-time links, by the hash of their token.
create table links (
  token_hash blob primary key,
  purpose text not null,                    -- portal, sign_in
  customer_no integer,
  email text,
  role text,
  path text not null,
  return_url text,
  created_at integer not null,
  expires_at integer not null,
  spent_at integer
) without rowid;
create index links_ending on links (expires_at);

create table sessions (
  token_hash blob primary key,
  customer_no integer not null references customers (no),
  email text,
  role text not null,
  proven integer not null,                  -- 1: came by a mailed link, so that role is the member's own
  device text not null,                     -- browser and system in plain words
  return_url text,
  created_at integer not null,
  seen_at integer not null,
  expires_at integer not null,
  ended_at integer
) without rowid;
create index sessions_of_customer on sessions (customer_no);
create index sessions_of_person on sessions (email);
create index sessions_ending on sessions (expires_at);

create table api_keys (
  id blob primary key,
  customer_no integer not null references customers (no),
  name text not null,
  key_hash blob not null unique,
  created_at integer not null,
  last_used_at integer,
  revoked_at integer
) without rowid;
create index api_keys_of_customer on api_keys (customer_no);

create table purchases (
  id blob primary key,
  customer_no integer not null references customers (no),
  package text not null,
  credits integer not null,                 -- what was sold, whatever the catalogue says later
  amount integer not null,
  currency text not null,
  state text not null,
  member_email text,
  attempt integer not null,                 -- a definite refusal by Stripe allows a new key
  checkout_order text,                      -- JSON: all parameters of the session, sent again unchanged
  session_id text unique,
  url text,
  payment_intent text,
  charge text,
  invoice text,
  invoice_number text,
  amount_total integer,
  amount_tax integer,
  charged integer,                          -- the amount of the charge: what refunds and disputes are parts of
  refunded_amount integer not null,
  dispute text,
  review_reason text,
  created_at integer not null,
  checkout_expires_at integer not null,
  asked_at integer,                          -- when the sweep last asked Stripe
  credited_at integer,
  expires_at integer                        -- of the credits
) without rowid;
create index purchases_of_customer on purchases (customer_no, created_at);
create index purchases_open on purchases (created_at) where state in ('created', 'open', 'processing');
create index purchases_late on purchases (created_at) where state in ('expired', 'failed') and session_id is not null;
create index purchases_by_intent on purchases (payment_intent);
create index purchases_by_charge on purchases (charge);

-- Refunds and disputes of a purchase's payment, by Stripe's ids: each as far as it is known to have come.
create table payment_parts (
  id text primary key,
  purchase blob not null,
  kind text not null,                       -- refund, dispute
  status text not null,
  amount integer not null,
  at integer not null                         -- when it last came further
) without rowid;
create index payment_parts_of on payment_parts (purchase);

create table purchase_events (
  no integer primary key,
  purchase blob not null,
  what text not null,
  at integer not null
);
create index purchase_events_of on purchase_events (purchase, no);

-- Every event of Stripe's, before it is acted on.
create table inbox (
  id text primary key,
  type text not null,
  object_id text not null,
  created_at integer not null,
  received_at integer not null,
  due_at integer not null,
  attempts integer not null,
  last_error text,
  done_at integer
) without rowid;
create index inbox_waiting on inbox (due_at) where done_at is null;
create index inbox_about on inbox (object_id) where done_at is null;
create index inbox_newest on inbox (received_at);

-- How far something was read.
create table cursors (
  name text primary key,
  at integer not null
) without rowid;

-- Every mail, written in the transaction that causes it.
create table outbox (
  no integer primary key,
  key text not null unique,
  customer_no integer,
  recipient text not null,
  kind text not null,
  subject text not null,
  body_text text not null,
  body_html text not null,
  cause blob,
  stop_url text,                            -- where mails of its kind are switched off
  state text not null,                      -- queued, deferred, accepted, refused
  attempts integer not null,
  last_error text,
  created_at integer not null,
  due_at integer not null,
  done_at integer
);
create index outbox_waiting on outbox (due_at) where done_at is null;
create index outbox_of_cause on outbox (cause) where cause is not null;
create index outbox_to on outbox (recipient, created_at);
create index outbox_of_customer on outbox (customer_no, no);
create index outbox_newest on outbox (created_at);

create table reminders (
  grant_no integer not null references grants (no),
  kind text not null,
  expires_at integer not null,
  mail blob not null,                      -- the cause of its mails, one for each recipient
  at integer not null,
  primary key (grant_no, kind, expires_at)
) without rowid;

-- How each job of the worker did last.
create table job_runs (
  name text primary key,
  started_at integer not null,
  ok_at integer,                            -- when it last ended well
  duration_ms integer not null,
  runs integer not null,
  done integer not null,                    -- pieces of work in all
  failures integer not null,                -- in a row
  last_error text
) without rowid;

-- One row for each subject until a person has acknowledged it; what comes back after that is a new row.
create table alarms (
  no integer primary key,
  key text not null,
  kind text not null,
  subject text not null,
  detail text not null,
  raised_at integer not null,
  times integer not null,
  acknowledged_at integer,
  acknowledged_by text
);
create unique index alarms_open on alarms (key) where acknowledged_at is null;

-- The shop's own people, apart from customers and their sessions.
create table operators (
  no integer primary key,
  email text not null unique,
  password text not null,                   -- Argon2id, as a PHC string
  created_at integer not null,
  changed_at integer not null,               -- when the password was set
  disabled_at integer
);

create table operator_sessions (
  token_hash blob primary key,
  operator_no integer not null references operators (no),
  created_at integer not null,
  seen_at integer not null,
  expires_at integer not null,
  ended_at integer
) without rowid;
create index operator_sessions_of on operator_sessions (operator_no);

-- Wrong passwords in a row. Addresses that are nobody's share few rows, so that guessing fills no disk.
create table operator_tries (
  slot blob primary key,
  failures integer not null,
  until integer not null                     -- no further try before, by the machine's clock
) without rowid;

-- What operators did, and why: numbered by us and chained, so that the check sees a missing or changed line.
create table audit (
  no integer primary key,
  key text not null unique,                 -- minted with the form: a second submit finds it
  at integer not null,
  operator text not null,
  action text not null,
  customer_no integer,
  about text not null,                      -- the id of what was acted on
  reason text not null,
  detail text not null,                     -- what came of it
  hash blob not null
);
create index audit_of_customer on audit (customer_no, no);
create index audit_about on audit (about, no);
create trigger audit_keep before update on audit begin select raise(abort, 'the audit is append-only'); end;
create trigger audit_stay before delete on audit begin select raise(abort, 'the audit is append-only'); end;

create table secrets (
  name text primary key,
  value blob not null
) without rowid;

-- At most one row: where a test clock stands.
create table test_clock (
  id integer primary key,
  now integer not null
);

-- At most one row: who wrote to the ledger last, so that a writer knows whether what it remembers still holds.
create table turns (
  id integer primary key,
  writer blob not null,
  number integer not null
);
