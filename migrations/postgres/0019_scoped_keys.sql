-- Keys of the operator API with a scope, beside OPERATOR_KEYS.

create table scoped_keys (
  id bytea primary key,
  name text not null,
  scope text not null,                      -- charge, read, admin
  key_hash bytea not null unique,           -- SHA-256: the key is shown once
  made_by text not null,                    -- the operator
  created_at bigint not null,
  last_used_at bigint,                       -- to the hour
  revoked_at bigint
);
