-- What is tidied away by age: mails with a link in them, which nobody reads a day later.
create index outbox_sign_ins on outbox (created_at) where kind = 'sign_in';
