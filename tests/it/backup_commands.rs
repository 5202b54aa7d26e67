//! `topup backup` and `topup restore`: refusals, damaged copies, and the database that is kept. (`backup` restores a copy that
//! was made under load.)

use crate::app::{Database, Home};
use crate::first_edition;
use crate::process::{Process, call, content, start, topup};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Output;
use topup::store::Store;

fn run(words: &[&str], url: &str) -> Output {
    topup(words, &[("DATABASE_URL", url)]).output().unwrap()
}

/// This exit code, and one line with these words. On a busy machine sqlx warns about slow statements before it.
#[track_caller]
fn refused(output: &Output, code: i32, words: &[&str]) {
    let said = String::from_utf8_lossy(&output.stderr);
    let lines: Vec<&str> = said.lines().filter(|line| !line.contains(" WARN sqlx::query: slow statement")).collect();
    assert_eq!((output.status.code(), lines.len()), (Some(code), 1), "{said}");
    assert!(words.iter().all(|word| lines[0].contains(word)), "{said}");
}

#[track_caller]
fn ok(output: &Output) -> String {
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn serve(url: &str) -> Process {
    start(topup(&["serve"], &[("DATABASE_URL", url), ("WORKER", "off")])).unwrap_or_else(|output| panic!("{output:?}"))
}

async fn put(process: &Process, customer: &str) {
    let body = r#"{"email":"ada@acme.example","plan":"pro"}"#.to_owned();
    call(&process.base, "PUT", &format!("/v1/customers/{customer}"), "-", body).await.unwrap().expect(201);
}

/// `topup check` of a file.
#[track_caller]
fn counted(file: &Path, customers: usize) {
    let said = ok(&run(&["check"], &format!("sqlite://{}", file.display())));
    assert!(said.starts_with(&format!("ok: {customers} customers")), "{said}");
}

fn names(folder: &Path) -> Vec<String> {
    let files = std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<String> = files.filter(|name| !name.ends_with("-wal") && !name.ends_with("-shm")).collect();
    names.sort();
    names
}

/// One customer, then a copy of it, then another customer; stopped.
async fn with_a_copy() -> (Home, PathBuf) {
    let home = Home::make(Database::Sqlite).await;
    let copy = home.folder.join("copy.db");
    let mut process = serve(&home.url);
    put(&process, "acme").await;
    let said = ok(&run(&["backup", copy.to_str().unwrap()], &home.url));
    assert!(said.starts_with("ok: 1 customers, ") && said.contains("copy.db, "), "{said}");
    put(&process, "larch").await;
    // Nothing of a running server is replaced.
    let output = run(&["restore", "--replace", copy.to_str().unwrap()], &home.url);
    refused(&output, 2, &["DATABASE_URL", "is served by another process"]);
    assert_eq!(process.terminate().await, Some(0));
    (home, copy)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backup_has_its_name_only_when_it_is_whole() {
    let (home, copy) = with_a_copy().await;
    let file = copy.to_str().unwrap();
    assert_eq!(std::fs::metadata(&copy).unwrap().permissions().mode() & 0o777, 0o600);
    refused(&run(&["backup", file], &home.url), 2, &["FILE: ", "copy.db exists"]);
    let nowhere = home.folder.join("nowhere").join("copy.db");
    refused(&run(&["backup", nowhere.to_str().unwrap()], &home.url), 2, &["FILE: ", "No such file"]);
    let missing = format!("sqlite://{}", home.folder.join("missing.db").display());
    refused(&run(&["backup", file], &missing), 2, &["DATABASE_URL", "does not exist"]);
    // The rest of an interrupted backup is no obstacle.
    let next = home.folder.join("next.db");
    std::fs::write(home.folder.join("next.db.partial"), "half").unwrap();
    ok(&run(&["backup", next.to_str().unwrap()], &home.url));
    counted(&next, 2);

    let store = Store::open(&home.url).await.unwrap();
    let mut db = store.begin_write().await.unwrap();
    db.execute("update grants set used = used + 1 where no = 2", Vec::new()).await.unwrap();
    db.commit().await.unwrap();
    store.close().await;
    let broken = home.folder.join("broken.db");
    refused(&run(&["backup", broken.to_str().unwrap()], &home.url), 1, &["topup check", "larch", "grt_"]);
    assert_eq!(names(&home.folder), ["copy.db", "next.db", "topup.db", "topup.db.lock"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restore_replaces_nothing_unasked_and_keeps_what_it_replaces() {
    let (home, copy) = with_a_copy().await;
    let file = copy.to_str().unwrap();
    refused(&run(&["restore", file], &home.url), 2, &["has 2 customers", "--replace"]);
    content(&home, 2);
    // Another command has it open.
    let store = Store::open(&home.url).await.unwrap();
    refused(&run(&["restore", "--replace", file], &home.url), 2, &["DATABASE_URL", "in use by another process"]);
    store.close().await;
    content(&home, 2);

    let said = ok(&run(&["restore", "--replace", file], &home.url));
    assert!(said.contains("restored: ") && said.contains("topup reconcile --since "), "{said}");
    content(&home, 1);
    let kept = said.lines().find_map(|line| line.strip_prefix("kept: ")).expect("a kept database");
    let all = names(&home.folder);
    assert_eq!(all.len(), 4, "{all:?}");
    counted(Path::new(kept), 2);
    // The restored one serves, with the one that it replaced beside it.
    let mut process = serve(&home.url);
    put(&process, "meridian").await;
    assert_eq!(process.terminate().await, Some(0));
    content(&home, 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restore_takes_only_a_whole_copy() {
    let (home, copy) = with_a_copy().await;
    let before = std::fs::read(home.folder.join("topup.db")).unwrap();
    let restore = |file: &Path| run(&["restore", "--replace", file.to_str().unwrap()], &home.url);
    refused(&restore(&home.folder.join("missing.db")), 2, &["FILE: ", "No such file"]);
    refused(&restore(&home.folder.join("topup.db")), 2, &["FILE: ", "is the database itself"]);
    refused(&restore(&home.folder), 2, &["FILE: ", "is no file"]);
    std::fs::write(home.folder.join("empty.db"), "").unwrap();
    refused(&restore(&home.folder.join("empty.db")), 2, &["FILE: ", "no tables of Topup"]);
    std::fs::write(home.folder.join("text.db"), "not a database at all, but long enough for a head".repeat(40))
        .unwrap();
    refused(&restore(&home.folder.join("text.db")), 1, &["text.db: ", "file is not a database"]);
    let log = home.folder.join("copy.db-wal");
    std::fs::write(&log, "committed").unwrap();
    refused(&restore(&copy), 2, &["FILE: ", "has a log"]);
    std::fs::remove_file(log).unwrap();
    // A page in the middle is lost.
    let mut damaged = std::fs::read(&copy).unwrap();
    let page = 4_096 * (damaged.len() / 8_192);
    damaged[page..page + 4_096].fill(0xa5);
    let torn = home.folder.join("torn.db");
    std::fs::write(&torn, damaged).unwrap();
    refused(&restore(&torn), 1, &["torn.db: "]);
    assert!(std::fs::read(home.folder.join("topup.db")).unwrap() == before, "the database has changed");
    let all = names(&home.folder);
    assert_eq!(all, ["copy.db", "empty.db", "text.db", "topup.db", "topup.db.lock", "torn.db"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restore_to_an_empty_place_needs_no_flag_and_migrates_an_older_copy() {
    let home = Home::make(Database::Sqlite).await;
    first_edition::load(&home).await;
    let old = home.folder.join("topup.db");
    let place = home.folder.join("new").join("shop.db");
    let new = format!("sqlite://{}", place.display());
    // A damaged copy leaves nothing behind.
    std::fs::write(home.folder.join("empty.db"), "").unwrap();
    let output = run(&["restore", home.folder.join("empty.db").to_str().unwrap()], &new);
    refused(&output, 2, &["no tables of Topup"]);
    assert_eq!(names(place.parent().unwrap()), ["shop.db.lock"]);
    let said = ok(&run(&["restore", old.to_str().unwrap()], &new));
    assert!(!said.contains("kept: ") && said.contains("topup reconcile --since 2026-12-15 --repair"), "{said}");
    counted(&place, 8);
    // A database in which nothing happened yet is no obstacle.
    let fresh = home.folder.join("fresh.db");
    let empty = format!("sqlite://{}", fresh.display());
    ok(&run(&["migrate"], &empty));
    assert!(ok(&run(&["restore", old.to_str().unwrap()], &empty)).contains("kept: "));
    counted(&fresh, 8);
}

#[test]
fn postgresql_is_left_to_its_own_tools() {
    for (words, tool) in [(["backup", "/tmp/none"], "pg_dump"), (["restore", "/tmp/none"], "pg_restore")] {
        let output = run(&words, "postgres://nobody@127.0.0.1:1/none");
        refused(&output, 2, &["DATABASE_URL", tool, "docs/operations.md"]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn healthy_is_the_answer_of_a_server_that_is_ready() {
    let home = Home::make(Database::Sqlite).await;
    let mut process = serve(&home.url);
    let address = process.base.strip_prefix("http://").unwrap().to_owned();
    let ask = |listen: &str| topup(&["healthy"], &[("LISTEN", listen)]).output().unwrap();
    assert!(ok(&ask(&address)).starts_with("ok: http://127.0.0.1:"));
    // As a container has it.
    ok(&ask(&address.replace("127.0.0.1", "0.0.0.0")));
    process.kill();
    refused(&ask(&address), 1, &["/readyz: nothing answers there"]);
    refused(&ask("127.0.0.1:0"), 2, &["LISTEN: port 0"]);
}
