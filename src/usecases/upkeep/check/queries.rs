//! Checks across customers, as SQL.

/// Words and query of each check; a query counts the rows that break it. These read all that charges have written.
pub(super) const OF_LINES: [(&str, &str); 15] = [
    (
        "grants that differ from their last entry",
        "select count(*) as n from grants g left join (select grant_no, max(seq) as seq from entries group by grant_no) e
           on e.grant_no = g.no where coalesce(g.last_seq, 0) <> coalesce(e.seq, 0)",
    ),
    (
        "usages that do not point to their first entry",
        "select count(*) as n from usages u left join entries e on e.row_no = u.first_row
         where e.row_no is null or e.cause <> u.id or e.customer_no <> u.customer_no or e.cause_kind <> 2",
    ),
    (
        "marks that do not point to their entry",
        "select count(*) as n from entry_marks m left join entries e on e.row_no = m.row_no
         where e.row_no is null or e.customer_no <> m.customer_no or e.seq <> m.seq",
    ),
    (
        "entries without a customer",
        "select count(*) as n from entries e left join accounts a on a.customer_no = e.customer_no
         where a.customer_no is null or e.seq > a.seq",
    ),
    (
        "idempotency keys of missing usages",
        "select count(*) as n from idempotency_keys k left join usages u on u.id = substr(k.answer, 1, 16)
         where k.kind = 1 and u.id is null",
    ),
    (
        "settled holds with another usage",
        "select count(*) as n from holds h left join usages u on u.id = h.usage
         where h.usage is not null and (h.state <> 1 or u.id is null or u.hold is null or u.hold <> h.id
           or u.customer_no <> h.customer_no)",
    ),
    (
        "usages with another hold",
        "select count(*) as n from usages u left join holds h on h.id = u.hold
         where u.hold is not null and (h.id is null or h.usage is null or h.usage <> u.id)",
    ),
    (
        "closed holds without an end, or open ones with one",
        "select count(*) as n from holds h where (h.state = 0 and h.closed_at is not null)
           or (h.state <> 0 and h.closed_at is null)",
    ),
    (
        "voided usages that were not returned whole",
        "select (select count(*) from usages where voided_at is not null) + count(*)
           - 2 * coalesce(sum(case when u.voided_at is not null and u.credits = v.given then 1 else 0 end), 0) as n
         from (select cause, cast(sum(amount) as bigint) as given from entries
               where kind = 7 and cause_kind = 2 and amount > 0 group by cause) v
         left join usages u on u.id = v.cause",
    ),
    (
        "daily totals without a customer",
        "select count(*) as n from usage_days d left join accounts a on a.customer_no = d.customer_no
         where a.customer_no is null or d.cycle_start > a.cycle_start or d.day > a.last_at / 86400000",
    ),
    (
        "daily totals of metrics without a customer",
        "select count(*) as n from usage_metrics d left join accounts a on a.customer_no = d.customer_no
         where a.customer_no is null or d.day > a.last_at / 86400000",
    ),
    (
        "sums of all entries and of all balances that differ",
        "select case when (select coalesce(sum(amount), 0) from entries) = (select coalesce(sum(balance), 0) from accounts)
           then 0 else 1 end * cast(1 as bigint) as n",
    ),
    (
        "usages and idempotency keys that do not match one to one",
        "select abs((select count(*) from usages where hold is null)
           - (select count(distinct substr(answer, 1, 16)) from idempotency_keys where kind = 1))
           + (select count(*) from idempotency_keys where kind not in (1, 2) or (kind = 1 and status <> 201)) as n",
    ),
    (
        "grants that a voided usage did not return to",
        "select count(*) as n from usages u join entries e on e.row_no >= u.first_row and e.row_no < u.first_row + u.lines
         left join (select cause, grant_no, cast(sum(amount) as bigint) as given from entries
                    where kind = 7 and cause_kind = 2 and amount > 0 group by cause, grant_no) v
           on v.cause = u.id and v.grant_no = e.grant_no
         where u.voided_at is not null and (v.given is null or v.given <> -e.amount)",
    ),
    (
        "holds without their entries, or with another amount",
        "select count(*) as n from holds h
         left join (select cause, cast(sum(held_change) as bigint) as held from entries where kind = 8 group by cause) e
           on e.cause = h.id
         where e.held is null or e.held <> h.credits",
    ),
];

