//! An invalid catalogue is refused with the line and the reason.

use topup_domain::catalog::{LapsedTopUps, Tax};
use topup_domain::{Catalog, Credits};

const SHOP: &str = r#"[shop]
name = "Gleaner"
support_email = "help@gleaner.example"
home_url = "https://gleaner.example"
terms_url = "https://gleaner.example/terms"
currency = "usd"
"#;

/// `{…}` stands for the rest of a valid catalogue: the shop before, a plan and two packages after.
fn check(text: &str, line: usize, reason: &str) {
    let error = Catalog::parse(text).expect_err(reason);
    assert_eq!((error.line, error.reason.contains(reason)), (line, true), "{error}\n{text}");
    assert_eq!(error.to_string(), format!("line {}: {}", error.line, error.reason));
}

fn plan(id: &str, amount: &str, credits: &str) -> String {
    format!("[[plan]]\nid = \"{id}\"\nname = \"P\"\namount = {amount}\ncredits = {credits}\ntop_ups = true\n")
}

fn package(id: &str, credits: &str, amount: &str) -> String {
    format!("[[package]]\nid = \"{id}\"\ncredits = {credits}\namount = {amount}\n")
}

#[test]
fn the_sample_catalogue_is_good() {
    let catalog = Catalog::parse(include_str!("../../../../catalog.toml")).unwrap();
    let plans: Vec<_> = catalog.plans.iter().map(|plan| (plan.id.as_str(), plan.credits, plan.top_ups)).collect();
    assert_eq!(
        plans,
        [("free", 300, false), ("starter", 5_000, true), ("builder", 25_000, true), ("pro", 100_000, true)]
    );
    assert_eq!(catalog.package("p1200").unwrap().grants(), Credits::whole(1_200));
    assert_eq!(catalog.rules.top_up_months, 12);
    assert_eq!((catalog.shop.tax, catalog.rules.lapsed_top_ups), (Tax::None, LapsedTopUps::Usable));
    assert!(!catalog.may_buy("free") && catalog.may_buy("pro") && !catalog.may_buy("gone"));
    assert_eq!((catalog.allowance("pro"), catalog.allowance("gone")), (Credits::whole(100_000), Credits::ZERO));
    assert!(!catalog.pauses_top_ups("free"), "leftovers stay usable");
}

#[test]
fn leftovers_are_paused_only_on_plans_that_may_not_buy_and_only_where_the_shop_says_so() {
    let text = include_str!("../../../../catalog.toml").replace("\"usable\"", "\"paused\"");
    let catalog = Catalog::parse(&text).unwrap();
    assert!(catalog.pauses_top_ups("free") && !catalog.pauses_top_ups("starter"));
}

#[test]
fn what_toml_or_the_shape_forbids_is_refused_at_its_line() {
    check("[shop", 1, "");
    check("", 1, "shop");
    check(&SHOP.replace("currency = \"usd\"\n", ""), 1, "currency");
    check(&format!("{SHOP}colour = \"red\"\n"), 7, "unknown field `colour`");
    check(&format!("{SHOP}{}colour = 1\n", plan("a", "0", "1")), 13, "unknown field `colour`");
    check(&format!("{SHOP}[[plans]]\n"), 7, "unknown field `plans`");
    check(&format!("{SHOP}{}{}size = 1\n", plan("a", "0", "1"), package("p", "1", "1")), 17, "unknown field `size`");
    check(&format!("{SHOP}[rules]\ngrace = 1\n"), 8, "unknown field `grace`");
    check(&format!("{SHOP}{}", plan("a", "0", "1.5")), 11, "invalid type: floating point");
    check(&format!("{SHOP}{}", plan("a", "9223372036854775808", "1")), 10, "");
    check(&format!("{SHOP}[rules]\nlapsed_top_ups = \"gone\"\n"), 8, "unknown variant `gone`");
}

