//! The worker's jobs: everything that happens because time passes.
//!
//! Invariants: each job is bounded and idempotent, and safe in several processes at once; balances are right
//! with every one of them stopped (R3). How each did last stands in the store, for every process to read.
//!
//! *Not here:* when they run (`jobs`), what they do (a file a subject beside this one).

mod list;
mod runs;
pub mod test_clock;

pub use list::{ALL, Job, job_named, next_job_due, pass_time, run_due};
pub use runs::{JobRuns, LastRun, last_runs, last_runs_of, record_runs};
