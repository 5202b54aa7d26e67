//! Pages that are open, told that something happened to their customer's credits.
//!
//! One look a second at all of them together, at the store: what another process booked is seen as well. A page is told
//! the number of the last entry and nothing else; what it then asks for, it asks as any reader does.

use super::{Fault, Services};
use crate::store::bulk;
use crate::store::db::Value;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::watch::{self, Receiver, Sender};
use tokio_util::sync::CancellationToken;

/// How often the store is asked, while a page is open.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// How many pages are told at once: the others are as if they had no script.
const PAGES_MAX: usize = 5_000;

/// The number of a customer's last entry; none before the first look.
pub type Last = Option<i64>;

/// Who is looked after.
#[derive(Clone, Default)]
pub struct Live(Arc<Mutex<Followed>>);

#[derive(Default)]
struct Followed {
    customers: HashMap<i64, Sender<Last>>,
    is_over: bool,
}

impl Live {
    /// What happens to a customer from now on; nothing where there are too many pages, or at the end.
    #[must_use]
    pub fn follow(&self, customer_no: i64) -> Option<Receiver<Last>> {
        let mut followed = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let pages: usize = followed.customers.values().map(Sender::receiver_count).sum();
        if followed.is_over || pages >= PAGES_MAX {
            return None;
        }
        Some(followed.customers.entry(customer_no).or_insert_with(|| watch::channel(None).0).subscribe())
    }

    /// Whoever has a page open.
    fn customers(&self) -> Vec<i64> {
        let mut followed = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        followed.customers.retain(|_, sender| sender.receiver_count() > 0);
        followed.customers.keys().copied().collect()
    }

    fn tell(&self, customer_no: i64, last: i64) {
        let followed = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(sender) = followed.customers.get(&customer_no) {
            sender.send_if_modified(|known| known.replace(last) != Some(last));
        }
    }

    fn end(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Followed { customers: HashMap::new(), is_over: true };
    }
}

/// Looks until it is told to stop; then every page's stream ends.
pub async fn run(services: Services, stop: CancellationToken) {
    while stop.run_until_cancelled(tokio::time::sleep(LOOK_EVERY)).await.is_some() {
        if let Err(fault) = look(&services).await {
            tracing::warn!(error = %fault, "open pages could not be told what is new");
        }
    }
    services.live.end();
}

/// The number of a customer's last entry.
///
/// # Errors
/// [`Fault`].
pub async fn last(services: &Services, customer_no: i64) -> Result<i64, Fault> {
    let sql = "select seq from accounts where customer_no = $1";
    let row = services.store.read().await?.one(sql, crate::args![customer_no]).await?;
    Ok(row.map_or(Ok(0), |row| row.int("seq"))?)
}

/// One look.
///
/// # Errors
/// [`Fault`].
pub async fn look(services: &Services) -> Result<(), Fault> {
    let customers: Vec<Value> = services.live.customers().into_iter().map(Value::from).collect();
    if customers.is_empty() {
        return Ok(());
    }
    let sql = |_: &str, any: &str| format!("select customer_no, seq from accounts where customer_no {any}");
    let mut link = services.store.read().await?;
    for row in bulk::all_any(&mut link, sql, Vec::new(), customers).await? {
        services.live.tell(row.int("customer_no")?, row.int("seq")?);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_hears_of_each_number_once_and_of_the_end() {
        let live = Live::default();
        let mut page = live.follow(7).expect("there is room");
        assert_eq!(live.customers(), [7]);
        live.tell(7, 3);
        assert!(page.has_changed().expect("it goes on"));
        assert_eq!(*page.borrow_and_update(), Some(3));
        live.tell(7, 3);
        live.tell(8, 9);
        assert!(!page.has_changed().expect("it goes on"), "nothing is new");
        live.end();
        assert!(page.has_changed().is_err() && live.follow(7).is_none());
    }

    #[test]
    fn who_has_closed_its_page_is_forgotten_and_makes_room() {
        let live = Live::default();
        let pages: Vec<_> = (0..PAGES_MAX).map(|_| live.follow(1).expect("there is room")).collect();
        assert!(live.follow(2).is_none(), "there is no room");
        drop(pages);
        assert!(live.customers().is_empty());
        assert!(live.follow(2).is_some());
    }
}
