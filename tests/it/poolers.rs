//! A pooler in front of PostgreSQL: session mode works, transaction mode is refused.

use crate::app::{Database, Home, STUCK};
use crate::process::{call, start, topup};
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Child, Command, Stdio};
use topup::store::{OpenError, Store};

/// A PgBouncer of its own; it ends with this value.
struct Pooler {
    process: Child,
    /// `DATABASE_URL` through it.
    url: String,
}

impl Pooler {
    /// In front of a test's database. It is set up as its own documents say, and passes on what it knows, no more.
    async fn start(home: &Home, mode: &str) -> Self {
        let server = url::Url::parse(&home.url).unwrap();
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        // The program does not run as root: another user must be able to read its settings.
        std::fs::set_permissions(&home.folder, std::fs::Permissions::from_mode(0o755)).unwrap();
        let settings = home.folder.join("pgbouncer.ini");
        let name = server.path().trim_start_matches('/');
        let mut file = std::fs::File::create(&settings).unwrap();
        writeln!(
            file,
            "[databases]\n{name} = host=127.0.0.1 port={} user={} password={}\n[pgbouncer]\nlisten_addr = 127.0.0.1\n\
             listen_port = {port}\nunix_socket_dir =\nauth_type = any\npool_mode = {mode}\ndefault_pool_size = 40",
            server.port().unwrap(),
            server.username(),
            server.password().unwrap()
        )
        .unwrap();
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/scripts/lib.sh");
        let bash = format!(
            "source {script}; as=; [[ $(id -u) == 0 ]] && as='setpriv --reuid=nobody --regid=nogroup --clear-groups';
             exec $as \"$(pgbouncer_bin)\" -q {}",
            settings.display()
        );
        let mut command = Command::new("bash");
        let process = command.args(["-c", &bash]).stdin(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let mut url = server.clone();
        url.set_port(Some(port)).unwrap();
        let listens = async {
            while tokio::net::TcpStream::connect(("127.0.0.1", port)).await.is_err() {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(STUCK, listens).await.expect("a pooler: scripts/need pgbouncer installs it");
        Self { process, url: url.to_string() }
    }
}

impl Drop for Pooler {
    fn drop(&mut self) {
        let _ended = self.process.kill();
        let _gone = self.process.wait();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_frozen_writer_behind_a_pooler_in_session_mode_is_thrown_out() {
    let home = Home::make(Database::Postgres).await;
    let pooler = Pooler::start(&home, "session").await;
    let (one, two) = (Store::open(&pooler.url).await.unwrap(), Store::open(&pooler.url).await.unwrap());
    one.migrate().await.unwrap();
    for (name, want) in topup::store::postgres_sessions::SETTINGS {
        let sql = format!("select current_setting('{name}') as value");
        let row = one.read().await.unwrap().fetch_optional(sql, Vec::new()).await.unwrap().unwrap();
        assert_eq!(row.text("value").unwrap(), want, "{name}");
    }
    let frozen = one.begin_write().await.unwrap();
    let writes = async {
        loop {
            if two.begin_write().await.is_ok() {
                break;
            }
        }
    };
    tokio::time::timeout(STUCK, writes).await.expect("the frozen one is thrown out");
    assert!(frozen.commit().await.is_err());
    let doctor = topup(&["doctor"], &[("DATABASE_URL", &pooler.url)]).output().unwrap();
    let said = String::from_utf8(doctor.stdout).unwrap();
    assert!(said.contains("ok     database:"), "{said}");
    tokio::join!(one.close(), two.close());
    drop(pooler);
    home.remove().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_behind_a_pooler_in_session_mode_charges() {
    let home = Home::make(Database::Postgres).await;
    let pooler = Pooler::start(&home, "session").await;
    let mut served = start(topup(&["serve"], &[("DATABASE_URL", &pooler.url)])).unwrap();
    let body = r#"{"email":"ada@acme.example","plan":"pro"}"#.to_owned();
    call(&served.base, "PUT", "/v1/customers/acme", "-", body).await.unwrap().expect(201);
    for n in 0..10 {
        let body = r#"{"credits":1}"#.to_owned();
        call(&served.base, "POST", "/v1/customers/acme/usage", &format!("k{n}"), body).await.unwrap().expect(201);
    }
    assert_eq!(served.terminate().await, Some(0));
    drop(pooler);
    home.remove().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pooler_in_transaction_or_statement_mode_is_refused_in_plain_words() {
    let home = Home::make(Database::Postgres).await;
    for mode in ["transaction", "statement"] {
        let pooler = Pooler::start(&home, mode).await;
        assert!(matches!(Store::open(&pooler.url).await, Err(OpenError::SharedSessions)), "{mode}");
        let served = start(topup(&["serve"], &[("DATABASE_URL", &pooler.url)])).err().expect("a refusal");
        let said = String::from_utf8(served.stderr).unwrap();
        assert_eq!(served.status.code(), Some(2), "{said}");
        assert!(said.contains("DATABASE_URL: ") && said.contains("session mode"), "{mode}: {said}");
        let doctor = topup(&["doctor"], &[("DATABASE_URL", &pooler.url)]).output().unwrap();
        let said = String::from_utf8(doctor.stdout).unwrap();
        assert!(said.contains("wrong  database: ") && said.contains("session mode"), "{mode}: {said}");
    }
    home.remove().await;
}
