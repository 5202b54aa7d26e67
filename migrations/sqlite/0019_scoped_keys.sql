-- Keys of the operator API with a scope, beside OPERATOR_KEYS.

create table scoped_keys (
  id blob primary key,
  name text not null,
  scope text not null,                      -- charge, read, admin
  key_hash blob not null unique,           -- SHA-256: the key is shown once
  made_by text not null,                    -- the operator
  created_at integer not null,
  last_used_at integer,                       -- to the hour
  revoked_at integer
);
