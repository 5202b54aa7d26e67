-- What customers' pages ask for, at a cost that does not grow with what lies behind.

-- Since when requests draw from top-ups alone; null: they do not, or nothing was drawn yet.
alter table accounts add column top_ups_since integer;

with draws as (
  select e.customer_no, e.seq, e.event_at, g.kind
  from entries e join grants g on g.no = e.grant_no where e.kind in (2, 8)
), others as (
  select customer_no, max(seq) as seq from draws where kind <> 3 group by customer_no
), since as (
  select d.customer_no, min(d.event_at) as at
  from draws d left join others o on o.customer_no = d.customer_no
  where d.kind = 3 and d.seq > coalesce(o.seq, 0) group by d.customer_no
)
update accounts set top_ups_since = since.at from since where since.customer_no = accounts.customer_no;

-- The last line that touched a grant; null: none did. What touched one top-up is looked for from there.
alter table grants add column last_seq integer;

update grants set last_seq = last.seq from (select grant_no, max(seq) as seq from entries group by grant_no) last
where last.grant_no = grants.no;

-- The lines that are no usage: few beside the others, and looked for by their kind.
create index entries_told on entries (customer_no, kind, seq) where kind <> 2;
