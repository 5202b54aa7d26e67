-- The trace of the request that caused a webhook (W3C traceparent).

alter table webhook_messages add column traceparent text;
