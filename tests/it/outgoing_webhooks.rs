//! Outgoing webhooks: signed, delivered once, and never outdated.

use crate::app::{Database, TestApp, on_both};
use crate::process::topup;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, Mac};
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};
use tokio_util::sync::CancellationToken;
use topup::settings::Switch;
use topup::usecases::delivery::webhooks;
use topup::usecases::notify::balance_alerts;
use topup::usecases::{App, AppParts};
use topup::webhooks::{Hook, HookSecret, address};

const SECRET: &str = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYX";

/// One request that came.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Came {
    id: String,
    body: String,
}

/// The SaaS's backend: it believes a signature only, and answers what it is told to.
#[derive(Clone)]
struct Backend {
    url: String,
    came: Arc<Mutex<Vec<Came>>>,
    traces: Arc<Mutex<Vec<String>>>,
    answer: Arc<Mutex<u16>>,
}

impl Backend {
    async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/hooks?from=topup", listener.local_addr().unwrap());
        let backend = Self { url, came: Arc::default(), traces: Arc::default(), answer: Arc::new(Mutex::new(204)) };
        let router = axum::Router::new().route("/hooks", axum::routing::post(take)).with_state(backend.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        backend
    }

    fn answers(&self, status: u16) {
        *self.answer.lock().unwrap() = status;
    }

    /// All that came since it was last asked.
    fn came(&self) -> Vec<Came> {
        std::mem::take(&mut *self.came.lock().unwrap())
    }

    /// The same, read; each as the API's document shapes it.
    fn told(&self) -> Vec<Value> {
        let document = topup::http::openapi::openapi("https://billing.example.com");
        let told: Vec<Value> = self.came().iter().map(|came| serde_json::from_str(&came.body).unwrap()).collect();
        for told in &told {
            let hook = &document["x-webhooks"][told["type"].as_str().unwrap()]["post"];
            let mut schema = hook["requestBody"]["content"]["application/json"]["schema"].clone();
            schema["components"] = document["components"].clone();
            assert_eq!(crate::openapi::schema_error(schema, told), None, "{told}");
        }
        told
    }
}

/// Standard Webhooks, as a receiver reads it.
async fn take(State(backend): State<Backend>, headers: HeaderMap, body: String) -> StatusCode {
    let header = |name: &str| headers.get(name).map(|value| value.to_str().unwrap().to_owned()).unwrap_or_default();
    let (id, at) = (header("webhook-id"), header("webhook-timestamp"));
    let mut mac = Hmac::<sha2::Sha256>::new_from_slice(&STANDARD.decode(&SECRET[6..]).unwrap()).unwrap();
    mac.update(format!("{id}.{at}.{body}").as_bytes());
    let ours = format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()));
    let sent: i64 = at.parse().unwrap();
    if !header("webhook-signature").split(' ').any(|theirs| theirs == ours)
        || sent.abs_diff(topup::clock::Clock::system().real().timestamp()) > 300
        || header("content-type") != "application/json"
    {
        return StatusCode::UNAUTHORIZED;
    }
    backend.came.lock().unwrap().push(Came { id, body });
    backend.traces.lock().unwrap().push(header("traceparent"));
    StatusCode::from_u16(*backend.answer.lock().unwrap()).unwrap()
}

/// Tells this backend from now on. The worker is off: a test says when a job runs.
async fn tell(app: &TestApp) -> Backend {
    let backend = Backend::start().await;
    let url = backend.url.clone();
    app.set(|settings| {
        settings.worker = Switch::Off;
        settings.hook_url = Some(url);
        settings.hook_secrets = vec![SECRET.to_owned()];
    });
    app.restart().await;
    backend
}

async fn send(inner: &App) -> u64 {
    webhooks::send_due_webhooks(inner, &CancellationToken::new()).await.unwrap()
}

/// All that is new goes out.
async fn tell_all(app: &TestApp) -> u64 {
    balance_alerts::send_balance_alerts(&app.inner()).await.unwrap();
    send(&app.inner()).await
}

