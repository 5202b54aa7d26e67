//! Every sentence of the adviser.

use super::*;

fn catalog() -> Catalog {
    Catalog::parse(include_str!("../../../catalog.toml")).expect("the sample catalogue")
}

fn ahead(missing: i64, packages: &[(&str, i64)], amount: i64, upgrade: Option<(&str, i64, i64)>) -> Ahead {
    let packages = packages.iter().map(|(id, n)| ((*id).to_owned(), *n)).collect();
    let upgrade = upgrade.map(|(plan, difference, still)| Upgrade {
        plan: plan.to_owned(),
        difference,
        fees: 3 * difference,
        still: Basket { amount: still, ..Basket::default() },
    });
    let buy = Some(Basket { amount, credits: Credits::whole(missing), packages });
    Ahead { months: 3, missing: Credits::whole(missing), buy, upgrade }
}

fn larch() -> Advice {
    Advice { plan: "pro".into(), cycles: 3, top_ups: 67_500, difference: 17_000, still: 0 }
}

fn words(plan: &str, ahead: Option<Ahead>, back: Option<Advice>) -> AdviceWords {
    let (catalog, verdict) = (catalog(), Verdict::new(ahead, back).expect("a verdict"));
    let per_day = Some(Credits::whole(160));
    let top_ups = if plan == "builder" { Credits(53_172_500) } else { Credits::ZERO };
    Adviser { verdict: &verdict, catalog: &catalog, plan, per_day, top_ups, upgrade: "/plans", hide_until: None }
        .words()
        .expect("words")
}

fn said(plan: &str, ahead: Option<Ahead>, back: Option<Advice>) -> String {
    let words = words(plan, ahead, back);
    let back = words.back.map(|back| format!(" / {back}")).unwrap_or_default();
    let see = words.plan.map(|plan| format!(" [{}]", plan.label)).unwrap_or_default();
    format!("**{}** {}{back}{see}", words.strong, words.text)
}

#[test]
fn the_cheaper_way_is_said_once() {
    assert_eq!(
        said("starter", Some(ahead(5_500, &[("p5000", 1), ("p1200", 1)], 3_900, Some(("builder", 6_000, 0)))), None),
        "**Top-ups are your cheapest option.** You'll need about 5,500 more credits over the next 3 months: $39 in \
         top-ups, or $180 for Builder. The cheapest mix is 5,000 and 1,200 credits; start with 5,000."
    );
    assert_eq!(
        said("builder", Some(ahead(140_000, &[("p50000", 3)], 67_500, Some(("pro", 17_000, 0)))), Some(larch())),
        "**Pro is cheaper for you.** You'll need about 140,000 more credits over the next 3 months: $510 for Pro, or \
         $675 in top-ups. / Pro would have saved you $165 in the last 3 cycles: $675 in top-ups against $510. [See Pro]"
    );
    assert_eq!(said("pro", Some(ahead(0, &[], 0, None)), None), "**You have enough for about 3 months.** ");
}

#[test]
fn the_second_line_never_says_another_way() {
    let buy = ahead(40_000, &[("p20000", 1)], 10_500, Some(("pro", 17_000, 0)));
    assert!(!said("builder", Some(buy.clone()), Some(larch())).contains("would have saved"));
    assert!(!said("builder", Some(ahead(0, &[], 0, None)), Some(larch())).contains("would have saved"));
    let cheaper = Advice { top_ups: 51_000, still: 900, ..larch() };
    let both = said("builder", Some(buy.clone()), Some(cheaper));
    assert!(
        both.ends_with(" / Top-ups were cheaper in the last 3 cycles: $510 in top-ups against $519 for Pro."),
        "{both}"
    );
    // Its sum stands with the others.
    let sums = words("builder", Some(buy), Some(larch())).sums;
    let sums: Vec<String> = sums.iter().map(ToString::to_string).collect();
    assert_eq!(
        sums,
        [
            "Your pace: about 160 credits a day over the last 30 days.",
            "Counted in both: the 53,172.5 top-up credits that you have.",
            "Top-ups: 20,000 credits for $105.",
            "Pro instead of Builder: 3\u{a0}× $170 = $510.",
            "Last 3 cycles: $675 in top-ups. Pro instead of Builder: 3\u{a0}× $170 = $510.",
        ]
    );
}

#[test]
fn without_a_forecast_the_last_cycles_speak() {
    assert_eq!(
        said("builder", None, Some(larch())),
        "**Pro would have saved you $165 in the last 3 cycles: $675 in top-ups against $510.**  [See Pro]"
    );
}
