-- Which process wrote last is asked on PostgreSQL no more; SQLite never did.
drop table last_writer;

create index key_segments_closed on key_segments (segment) where filter = '';