on_both!(a_credited_top_up_is_one_signed_message, |app| {
    let backend = tell(app).await;
    app.put_customer_with_left("acme", 180).await;
    let opened = app.opened("acme", "p1200", "buy-1").await;
    app.pay(&opened).await;
    app.fulfill(&opened).await;
    for _ in 0..3 {
        app.deliver(&app.completed(&opened).await).await.expect(200);
        app.fulfill(&opened).await;
    }
    send(&app.inner()).await;
    let purchase = app.purchase(&opened.id).await;
    let told = backend.told();
    assert_eq!(told.len(), 1, "{told:?}");
    assert_eq!(
        told[0],
        json!({
            "type": "top_up.credited",
            "timestamp": purchase["credited_at"],
            "data": {
                "customer": "acme", "purchase": opened.id, "origin": "api", "credits": 1200, "expires_at": purchase["expires_at"],
                "balance": {"available": 1380, "plan": 180, "courtesy": 0, "top_up": 1200, "held": 0},
            },
        })
    );
    assert_eq!(send(&app.inner()).await, 0);
    assert_eq!(backend.came(), []);
});

on_both!(a_message_continues_the_trace_of_the_request_that_caused_it, |app| {
    let backend = tell(app).await;
    app.put_customer_with_left("acme", 180).await;
    let opened = app.opened("acme", "p1200", "buy-1").await;
    app.pay(&opened).await;
    let trace = "4bf92f3577b34da6a3ce929d0e0e4736";
    let (body, signature) = app.completed(&opened).await;
    let event = app.http.post(format!("http://{}/webhooks/stripe", app.address)).header("stripe-signature", signature);
    let event = event.header("traceparent", format!("00-{trace}-00f067aa0ba902b7-01")).body(body);
    app.send(event).await.expect(200);
    send(&app.inner()).await;
    let traces = || std::mem::take(&mut *backend.traces.lock().unwrap());
    let sent = traces();
    assert!(sent.len() == 1 && sent[0].starts_with(&format!("00-{trace}-")), "{sent:?}");
    // A message that no request caused begins a trace.
    app.charge("acme", "1379", "job").await.expect(201);
    tell_all(app).await;
    let sent = traces();
    assert!(!sent.is_empty() && sent.iter().all(|sent| sent.len() == 55 && !sent.contains(trace)), "{sent:?}");
});

on_both!(each_crossing_of_low_and_exhausted_is_one_message, |app| {
    let backend = tell(app).await;
    app.put_customer("acme", "starter").await;
    app.charge("acme", "4400", "job-1").await.expect(201);
    assert_eq!(tell_all(app).await, 0, "600 of 5,000 are left");
    for (key, credits) in [("job-2", "100"), ("job-3", "0.5")] {
        app.charge("acme", credits, key).await.expect(201);
        tell_all(app).await;
    }
    let told = backend.told();
    assert_eq!(told.len(), 1, "{told:?}");
    let resets = app.balance("acme").await["plan"]["resets_at"].clone();
    assert_eq!(told[0]["type"], "credits.low");
    let data = json!({
        "customer": "acme", "resets_at": resets, "buy_url": format!("http://{}/billing", app.address),
        "balance": {"available": 500, "plan": 500, "courtesy": 0, "top_up": 0, "held": 0},
    });
    assert_eq!(told[0]["data"], data);

    app.charge("acme", "499.5", "job-4").await.expect(201);
    app.charge("acme", "1", "job-5").await.expect(402);
    tell_all(app).await;
    let told = backend.told();
    assert_eq!((told.len(), told[0]["type"].clone()), (1, json!("credits.exhausted")), "{told:?}");
    assert_eq!(told[0]["data"]["balance"]["available"], 0);

    // A purchase arms the alert again.
    app.buy("acme", "p1200", "buy-1").await;
    app.charge("acme", "1200", "job-6").await.expect(201);
    tell_all(app).await;
    let kinds: Vec<Value> = backend.told().iter().map(|told| told["type"].clone()).collect();
    assert_eq!(kinds, ["top_up.credited", "credits.exhausted"]);
});

on_both!(credits_that_run_low_with_the_last_plan_credit_are_one_message, |app| {
    let backend = tell(app).await;
    app.put_customer_with_left("acme", 180).await;
    app.buy("acme", "p1200", "buy-1").await;
    tell_all(app).await;
    backend.came();
    // Plan credits used up, and 300 in all left of a mark of 500: the mail says the first, the hook the second.
    app.charge("acme", "1080", "job-1").await.expect(201);
    tell_all(app).await;
    let told = backend.told();
    assert_eq!((told.len(), told[0]["type"].clone()), (1, json!("credits.low")), "{told:?}");
    assert_eq!(told[0]["data"]["balance"]["top_up"], 300);
});

