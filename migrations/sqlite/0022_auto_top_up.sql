-- Automatic top-up (R20).

alter table purchases add column origin text not null default 'person';   -- person, api, automatic
alter table purchases add column quantity integer not null default 1;
-- One automatic purchase at a time. Its session_id is its invoice's id.
create unique index purchases_automatic on purchases (customer_no)
  where origin = 'automatic' and state in ('created', 'open', 'processing');
create index purchases_automatic_of on purchases (customer_no, created_at) where origin = 'automatic';

-- Consents: appended only. When and how one ended stands in auto_top_up_endings.
create table auto_top_up_consents (
  no integer primary key,
  customer_no integer not null,
  setup blob not null unique,               -- the form that was agreed to
  at integer not null,
  agreed_by integer,                        -- the member; null for a session of the SaaS's
  text text not null,                       -- as it was shown
  text_hash blob not null,                  -- its SHA-256
  package text not null,
  price integer not null,                   -- of one package, tax aside, minor units
  currency text not null,
  threshold integer not null,               -- thousandths of a credit
  cap integer not null,                     -- minor units, tax included, in any 30 x 24 hours
  brand text not null,
  last4 text not null,
  exp_month integer not null,
  exp_year integer not null,
  fingerprint text not null,
  payment_method text not null,
  stripe_customer text not null             -- whom the card is attached to
);
create index auto_top_up_consents_of on auto_top_up_consents (customer_no, no);
create trigger auto_top_up_consents_keep before update on auto_top_up_consents
  begin select raise(abort, 'consents are append-only'); end;
create trigger auto_top_up_consents_stay before delete on auto_top_up_consents
  begin select raise(abort, 'consents are append-only'); end;

create table auto_top_up_endings (
  consent integer primary key,
  at integer not null,
  why text not null,                        -- member, operator, api, replaced, closed, suspended
  ended_by text                             -- the member's number, or the operator
);
create trigger auto_top_up_endings_keep before update on auto_top_up_endings
  begin select raise(abort, 'consents are append-only'); end;
create trigger auto_top_up_endings_stay before delete on auto_top_up_endings
  begin select raise(abort, 'consents are append-only'); end;

-- The rule of a customer.
create table auto_top_ups (
  customer_no integer primary key,
  state text not null,                      -- on, suspended, off
  consent integer not null,                 -- in force, or the last
  package text not null,
  price integer not null,
  currency text not null,
  threshold integer not null,               -- at most what was agreed
  cap integer not null,                     -- at most what was agreed
  payment_method text not null,
  fingerprint text not null,
  reason text,                              -- of a suspension
  changed_at integer not null,
  due_at integer,                           -- when to look at it: written by the flush that made it due
  needed integer,                           -- the largest refused charge or hold since the last automatic purchase
  unit_total integer,                       -- what one package cost with tax, last time
  tax_unknown_at integer,                   -- when Stripe could not compute the tax
  not_before integer,                       -- after Stripe has refused a purchase for another reason than the card
  card_warned_at integer,                   -- when people were told that the card expires
  blocked_at integer                        -- when people were told that the cap leaves no room
);
create index auto_top_ups_due on auto_top_ups (due_at) where due_at is not null;

-- Consents on their way: agreed to, the card not given yet.
create table auto_top_up_setups (
  id blob primary key,
  customer_no integer not null,
  agreed_by integer,
  text text not null,
  package text not null,
  price integer not null,
  currency text not null,
  threshold integer not null,
  cap integer not null,
  stripe_customer text not null,
  session_id text unique,
  url text,
  created_at integer not null,
  ended_at integer                          -- completed, or refused
) without rowid;
create index auto_top_up_setups_made on auto_top_up_setups (created_at);
create index auto_top_up_setups_of on auto_top_up_setups (customer_no) where ended_at is null;

-- How far the payment of an automatic purchase has come.
create table auto_payments (
  purchase blob primary key,
  customer_no integer not null,
  consent integer not null,
  stripe_customer text,
  payment_method text not null,
  fingerprint text not null,
  step text not null,                       -- invoice, line, finalize, check, pay, paying, wait, confirm, void, done
  invoice text,
  total integer,                            -- tax included, once it is final
  tries integer not null default 0,
  first_try_at integer,
  sent_at integer,                          -- of the try that has no answer yet
  due_at integer,                           -- the next step's; null when nothing is left to do
  void_as text                              -- the state after voiding: expired, failed
) without rowid;
create index auto_payments_due on auto_payments (due_at) where due_at is not null;
create index auto_payments_of on auto_payments (customer_no);

-- Each try of a payment, and what the card said.
create table auto_payment_tries (
  purchase blob not null,
  no integer not null,
  customer_no integer not null,
  fingerprint text not null,
  at integer not null,
  answer text,                              -- paid, soft_decline, hard_decline, authentication_required, unknown
  code text,                                -- Stripe's words
  primary key (purchase, no)
) without rowid;
create index auto_payment_tries_of on auto_payment_tries (customer_no, fingerprint, at);

-- The refusals of a customer's cards, across purchases and off and on.
create table auto_cards (
  customer_no integer not null,
  fingerprint text not null,
  declines integer not null,                -- since the last payment
  is_dead integer not null,                 -- it will never pay
  barred_at integer,                        -- the last refusal or suspension: a new consent needs another card, or a payment by a person since
  cleared_at integer,                       -- when such a payment was found
  primary key (customer_no, fingerprint)
) without rowid;

-- Cards to be detached at Stripe.
create table card_detachments (
  payment_method text primary key,
  customer_no integer not null,
  attempts integer not null,
  due_at integer not null
) without rowid;
create index card_detachments_due on card_detachments (due_at);
