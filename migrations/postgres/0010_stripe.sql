-- What Stripe answered for good, and what it has to be told.

-- Stripe customers that were deleted at Stripe: what was paid by them is still their customer's.
create table former_stripe_customers (
  stripe_customer text primary key,
  customer_no bigint not null references customers (no),
  replaced_at bigint not null
);
create index former_stripe_customers_of on former_stripe_customers (customer_no);

-- Which state of email and name the customer has, since when Stripe waits to be told, and how often that failed.
alter table customers add column stripe_version bigint not null default 0;
alter table customers add column stripe_due_at bigint;
alter table customers add column stripe_attempts bigint not null default 0;
create index customers_stripe_due on customers (stripe_due_at) where stripe_due_at is not null;

-- A Buy form that led to a purchase of another form, whose Checkout was open.
create table purchase_forms (
  form bytea primary key,
  purchase bytea not null,
  made_at bigint not null
);
create index purchase_forms_made on purchase_forms (made_at);

-- What a customer has not paid yet: few beside all purchases.
create index purchases_unpaid_of on purchases (customer_no, created_at) where state in ('created', 'open');
