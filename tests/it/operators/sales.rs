//! Sales and liability: outstanding is the sum of all balances.

use super::OperatorBrowser;
use crate::app::{TestApp, on_both};
use chrono::TimeDelta;
use serde_json::json;
use topup::domain::Kind;
use topup::usecases::insight::sales;
use topup::usecases::insight::sales::{Month, SalesFigures, SalesLine, SalesReport};

async fn report(app: &TestApp) -> SalesReport {
    let report = sales::sales_report(&app.inner()).await.unwrap();
    assert!(report.is_whole());
    let balances = app.count("select cast(sum(balance) as bigint) as n from accounts").await;
    assert_eq!(report.outstanding(), i128::from(balances));
    report
}

fn line(report: &SalesReport, month: Month, kind: Kind) -> SalesLine {
    *report.lines.iter().find(|line| line.month == month && line.kind == kind).unwrap()
}

on_both!(outstanding_is_the_sum_of_all_balances, |app| {
    app.put_customer("acme", "starter").await;
    app.put_customer("fjord", "free").await;
    app.buy("acme", "p1200", "b").await;
    let first = Month::of(app.now());
    let until = (app.now() + TimeDelta::days(100)).to_rfc3339();
    let body = json!({"credits": 50, "expires_at": until, "reason": "r"}).to_string();
    app.post("/v1/customers/fjord/grants", "g", body).await.expect(201);
    let usage = app.charge("acme", "100", "v").await.expect(201).json()["id"].as_str().unwrap().to_owned();
    app.charge("acme", "5200.5", "c").await.expect(201);
    app.post(&format!("/v1/usage/{usage}/void"), "vk", json!({"reason": "r"}).to_string()).await.expect(200);
    let hold = json!({"credits": 7, "ttl_seconds": 60}).to_string();
    app.post("/v1/customers/fjord/holds", "h", hold).await.expect(201);
    let now = report(app).await;
    let sold = line(&now, first, Kind::TopUp);
    assert_eq!(sold.figures, SalesFigures { granted: 1_200_000, used: 300_500, ..SalesFigures::default() });
    assert_eq!(line(&now, first, Kind::Courtesy).outstanding, 50_000);
    assert_eq!((now.money.len(), now.money[0].purchases, now.money[0].sold), (1, 1, 900));
    // 899.5 of 1,200 credits that cost $9.00.
    assert_eq!((now.deferred.len(), now.deferred[0].minor), (1, 674));

    // Later: plan credits expire at each cycle's end, and the courtesy credits on their day.
    app.advance_to(app.now() + TimeDelta::days(101)).await;
    let later = report(app).await;
    assert_eq!(line(&later, first, Kind::TopUp), sold, "a month that is over stays");
    let expired: i128 = later.lines.iter().filter(|l| l.kind == Kind::Courtesy).map(|l| l.figures.expired).sum();
    assert_eq!(expired, 50_000);
    let months = later.lines.len() / 3;
    assert!((4..=5).contains(&months), "no month is left out: {months}");

    // The cache of a process equals the sums of a new one.
    app.restart().await;
    let again = report(app).await;
    assert_eq!(again, later);
});

on_both!(the_report_is_a_page_and_two_files, |app| {
    let operator = OperatorBrowser::open(app).await;
    assert!(operator.page("/operator/sales").await.contains("No sales yet."));
    app.put_customer("acme", "starter").await;
    app.buy("acme", "p1200", "b").await;
    let shown = operator.page("/operator/sales").await;
    assert!(shown.contains("<svg") && shown.contains("6,200") && !shown.contains("<script>"), "{shown}");
    let month = Month::of(app.now());
    assert!(!shown.contains("download"), "would save the sign-in page: {shown}");
    let file = async |path| operator.page(path).await.trim_start_matches('\u{feff}').to_owned();
    let csv = file("/operator/sales.csv").await;
    let want = format!(
        "month,kind,granted,used,expired,refunded,voided,outstanding\n{month},plan,5000,0,0,0,0,5000\n\
         {month},courtesy,0,0,0,0,0,0\n{month},top_up,1200,0,0,0,0,1200\n"
    );
    assert_eq!(csv, want);
    let money = file("/operator/money.csv").await;
    assert_eq!(money, format!("month,currency,purchases,sold,tax,refunded\n{month},usd,1,900,0,0\n"));
});
