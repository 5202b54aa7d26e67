-- Several processes write at the same time, each customer's account row being the lock of its ledger.

-- An older process, which trusts its memory by this table, writes no more: it is refused, and must be replaced.
drop table last_writer;

-- Rows of entries are numbered in runs of 1,048,576, one for each writer: a run is written in the order of its commits.
create sequence entry_runs as bigint minvalue 0 start 0;
select setval('entry_runs', (select coalesce(max(row_no) / 1048576 + 1, 0) from entries), false);

-- Numbers of grants: a customer's come in the order of its commits.
create sequence grant_numbers as bigint;
select setval('grant_numbers', (select coalesce(max(no), 0) + 1 from grants), false);

-- A segment without a filter ('') is closed: keys may still come to it from transactions that began before.
create index key_segments_closed on key_segments (segment) where filter = '';