on_both!(an_outdated_message_is_not_sent, |app| {
    let backend = tell(app).await;
    app.put_customer_with_left("acme", 180).await;
    app.charge("acme", "180", "job-1").await.expect(201);
    // Bought before the job came round.
    app.buy("acme", "p1200", "buy-1").await;
    tell_all(app).await;
    let kinds: Vec<Value> = backend.told().iter().map(|told| told["type"].clone()).collect();
    assert_eq!(kinds, ["top_up.credited"], "a SaaS that paused jobs now would never resume them");
});

on_both!(a_message_is_tried_until_it_is_taken_and_keeps_its_id, |app| {
    let backend = tell(app).await;
    app.put_customer_with_left("acme", 180).await;
    backend.answers(500);
    app.buy("acme", "p1200", "buy-1").await;
    send(&app.inner()).await;
    send(&app.inner()).await;
    let first = backend.came();
    assert_eq!(first.len(), 1, "the second is not due yet");
    // Moving the clock runs what is due by then: 5, 15, 45, 135, 405 seconds, each up to a quarter more.
    for status in [302, 404, 401, 503, 500] {
        backend.answers(status);
        app.advance_minutes(60).await;
    }
    let again = backend.came();
    assert!(again.len() >= 6 && again.iter().all(|came| *came == first[0]), "{again:?}");
    let alarms = app.alarms().await;
    assert!(alarms.iter().any(|alarm| alarm.contains("hook")), "{alarms:?}");
    backend.answers(200);
    app.advance_minutes(4 * 60).await;
    assert_eq!(backend.came(), first, "taken");
    app.advance_minutes(24 * 60).await;
    assert_eq!(backend.came(), []);
});

on_both!(a_refused_message_can_be_sent_again, |app| {
    let backend = tell(app).await;
    app.put_customer_with_left("acme", 180).await;
    backend.answers(410);
    app.buy("acme", "p1200", "buy-1").await;
    send(&app.inner()).await;
    let gone = backend.came();
    app.advance_minutes(4 * 24 * 60).await;
    assert_eq!(backend.came(), [], "410 is for good");
    backend.answers(200);
    assert_eq!(
        webhooks::resend_webhooks(&app.inner(), &[gone[0].id.clone(), "msg_0".to_owned()]).await.unwrap(),
        ["msg_0"]
    );
    send(&app.inner()).await;
    assert_eq!(backend.came(), gone);
    assert_eq!(app.count("select count(*) as n from webhook_messages where state = 'accepted'").await, 1);
    // Accepted messages are deleted after a month, others are kept.
    app.advance_minutes(31 * 24 * 60).await;
    assert_eq!(app.count("select count(*) as n from webhook_messages").await, 0);
});

on_both!(two_processes_do_not_tell_it_twice, |app| {
    let backend = tell(app).await;
    app.put_customer_with_left("acme", 180).await;
    for n in 0..5 {
        app.buy("acme", "p1200", &format!("buy-{n}")).await;
    }
    let another = || {
        let hook = Hook::new(address(&backend.url).unwrap(), vec![HookSecret::parse(SECRET).unwrap()]);
        App::new(AppParts { hook: Some(hook), ..app.inner().parts() })
    };
    let (one, two) = (another(), another());
    let (first, second) = tokio::join!(send(&one), send(&two));
    assert_eq!(first + second, 5);
    let mut ids: Vec<String> = backend.came().into_iter().map(|came| came.id).collect();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 5);
});