#[test]
fn a_shop_that_cannot_sell_is_refused() {
    for (good, bad, line, reason) in [
        ("name = \"Gleaner\"", "name = \" \"", 2, "name must be 1 to 500 characters"),
        ("help@gleaner.example", "nobody", 3, "no e-mail address"),
        ("\"usd\"", "\"USD\"", 6, "currency"),
        ("\"usd\"", "\"dollar\"", 6, "currency"),
        ("https://gleaner.example/terms", "javascript:alert(1)", 5, "terms_url \"javascript:alert(1)\" is no address"),
        ("currency", "upgrade_url = \"x\"\ncurrency", 6, "upgrade_url \"x\" is no address"),
        ("currency", "accent = \"blue\"\ncurrency", 6, "shop.accent \"blue\" is no color; #rrggbb is meant"),
        ("currency", "accent = \"#2a4\"\ncurrency", 6, "shop.accent"),
        ("currency", "accent = \"\"\ncurrency", 6, "shop.accent"),
        ("currency", "accent = 5\ncurrency", 6, "invalid type: integer"),
        ("currency", "logo_url = \"http://gleaner.example/l.png\"\ncurrency", 6, "shop.logo_url \"http://gleaner"),
        ("currency", "logo_url = \"data:image/png;base64,AA==\"\ncurrency", 6, "shop.logo_url"),
        ("currency", "logo_url = \"/logo.png\"\ncurrency", 6, "shop.logo_url"),
        ("currency", "logo_url = \"https://ada@gleaner.example/l.png\"\ncurrency", 6, "shop.logo_url"),
        ("currency", "icon_url = \"http://127.0.0.1.evil.example/i.png\"\ncurrency", 6, "shop.icon_url"),
        ("currency", "icon_url = \"https://[::1]/i.png\"\ncurrency", 6, "shop.icon_url"),
        ("currency", "checkout_minutes = 29\ncurrency", 6, "between 30 and 1440"),
        ("currency", "\n\ncheckout_minutes = 1441\ncurrency", 8, "between 30 and 1440"),
        ("currency", "payment_methods = []\ncurrency", 6, "payment_methods is empty"),
        ("currency", "payment_methods = [\"card\", \"card\"]\ncurrency", 6, "has \"card\" twice"),
        ("currency", "payment_methods = [\"Card\"]\ncurrency", 6, "\"Card\", which is no method"),
        ("\"usd\"", "\"uds\"", 6, "none that Stripe charges in"),
    ] {
        check(&format!("{}{}", SHOP.replace(good, bad), plan("a", "0", "1")), line, reason);
    }
    for (rule, reason) in [
        ("top_up_months = 0", "top_up_months"),
        ("top_up_months = 121", "top_up_months"),
        ("reminder_days = [30, 0]", "reminder_days"),
        ("grace_days = -1", "grace_days"),
    ] {
        check(&format!("{SHOP}[rules]\n# a remark\n{rule}\n{}", plan("a", "0", "1")), 9, reason);
        check(&format!("rules.{rule}\n{SHOP}{}", plan("a", "0", "1")), 1, reason);
    }
}

#[test]
fn a_shop_dresses_its_pages_in_a_logo_an_icon_and_an_accent() {
    let dressed = |keys: &str| Catalog::parse(&format!("{SHOP}{keys}{}", plan("a", "0", "1"))).unwrap().shop;
    let plain = dressed("");
    assert_eq!((plain.accent, plain.image_origins()), (None, Vec::new()));
    let shop = dressed(
        "logo_url = \" https://Cdn.gleaner.example:443/logo.png?v=2 \"\nicon_url = \"http://localhost:8000/i.svg\"\n\
         accent = \" #0F766E \"\n",
    );
    assert_eq!(shop.logo_url.as_deref(), Some("https://Cdn.gleaner.example:443/logo.png?v=2"));
    assert_eq!(shop.image_origins(), ["https://cdn.gleaner.example", "http://localhost:8000"]);
    assert_eq!(shop.accent.map(|accent| accent.light.accent.to_string()).as_deref(), Some("#0f766e"));
    let one = dressed("logo_url = \"https://b\u{fc}cher.example/l\"\nicon_url = \"https://b\u{fc}cher.example/i\"\n");
    assert_eq!(one.image_origins(), ["https://xn--bcher-kva.example"]);
}

