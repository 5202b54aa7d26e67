//! One question at a time: how often pages may ask Stripe about one thing.
//!
//! A page that is reloaded must not ask Stripe each time. A question is asked once: callers who come while it is
//! in the air have its answer. Between two of them there is a shortest distance, by the machine's time; where the
//! product's clock was moved by hand meanwhile, what was heard before is old.
//!
//! *Not here:* webhooks, which say that something is new, and jobs, which have their own pace (`sweep`).

use crate::clock::Clock;
use crate::domain::Instant;
use crate::usecases::app::error::InternalError;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::time::Instant as Moment;

/// The shortest distance between two questions of somebody who is signed in: who comes earlier waits for so long.
const DISTANCE: Duration = Duration::from_secs(1);
/// The same for strangers, who do not wait: they see what is known.
const DISTANCE_ANONYMOUS: Duration = Duration::from_secs(5);
/// How many things are remembered at once.
const REMEMBERED_MAX: usize = 4_096;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asker {
    /// Somebody who is signed in: the answer is waited for.
    Member,
    /// Anybody else: the answer may be five seconds old.
    Anonymous,
}

/// When something was last asked.
#[derive(Clone, Copy)]
struct AskedAt {
    ended: Moment,
    by_clock: Instant,
}

type QuestionSlot = Arc<tokio::sync::Mutex<Option<AskedAt>>>;

/// The latest questions to Stripe. Clones share them.
#[derive(Clone, Default)]
pub struct StripeQuestions(Arc<Mutex<HashMap<String, QuestionSlot>>>);

impl StripeQuestions {
    /// Asks, unless somebody has just asked the same: then it is over when that one is answered.
    ///
    /// # Errors
    /// The error of the question.
    pub async fn ask_unless_recent(
        &self,
        clock: &Clock,
        what: String,
        asker: Asker,
        ask: impl Future<Output = Result<(), InternalError>>,
    ) -> Result<(), InternalError> {
        let (came, slot) = (Moment::now(), self.slot(what));
        let mut last = slot.lock().await;
        let news = last.filter(|asked| asked.by_clock == clock.now() || !clock.is_test());
        match next_question(news.map(|asked| asked.ended), came, Moment::now(), asker) {
            Next::Known => return Ok(()),
            Next::AskIn(wait) => tokio::time::sleep(wait).await,
        }
        let result = ask.await;
        *last = Some(AskedAt { ended: Moment::now(), by_clock: clock.now() });
        result
    }

    fn slot(&self, what: String) -> QuestionSlot {
        let mut slots = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if slots.len() >= REMEMBERED_MAX && !slots.contains_key(&what) {
            let is_old = |asked: &AskedAt| asked.ended.elapsed() >= DISTANCE_ANONYMOUS;
            // One that is in the air is held by its asker too.
            slots.retain(|_, slot| {
                Arc::strong_count(slot) > 1 || slot.try_lock().is_ok_and(|last| last.is_some_and(|it| !is_old(&it)))
            });
            if slots.len() >= REMEMBERED_MAX {
                slots.retain(|_, slot| Arc::strong_count(slot) > 1);
            }
        }
        Arc::clone(slots.entry(what).or_default())
    }
}

/// True if to ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Next {
    /// The last answer is new enough.
    Known,
    /// Ask, after so long.
    AskIn(Duration),
}

/// `ended` is when the last answer was there, `came` when this asker came.
fn next_question(ended: Option<Moment>, came: Moment, now: Moment, asker: Asker) -> Next {
    let Some(ended) = ended else { return Next::AskIn(Duration::ZERO) };
    let since = now.saturating_duration_since(ended);
    match asker {
        // It was in the air when this one came.
        _ if ended >= came => Next::Known,
        Asker::Anonymous if since < DISTANCE_ANONYMOUS => Next::Known,
        Asker::Anonymous => Next::AskIn(Duration::ZERO),
        Asker::Member => Next::AskIn(DISTANCE.saturating_sub(since)),
    }
}

#[cfg(test)]
mod tests {
    use super::{Asker, DISTANCE, DISTANCE_ANONYMOUS, Next, REMEMBERED_MAX, StripeQuestions, next_question};
    use crate::clock::Clock;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;
    use tokio::time::Instant as Moment;

    async fn asked(questions: &StripeQuestions, what: &str, count: &AtomicUsize) {
        let ask = async {
            count.fetch_add(1, Ordering::SeqCst);
            tokio::task::yield_now().await;
            Ok(())
        };
        questions.ask_unless_recent(&Clock::system(), what.to_owned(), Asker::Anonymous, ask).await.expect("an answer");
    }

    #[tokio::test]
    async fn fifty_at_once_are_one_question_and_another_thing_is_another() {
        let (questions, count) = (StripeQuestions::default(), AtomicUsize::new(0));
        futures::future::join_all((0..50).map(|_| asked(&questions, "a", &count))).await;
        assert_eq!(count.load(Ordering::SeqCst), 1);
        asked(&questions, "b", &count).await;
        assert_eq!(count.load(Ordering::SeqCst), 2);
    }

    #[test]
    fn a_stranger_sees_what_is_known_and_a_member_waits_for_an_answer() {
        let (now, second) = (Moment::now() + Duration::from_secs(60), Duration::from_secs(1));
        let check = |ended: Option<Moment>, came: Moment, stranger: Next, member: Next| {
            assert_eq!(next_question(ended, came, now, Asker::Anonymous), stranger);
            assert_eq!(next_question(ended, came, now, Asker::Member), member);
        };
        let at_once = Next::AskIn(Duration::ZERO);
        check(None, now, at_once, at_once);
        check(Some(now), now - second, Next::Known, Next::Known);
        let just = now - Duration::from_millis(1);
        check(Some(just), now, Next::Known, Next::AskIn(DISTANCE - Duration::from_millis(1)));
        check(Some(now - 2 * DISTANCE), now, Next::Known, at_once);
        check(Some(now - DISTANCE_ANONYMOUS), now, at_once, at_once);
    }

    #[tokio::test]
    async fn what_is_remembered_is_bounded() {
        let (questions, count) = (StripeQuestions::default(), AtomicUsize::new(0));
        for n in 0..=REMEMBERED_MAX {
            asked(&questions, &n.to_string(), &count).await;
        }
        assert!(questions.0.lock().expect("a map").len() <= REMEMBERED_MAX);
    }
}
