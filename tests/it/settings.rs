//! Missing, empty and malformed settings: one line that names them, exit code 2.

use crate::app::{Database, Home, OPERATOR_KEY};
use crate::process::{start, topup};

const LIVE: &str = "sk_live_0000000000000000";
const TEST: &str = "sk_test_0000000000000000";
const SECRET: &str = "whsec_0000000000000000";

/// The command ends at once with exit code 2 and one line, which names the setting.
fn refused(command: &str, settings: &[(&str, &str)], name: &str) -> String {
    let said = malformed(command, settings, name);
    assert_eq!(said.lines().count(), 1, "{settings:?}: {said}");
    said
}

/// The same for what the command line's own parser refuses: its first line names the setting.
fn malformed(command: &str, settings: &[(&str, &str)], name: &str) -> String {
    let home = std::env::temp_dir().join("topup-settings-never-made").join("x.db");
    let database = format!("sqlite://{}", home.display());
    let mut topup = topup(&[command], &[("DATABASE_URL", &database)]);
    topup.envs(settings.iter().copied());
    let Err(output) = start(topup) else { panic!("{command} {settings:?} was accepted") };
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(!home.exists(), "{settings:?}: nothing is made before the settings are found good");
    assert_eq!(output.status.code(), Some(2), "{settings:?}: {said}");
    assert!(said.lines().next().is_some_and(|line| line.contains(name)), "{settings:?}: {said}");
    for secret in [OPERATOR_KEY, LIVE, TEST, SECRET] {
        assert!(!said.contains(secret), "a secret is shown: {said}");
    }
    said
}

#[test]
fn the_operator_api_needs_good_keys() {
    let short = &OPERATOR_KEY[..31];
    for keys in ["", " ", short, &format!("{OPERATOR_KEY},{short}"), &format!("{OPERATOR_KEY},"), ","] {
        let said = refused("serve", &[("OPERATOR_KEYS", keys)], "OPERATOR_KEYS");
        assert!(!said.contains(short), "{said}");
    }
    let mut bare = topup(&["serve"], &[]);
    bare.env_remove("OPERATOR_KEYS");
    let Err(output) = start(bare) else { panic!("serve without a key") };
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!((output.status.code(), said.lines().count()), (Some(2), 1), "{said}");
    assert!(said.contains("OPERATOR_KEYS"), "{said}");
}

#[test]
fn a_live_key_moves_no_money_in_a_test() {
    for key in [LIVE, "rk_live_0000000000000000", "sk_org_live_0000000000000000"] {
        let live = [("STRIPE_SECRET_KEY", key), ("STRIPE_WEBHOOK_SECRETS", SECRET)];
        let with = |more: (&'static str, &'static str)| [live[0], live[1], more];
        refused("serve", &with(("TEST_CLOCK", "1")), "STRIPE_SECRET_KEY");
        refused("serve", &with(("STRIPE_API_BASE", "http://127.0.0.1:1")), "STRIPE_SECRET_KEY");
        refused("demo", &live, "STRIPE_SECRET_KEY");
    }
}

#[test]
fn half_a_stripe_configuration_is_malformed() {
    refused("serve", &[("STRIPE_SECRET_KEY", TEST)], "STRIPE_WEBHOOK_SECRETS");
    refused("serve", &[("STRIPE_WEBHOOK_SECRETS", SECRET)], "STRIPE_SECRET_KEY");
    refused("serve", &[("STRIPE_API_BASE", "http://127.0.0.1:1")], "STRIPE_SECRET_KEY");
    for key in ["", "sk", "pk_test_0000000000000000", "whsec_0000000000000000"] {
        let settings = [("STRIPE_SECRET_KEY", key), ("STRIPE_WEBHOOK_SECRETS", "whsec_1111111111111111")];
        refused("serve", &settings, "STRIPE_SECRET_KEY");
    }
    for secrets in ["", "secret", "whsec_", &format!("{SECRET},"), "whsec_1111111111111111,x"] {
        refused("serve", &[("STRIPE_SECRET_KEY", TEST), ("STRIPE_WEBHOOK_SECRETS", secrets)], "STRIPE_WEBHOOK_SECRETS");
    }
    for base in ["", "api.stripe.com", "ftp://127.0.0.1", "http://", "http://u:p@127.0.0.1"] {
        let stripe = [("STRIPE_SECRET_KEY", TEST), ("STRIPE_WEBHOOK_SECRETS", SECRET), ("STRIPE_API_BASE", base)];
        refused("serve", &stripe, "STRIPE_API_BASE");
    }
}

