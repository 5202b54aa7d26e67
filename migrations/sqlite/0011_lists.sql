-- Lists that jobs work through: an item that fails waits by itself.

-- Items that failed, each retried at its own time. Lists with attempts in their own rows (inbox, outbox, hooks) have none.
create table failed_items (
  list text not null,                       -- ledger, reminders, news, purchases, notices, erasure, tidy
  item text not null,                       -- as the list calls it: a customer's number, an id
  attempts integer not null,
  failed_at integer not null,                -- the last time
  due_at integer not null,                   -- not retried before
  last_error text not null,
  primary key (list, item)
) without rowid;
create index failed_items_due on failed_items (list, due_at);

-- Closed customers whose usages still have texts, and from where on they have none any more.
create table erasures (
  customer_no integer primary key references customers (no),
  requested_at integer not null,
  usages_before integer not null             -- usages at this line and after it are blanked
);
create index erasures_waiting on erasures (requested_at);
-- What a crash may have left: once more over all that were closed.
insert into erasures (customer_no, requested_at, usages_before)
  select no, closed_at, 9223372036854775807 from customers where closed_at is not null;

-- Which reminders a mail was: asked for with each that is accepted.
create index reminders_by_mail on reminders (mail);

-- Closing a customer ends its links.
create index links_of_customer on links (customer_no);

-- 1: somebody waits for it, and it leaves before all others.
alter table outbox add column urgent integer not null default 0;
update outbox set urgent = 1 where kind in ('sign_in', 'invite') and done_at is null;
create index outbox_due on outbox (urgent, due_at) where done_at is null;

-- What retention looks for.
create index outbox_bodies on outbox (done_at) where body_text <> '' and done_at is not null;
create index inbox_done on inbox (done_at) where done_at is not null;
create index news_done on news (mailed_at) where mailed_at is not null;
create index alarms_done on alarms (acknowledged_at) where acknowledged_at is not null;
create index operator_sessions_ending on operator_sessions (expires_at);
