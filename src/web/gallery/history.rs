//! History: every kind of line, new lines, filters on, no results, a wrong day, summer and winter.

use crate::domain::{Cause, Credits, EntryKind, GrantId, HoldId, Instant, Kind, PurchaseId, UsageId};
use crate::usecases::insight::cycles::Cycles;
use crate::usecases::insight::history::{GrantFact, HistoryLine, HistoryPart, Slice, Sort};
use crate::web::gallery::Sample;
use crate::web::gallery::customers::{at, cycles, now};
use crate::web::history::filter::{FilterChoice, FilterForm, cycle_chips, sort_words};
use crate::web::history::lines::operation_words;
use crate::web::history::query::FilterQuery;
use crate::web::history::{History, News};
use crate::web::ui::dates::Zone;

const NAME: &str = "Meridian Retail Intelligence GmbH";
const NIGHTLY: &str = "nightly-price-comparison@retail-intelligence";

/// Every state by name.
pub fn all() -> Vec<(&'static str, Sample)> {
    let sample = |name, history| Sample::History(name, Box::new(history));
    let whole = || Slice { lines: lines(), next: Some(1_204), looked_to: None };
    let used = |line: &HistoryLine| line.operation.as_deref() == Some("scrape_page");
    let found = Slice {
        lines: lines().into_iter().filter(used).collect(),
        next: Some(961),
        looked_to: Some(at("2026-11-17T07:12:00Z")),
    };
    // Summer and winter in one list.
    let mut mixed = lines();
    mixed[13].at = at("2026-07-14T09:22:00Z");
    let mixed = Slice { lines: mixed.split_off(9), ..Slice::default() };
    let first = Slice { lines: vec![lines().remove(13)], ..Slice::default() };
    let news = |lines| News { lines, ..page(whole(), "").news };
    vec![
        ("history", sample(NAME, page(whole(), ""))),
        ("history-new-lines", sample(NAME, History { news: news(3), ..page(whole(), "cycle=this") })),
        ("history-filtered", sample(NAME, History { newest: Some("/history".to_owned()), ..page(found, FILTERED) })),
        ("history-zones", sample(NAME, History { as_of: Some(now()), ..page(mixed, "show=added") })),
        ("history-nothing", sample(NAME, page(Slice::default(), "source=nobody"))),
        ("history-bad", sample(NAME, page(Slice::default(), "from=2026-11-20&to=2026-11-01"))),
        ("history-new", sample("Fjord Notes", page(first, ""))),
    ]
}

const FILTERED: &str = "show=used&operation=scrape_page&from=2026-11-01&to=2026-11-22\
    &source=nightly-price-comparison%40retail-intelligence";

fn page(slice: Slice, query: &str) -> History {
    let zone = Zone::named("Europe/Berlin");
    let cycles = cycles();
    let pairs: Vec<(String, String)> = url::form_urlencoded::parse(query.as_bytes()).into_owned().collect();
    let value = |name: &str| pairs.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone());
    let asked = FilterQuery::read(value, zone, Some(&cycles));
    History {
        older: slice.next.map(|seq| asked.address("/history", Some(seq))),
        newest: None,
        csv: asked.address("/history.csv", None),
        news: News { lines: 0, href: asked.address("/history", None), available: Credits(80_000_625) },
        zone,
        slice,
        filter: filter(asked, &cycles),
        as_of: None,
    }
}

fn filter(asked: FilterQuery, cycles: &Cycles) -> FilterForm {
    let choice =
        |value: &str, words: &str, chosen| FilterChoice { value: value.to_owned(), words: words.to_owned(), chosen };
    let sort = |sort: Sort| choice(sort.name(), sort_words(sort), asked.filter.sort == Some(sort));
    let operation = |name: &&str| choice(name, &operation_words(name), false);
    FilterForm {
        cycles: cycle_chips(&asked, cycles),
        sorts: Sort::ALL.map(sort).into(),
        top_ups: vec![choice("a", "20,000 of 14 Mar 2026", false), choice("b", "1,200 of 28 Nov 2025", false)],
        operations: ["crawl-site", "extract_structured_data", "scrape_page"].iter().map(operation).collect(),
        sources: [NIGHTLY, "crawler-7", "kim"].iter().map(|name| choice(name, "", false)).collect(),
        asked,
    }
}

