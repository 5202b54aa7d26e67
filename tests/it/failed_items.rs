//! A failing item in each list of each job: the others are handled in the same run, the item is retried alone, an alarm
//! names it, and the alarm ends with its cause.

mod own_lists;
mod stripe_lists;

use crate::app::TestApp;
use topup::args;
use topup::store::Store;
use topup::store::db::Value;
use topup::usecases::alarms;

/// Kind and subject of each open alarm.
pub async fn open_alarms(app: &TestApp) -> Vec<String> {
    let open = alarms::open_alarms(&app.inner().store).await.unwrap();
    let mut names: Vec<String> = open.iter().map(|alarm| format!("{} {}", alarm.kind, alarm.subject)).collect();
    names.sort_unstable();
    names
}

/// Writes as another process would: the engine loads anew what it remembers.
async fn elsewhere(app: &TestApp, sql: &str, args: Vec<Value>) {
    let store = Store::open(&app.home.url).await.unwrap();
    let mut db = store.begin_write().await.unwrap();
    db.execute(sql, args).await.unwrap();
    db.commit().await.unwrap();
    store.close().await;
}

/// Breaks a customer's account, so that no turn of its can load it.
pub async fn break_account(app: &TestApp, customer: &str) {
    let sql = "update accounts set hash = $1 where customer_no = (select no from customers where id = $2)";
    elsewhere(app, sql, args![vec![1_u8], customer]).await;
}

/// Mends it, as a restore would.
pub async fn mend_accounts(app: &TestApp) {
    let sql = "update accounts set hash = (select hash from entries e where e.row_no = accounts.head_row)";
    elsewhere(app, sql, Vec::new()).await;
}

/// How many items are retried by themselves.
pub async fn failed_items(app: &TestApp) -> i64 {
    app.count("select count(*) as n from failed_items").await
}
