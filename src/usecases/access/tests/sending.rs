//! The outbox: once, by a peer's word, later, never.

use crate::domain::PurchaseId;
use crate::email::{Rendered, Smtp, Transport};
use crate::ledger::WriteTransaction;
use crate::usecases::access::client::Client;
use crate::usecases::access::sign_in;
use crate::usecases::access::tests::peer::Peer;
use crate::usecases::access::tests::{Rig, mailer, on_both};
use crate::usecases::delivery::outbox;
use crate::usecases::delivery::outbox::NewEmail;
use crate::usecases::notify::EmailWriters;
use crate::usecases::notify::receipts;
use crate::usecases::purchases::Purchase;
use crate::usecases::{App, AppParts, InternalError, alarms, purchases};
use tokio_util::sync::CancellationToken;

async fn put(rig: &Rig, key: &str, recipient: &str) -> Option<i64> {
    let mail = NewEmail {
        key: key.to_owned(),
        customer_no: None,
        recipient: recipient.to_owned(),
        kind: "receipt",
        subject: "1,200 credits added: receipt".to_owned(),
        body: Rendered { text: "Hello".into(), html: "<p>Hello</p>".into() },
        cause: None,
        stop_url: None,
        urgent: false,
    };
    let job = rig.app.write(|tx| Box::pin(async move { Ok(outbox::enqueue_email(tx, mail).await?) }));
    job.await.expect("a commit")
}

async fn with_peer(mut rig: Rig) -> (Rig, Peer) {
    let peer = Peer::start().await;
    rig.send_by(mailer(Transport::Smtp(Box::new(Smtp::new(&peer.url, "gleaner.example").expect("a server")))));
    (rig, peer)
}

#[tokio::test]
async fn a_key_is_mailed_once_by_two_processes_together() {
    on_both(|rig| async move {
        let (rig, peer) = with_peer(rig).await;
        assert!(put(&rig, "receipt:1", "ada@acme.example").await.is_some());
        assert!(put(&rig, "receipt:1", "ada@acme.example").await.is_none(), "the key was mailed before");
        for n in 2..60 {
            put(&rig, &format!("receipt:{n}"), "ada@acme.example").await;
        }
        let smtp = Transport::Smtp(Box::new(Smtp::new(&peer.url, "gleaner.example").expect("a server")));
        let other = App::new(AppParts { mailer: mailer(smtp), ..rig.app.parts() });
        let stop = CancellationToken::new();
        let (one, two) = tokio::join!(
            outbox::send_due_emails(&rig.app, EmailWriters, &stop),
            outbox::send_due_emails(&other, EmailWriters, &stop)
        );
        one.and(two).expect("two rounds");
        let mut ids: Vec<String> = peer
            .taken()
            .iter()
            .flat_map(|mail| mail.lines().map(str::to_owned).collect::<Vec<_>>())
            .filter(|line| line.starts_with("Message-ID"))
            .collect();
        assert_eq!(ids.len(), 59);
        ids.sort();
        ids.dedup();
        assert_eq!(ids.len(), 59, "each once");
        assert!(rig.outbox().await.iter().all(|(state, attempts, _)| state == "accepted" && *attempts == 1));
    })
    .await;
}

#[tokio::test]
async fn a_peer_accepts_defers_and_refuses() {
    on_both(|rig| async move {
        let (rig, peer) = with_peer(rig).await;
        for name in ["ada", "later", "nobody"] {
            put(&rig, name, &format!("{name}@acme.example")).await;
        }
        rig.send().await;
        let mails = peer.taken();
        assert_eq!(mails.len(), 1);
        assert!(mails[0].contains("To: ada@acme.example") && mails[0].contains("Auto-Submitted: auto-generated"));
        let rows = rig.outbox().await;
        let states: Vec<&str> = rows.iter().map(|row| row.0.as_str()).collect();
        assert_eq!(states, ["accepted", "deferred", "refused"]);
        let reasons = rows.iter().filter_map(|row| row.2.as_deref()).collect::<Vec<_>>().join("\n");
        assert!(reasons.contains("451") || reasons.contains("busy"), "{reasons}");
        assert!(!reasons.contains('@'), "{reasons}");
        let alarms = alarms::open_alarms(&rig.app.store).await.expect("alarms");
        assert_eq!(alarms.len(), 1);
        assert!(alarms[0].kind == "mail" && !alarms[0].detail.contains('@'), "{alarms:?}");
        rig.send().await;
        assert_eq!(rig.outbox().await[1].1, 1, "not before it is due");
        rig.later(2);
        rig.send().await;
        assert_eq!(rig.outbox().await[1].1, 2);
    })
    .await;
}

