-- Filters of sealed segments of keys are bytes, and those of old segments become indexes, of which a look reads single blocks.

-- Null where the segment is in an index; empty where keys may still come to it. Filters of older versions are JSON, and are
-- read for as long as they are there. The new name refuses an older process, which would not look into indexes.
drop index key_segments_closed;
alter table key_segments alter column filter type bytea using convert_to(filter, 'UTF8');
alter table key_segments rename column filter to bits;
alter table key_segments alter column bits drop not null;
create index key_segments_closed on key_segments (segment) where length(bits) = 0;

-- Indexes in force: together they cover all segments from the first on.
create table key_indexes (
  first_segment bigint primary key,
  until_segment bigint not null,
  bits bigint not null                       -- how many of a key say which block it is in
);

-- Entries of six bytes each: three of a key's hash, and its segment.
create table key_blocks (
  number bigint primary key,                 -- index and block
  entries bytea not null
);
