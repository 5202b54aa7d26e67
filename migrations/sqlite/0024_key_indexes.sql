-- Filters of sealed segments of keys are bytes, and those of old segments become indexes, of which a look reads single blocks.

-- Null where the segment is in an index. Filters of older versions are JSON, and are read for as long as they are there. The
-- new name refuses an older process, which would not look into indexes.
create table sealed_segments (
  segment integer primary key,
  until_row integer not null,                -- the last entry's row when it was sealed
  bits blob
);
insert into sealed_segments (segment, until_row, bits)
select segment, until_row, cast(filter as blob) from key_segments order by segment;
drop table key_segments;
alter table sealed_segments rename to key_segments;
create index key_segments_closed on key_segments (segment) where length(bits) = 0;

-- Indexes in force: together they cover all segments from the first on.
create table key_indexes (
  first_segment integer primary key,
  until_segment integer not null,
  bits integer not null                      -- how many of a key say which block it is in
);

-- Entries of six bytes each: three of a key's hash, and its segment.
create table key_blocks (
  number integer primary key,                -- index and block
  entries blob not null
);
