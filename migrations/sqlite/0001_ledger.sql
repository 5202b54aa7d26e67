-- Instants are milliseconds since 1970, credits are thousandths, ids are 16 bytes, yes/no is 1/0.
-- The same tables stand in migrations/postgres; a test compares them.

create table customers (
  no integer primary key,
  id text not null unique,                  -- the SaaS's own
  email text not null,
  name text not null,
  timezone text not null,
  created_at integer not null,
  closed_at integer,
  stripe_customer text unique,
  low_balance integer,                       -- from how much on its people are told; null: a tenth of the allowance
  hint_hidden_until integer                 -- the upgrade hint was put aside until this reset
);

-- What a customer's ledger has come to. Its own narrow table: every charge rewrites the row.
create table accounts (
  customer_no integer primary key references customers (no),
  plan text not null,
  next_plan text,
  top_ups_paused integer not null,           -- a snapshot of the catalogue's rule for the plan in force
  anchor integer not null,
  cycle_start integer not null,
  cycle_end integer not null,
  last_at integer not null,
  seq integer not null,
  hash blob not null,
  balance integer not null,
  head_row integer not null,                -- the last entry's row, 0 before the first
  due_at integer not null,                  -- when catch-up next has something to book
  told integer not null                     -- of what its people were told since credits were added: bits
);
create index accounts_due on accounts (due_at);

create table grants (
  no integer primary key,
  id blob not null unique,
  customer_no integer not null references customers (no),
  kind integer not null,                    -- 1 plan, 2 courtesy, 3 top-up
  amount integer not null,
  used integer not null,
  held integer not null,
  frozen integer not null,
  expired integer not null,
  refunded integer not null,
  disputed integer not null,
  voided integer not null,
  effective_at integer not null,
  expires_at integer not null,
  purchase blob unique,                     -- one grant per credited purchase
  is_voided integer not null,
  is_open integer not null,                 -- in the account's working set
  remind_at integer,                         -- when the reminders next look at it
  check (amount >= used + held + frozen + expired + refunded + disputed + voided),
  check (used >= 0 and held >= 0 and frozen >= 0 and expired >= 0 and refunded >= 0 and disputed >= 0 and voided >= 0)
);
create index grants_of_customer on grants (customer_no, no);
create index grants_open on grants (customer_no) where is_open = 1;
create index grants_remind on grants (remind_at) where remind_at is not null;

-- What refunds and disputes claim of a grant. Beside the grant, whose row every charge writes anew.
create table grant_claims (
  grant_no integer primary key references grants (no),
  to_refund integer not null,                 -- to be removed
  to_dispute integer not null,                -- to be removed besides
  to_freeze integer not null,                 -- to be frozen
  frozen_since integer
);

-- Why a courtesy grant was given or voided. Beside the grant, so that it can be erased; the chain has its salted hash.
create table grant_notes (
  grant_no integer not null references grants (no),
  what text not null,                       -- 'given' or 'voided'
  reason text not null,
  salt blob not null,
  at integer not null,
  primary key (grant_no, what)
) without rowid;

-- What a customer's people should hear, written with the lines that brought it about; mails are made of it.
create table news (
  customer_no integer not null references customers (no),
  what text not null,                       -- expired, out, plan_used_up, low
  seq integer not null,                     -- the line at which it is told
  at integer not null,
  credits integer not null,                 -- what expired, or what was left
  mailed_at integer,
  primary key (customer_no, what, seq)
) without rowid;
create index news_waiting on news (at) where mailed_at is null;

create table plan_changes (
  no integer primary key,
  customer_no integer not null references customers (no),
  after_seq integer not null,
  at integer not null,
  plan text not null,
  pauses_top_ups integer not null
);
create index plan_changes_of_customer on plan_changes (customer_no, no);

-- Appended by row number: an index by customer would be written all over with every batch. A customer's
-- lines are found from accounts.head_row backwards by prev_row, and from entry_marks, one in 64.
create table entries (
  row_no integer primary key,
  customer_no integer not null,
  seq integer not null,
  prev_row integer not null,
  kind integer not null,
  grant_no integer not null,
  amount integer not null,
  balance_after integer not null,
  held_change integer not null,
  frozen_change integer not null,
  expires_at integer,
  event_at integer not null,
  created_at integer not null,
  cause_kind integer not null,              -- 1 grant, 2 usage, 3 hold, 4 purchase
  cause blob not null,
  note blob,
  hash blob not null
);

create table entry_marks (
  customer_no integer not null,
  seq integer not null,
  row_no integer not null,
  primary key (customer_no, seq)
) without rowid;

create trigger entries_keep before update on entries begin select raise(abort, 'entries are append-only'); end;
create trigger entries_stay before delete on entries begin select raise(abort, 'entries are append-only'); end;

-- What a usage took stands in its entries: rows first_row to first_row + lines - 1.
create table usages (
  id blob primary key,
  customer_no integer not null,
  credits integer not null,
  operation text,
  quantities text,
  source text,
  metadata text,
  salt blob,                                -- of source and metadata, which enter the chain as a hash
  created_at integer not null,
  hold blob,
  first_row integer not null,
  lines integer not null,
  voided_at integer,
  void_reason text,
  void_salt blob
) without rowid;

-- What usages that stand add up to, by day (UTC), operation and source; '' where nobody said. By day first: the
-- pages that charges write are today's. A day that a billing cycle ends in has rows of both.
create table usage_days (
  day integer not null,                       -- days since 1970
  customer_no integer not null,
  operation text not null,
  source text not null,
  cycle_start integer not null,
  usages integer not null,
  plan integer not null,                      -- credits by kind of grant
  courtesy integer not null,
  top_up integer not null,
  requests integer not null,
  crawls integer not null,
  tokens integer not null,
  captchas integer not null,
  latency_ms integer not null,
  latencies integer not null,                 -- usages that said one
  primary key (day, customer_no, operation, source, cycle_start)
) without rowid;

create table holds (
  id blob primary key,
  customer_no integer not null references customers (no),
  credits integer not null,
  draws text not null,                      -- JSON: [[grant number, thousandths], …]
  state integer not null,                   -- 0 open, 1 settled, 2 released, 3 lapsed
  operation text,
  source text,
  created_at integer not null,
  expires_at integer not null,
  closed_at integer,
  usage blob
) without rowid;
create index holds_open on holds (customer_no) where state = 0;
create index holds_of_customer on holds (customer_no, created_at);

-- Keys are random: in one big index each would touch a page of its own. They live in segments of which
-- only the newest grows.
create table idempotency_keys (
  segment integer not null,
  key_hash blob not null,                   -- of customer and key
  content_hash blob not null,               -- of method, path and body
  status integer not null,
  kind integer not null,                    -- 1 a usage and its balance, 2 JSON
  answer blob not null,
  primary key (segment, key_hash)
) without rowid;

-- Segments that grow no more. The filter (a binary fuse filter over the first eight bytes of each key_hash) says
-- which keys cannot be in one, so that a new key costs no look into old segments.
create table key_segments (
  segment integer primary key,
  until_row integer not null,                 -- the last entry's row when it was sealed
  filter text not null                      -- JSON
) without rowid;
