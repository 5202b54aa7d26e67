//! History: every kind of line, filters on, nothing found, an address that could not be read.

use crate::domain::{Cause, Credits, EntryKind, GrantId, HoldId, Instant, Kind, PurchaseId, UsageId};
use crate::usecases::insight::history::{GrantFact, HistoryLine, HistoryPart, Slice, Sort};
use crate::web::gallery::Sample;
use crate::web::gallery::customers::at;
use crate::web::history::History;
use crate::web::history::filter::{Choice, FilterForm, sort_words};
use crate::web::ui::dates::Zone;
use crate::web::ui::text::Text;

const NAME: &str = "Meridian Retail Intelligence GmbH";

/// Every state by name.
pub fn all() -> Vec<(&'static str, Sample)> {
    let sample = |name, history| Sample::History(name, Box::new(history));
    let whole = Slice { lines: lines(), next: Some(1_204), looked_to: None };
    let used = |line: &HistoryLine| line.operation.as_deref() == Some("scrape_page");
    let found = Slice {
        lines: lines().into_iter().filter(used).collect(),
        next: Some(961),
        looked_to: Some(at("2026-11-17T07:12:00Z")),
    };
    let asked = FilterForm { source: "nobody".to_owned(), any: true, ..filter() };
    let bad = Text::from("The first day could not be read and was left out. Choose it again.");
    let first = Slice { lines: vec![lines().remove(13)], ..Slice::default() };
    vec![
        ("history", sample(NAME, page(whole, filter()))),
        ("history-filtered", sample(NAME, History { newest: here("/history"), ..page(found, chosen()) })),
        ("history-nothing", sample(NAME, page(Slice::default(), asked.clone()))),
        ("history-bad", sample(NAME, page(Slice::default(), FilterForm { bad: Some(bad), ..asked }))),
        ("history-new", sample("Fjord Notes", page(first, FilterForm { sorts: sorts(None), ..FilterForm::default() }))),
    ]
}

fn here(path: &str) -> Option<String> {
    Some(path.to_owned())
}

fn page(slice: Slice, filter: FilterForm) -> History {
    History {
        older: slice.next.and_then(|seq| here(&format!("/history?before={seq}"))),
        newest: None,
        csv: "/history.csv".to_owned(),
        available: Credits(80_000_625),
        zone: Zone::named("Europe/Berlin"),
        slice,
        filter,
    }
}

fn sorts(chosen: Option<Sort>) -> Vec<Choice> {
    let choice = |sort: Sort| Choice {
        value: sort.name().to_owned(),
        words: sort_words(sort).to_owned(),
        chosen: chosen == Some(sort),
    };
    Sort::ALL.map(choice).into()
}

fn choice(value: &str, words: &str) -> Choice {
    Choice { value: value.to_owned(), words: words.to_owned(), chosen: false }
}

fn filter() -> FilterForm {
    FilterForm {
        sorts: sorts(None),
        operations: vec![
            choice("crawl-site", "Crawl site"),
            choice("extract_structured_data", "Extract structured data"),
            choice("scrape_page", "Scrape page"),
        ],
        top_ups: vec![choice("a", "20,000 of 14 Mar 2026"), choice("b", "1,200 of 28 Nov 2025")],
        ..FilterForm::default()
    }
}

fn chosen() -> FilterForm {
    let mut filter = FilterForm {
        sorts: sorts(Some(Sort::Used)),
        source: "nightly-price-comparison@retail-intelligence".to_owned(),
        from: "2026-11-01".to_owned(),
        to: "2026-11-22".to_owned(),
        any: true,
        ..filter()
    };
    filter.operations[2].chosen = true;
    filter.top_ups[1].chosen = true;
    filter
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
    let nightly = "nightly-price-comparison@retail-intelligence";
    let scrape = |on, parts, balance| said(line(E::Used, usage, on, parts, balance), "scrape_page", nightly);
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
