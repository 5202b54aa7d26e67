-- What the SaaS's backend is to be told, written with what causes it.
create table hooks (
  no integer primary key,
  id text not null unique,                  -- the message's own: webhook-id
  key text not null unique,                 -- what it is about: a second one is not written
  customer_no integer not null,
  kind text not null,                       -- top_up.credited, credits.low, credits.exhausted
  body text not null,                       -- as it is signed and sent
  state text not null,                      -- queued, deferred, accepted, refused
  attempts integer not null,
  last_error text,
  created_at integer not null,
  due_at integer not null,
  done_at integer
);
create index hooks_waiting on hooks (due_at) where done_at is null;
create index hooks_done on hooks (done_at) where done_at is not null;
