-- Whether a top-up lives on until its owners were told in time that it will end (`require_notice`).
alter table grants add column awaits_notice bigint not null default 0;
