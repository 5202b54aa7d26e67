-- The operators' pages: the newest purchases, the deadlines of disputes, alarms by email and by webhook.

alter table operators add column alarm_emails bigint not null default 0;    -- 1: an email for each alarm that opens
alter table alarms add column due_at bigint;                                -- the deadline, where there is one
alter table refunds_and_disputes add column due_at bigint;                  -- Stripe's evidence_details.due_by

create index purchases_newest on purchases (created_at, id) where state in ('processing', 'credited', 'failed', 'review');
create index purchases_credited on purchases (credited_at) where credited_at is not null;
create index purchases_failed on purchases (created_at) where state = 'failed';
create index balance_alerts_at on balance_alerts (kind, at);

-- A webhook about an alarm may have no customer.
alter table webhook_messages alter column customer_no drop not null;