/// A grant of a kind; a top-up has a purchase.
fn fact(n: u8, kind: Kind, since: &str) -> GrantFact {
    let purchase = (kind == Kind::TopUp).then(|| PurchaseId::from_bytes(&[n; 16])).flatten();
    let id = GrantId::from_bytes(&[n; 16]).unwrap_or(GrantId(uuid::Uuid::nil()));
    GrantFact { id, kind, since: at(since), purchase }
}

fn part(grant: GrantFact, amount: i64) -> HistoryPart {
    let (held, frozen) = (Credits::ZERO, Credits::ZERO);
    HistoryPart { grant, amount: Credits(amount), held, frozen, expires_at: None }
}

fn line(kind: EntryKind, cause: Cause, on: &str, parts: Vec<HistoryPart>, balance: i64) -> HistoryLine {
    let (operation, source) = (None, None);
    HistoryLine { seq: 1, at: at(on), kind, cause, parts, operation, source, balance: Credits(balance) }
}

fn lines() -> Vec<HistoryLine> {
    use EntryKind as E;
    let plan = fact(1, Kind::Plan, "2026-11-02T11:00:00Z");
    let bonus = fact(2, Kind::Courtesy, "2026-10-01T08:00:00Z");
    let march = fact(3, Kind::TopUp, "2026-03-14T09:22:00Z");
    let november = fact(4, Kind::TopUp, "2025-11-28T13:03:00Z");
    let nil = uuid::Uuid::nil();
    let (usage, hold) = (Cause::Usage(UsageId(nil)), Cause::Hold(HoldId(nil)));
    let bought = |fact: GrantFact| Cause::Purchase(fact.purchase.unwrap_or(PurchaseId(nil)));
    let given = |fact: GrantFact| Cause::Grant(fact.id);
    let held = |credits: i64| HistoryPart { held: Credits(credits), ..part(march, 0) };
    let frozen = |credits: i64| HistoryPart { frozen: Credits(credits), ..part(november, 0) };
    let until = |part: HistoryPart, on: &str| HistoryPart { expires_at: Some::<Instant>(at(on)), ..part };
    let said = |mut line: HistoryLine, operation: &str, source: &str| {
        line.operation = Some(operation.to_owned()).filter(|text| !text.is_empty());
        line.source = Some(source.to_owned()).filter(|text| !text.is_empty());
        line
    };
    let scrape = |on, parts, balance| said(line(E::Used, usage, on, parts, balance), "scrape_page", NIGHTLY);
    let crawl = |kind, on, amount, balance| {
        said(line(kind, usage, on, vec![part(plan, amount)], balance), "crawl-site", "crawler-7")
    };
    vec![
        scrape("2026-11-22T13:01:00Z", vec![part(plan, -12_500)], 81_250_625),
        scrape("2026-11-22T12:59:00Z", vec![part(plan, -10_000), part(march, -2_500)], 81_263_125),
        line(E::Held, hold, "2026-11-22T12:40:00Z", vec![held(1_250_000)], 81_275_625),
        crawl(E::Voided, "2026-11-22T11:30:00Z", 3_000_000, 81_275_625),
        crawl(E::Used, "2026-11-22T11:12:00Z", -3_000_000, 78_275_625),
        said(line(E::Used, usage, "2026-11-22T10:05:00Z", vec![part(bonus, -125)], 81_275_625), "", ""),
        line(E::Released, hold, "2026-11-21T18:40:00Z", vec![held(-640_000)], 81_275_750),
        line(E::Thawed, bought(november), "2026-11-21T09:00:00Z", vec![frozen(-1_000_000)], 81_275_750),
        line(E::Frozen, bought(november), "2026-11-19T09:00:00Z", vec![frozen(1_000_000)], 81_275_750),
        line(E::Refunded, bought(november), "2026-11-18T15:26:00Z", vec![part(november, -600_000)], 81_275_750),
        scrape("2026-11-18T15:20:00Z", vec![part(plan, -2_000)], 81_875_750),
        line(E::Expired, given(bonus), "2026-11-15T11:00:00Z", vec![part(bonus, -250_000)], 81_877_750),
        line(E::Expired, given(plan), "2026-11-02T11:00:00Z", vec![part(plan, -17_122_250)], 82_127_750),
        line(E::Granted, given(plan), "2026-11-02T11:00:00Z", vec![part(plan, 100_000_000)], 99_250_000),
        line(
            E::Granted,
            bought(march),
            "2026-03-14T09:22:00Z",
            vec![until(part(march, 20_000_000), "2027-03-14T09:22:00Z")],
            38_372_250,
        ),
    ]
}