#[test]
fn a_database_must_be_named_well() {
    for url in [
        "",
        "mysql://localhost/topup",
        "topup.db",
        "sqlite:",
        "sqlite://",
        "postgres:/x",
        "postgres://localhost:port/x",
    ] {
        refused("serve", &[("DATABASE_URL", url)], "DATABASE_URL");
    }
    for command in ["check", "migrate", "alarms"] {
        refused(command, &[("DATABASE_URL", "mysql://localhost/topup")], "DATABASE_URL");
    }
    // A folder is no file, and nobody listens there.
    refused("serve", &[("DATABASE_URL", &format!("sqlite://{}", std::env::temp_dir().display()))], "DATABASE_URL");
    // A server that does not answer is no wrong setting: it is waited for, and then named.
    let mut topup = topup(&["serve"], &[("DATABASE_URL", "postgres://topup:the-password@127.0.0.1:1/topup")]);
    topup.env("DATABASE_WAIT_SECONDS", "1");
    let Err(output) = start(topup) else { panic!("nobody listens there") };
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!((output.status.code(), said.lines().count()), (Some(1), 2), "{said}");
    assert!(said.lines().next().unwrap().contains("waiting for the database, at most "), "{said}");
    assert!(said.contains("DATABASE_URL: the database does not answer: ") && !said.contains("pool"), "{said}");
    assert!(!said.contains("the-password"), "{said}");
}

