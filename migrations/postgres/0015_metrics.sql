-- The metrics of usage are the shop's own words: a row for each, not a column.
-- What usages that stand count, by day (UTC). A metric that the catalogue lost stays here.
create table usage_metrics (
  day bigint not null,                         -- days since 1970
  customer_no bigint not null,
  metric text not null,
  total bigint not null,
  said bigint not null,                        -- usages that named it
  primary key (day, customer_no, metric)
) with (fillfactor = 70);

insert into usage_metrics (day, customer_no, metric, total, said)
select u.created_at / 86400000, u.customer_no, q.key, cast(sum(cast(q.value as bigint)) as bigint), count(*)
from usages u cross join lateral jsonb_each_text(cast(u.quantities as jsonb)) q (key, value)
where u.quantities is not null and u.voided_at is null
group by u.created_at / 86400000, u.customer_no, q.key;

alter table usage_days drop column requests;
alter table usage_days drop column crawls;
alter table usage_days drop column tokens;
alter table usage_days drop column captchas;
alter table usage_days drop column latency_ms;
alter table usage_days drop column latencies;
