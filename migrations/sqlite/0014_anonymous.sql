-- Who asked for a mail of sign-in: hash of address and network, so that nobody uses up what belongs to another place.
alter table outbox add column origin blob;

-- Tries are counted by account and place now, and forgotten when they are old.
delete from operator_tries;
create index operator_tries_over on operator_tries (until);

-- An operator's second factor: the TOTP secret, encrypted with a key that Argon2id makes of the password and this salt.
alter table operators add column totp_salt blob;
alter table operators add column totp_secret blob;
alter table operators add column totp_since integer;
alter table operators add column totp_step integer;      -- the last step whose code was taken: none is taken twice

create table operator_recovery_codes (
  operator_no integer not null references operators (no),
  code_hash blob not null,
  used_at integer,
  primary key (operator_no, code_hash)
) without rowid;
