use super::*;

fn catalog() -> Catalog {
    Catalog::parse(include_str!("../../../catalog.toml")).expect("the sample catalogue")
}

fn terms() -> Terms {
    Terms::default_of(&catalog(), None, Credits::whole(500), None).expect("terms")
}

#[test]
fn defaults_are_the_package_that_fits_the_low_mark_and_a_cap_for_the_pace() {
    let catalog = catalog();
    let check = |fit: Option<&str>, low_mark: i64, monthly: Option<i64>, want: (&str, i64, &str)| {
        let fit = fit.and_then(|id| catalog.package(id));
        let terms = Terms::default_of(&catalog, fit, Credits::whole(low_mark), monthly).expect("terms");
        assert_eq!(
            (terms.package.id.as_str(), terms.threshold, terms.cap.short().as_str()),
            (want.0, Credits::whole(want.1), want.2)
        );
    };
    check(None, 500, None, ("p1200", 500, "$20"));
    check(None, 500, Some(3), ("p1200", 500, "$40"));
    check(Some("p5000"), 500, Some(1), ("p5000", 500, "$60"));
    check(Some("p5000"), 0, Some(0), ("p5000", 500, "$60"));
}

#[test]
fn a_sent_form_is_read_and_a_mistake_stands_at_its_field() {
    let catalog = catalog();
    let read = |package: &str, below: &str, cap: &str| {
        let fields = [("package", package), ("below", below), ("cap", cap)];
        let field = |name: &str| fields.iter().find(|(n, _)| *n == name).map(|(_, value)| (*value).to_owned());
        SentTerms::read(&catalog, &terms(), field)
    };
    let good = read("p5000", "1,000", "60").terms.expect("terms");
    assert_eq!((good.package.id.as_str(), good.threshold, good.cap.minor), ("p5000", Credits::whole(1_000), 6_000));
    assert_eq!(good.query(), "package=p5000&below=1000&cap=60");
    let refused = |package: &str, below: &str, cap: &str| {
        let sent = read(package, below, cap);
        assert!(sent.terms.is_none(), "{package} {below} {cap}");
        (sent.threshold.error, sent.cap.error)
    };
    assert_eq!(refused("p5000", "500", "29.99").1.as_deref(), Some("Enter at least $30, the price of one package."));
    assert_eq!(refused("p1200", "0.5", "50").0.as_deref(), Some("Enter at least 1 credit, in digits, such as 500."));
    for cap in ["", "fifty", "-5", "5,0", "50.005", "99999999999"] {
        assert!(refused("p1200", "500", cap).1.is_some(), "{cap}");
    }
    for below in ["", "many", "-1", "1000000001"] {
        assert!(refused("p1200", below, "50").0.is_some(), "{below}");
    }
    // An unknown package is as none.
    assert_eq!(read("p9", "500", "50").package, "p1200");
}

#[test]
fn a_package_alone_has_a_cap_that_it_fits_into() {
    let only = |name: &str| (name == "package").then(|| "p50000".to_owned());
    let sent = SentTerms::read(&catalog(), &terms(), only);
    assert_eq!(sent.terms.map(|terms| terms.cap.minor), Some(45_000));
}
