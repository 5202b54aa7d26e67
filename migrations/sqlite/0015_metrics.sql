-- The metrics of usage are the shop's own words: a row for each, not a column.
-- What usages that stand count, by day (UTC). A metric that the catalogue lost stays here.
create table usage_metrics (
  day integer not null,                         -- days since 1970
  customer_no integer not null,
  metric text not null,
  total integer not null,
  said integer not null,                        -- usages that named it
  primary key (day, customer_no, metric)
) without rowid;

insert into usage_metrics (day, customer_no, metric, total, said)
select u.created_at / 86400000, u.customer_no, q.key, sum(q.value), count(*)
from usages u, json_each(u.quantities) q
where u.quantities is not null and u.voided_at is null
group by u.created_at / 86400000, u.customer_no, q.key;

alter table usage_days drop column requests;
alter table usage_days drop column crawls;
alter table usage_days drop column tokens;
alter table usage_days drop column captchas;
alter table usage_days drop column latency_ms;
alter table usage_days drop column latencies;