#[test]
fn a_wrong_catalogue_is_refused_with_file_line_and_reason() {
    let good = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/catalog.toml")).unwrap();
    let folder = std::env::temp_dir().join(format!("topup-catalogues-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    for (name, text) in [
        ("unknown-key", good.replace("top_up_months = 12", "top_up_month = 12")),
        ("no-toml", good.replace("top_up_months = 12", "top_up_months 12")),
        ("two-of-one-id", good.replace("id = \"p5000\"", "id = \"p1200\"")),
        ("negative-price", good.replace("amount = 3000", "amount = -3000")),
        ("dearer", good.replace("amount = 3000", "amount = 3900")),
    ] {
        assert_ne!(text, good, "{name}");
        let file = folder.join(format!("{name}.toml"));
        std::fs::write(&file, &text).unwrap();
        let path = file.display().to_string();
        let said = refused("serve", &[("CATALOG", &path)], "CATALOG");
        assert!(said.contains(&path) && said.contains("line "), "{name}: {said}");
    }
    refused("serve", &[("CATALOG", "/nowhere/catalog.toml")], "CATALOG");
    malformed("serve", &[("CATALOG", "")], "CATALOG");
    std::fs::remove_dir_all(&folder).unwrap();
}

#[test]
fn addresses_must_be_addresses_and_the_test_clock_stays_at_home() {
    for listen in ["", "localhost", "127.0.0.1", "127.0.0.1:99999", "here:80"] {
        malformed("serve", &[("LISTEN", listen)], "LISTEN");
    }
    refused("serve", &[("LISTEN", "0.0.0.0:0"), ("TEST_CLOCK", "1")], "LISTEN");
    refused("serve", &[("LISTEN", "[::]:0"), ("TEST_CLOCK", "1")], "LISTEN");
    refused("demo", &[("LISTEN", "0.0.0.0:0")], "LISTEN");
    for clock in ["", "yes", "2", "true"] {
        refused("serve", &[("TEST_CLOCK", clock)], "TEST_CLOCK");
    }
    for url in
        ["", "billing.example.com", "http://billing.example.com", "https://billing.example.com/path", "ftp://x.example"]
    {
        refused("serve", &[("PUBLIC_URL", url)], "PUBLIC_URL");
    }
    for origins in ["", "app.example.com", "https://app.example.com/path", "https://app.example.com,"] {
        refused("serve", &[("RETURN_ORIGINS", origins)], "RETURN_ORIGINS");
        refused("serve", &[("CHECKOUT_ORIGINS", origins)], "CHECKOUT_ORIGINS");
    }
    refused("serve", &[("CHECKOUT_ORIGINS", "http://pay.example.com")], "CHECKOUT_ORIGINS");
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    refused("serve", &[("LISTEN", &taken.local_addr().unwrap().to_string())], "LISTEN");
}

/// Every setting of `serve` with a good value, what it needs beside it, and values that are malformed.
type Row = (&'static str, &'static str, &'static [(&'static str, &'static str)], &'static [&'static str]);

const HOOK: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const ROWS: [Row; 31] = [
    ("DATABASE_URL", "sqlite:///nowhere/x.db", &[], &["mysql://localhost/topup", "x.db"]),
    (
        "READ_DATABASE_URL",
        "postgres://127.0.0.1:1/topup",
        &[("DATABASE_URL", "postgres://127.0.0.1:1/topup")],
        &["sqlite:///nowhere/x.db", "mysql://localhost/topup", "127.0.0.1"],
    ),
    ("DATABASE_CONNECTIONS", "12", &[], &["3", "501", "many", "-1", "1.5"]),
    ("DATABASE_WAIT_SECONDS", "60", &[], &["3601", "-1", "long"]),
    ("PG_SYNCHRONOUS", "required", &[], &["on", "none"]),
    ("SHUTDOWN_DELAY_SECONDS", "10", &[], &["301", "-1", "long"]),
    ("METRICS_KEY", "metrics-key-of-the-tests-00000000000000", &[], &["short", OPERATOR_KEY]),
    ("LOG_FORMAT", "json", &[], &["xml", "jso n"]),
    ("LOG_REQUESTS", "10", &[], &["none", "0", "-1"]),
    ("CATALOG", "catalog.toml", &[], &["/nowhere/catalog.toml"]),
    ("LISTEN", "127.0.0.1:0", &[], &["localhost", "127.0.0.1", "127.0.0.1:99999", "here:80"]),
    (
        "PUBLIC_URL",
        "https://billing.example.com",
        &[],
        &[
            "billing.example.com",
            "https:billing.example.com",
            "https://billing.example.com/path",
            "https://billing.example.com?a=1",
            "https://ada@billing.example.com",
            "http://billing.example.com",
            "https://",
        ],
    ),
    ("OPERATOR_KEYS", OPERATOR_KEY, &[], &["short", "\u{f6}perator-key-of-the-tests-0000000000", "a,,b", ","]),
    (
        "STRIPE_SECRET_KEY",
        TEST,
        &[("STRIPE_WEBHOOK_SECRETS", SECRET)],
        &["sk", "pk_test_0000000000000000", "sk_test_\u{f6}000000000"],
    ),
    (
        "STRIPE_WEBHOOK_SECRETS",
        SECRET,
        &[("STRIPE_SECRET_KEY", TEST)],
        &["secret", "whsec_", "whsec_0000000000000000,"],
    ),
    (
        "STRIPE_API_BASE",
        "http://127.0.0.1:1",
        &[("STRIPE_SECRET_KEY", TEST), ("STRIPE_WEBHOOK_SECRETS", SECRET)],
        &["api.stripe.com", "ftp://127.0.0.1", "http://u:p@127.0.0.1"],
    ),
    ("SMTP_URL", "smtp://127.0.0.1:25", &[("MAIL_FROM", "a@shop.example")], &["http://127.0.0.1", "mail.example"]),
    ("MAIL_FROM", "a@shop.example", &[("SMTP_URL", "smtp://127.0.0.1:25")], &["nobody", "a@"]),
    ("MAIL_DIR", "mails", &[], &[]),
    (
        "HOOK_URL",
        "https://api.example.com/hooks",
        &[("HOOK_SECRETS", HOOK)],
        &["api.example.com", "ftp://api.example.com"],
    ),
    ("HOOK_SECRETS", HOOK, &[("HOOK_URL", "https://api.example.com/hooks")], &["secret", "whsec_short"]),
    ("SESSION_IDLE_MINUTES", "720", &[], &["29", "20161", "long", "30.5"]),
    ("SESSION_MAX_DAYS", "14", &[], &["0", "91", "x"]),
    ("RETURN_ORIGINS", "https://app.example.com", &[], &["app.example.com", "https://app.example.com/path"]),
    ("TRUSTED_PROXIES", "10.0.0.0/8", &[], &["proxy.example", "10.0.0.0/33"]),
    ("RATE_LIMIT", "100/s", &[], &["100", "0/s", "100/d"]),
    ("RATE_LIMIT_ANONYMOUS", "600/m", &[], &["100", "0/s", "none"]),
    ("CONNECTIONS_PER_ADDRESS", "1000", &[], &["0", "10001", "many"]),
    (
        "CHECKOUT_ORIGINS",
        "https://pay.example.com",
        &[],
        &["pay.example.com", "https://pay.example.com/path", "http://pay.example.com"],
    ),
    ("TEST_CLOCK", "1", &[], &["yes", "2"]),
    ("WORKER", "on", &[], &["yes", "1"]),
];

#[test]
fn every_setting_is_refused_by_its_own_name_and_never_repeated() {
    for (name, good, beside, malformed) in ROWS {
        let middle = good.len() / 2;
        let with = |inside: &str| format!("{}{inside}{}", &good[..middle], &good[middle..]);
        let mut wrong: Vec<String> = malformed.iter().map(|text| (*text).to_owned()).collect();
        wrong.extend(["", " ", "\n", "\t \r\n"].map(str::to_owned));
        // A value of one character has no inside.
        let inside: &[&str] = if middle > 0 { &["\n", "\r", "\u{7}", "\u{200b}"] } else { &[] };
        wrong.extend(inside.iter().map(|text| with(text)));
        if middle > 0 && !matches!(name, "DATABASE_URL" | "CATALOG" | "MAIL_FROM" | "MAIL_DIR") {
            wrong.push(with(" "));
        }
        for value in wrong {
            let settings: Vec<(&str, &str)> = beside.iter().copied().chain([(name, value.as_str())]).collect();
            refused("serve", &settings, name);
        }
    }
}

#[test]
fn a_value_that_is_no_text_is_refused_by_its_name() {
    use std::os::unix::ffi::OsStrExt as _;
    for name in ["OPERATOR_KEYS", "DATABASE_URL", "PUBLIC_URL", "CATALOG", "LISTEN", "STRIPE_SECRET_KEY"] {
        let mut topup = topup(&["serve"], &[]);
        topup.env(name, std::ffi::OsStr::from_bytes(b"\xff\xfe"));
        let Err(output) = start(topup) else { panic!("{name} was accepted") };
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!((output.status.code(), said.lines().count()), (Some(2), 1), "{said}");
        assert!(said.starts_with(&format!("{name}: is not UTF-8")), "{said}");
    }
}

#[test]
fn a_reachable_listen_needs_public_url_and_files_must_exist() {
    for listen in ["0.0.0.0:0", "[::]:0"] {
        refused("serve", &[("LISTEN", listen)], "PUBLIC_URL");
        refused("work", &[("LISTEN", listen)], "PUBLIC_URL");
    }
    // Of SQLite there is no standby.
    for command in ["serve", "check"] {
        refused(command, &[("READ_DATABASE_URL", "postgres://127.0.0.1:1/topup")], "READ_DATABASE_URL");
    }
    refused("serve", &[("SITE_ROOT", "/nowhere/site")], "SITE_ROOT");
    refused("demo", &[("SITE_ROOT", "/nowhere/site"), ("OPERATOR_KEYS", OPERATOR_KEY)], "SITE_ROOT");
    refused("demo", &[("DEMO_SEED", "half")], "DEMO_SEED");
    refused("serve", &[("RUST_LOG", "topup=loud")], "RUST_LOG");
}

#[test]
fn addresses_of_the_catalogue_are_whole() {
    let good = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/catalog.toml")).unwrap();
    let folder = std::env::temp_dir().join(format!("topup-addresses-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let path = folder.join("catalog.toml").display().to_string();
    for wrong in [
        "/terms",
        "terms",
        "//gleaner.example/terms",
        "https://",
        "https:gleaner.example",
        "https://a b.example",
        "mailto:a@b.example",
        "javascript:alert(1)",
        "",
    ] {
        for (key, line) in [
            ("home_url", format!("home_url = \"{wrong}\"")),
            ("terms_url", format!("terms_url = \"{wrong}\"")),
            ("upgrade_url", format!("upgrade_url = \"{wrong}\"\nname = \"Gleaner\"")),
        ] {
            let old =
                good.lines().find(|old| old.starts_with(if key == "upgrade_url" { "name" } else { key })).unwrap();
            std::fs::write(&path, good.replacen(old, &line, 1)).unwrap();
            let said = refused("serve", &[("CATALOG", &path)], "CATALOG");
            assert!(said.contains(key) && said.contains("line "), "{wrong}: {said}");
        }
    }
    std::fs::remove_dir_all(&folder).unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn space_around_a_value_is_ignored() {
    // An event that is signed with the secret of the tests, and never answered for: Stripe is not there.
    let app = crate::app::TestApp::start(Database::Sqlite).await;
    app.put_customer("acme", "starter").await;
    app.sandbox.faults().set_webhooks(false);
    let opened = app.opened("acme", "p1200", "buy").await;
    app.pay(&opened).await;
    let (body, signature) = app.completed(&opened).await;

    let home = Home::make(Database::Sqlite).await;
    let second = "second-key-of-the-operator-00000000000";
    let (database, keys) = (format!("{}\n", home.url), format!("{OPERATOR_KEY}, {second}\n"));
    let secrets = format!("whsec_0000000000000000, {}\n", crate::app::WEBHOOK_SECRET);
    let settings = [
        ("DATABASE_URL", database.as_str()),
        ("OPERATOR_KEYS", keys.as_str()),
        ("STRIPE_SECRET_KEY", "sk_test_0000000000000000\n"),
        ("STRIPE_API_BASE", "http://127.0.0.1:1\n"),
        ("STRIPE_WEBHOOK_SECRETS", secrets.as_str()),
        ("PUBLIC_URL", " HTTPS://Billing.Example.com:443/\n"),
        ("LISTEN", " 127.0.0.1:0\n"),
        ("WORKER", "off\n"),
    ];
    let process = start(topup(&["serve"], &settings)).unwrap_or_else(|output| panic!("{output:?}"));
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    for (key, status) in [(OPERATOR_KEY, 200), (second, 200), ("third-key-of-the-operator-000000000000", 401)] {
        let answer = client.get(format!("{}/v1/catalog", process.base)).header("x-api-key", key).send().await.unwrap();
        assert_eq!(answer.status(), status, "{key}");
    }
    let event = client.post(format!("{}/webhooks/stripe", process.base)).header("stripe-signature", signature);
    let answer = event.body(body).send().await.unwrap();
    assert_ne!(answer.status(), 400, "{}", answer.text().await.unwrap());
    let put = client.put(format!("{}/v1/customers/acme", process.base)).header("x-api-key", second);
    let put = put.header("content-type", "application/json").body(r#"{"email":"ada@acme.example","plan":"starter"}"#);
    assert_eq!(put.send().await.unwrap().status(), 201);
    let link = client.post(format!("{}/v1/customers/acme/portal_sessions", process.base)).header("x-api-key", second);
    let link = link.header("content-type", "application/json").body("{}").send().await.unwrap().text().await.unwrap();
    assert!(link.contains(r#""url":"https://billing.example.com/"#), "{link}");
    drop(process);
    for command in [&["check"][..], &["migrate"], &["alarms"], &["operator", "list"], &["purchases", "find", " acme\n"]]
    {
        let output = topup(command, &settings).output().unwrap();
        assert_ne!(output.status.code(), Some(2), "{command:?}: {output:?}");
    }
    app.stop().await;
}

#[tokio::test]
async fn secrets_may_come_from_files() {
    let home = Home::make(Database::Sqlite).await;
    let file = |name: &str, content: &str| {
        let path = home.folder.join(name);
        std::fs::write(&path, content).unwrap();
        path.display().to_string()
    };
    let second = "second-key-of-the-operator-00000000000";
    let files = [
        ("DATABASE_URL_FILE", file("url", &home.url)),
        ("OPERATOR_KEYS_FILE", file("keys", &format!("{OPERATOR_KEY},{second}\n"))),
        ("STRIPE_SECRET_KEY_FILE", file("stripe", &format!("{TEST}\r\n"))),
        ("STRIPE_WEBHOOK_SECRETS_FILE", file("stripe-webhooks", SECRET)),
        ("SMTP_URL_FILE", file("smtp", "smtp://127.0.0.1:25\n")),
        ("METRICS_KEY_FILE", file("metrics", "metrics-key-of-the-tests-00000000000000\n")),
        ("HOOK_URL_FILE", file("hook-url", "http://127.0.0.1:1/\n")),
        ("HOOK_SECRETS_FILE", file("hook", HOOK)),
    ];
    let command = |more: &[(&str, &str)]| {
        let mut command = topup(&["serve"], &[("MAIL_FROM", "a@shop.example")]);
        command.env_remove("OPERATOR_KEYS").env("STRIPE_API_BASE", "http://127.0.0.1:1").env("WORKER", "off");
        command.envs(files.iter().map(|(name, path)| (*name, path.as_str()))).envs(more.iter().copied());
        command
    };
    let process = start(command(&[])).unwrap_or_else(|output| panic!("{output:?}"));
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    for (key, status) in [(OPERATOR_KEY, 200), (second, 200), ("third-key-of-the-operator-000000000000", 401)] {
        let answer = client.get(format!("{}/v1/catalog", process.base)).header("x-api-key", key).send().await.unwrap();
        assert_eq!(answer.status(), status, "{key}");
    }
    drop(process);
    let standby = file("standby", "sqlite:///nowhere/x.db\n");
    let Err(output) = start(command(&[("READ_DATABASE_URL_FILE", &standby)])) else { panic!("a standby of SQLite") };
    assert!(String::from_utf8(output.stderr).unwrap().starts_with("READ_DATABASE_URL: is not postgres"));
    for (name, _) in &files {
        let setting = name.strip_suffix("_FILE").unwrap();
        let (empty, wrong) = (file("empty", "\n"), file("wrong", "\u{7}\n"));
        for (given, named) in [
            ((setting, "value"), setting),
            ((*name, "/nowhere/secret"), *name),
            ((*name, ""), *name),
            ((*name, empty.as_str()), setting),
            ((*name, wrong.as_str()), setting),
        ] {
            let Err(output) = start(command(&[given])) else { panic!("{given:?} was accepted") };
            let said = String::from_utf8(output.stderr).unwrap();
            assert_eq!((output.status.code(), said.lines().count()), (Some(2), 1), "{given:?}: {said}");
            assert!(said.starts_with(&format!("{named}: ")), "{given:?}: {said}");
        }
    }
}

#[tokio::test]
async fn one_file_is_served_once() {
    let home = Home::make(Database::Sqlite).await;
    let settings = [("DATABASE_URL", home.url.as_str())];
    let mut first = start(topup(&["serve"], &settings)).unwrap_or_else(|output| panic!("{output:?}"));
    refused("serve", &settings, "DATABASE_URL");
    refused("demo", &[settings[0], ("DEMO_SEED", "none")], "DATABASE_URL");
    first.kill();
    // The lock is gone with who had it, however it ended.
    let mut second = start(topup(&["serve"], &settings)).unwrap_or_else(|output| panic!("{output:?}"));
    assert_eq!(second.terminate().await, Some(0));
}

#[tokio::test]
async fn without_stripe_buying_is_off_and_says_so() {
    let home = Home::make(Database::Sqlite).await;
    let process =
        start(topup(&["serve"], &[("DATABASE_URL", &home.url)])).unwrap_or_else(|output| panic!("{output:?}"));
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let send = async |method: &str, path: &str, body: &str| {
        let request = client.request(method.parse().unwrap(), format!("{}{path}", process.base));
        let request = request.header("x-api-key", OPERATOR_KEY).header("idempotency-key", "k");
        let request = request.header("content-type", "application/json").body(body.to_owned());
        crate::app::Answer::of(request.send().await.unwrap()).await.unwrap()
    };
    send("PUT", "/v1/customers/acme", r#"{"email":"ada@acme.example","plan":"starter"}"#).await.expect(201);
    let refused = send("POST", "/v1/customers/acme/purchases", r#"{"package":"p1200"}"#).await;
    refused.expect_problem(403, "buying_off");
    send("POST", "/v1/customers/acme/usage", r#"{"credits":1}"#).await.expect(201);
    let answer = send("POST", "/webhooks/stripe", "{}").await;
    assert_eq!(answer.status, 404, "{}", answer.text);
    for (path, status) in [("/healthz", 200), ("/readyz", 200), ("/test/clock", 404)] {
        let answer =
            client.get(format!("{}{path}", process.base)).header("x-api-key", OPERATOR_KEY).send().await.unwrap();
        assert_eq!(answer.status(), status, "{path}");
    }
}

#[test]
fn a_rate_and_the_proxies_must_be_readable() {
    for wrong in ["", "100", "0/s", "-1/s", "100/d", "9999999/s"] {
        refused("serve", &[("RATE_LIMIT", wrong)], "RATE_LIMIT");
        refused("serve", &[("RATE_LIMIT_ANONYMOUS", wrong)], "RATE_LIMIT_ANONYMOUS");
    }
    for wrong in ["", "proxy.example", "10.0.0.0/33", "10.0.0.1,", "10.0.0.1:80"] {
        refused("serve", &[("TRUSTED_PROXIES", wrong)], "TRUSTED_PROXIES");
    }
}
