-- Lower limits of a rule, without a new consent (R20): appended only, so that the cap in force at any time is known.

create table auto_top_up_limits (
  no integer primary key,
  consent integer not null,
  customer_no integer not null,
  at integer not null,
  lowered_by integer,                       -- the member; null for a session of the SaaS's
  threshold integer not null,               -- thousandths of a credit
  cap integer not null                      -- minor units, tax included, in any 30 x 24 hours
);
create index auto_top_up_limits_of on auto_top_up_limits (consent, no);
create index auto_top_up_limits_by on auto_top_up_limits (customer_no, no);
create trigger auto_top_up_limits_keep before update on auto_top_up_limits
  begin select raise(abort, 'consents are append-only'); end;
create trigger auto_top_up_limits_stay before delete on auto_top_up_limits
  begin select raise(abort, 'consents are append-only'); end;
