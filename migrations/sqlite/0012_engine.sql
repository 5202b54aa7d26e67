-- A day names a bounded number of sources and operations: those that used most; the others count together.
create table beyond (day integer not null, customer_no integer not null, what integer not null, name text not null);

insert into beyond (day, customer_no, what, name)
select day, customer_no, 1, source from (
  select day, customer_no, source,
    row_number() over (partition by day, customer_no order by sum(plan + courtesy + top_up) desc) as place
  from usage_days where source <> '' group by day, customer_no, source) ranked
where place > 30;

insert into beyond (day, customer_no, what, name)
select day, customer_no, 2, operation from (
  select day, customer_no, operation,
    row_number() over (partition by day, customer_no order by sum(plan + courtesy + top_up) desc) as place
  from usage_days where operation <> '' group by day, customer_no, operation) ranked
where place > 20;

create index beyond_key on beyond (day, customer_no, what, name);

insert into usage_days (day, customer_no, operation, source, cycle_start, usages, plan, courtesy, top_up, requests, crawls,
  tokens, captchas, latency_ms, latencies)
select d.day, d.customer_no,
  case when o.name is null then d.operation else '(other)' end,
  case when s.name is null then d.source else '(other sources: this day had more of them than it names, one by one)' end,
  d.cycle_start, sum(d.usages), sum(d.plan), sum(d.courtesy), sum(d.top_up), sum(d.requests), sum(d.crawls), sum(d.tokens),
  sum(d.captchas), sum(d.latency_ms), sum(d.latencies)
from usage_days d
left join beyond s on s.day = d.day and s.customer_no = d.customer_no and s.what = 1 and s.name = d.source
left join beyond o on o.day = d.day and o.customer_no = d.customer_no and o.what = 2 and o.name = d.operation
where s.name is not null or o.name is not null
group by 1, 2, 3, 4, 5;

delete from usage_days where exists (
  select 1 from beyond b where b.day = usage_days.day and b.customer_no = usage_days.customer_no
    and ((b.what = 1 and b.name = usage_days.source) or (b.what = 2 and b.name = usage_days.operation)));

drop table beyond;

-- Until when an operator has said that the clock is right, although it is far ahead of the newest commit.
create table clock_acceptance (
  id integer primary key,
  accepted_until integer not null
);

-- Written when writes failed, to see whether they go through again.
create table write_probe (
  id integer primary key,
  at integer not null
);