#[tokio::test]
async fn a_peer_that_hangs_or_goes_after_the_mail_gets_it_again_as_the_same_message() {
    on_both(|rig| async move {
        let (mut rig, peer) = with_peer(rig).await;
        let patience = std::time::Duration::from_millis(300);
        let smtp = Smtp::patient(&peer.url, "gleaner.example", patience).expect("a server");
        rig.send_by(mailer(Transport::Smtp(Box::new(smtp))));
        for name in ["hang", "drop", "ada"] {
            put(&rig, name, &format!("{name}@acme.example")).await;
        }
        rig.send().await;
        let states: Vec<String> = rig.outbox().await.into_iter().map(|row| row.0).collect();
        assert_eq!(states, ["deferred", "deferred", "accepted"], "one that hangs holds up nobody");
        peer.is_well.store(true, std::sync::atomic::Ordering::SeqCst);
        rig.later(2);
        rig.send().await;
        assert!(rig.outbox().await.iter().all(|row| row.0 == "accepted"), "{:?}", rig.outbox().await);
        // SMTP cannot tell whether the first was taken: both are one message.
        for (name, times) in [("hang", 2), ("drop", 2), ("ada", 1)] {
            let to = format!("To: {name}@");
            let mails: Vec<String> = peer.taken().into_iter().filter(|mail| mail.contains(&to)).collect();
            let id = |mail: &String| mail.lines().find(|line| line.starts_with("Message-ID")).map(str::to_owned);
            let mut ids: Vec<_> = mails.iter().map(id).collect();
            ids.dedup();
            assert_eq!((mails.len(), ids.len()), (times, 1), "{name}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_sign_in_mail_does_not_wait_behind_reminders() {
    on_both(|rig| async move {
        let (rig, peer) = with_peer(rig).await;
        rig.customer("acme", "ada@acme.example").await;
        // More than a round, and each keeps its connection busy until the peer is well.
        for n in 0..30 {
            put(&rig, &format!("reminder-{n}"), "hang@acme.example").await;
        }
        let stop = CancellationToken::new();
        let bulk = outbox::send_due_emails(&rig.app, EmailWriters, &stop);
        let urgent = async {
            while peer.taken().is_empty() {
                tokio::task::yield_now().await;
            }
            sign_in::request_sign_in(&rig.app, "ada@acme.example", "", &Client::default()).await.expect("an answer");
            outbox::send_urgent_emails(&rig.app, EmailWriters, &stop).await.expect("a round");
            peer.taken().iter().any(|mail| mail.contains("To: ada@acme.example"))
        };
        tokio::select! {
            _ = bulk => panic!("the peer hangs"),
            taken = urgent => assert!(taken, "the sign-in mail has left"),
        }
    })
    .await;
}

#[tokio::test]
async fn mails_share_few_connections() {
    on_both(|rig| async move {
        let (rig, peer) = with_peer(rig).await;
        for n in 0..60 {
            put(&rig, &format!("mail-{n}"), "ada@acme.example").await;
        }
        rig.send().await;
        assert_eq!(peer.taken().len(), 60);
        let connections = peer.connections.load(std::sync::atomic::Ordering::SeqCst);
        assert!(connections <= 12, "{connections} connections for 60 mails");
    })
    .await;
}

#[tokio::test]
async fn a_peer_that_is_away_loses_nothing() {
    on_both(|rig| async move {
        let (rig, peer) = with_peer(rig).await;
        peer.is_away.store(true, std::sync::atomic::Ordering::SeqCst);
        for n in 0..25 {
            put(&rig, &format!("mail-{n}"), "ada@acme.example").await;
        }
        rig.send().await;
        assert!(rig.outbox().await.iter().all(|row| row.0 == "deferred" && row.1 == 1));
        assert!(peer.taken().is_empty());
        peer.is_away.store(false, std::sync::atomic::Ordering::SeqCst);
        rig.later(2);
        rig.send().await;
        assert!(rig.outbox().await.iter().all(|row| row.0 == "accepted" && row.1 == 2));
        assert_eq!(peer.taken().len(), 25);
    })
    .await;
}

#[tokio::test]
async fn a_deferred_mail_is_given_up_loudly_after_three_days() {
    on_both(|rig| async move {
        let (rig, _peer) = with_peer(rig).await;
        put(&rig, "later", "later@acme.example").await;
        for _ in 0..80 {
            rig.send().await;
            rig.later(60);
        }
        let row = rig.outbox().await.remove(0);
        assert_eq!(row.0, "refused");
        assert!((15..=25).contains(&row.1), "{row:?}");
        let alarms = alarms::open_alarms(&rig.app.store).await.expect("alarms");
        assert_eq!(alarms.iter().map(|alarm| alarm.kind.as_str()).collect::<Vec<_>>(), ["mail", "mail"], "{alarms:?}");
    })
    .await;
}

#[tokio::test]
async fn without_a_transport_mails_wait() {
    on_both(|rig| async move {
        let mut rig = rig;
        let files = rig.app.mailer.clone();
        rig.send_by(mailer(Transport::Off));
        put(&rig, "one", "ada@acme.example").await;
        rig.send().await;
        assert_eq!(rig.outbox().await, [("queued".to_owned(), 0, None)]);
        assert_eq!(
            outbox::next_email_due(&rig.app, chrono::DateTime::UNIX_EPOCH).await.expect("a read"),
            None,
            "nothing for the clock to stop at"
        );
        rig.send_by(files);
        rig.send().await;
        assert_eq!((rig.mails().len(), rig.outbox().await[0].0.as_str()), (1, "accepted"));
    })
    .await;
}

#[tokio::test]
async fn a_claim_of_a_dead_process_is_taken_up_again() {
    on_both(|rig| async move {
        put(&rig, "one", "ada@acme.example").await;
        let sql = "update outbox set attempts = 1, due_at = due_at + 600000";
        let job = rig.app.write(move |tx| Box::pin(async move { Ok(tx.db.execute(sql, Vec::new()).await?) }));
        job.await.expect("a commit");
        rig.send().await;
        assert!(rig.mails().is_empty());
        rig.later(10);
        rig.send().await;
        assert_eq!(rig.mails().len(), 1);
    })
    .await;
}

#[tokio::test]
async fn a_receipt_goes_to_owners_and_admins_and_says_everything() {
    on_both(|rig| async move {
        let no = rig.customer("acme", "Ada@Acme.example").await;
        let job = rig.app.write(move |tx| {
            Box::pin(async move {
                let sql = "insert into members (customer_no, email, role, created_at, removed_at) values
                    ($1, 'al@acme.example', 'admin', 0, null), ($1, 'vi@acme.example', 'viewer', 0, null),
                    ($1, 'ex@acme.example', 'owner', 0, 1)";
                tx.db.execute(sql, crate::args![no]).await?;
                let purchase = purchase(tx, no).await?;
                let at = tx.now();
                let credited = receipts::CreditedTerms {
                    at,
                    expires_at: at + chrono::TimeDelta::days(365),
                    total: Some(1_080),
                    tax: Some(180),
                };
                for _ in 0..2 {
                    receipts::enqueue_receipt(tx, &(&purchase).into(), credited, "https://pay.example").await?;
                }
                Ok(())
            })
        });
        job.await.expect("a commit");
        rig.send().await;
        let mails = rig.mails();
        assert_eq!(mails.len(), 2, "an owner and an admin, once each");
        assert!(mails[0].contains("To: ada@acme.example") && mails[1].contains("To: al@acme.example"));
        for want in [
            "Subject: 1,200 credits added: receipt",
            "Credits: 1,200",
            "Price: $9.00",
            "Tax: $1.80",
            "Paid: $10.80",
            "Valid until: 22 Nov 2027, 15:03 CET",
            "Reference: pur_",
            "Non-refundable.",
            "https://pay.example/purchases/pur_",
            "Receipts go to every owner and admin of ",
            "Reply-To: Gleaner <help@gleaner.example>",
        ] {
            assert!(mails[0].contains(want), "{want} in\n{}", mails[0]);
        }
    })
    .await;
}

/// A purchase that is about to be credited.
async fn purchase(tx: &mut WriteTransaction, customer_no: i64) -> Result<Purchase, InternalError> {
    let id = PurchaseId::from_bytes(&[9; 16]).expect("sixteen bytes");
    let sql = "insert into purchases (id, customer_no, package, credits, amount, currency, state, attempt,
          refunded_amount, created_at, checkout_expires_at)
        values ($1, $2, 'p1200', 1200000, 900, 'usd', 'open', 0, 0, $3, $3)";
    let now = tx.now();
    tx.db.execute(sql, crate::args![id.bytes(), customer_no, now]).await?;
    Ok(purchases::load_purchase(&mut tx.db, id).await?.expect("the purchase"))
}