/// The same, of rows that are few beside them.
pub(super) const OF_ROWS: [(&str, &str); 21] = [
    (
        "customers without an owner",
        "select count(*) as n from customers c where c.closed_at is null and not exists (
           select 1 from members m where m.customer_no = c.no and m.role = 'owner' and m.removed_at is null)",
    ),
    (
        "credited purchases without exactly their grant",
        "select count(*) as n from purchases p left join grants g on g.purchase = p.id where p.state = 'credited'
           and (g.no is null or g.kind <> 3 or g.amount <> p.credits or g.customer_no <> p.customer_no
             or g.effective_at <> p.credited_at)",
    ),
    (
        "top-ups whose purchase is not credited",
        "select count(*) as n from grants g left join purchases p on p.id = g.purchase
         where g.kind = 3 and (p.id is null or p.state <> 'credited')",
    ),
    (
        "accounts without a customer, or customers without an account",
        "select count(*) as n from customers c left join accounts a on a.customer_no = c.no where a.customer_no is null",
    ),
    (
        "reasons without a void or courtesy grant",
        "select count(*) as n from grant_notes n join grants g on g.no = n.grant_no
         where g.kind <> 2 or (n.kind = 'voided' and g.is_voided <> 1)",
    ),
    (
        "credited purchases without their dates, or with other dates than their grant",
        "select count(*) as n from purchases p join grants g on g.purchase = p.id where p.state = 'credited'
           and (p.credited_at is null or p.expires_at is null
             or p.expires_at > g.expires_at)",
    ),
    (
        "top-ups that wait for a reminder that was delivered",
        "select count(*) as n from grants g where g.awaits_notice = 1 and exists (select 1 from reminders r
           join outbox o on o.cause = r.mail where r.grant_no = g.no and o.kind = 'reminder' and o.state = 'accepted')",
    ),
    (
        "credited purchases without exactly one such line in the timeline",
        "select count(*) as n from purchases p where p.state = 'credited'
           and 1 <> (select count(*) from purchase_events e where e.purchase = p.id and e.kind = 'credited')",
    ),
    (
        "purchases in review without a reason",
        "select count(*) as n from purchases p where p.state = 'review' and p.review_reason is null",
    ),
    (
        "reminders without their email",
        "select count(*) as n from reminders r
         where not exists (select 1 from outbox o where o.cause = r.mail and o.kind = 'reminder')",
    ),
    (
        "emails of a reminder without its row",
        "select count(*) as n from outbox o where o.kind = 'reminder' and o.cause is not null
           and not exists (select 1 from reminders r where r.mail = o.cause)",
    ),
    (
        "plans that follow an ended subscription, or another customer's",
        "select count(*) as n from controlling_subscriptions m left join subscriptions s on s.id = m.subscription
         where s.id is null or s.customer_no <> m.customer_no or s.plan is null
           or s.status not in ('trialing', 'active', 'past_due')",
    ),
    (
        "live subscriptions that no plan follows",
        "select count(*) as n from subscriptions s join accounts a on a.customer_no = s.customer_no
         where s.plan is not null and s.status in ('trialing', 'active', 'past_due')
           and (s.ends_at is null or s.ends_at > a.last_at)
           and not exists (select 1 from controlling_subscriptions m where m.customer_no = s.customer_no)",
    ),
    (
        "graces without an unpaid subscription, or without a start",
        "select count(*) as n from subscriptions s left join controlling_subscriptions m on m.subscription = s.id
         where (s.status = 'past_due' and s.past_due_since is null)
           or (s.status <> 'past_due' and m.grace_until is not null)",
    ),
    (
        "plans that ended unpaid without a subscription",
        "select count(*) as n from grants g where g.kind = 1 and g.is_voided = 1
           and not exists (select 1 from subscriptions s where s.customer_no = g.customer_no)",
    ),
    (
        "automatic purchases without a consent in force for them",
        "select count(*) as n from purchases p left join auto_payments y on y.purchase = p.id
           left join auto_top_up_consents c on c.no = y.consent left join auto_top_up_endings e on e.consent = c.no
         where p.origin = 'automatic' and not exists (select 1 from purchase_events r
             where r.purchase = p.id and r.kind = 'restored')
           and (c.no is null or c.customer_no <> p.customer_no or c.at > p.created_at
           or e.at < p.created_at or c.package <> p.package or c.currency <> p.currency
           or p.amount > c.price * p.quantity)",
    ),
    (
        "automatic purchases over the cap",
        "select count(*) as n from purchases p join auto_payments y on y.purchase = p.id
           join auto_top_up_consents c on c.no = y.consent
         where p.origin = 'automatic' and p.state not in ('expired', 'failed')
           and not exists (select 1 from purchase_events e where e.purchase = p.id and e.kind in ('expired', 'failed'))
           and coalesce((select l.cap from auto_top_up_limits l where l.consent = c.no and l.at < p.created_at
             order by l.no desc limit 1), c.cap) < (select sum(coalesce(q.amount_total, q.amount)) from purchases q
             where q.customer_no = p.customer_no and q.origin = 'automatic' and q.state not in ('expired', 'failed')
               and q.created_at <= p.created_at and q.created_at > p.created_at - 2592000000
               and not exists (select 1 from purchase_events e where e.purchase = q.id
                 and e.kind in ('expired', 'failed')))",
    ),
    (
        "customers with two automatic purchases in progress",
        "select count(*) as n from (select customer_no from purchases
           where origin = 'automatic' and state in ('created', 'open', 'processing')
           group by customer_no having count(*) > 1) d",
    ),
    (
        "charges of a card after its last refusal",
        "select count(*) as n from auto_payment_tries t join auto_payment_tries h
           on h.customer_no = t.customer_no and h.fingerprint = t.fingerprint and h.answer = 'hard_decline' and t.at > h.at
         left join auto_cards c on c.customer_no = t.customer_no and c.fingerprint = t.fingerprint
         where c.cleared_at is null or c.cleared_at < h.at or c.cleared_at > t.at",
    ),
    (
        "rules of automatic top-ups that take more than their consent, or than its lower limits",
        "select (select count(*) from auto_top_ups t left join auto_top_up_consents c on c.no = t.consent
             where c.no is null or c.customer_no <> t.customer_no or t.threshold > c.threshold or t.cap > c.cap
               or t.price <> c.price or t.package <> c.package or t.currency <> c.currency
               or t.cap > (select min(l.cap) from auto_top_up_limits l where l.consent = t.consent)
               or t.threshold > (select min(l.threshold) from auto_top_up_limits l where l.consent = t.consent)) as n",
    ),
    (
        "grants with credits after their expiry",
        "select count(*) as n from grants g join accounts a on a.customer_no = g.customer_no
         where g.is_open = 1 and g.frozen = 0 and g.expires_at <= a.last_at
           and g.amount > g.used + g.held + g.frozen + g.expired + g.refunded + g.disputed + g.voided",
    ),
];

/// Keys of newer segments that answer with a usage which is not there.
pub(super) const NEW_KEYS: &str = "select count(*) as n from idempotency_keys k
     left join usages u on u.id = substr(k.answer, 1, 16)
   where k.segment >= $1 and (k.kind not in (1, 2) or (k.kind = 1 and (u.id is null or k.status <> 201)))";
