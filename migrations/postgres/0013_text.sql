-- What operators search customers by. Databases fold ASCII alone, so that a name is stored folded beside itself; null:
-- not yet, the next start does it.
alter table customers add column folded_name text;

create index customers_by_name on customers (folded_name);
create index customers_by_email on customers (lower(email));
