-- The months of validity that were shown and sold; null: sold before they were kept, so the catalogue's.
alter table purchases add column months bigint;

-- Which role a member had before a `PUT` made them an owner: 'none' where it made the membership, null where people
-- gave it. A `PUT` that replaces the address takes back what the former one gave.
alter table members add column before_put text;

update members set before_put = 'none' where removed_at is null and role = 'owner'
  and exists (select 1 from customers c where c.no = members.customer_no and lower(c.email) = members.email)
  and not exists (select 1 from outbox o where o.kind = 'invite' and o.customer_no = members.customer_no
    and o.recipient = members.email);

-- The links of a person, which end with the person's rights.
create index links_of_person on links (email);
