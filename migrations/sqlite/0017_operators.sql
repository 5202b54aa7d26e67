-- The operators' pages: the newest purchases, the deadlines of disputes, alarms by email and by webhook.

alter table operators add column alarm_emails integer not null default 0;   -- 1: an email for each alarm that opens
alter table alarms add column due_at integer;                               -- the deadline, where there is one
alter table refunds_and_disputes add column due_at integer;                 -- Stripe's evidence_details.due_by

create index purchases_newest on purchases (created_at, id) where state in ('processing', 'credited', 'failed', 'review');
create index purchases_credited on purchases (credited_at) where credited_at is not null;
create index purchases_failed on purchases (created_at) where state = 'failed';
create index balance_alerts_at on balance_alerts (kind, at);

-- A webhook about an alarm may have no customer.
create table new_webhook_messages (
  no integer primary key,
  id text not null unique,                  -- the message's own: webhook-id
  key text not null unique,                 -- what it is about: a second one is not written
  customer_no integer,
  kind text not null,                       -- top_up.credited, credits.low, credits.exhausted, alarm.raised
  body text not null,                       -- as it is signed and sent
  state text not null,                      -- queued, deferred, accepted, refused
  attempts integer not null,
  last_error text,
  created_at integer not null,
  due_at integer not null,
  done_at integer
);
insert into new_webhook_messages (no, id, key, customer_no, kind, body, state, attempts, last_error, created_at, due_at, done_at)
  select no, id, key, customer_no, kind, body, state, attempts, last_error, created_at, due_at, done_at from webhook_messages;
drop table webhook_messages;
alter table new_webhook_messages rename to webhook_messages;
create index hooks_waiting on webhook_messages (due_at) where done_at is null;
create index hooks_done on webhook_messages (done_at) where done_at is not null;
