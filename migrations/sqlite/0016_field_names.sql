-- Tables and columns by the words of the code. Data, indexes and triggers stay as they are.

alter table turns rename to last_writer;

alter table news rename to balance_alerts;
alter table balance_alerts rename column what to kind;
alter table balance_alerts rename column mailed_at to emailed_at;
alter table accounts rename column told to alert_state;

alter table plan_masters rename to controlling_subscriptions;
alter table grant_claims rename to grant_clawbacks;
alter table payment_parts rename to refunds_and_disputes;
alter table purchases rename column asked_at to stripe_checked_at;
alter table purchase_events rename column what to kind;
alter table purchase_forms rename column made_at to created_at;
alter table grant_notes rename column what to kind;

alter table hooks rename to webhook_messages;
alter table outbox rename column stop_url to unsubscribe_url;
alter table links rename column spent_at to used_at;
alter table members rename column before_put to role_before_put;
alter table operator_tries rename to operator_sign_in_failures;
alter table usage_metrics rename column said to usages;