on_both!(without_an_endpoint_no_message_is_written, |app| {
    app.put_customer_with_left("acme", 180).await;
    app.buy("acme", "p1200", "buy-1").await;
    app.charge("acme", "1380", "job-1").await.expect(201);
    balance_alerts::send_balance_alerts(&app.inner()).await.unwrap();
    assert_eq!(app.count("select count(*) as n from webhook_messages").await, 0);
});

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_operator_lists_retries_and_tests() {
    let app = TestApp::start(Database::Sqlite).await;
    let backend = tell(&app).await;
    app.put_customer_with_left("acme", 180).await;
    backend.answers(410);
    app.buy("acme", "p1200", "buy-1").await;
    send(&app.inner()).await;
    let id = backend.came()[0].id.clone();
    let (database, url) = (app.home.url.clone(), backend.url.clone());
    let run = async |words: &[&str]| {
        let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
        let (database, url) = (database.clone(), url.clone());
        let run = move || {
            let words: Vec<&str> = words.iter().map(String::as_str).collect();
            let settings =
                [("DATABASE_URL", &*database), ("HOOK_URL", &*url), ("HOOK_SECRETS", SECRET), ("TEST_CLOCK", "1")];
            topup(&words, &settings).output().unwrap()
        };
        let output = tokio::task::spawn_blocking(run).await.unwrap();
        (output.status.code(), String::from_utf8([output.stdout, output.stderr].concat()).unwrap())
    };
    let (code, listed) = run(&["hooks", "list"]).await;
    assert_eq!(code, Some(0), "{listed}");
    for part in [&*id, "top_up.credited acme: refused (attempts: 1)", "410"] {
        assert!(listed.contains(part), "{part}: {listed}");
    }
    let (code, said) = run(&["hooks", "test"]).await;
    assert!(code == Some(1) && said.contains("410"), "{said}");
    backend.answers(200);
    let (code, said) = run(&["hooks", "test"]).await;
    assert!(code == Some(0) && said.contains("topup.test"), "{said}");
    let (code, said) = run(&["hooks", "retry", &id]).await;
    assert!(code == Some(0) && said.contains("will be sent again"), "{said}");
    let (code, said) = run(&["hooks", "retry", "msg_0"]).await;
    assert!(code == Some(1) && said.contains("no message has the id msg_0"), "{said}");
    backend.came();
    send(&app.inner()).await;
    assert_eq!(backend.came()[0].id, id);
    let (_, listed) = run(&["hooks", "list"]).await;
    assert_eq!(listed, "");
    app.stop().await;
}

/// Raises an alarm in a transaction of its own.
async fn raise(app: &TestApp, kind: &'static str, subject: &'static str) {
    let inner = app.inner();
    let job = inner.write(move |tx| {
        Box::pin(async move { Ok(topup::usecases::alarms::raise_alarm(tx, kind, subject, "seen").await?) })
    });
    job.await.unwrap();
}

on_both!(an_alarm_that_opens_is_one_message_and_one_email, |app| {
    let backend = tell(app).await;
    let emails = "select count(*) as n from outbox where kind = 'alarm'";
    let operator = crate::operators::OperatorBrowser::open(app).await;
    raise(app, "review", "first").await;
    assert_eq!(app.count(emails).await, 0, "off until an operator wants them");
    let signature = operator.signer().await.operator_signature();
    let fields = [("wanted", "on"), ("signature", &*signature)];
    let answer = crate::operators::send(app, "/_fn/operator-alarm-emails", &operator.cookie, &fields).await.expect(303);
    assert_eq!(answer.way(), "/operator/account?outcome=on");
    for _ in 0..3 {
        raise(app, "review", "second").await;
    }
    assert_eq!(app.count(emails).await, 1, "an open alarm is counted, and not announced again");
    send(&app.inner()).await;
    let told = backend.told();
    let mut subjects: Vec<&str> = told.iter().map(|told| told["data"]["subject"].as_str().unwrap()).collect();
    subjects.sort_unstable();
    assert_eq!(subjects, ["first", "second"]);
    assert_eq!(told[0]["type"], "alarm.raised");
    assert!(told[0]["data"]["customer"].is_null() && told[0]["data"]["due_at"].is_null(), "{told:?}");
    // Acknowledged, it is another alarm when it recurs.
    app.tamper("update alarms set acknowledged_at = 1, acknowledged_by = 'grace'", Vec::new()).await.unwrap();
    raise(app, "review", "second").await;
    assert_eq!((app.count(emails).await, send(&app.inner()).await), (2, 1));
    // A flood of alarms is no flood of emails.
    for n in 0..30 {
        let subject: &'static str = Box::leak(n.to_string().into_boxed_str());
        raise(app, "failed_item", subject).await;
    }
    assert_eq!(app.count(emails).await, 20);
});

on_both!(an_alarm_about_an_alarms_own_message_is_announced_nowhere, |app| {
    let backend = tell(app).await;
    crate::operators::OperatorBrowser::open(app).await;
    app.tamper("update operators set alarm_emails = 1", Vec::new()).await.unwrap();
    backend.answers(410);
    raise(app, "review", "first").await;
    for _ in 0..3 {
        send(&app.inner()).await;
    }
    assert_eq!(app.alarms().await, ["review", "hook"], "the page has both");
    assert_eq!(app.count("select count(*) as n from webhook_messages").await, 1);
    assert_eq!(app.count("select count(*) as n from outbox where kind = 'alarm'").await, 1);
});