#[test]
fn plans_and_packages_that_cannot_be_sold_are_refused_at_their_own_line() {
    let good = format!("{SHOP}{}", plan("a", "0", "1"));
    check(SHOP, 1, "no [[plan]]");
    check(&format!("{good}{}", plan("a", "0", "2")), 14, "two of plan id \"a\"");
    check(&format!("{good}{}", plan("b", "-1", "2")), 16, "negative price");
    check(&format!("{good}{}", plan("b", "100000000", "2")), 16, "Stripe does not take");
    check(&format!("{good}{}", plan("b", "1", "-1")), 17, "credits outside");
    check(&format!("{good}{}", plan("b", "1", "1000000001")), 17, "credits outside");
    check(&format!("{good}{}", plan("b c", "1", "1")), 14, "is not 1 to 64 of");
    check(&format!("{good}{}", plan("", "1", "1")), 14, "is not 1 to 64 of");
    let good = format!("{good}{}", package("p", "1000", "900"));
    check(&format!("{good}{}", package("p", "2000", "900")), 18, "two of package id \"p\"");
    check(&format!("{good}{}", package("q", "2000", "-1")), 20, "negative price");
    check(&format!("{good}{}", package("q", "2000", "0")), 20, "Stripe does not take");
    check(&format!("{good}{}", package("q", "0", "1")), 19, "credits outside");
    check(&format!("{good}{}", package("q", "1000000001", "1")), 19, "credits outside");
    check(&format!("{good}{}", package("q", "2000", "1801")), 20, "larger than \"p\" and dearer per credit");
    check(&format!("{good}{}", package("q", "500", "449")), 16, "larger than \"q\" and dearer per credit");
    assert!(Catalog::parse(&format!("{good}{}", package("q", "2000", "1800"))).is_ok(), "as dear is fine");
    let metric = "[[metric]]\nkey = \"tokens\"\nlabel = \"T\"\n";
    check(&format!("{good}{metric}{metric}"), 21, "two of metric id \"tokens\"");
}

#[test]
fn prices_that_a_currency_cannot_have_are_refused() {
    let shop = |currency| SHOP.replace("usd", currency);
    check(&format!("{}{}", shop("kwd"), plan("a", "1005", "1")), 10, "Stripe does not take");
    check(&format!("{}{}", shop("isk"), plan("a", "1010", "1")), 10, "Stripe does not take");
    assert!(Catalog::parse(&format!("{}{}", shop("kwd"), plan("a", "1010", "1"))).is_ok());
}

#[test]
fn what_stripe_would_refuse_of_every_sale_is_refused_at_start() {
    let with = |shop: &str, amount: &str| format!("{shop}{}{}", plan("a", "0", "1"), package("p", "1000", amount));
    for (currency, least) in [("usd", 50), ("gbp", 30), ("jpy", 50), ("czk", 1_500), ("hkd", 400), ("huf", 17_500)] {
        let shop = SHOP.replace("usd", currency);
        assert!(Catalog::parse(&with(&shop, &least.to_string())).is_ok(), "{currency}");
        check(&with(&shop, &(least - 1).to_string()), 16, "less than Stripe charges");
    }
    check(&with(SHOP, "1"), 16, "package \"p\" costs $0.01, less than Stripe charges: $0.50 is the least");
    // Stripe publishes no least charge for this currency.
    assert!(Catalog::parse(&with(&SHOP.replace("usd", "all"), "1")).is_ok());
    let long = |length: usize| {
        let terms = format!("https://gleaner.example/{}", "t".repeat(length - "https://gleaner.example/".len()));
        SHOP.replace("https://gleaner.example/terms", &terms)
    };
    check(&with(&long(1_300), "900"), 5, "shop.terms_url is too long");
    assert!(Catalog::parse(&with(&long(1_000), "900")).is_ok());
    check(
        &with(&SHOP.replace("\"Gleaner\"", &format!("\"{}\"", "G".repeat(1_200))), "900"),
        2,
        "shop.name must be 1 to 500 characters",
    );
}

#[test]
fn a_checkout_is_open_for_as_long_as_stripe_takes_in_safety() {
    let minutes = |minutes: i64| {
        let shop = SHOP.replace("currency", &format!("checkout_minutes = {minutes}\ncurrency"));
        Catalog::parse(&format!("{shop}{}", plan("a", "0", "1"))).unwrap().shop.open_minutes()
    };
    assert_eq!([30, 40, 60, 1_430, 1_440].map(minutes), [40, 40, 60, 1_430, 1_430]);
}
