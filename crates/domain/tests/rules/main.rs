//! The rules, tested as rules: histories against a second model, months against a second calendar, the verifier against
//! forged ledgers, tables of states and refusals.
//!
//! `PROPTEST_CASES` scales the random tests; the default is CI's number.

mod advice;
mod ahead;
mod amounts;
mod auto_top_ups;
mod balance_alerts;
mod calendar;
mod catalogue;
mod claims;
mod entries;
mod forecasts;
mod forged;
mod forged_holds;
mod histories;
mod history;
mod ledger;
mod limits;
mod model;
mod model_commands;
mod months;
mod pair;
mod pair_same;
mod purchases;
mod subscribed;
mod subscriptions;
mod verdict;
mod world;

use proptest::strategy::Strategy;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

/// Runs `test` on random values: `share_percent` of 10,000 of them, or of `PROPTEST_CASES`. proptest's own macro would
/// give every test all of `PROPTEST_CASES`.
#[track_caller]
fn for_all<S: Strategy>(share_percent: u32, strategy: S, test: impl Fn(S::Value)) {
    run(share_percent, TestRunner::new, strategy, test);
}

/// The same values in every run, for a test of the generator itself, which must not depend on luck.
fn for_the_same<S: Strategy>(share_percent: u32, strategy: S, test: impl Fn(S::Value)) {
    let rng = TestRng::from_seed(RngAlgorithm::XorShift, b"the same by seed");
    run(share_percent, |config| TestRunner::new_with_rng(config, rng), strategy, test);
}

fn run<S: Strategy>(
    share_percent: u32,
    runner: impl FnOnce(Config) -> TestRunner,
    strategy: S,
    test: impl Fn(S::Value),
) {
    let all = std::env::var("PROPTEST_CASES").ok().and_then(|n| n.parse().ok()).unwrap_or(10_000_u32);
    let config = Config {
        cases: (all / 100 * share_percent).max(1),
        failure_persistence: None,
        max_shrink_iters: 20_000,
        // The default generator, unoptimised, would take half of the time.
        rng_algorithm: RngAlgorithm::XorShift,
        ..Config::default()
    };
    let outcome = runner(config).run(&strategy, |value| {
        test(value);
        Ok(())
    });
    if let Err(error) = outcome {
        panic!("{error}");
    }
}
