//! The rules, tested as rules: histories against a second model, month arithmetic against a second
//! calendar, the verifier against forged ledgers, tables of states and refusals.
//!
//! `PROPTEST_CASES` scales the random tests; their default is what `.ci/run` wants.

mod calendar;
mod histories;
mod history;
mod model;
mod world;

/// How many cases a random test draws: `share` of 10,000, or of `PROPTEST_CASES`.
fn cases(share_percent: u32) -> proptest::test_runner::Config {
    let all = std::env::var("PROPTEST_CASES").ok().and_then(|n| n.parse().ok()).unwrap_or(10_000_u32);
    proptest::test_runner::Config {
        cases: (all / 100 * share_percent).max(1),
        failure_persistence: None,
        max_shrink_iters: 20_000,
        ..Default::default()
    }
}
