//! Pages that are open, told that something happened to their customer's credits.
//!
//! One look a second at all of them together, at the store: what another process booked is seen as well. A page is told
//! the number of the last entry and nothing else; what it then asks for, it asks as any reader does.
//!
//! Invariant: a number is told to sessions that are good in the very state that it was read from. One that was ended, or
//! went over to another customer, is told nothing more, and its stream ends.

use crate::store::db::Value;
use crate::usecases::access::sessions;
use crate::usecases::{App, InternalError};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::watch;
use tokio::sync::watch::{Receiver, Sender};
use tokio_util::sync::CancellationToken;

/// How often the store is asked, while a page is open.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// How many pages are told at once: the others are as if they had no script.
const PAGES_MAX: usize = 5_000;
/// How many of them one session may have open, so that it takes no room from others.
const SESSION_PAGES_MAX: usize = 8;

/// The number of a customer's last entry; none before the first look.
pub type Last = Option<i64>;

/// A customer's number, and the session that has its page open.
type Page = (i64, [u8; 32]);

/// Who is looked after.
#[derive(Clone, Default)]
pub struct Live(Arc<Mutex<Followed>>);

#[derive(Default)]
struct Followed {
    /// By customer and session.
    pages: HashMap<Page, Sender<Last>>,
    is_over: bool,
}

impl Live {
    /// What happens to a customer from now on, as long as the session is good; nothing where there are too many pages, of
    /// all or of the session, or at the end.
    #[must_use]
    pub fn follow(&self, customer_no: i64, session: [u8; 32]) -> Option<Receiver<Last>> {
        let mut followed = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let pages: usize = followed.pages.values().map(Sender::receiver_count).sum();
        let of_session = followed.pages.iter().filter(|((_, other), _)| *other == session);
        let own: usize = of_session.map(|(_, sender)| sender.receiver_count()).sum();
        if followed.is_over || pages >= PAGES_MAX || own >= SESSION_PAGES_MAX {
            return None;
        }
        Some(followed.pages.entry((customer_no, session)).or_insert_with(|| watch::channel(None).0).subscribe())
    }

    /// Whoever has a page open.
    fn pages(&self) -> Vec<Page> {
        let mut followed = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        followed.pages.retain(|_, sender| sender.receiver_count() > 0);
        followed.pages.keys().copied().collect()
    }

    fn tell(&self, page: Page, last: i64) {
        let followed = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(sender) = followed.pages.get(&page) {
            sender.send_if_modified(|known| known.replace(last) != Some(last));
        }
    }

    /// Ends the streams of a page.
    fn leave(&self, page: Page) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).pages.remove(&page);
    }

    fn end(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Followed { pages: HashMap::new(), is_over: true };
    }
}

/// Looks until it is told to stop; then every page's stream ends.
pub async fn run(app: App, stop: CancellationToken) {
    while stop.run_until_cancelled(tokio::time::sleep(LOOK_EVERY)).await.is_some() {
        if let Err(fault) = look(&app).await {
            tracing::warn!(error = %fault, "open pages could not be told what is new");
        }
    }
    app.live.end();
}

/// The number of a customer's last entry.
///
/// # Errors
/// [`Fault`].
pub async fn last(app: &App, customer_no: i64) -> Result<i64, InternalError> {
    let sql = "select seq from accounts where customer_no = $1";
    let row = app.store.read().await?.one(sql, crate::args![customer_no]).await?;
    Ok(row.map_or(Ok(0), |row| row.int("seq"))?)
}

/// One look.
///
/// # Errors
/// [`Fault`].
pub async fn look(app: &App) -> Result<(), InternalError> {
    let pages = app.live.pages();
    if pages.is_empty() {
        return Ok(());
    }
    let hashes: Vec<Value> = pages.iter().map(|(_, session)| Value::from(*session)).collect();
    let mut link = app.store.snapshot().await?;
    let mut good: HashMap<Page, i64> = HashMap::new();
    for row in sessions::positions(&mut link, app, hashes).await? {
        good.insert((row.int("no")?, row.bytes("token_hash")?), row.int("seq")?);
    }
    for page in pages {
        match good.get(&page) {
            Some(last) => app.live.tell(page, *last),
            None => app.live.leave(page),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_hears_of_each_number_once_and_of_the_end() {
        let live = Live::default();
        let (ada, bob) = ((7, [1; 32]), (7, [2; 32]));
        let mut page = live.follow(ada.0, ada.1).expect("there is room");
        assert_eq!(live.pages(), [ada]);
        live.tell(ada, 3);
        assert!(page.has_changed().expect("it goes on"));
        assert_eq!(*page.borrow_and_update(), Some(3));
        live.tell(ada, 3);
        live.tell(bob, 9);
        live.tell((8, ada.1), 9);
        assert!(!page.has_changed().expect("it goes on"), "nothing is new");
        live.end();
        assert!(page.has_changed().is_err() && live.follow(7, ada.1).is_none());
    }

    #[test]
    fn the_stream_of_a_session_that_ended_ends() {
        let live = Live::default();
        let (ada, bob) = ((7, [1; 32]), (7, [2; 32]));
        let (mut ended, stays) =
            (live.follow(ada.0, ada.1).expect("there is room"), live.follow(bob.0, bob.1).expect("there is room"));
        live.leave(ada);
        live.tell(ada, 4);
        assert!(ended.has_changed().is_err() && ended.borrow_and_update().is_none());
        assert!(stays.has_changed().is_ok());
    }

    #[test]
    fn who_has_closed_its_page_is_forgotten_and_makes_room() {
        let live = Live::default();
        let session = |n: usize| {
            let mut session = [0; 32];
            session[..8].copy_from_slice(&n.to_le_bytes());
            session
        };
        let pages: Vec<_> =
            (0..PAGES_MAX).map(|n| live.follow(1, session(n / SESSION_PAGES_MAX)).expect("there is room")).collect();
        assert!(live.follow(2, session(PAGES_MAX)).is_none(), "there is no room");
        drop(pages);
        assert!(live.pages().is_empty());
        assert!(live.follow(2, session(PAGES_MAX)).is_some());
    }

    #[test]
    fn one_session_has_eight_pages_and_a_closed_one_makes_room() {
        let live = Live::default();
        let mut pages: Vec<_> = (0..8).map(|n| live.follow(n % 2, [1; 32]).expect("there is room")).collect();
        assert!(live.follow(1, [1; 32]).is_none() && live.follow(3, [1; 32]).is_none(), "whichever customer it is");
        assert!(live.follow(1, [2; 32]).is_some(), "another session has its own");
        pages.pop();
        let again = live.follow(1, [1; 32]);
        assert!(again.is_some() && live.follow(1, [1; 32]).is_none());
    }
}
