-- Who asked for a mail of sign-in: hash of address and network, so that nobody uses up what belongs to another place.
alter table outbox add column origin bytea;

-- Tries are counted by account and place now, and forgotten when they are old.
delete from operator_tries;
create index operator_tries_over on operator_tries (until);

-- An operator's second factor: the TOTP secret, encrypted with a key that Argon2id makes of the password and this salt.
alter table operators add column totp_salt bytea;
alter table operators add column totp_secret bytea;
alter table operators add column totp_since bigint;
alter table operators add column totp_step bigint;      -- the last step whose code was taken: none is taken twice

create table operator_recovery_codes (
  operator_no bigint not null references operators (no),
  code_hash bytea not null,
  used_at bigint,
  primary key (operator_no, code_hash)
);
