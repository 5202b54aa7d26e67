//! Open pages that are updated when their customer's credits change.
//!
//! *Not here:* reading what is new (`insight::live`).

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::watch;
use tokio::sync::watch::{Receiver, Sender};

/// Open pages that get live updates at most; further ones work as if they had no script.
const PAGES_MAX: usize = 5_000;
/// Pages of one session at most, so that it takes no room from others.
const SESSION_PAGES_MAX: usize = 8;

/// The number of a customer's last entry; none before the first query.
pub type LastEntry = Option<i64>;

/// A customer's number, and the session that has its page open.
pub(crate) type LivePage = (i64, [u8; 32]);

/// The open pages. Clones share them.
#[derive(Clone, Default)]
pub struct LivePages(Arc<Mutex<FollowedPages>>);

#[derive(Default)]
struct FollowedPages {
    /// By customer and session.
    pages: HashMap<LivePage, Sender<LastEntry>>,
    is_over: bool,
}

impl LivePages {
    /// Subscribes to a customer's entries, as long as the session is valid; none where too many pages are open, of all
    /// or of the session, or at the end.
    #[must_use]
    pub fn follow(&self, customer_no: i64, session: [u8; 32]) -> Option<Receiver<LastEntry>> {
        let mut followed = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let pages: usize = followed.pages.values().map(Sender::receiver_count).sum();
        let of_session = followed.pages.iter().filter(|((_, other), _)| *other == session);
        let own: usize = of_session.map(|(_, sender)| sender.receiver_count()).sum();
        if followed.is_over || pages >= PAGES_MAX || own >= SESSION_PAGES_MAX {
            return None;
        }
        Some(followed.pages.entry((customer_no, session)).or_insert_with(|| watch::channel(None).0).subscribe())
    }

    /// How many pages are open.
    #[must_use]
    pub fn count(&self) -> usize {
        let followed = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        followed.pages.values().map(Sender::receiver_count).sum()
    }

    pub(crate) fn pages(&self) -> Vec<LivePage> {
        let mut followed = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        followed.pages.retain(|_, sender| sender.receiver_count() > 0);
        followed.pages.keys().copied().collect()
    }

    pub(crate) fn announce(&self, page: LivePage, last: i64) {
        let followed = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(sender) = followed.pages.get(&page) {
            sender.send_if_modified(|known| known.replace(last) != Some(last));
        }
    }

    /// Ends the stream of a page.
    pub(crate) fn close(&self, page: LivePage) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).pages.remove(&page);
    }

    /// Ends all streams, for good.
    pub(crate) fn end(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = FollowedPages { pages: HashMap::new(), is_over: true };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_hears_of_each_number_once_and_of_the_end() {
        let live = LivePages::default();
        let (ada, bob) = ((7, [1; 32]), (7, [2; 32]));
        let mut page = live.follow(ada.0, ada.1).expect("there is room");
        assert_eq!(live.pages(), [ada]);
        live.announce(ada, 3);
        assert!(page.has_changed().expect("it goes on"));
        assert_eq!(*page.borrow_and_update(), Some(3));
        live.announce(ada, 3);
        live.announce(bob, 9);
        live.announce((8, ada.1), 9);
        assert!(!page.has_changed().expect("it goes on"), "nothing is new");
        live.end();
        assert!(page.has_changed().is_err() && live.follow(7, ada.1).is_none());
    }

    #[test]
    fn the_stream_of_a_session_that_ended_ends() {
        let live = LivePages::default();
        let (ada, bob) = ((7, [1; 32]), (7, [2; 32]));
        let (mut ended, stays) =
            (live.follow(ada.0, ada.1).expect("there is room"), live.follow(bob.0, bob.1).expect("there is room"));
        live.close(ada);
        live.announce(ada, 4);
        assert!(ended.has_changed().is_err() && ended.borrow_and_update().is_none());
        assert!(stays.has_changed().is_ok());
    }

    #[test]
    fn who_has_closed_its_page_is_forgotten_and_makes_room() {
        let live = LivePages::default();
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
        let live = LivePages::default();
        let mut pages: Vec<_> = (0..8).map(|n| live.follow(n % 2, [1; 32]).expect("there is room")).collect();
        assert!(live.follow(1, [1; 32]).is_none() && live.follow(3, [1; 32]).is_none(), "whichever customer it is");
        assert!(live.follow(1, [2; 32]).is_some(), "another session has its own");
        pages.pop();
        let again = live.follow(1, [1; 32]);
        assert!(again.is_some() && live.follow(1, [1; 32]).is_none());
    }
}
