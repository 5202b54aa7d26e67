-- What `topup check` has verified of each customer, so that `topup check --since LAST` goes on from there.

create table checks (
  no integer primary key,
  began_at integer not null,
  segment integer not null,                 -- of the newest idempotency key then
  whole_at integer,                         -- when the last whole check began that it goes on from, or is
  good_at integer                           -- null: it runs, has failed, or was ended
);

-- A head counts once its check is good; the newest of a customer's is the one to go on from.
create table check_heads (
  customer_no integer not null,
  run integer not null,                     -- the check's number
  seq integer not null,                     -- the last line that it verified, with its hash
  hash blob not null,
  state text not null,                      -- JSON: what the replay knew then
  digest blob not null,                     -- of all these
  primary key (customer_no, run)
);
create index check_heads_of_run on check_heads (run);
