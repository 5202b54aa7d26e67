//! Signing in, members, sessions.

use super::{Rig, on_both};
use crate::usecases::members::{self, Changed};
use crate::usecases::sessions::{self, Role};
use crate::usecases::{portal, sign_in};

async fn ask(rig: &Rig, email: &str) {
    sign_in::request(&rig.services, email).await.expect("an answer");
    rig.send().await;
}

#[tokio::test]
async fn a_mailed_link_works_once_for_fifteen_minutes() {
    on_both(|rig| async move {
        rig.customer("acme", "ada@acme.example").await;
        ask(&rig, " Ada@acme.example").await;
        assert!(rig.mails()[0].contains("Subject: Sign in to Gleaner"));
        let token = rig.token();
        let sql = "select body_text || body_html as body from outbox";
        let row =
            rig.services.store.read().await.expect("a link").one(sql, Vec::new()).await.expect("a row").expect("a row");
        assert!(!row.text("body").expect("text").contains(&token), "the token is in the mail alone");
        assert!(portal::link_works(&rig.services, &token).await.expect("an answer"), "looking spends nothing");
        let cookie = rig.open(&token).await.expect("a session");
        assert!(rig.open(&token).await.is_none(), "once");
        let viewer = rig.viewer(&cookie).await.expect("a viewer");
        assert_eq!(
            (viewer.customer.as_str(), viewer.role, viewer.email.as_deref()),
            ("acme", Role::Owner, Some("ada@acme.example"))
        );
        ask(&rig, "ada@acme.example").await;
        let late = rig.token();
        rig.later(15);
        assert!(rig.open(&late).await.is_none(), "fifteen minutes");
    })
    .await;
}

#[tokio::test]
async fn strangers_get_no_mail_and_members_five_an_hour() {
    on_both(|rig| async move {
        rig.customer("acme", "ada@acme.example").await;
        for email in ["eve@evil.example", "no address", "", "ada@acme.example\r\nBcc: eve@evil.example"] {
            ask(&rig, email).await;
        }
        assert!(rig.outbox().await.is_empty(), "a stranger leaves nothing behind");
        for _ in 0..7 {
            ask(&rig, "ada@acme.example").await;
        }
        assert_eq!(rig.mails().len(), 5);
        rig.later(60);
        ask(&rig, "ada@acme.example").await;
        assert_eq!(rig.mails().len(), 6);
    })
    .await;
}

#[tokio::test]
async fn a_person_of_two_customers_goes_from_one_to_the_other() {
    on_both(|rig| async move {
        let acme = rig.customer("acme", "ada@acme.example").await;
        rig.customer("fjord", "ada@acme.example").await;
        rig.customer("larch", "lin@larch.example").await;
        let cookie = rig.signed_in("ada@acme.example").await;
        let viewer = rig.viewer(&cookie).await.expect("a viewer");
        let choices = sign_in::choices(&rig.services, &viewer).await.expect("choices");
        let seen: Vec<_> = choices.iter().map(|choice| (choice.customer.as_str(), choice.current)).collect();
        assert_eq!(seen, [("acme", true), ("fjord", false)]);
        assert!(!sign_in::switch(&rig.services, &viewer, "larch").await.expect("an answer"), "another person's");
        assert!(sign_in::switch(&rig.services, &viewer, "fjord").await.expect("an answer"));
        assert_eq!(rig.viewer(&cookie).await.expect("a viewer").customer, "fjord");
        rig.later(6);
        assert!(rig.viewer(&cookie).await.is_some());
        let next = rig.signed_in("ada@acme.example").await;
        assert_eq!(rig.viewer(&next).await.expect("a viewer").customer, "fjord", "where the person was last");
        let given = rig.portal(acme, "ada@acme.example", Role::Admin).await;
        let given = rig.viewer(&given).await.expect("a viewer");
        assert!(!sign_in::switch(&rig.services, &given, "fjord").await.expect("an answer"), "the SaaS vouched for one");
        assert!(sign_in::choices(&rig.services, &given).await.expect("choices").is_empty());
    })
    .await;
}

#[tokio::test]
async fn owners_manage_members_and_the_last_owner_stays() {
    on_both(|rig| async move {
        let no = rig.customer("acme", "ada@acme.example").await;
        let owner = rig.viewer(&rig.signed_in("ada@acme.example").await).await.expect("a viewer");
        let s = &rig.services;
        let check = |got: Result<Changed, crate::usecases::Fault>, want| assert_eq!(got.expect("an answer"), want);
        check(members::invite(s, &owner, "Vi@Acme.example", Role::Viewer).await, Changed::Done);
        check(members::invite(s, &owner, "vi@acme.example", Role::Admin).await, Changed::Already);
        check(members::invite(s, &owner, "vi", Role::Admin).await, Changed::BadAddress);
        check(members::remove(s, &owner, "ada@acme.example").await, Changed::LastOwner);
        check(members::change_role(s, &owner, "ada@acme.example", Role::Admin).await, Changed::LastOwner);
        check(members::remove(s, &owner, "eve@evil.example").await, Changed::Unknown);
        rig.send().await;
        let mails = rig.mails();
        assert!(
            mails.last().is_some_and(
                |mail| mail.contains("To: vi@acme.example") && mail.contains("https://pay.example/sign-in")
            )
        );

        let cookie = rig.signed_in("vi@acme.example").await;
        let viewer = rig.viewer(&cookie).await.expect("a viewer");
        assert_eq!(viewer.role, Role::Viewer);
        check(members::invite(s, &viewer, "eve@evil.example", Role::Owner).await, Changed::NotOwner);
        check(members::change_role(s, &viewer, "vi@acme.example", Role::Owner).await, Changed::NotOwner);
        check(members::change_role(s, &owner, "vi@acme.example", Role::Owner).await, Changed::Done);
        assert_eq!(rig.viewer(&cookie).await.expect("a viewer").role, Role::Owner, "at once");
        check(members::change_role(s, &owner, "ada@acme.example", Role::Admin).await, Changed::Done);
        check(members::remove(s, &owner, "vi@acme.example").await, Changed::NotOwner);
        let vi = rig.viewer(&cookie).await.expect("a viewer");
        let given = rig.portal(no, "ada@acme.example", Role::Admin).await;
        check(members::remove(s, &vi, "ada@acme.example").await, Changed::Done);
        assert!(rig.viewer(&given).await.is_none(), "every session of the removed ends");
        let left = members::list(s, no).await.expect("members");
        assert_eq!(left.iter().map(|member| member.email.as_str()).collect::<Vec<_>>(), ["vi@acme.example"]);
        ask(&rig, "ada@acme.example").await;
        assert!(!rig.mails().last().is_some_and(|mail| mail.contains("To: ada@")), "no link for who was removed");
    })
    .await;
}

#[tokio::test]
async fn sessions_are_listed_revoked_and_end_by_themselves() {
    on_both(|rig| async move {
        let no = rig.customer("acme", "ada@acme.example").await;
        let (ada, vi) =
            (rig.signed_in("ada@acme.example").await, rig.portal(no, "vi@acme.example", Role::Viewer).await);
        let owner = rig.viewer(&ada).await.expect("a viewer");
        let viewer = rig.viewer(&vi).await.expect("a viewer");
        let s = &rig.services;
        assert_eq!(sessions::list(s, &viewer).await.expect("a list").len(), 1, "one's own only");
        let list = sessions::list(s, &owner).await.expect("a list");
        assert_eq!(list.len(), 2);
        let (mine, theirs) = (list.iter().find(|l| l.current), list.iter().find(|l| !l.current));
        let (mine, theirs) = (mine.expect("mine"), theirs.expect("theirs"));
        assert!(!sessions::revoke(s, &viewer, &mine.id).await.expect("an answer"), "not another's");
        assert!(sessions::revoke(s, &owner, &theirs.id).await.expect("an answer"));
        assert!(rig.viewer(&vi).await.is_none());
        rig.later(719);
        assert!(rig.viewer(&ada).await.is_some(), "used before it went idle");
        rig.later(720);
        assert!(rig.viewer(&ada).await.is_none(), "idle");
        let cookie = rig.signed_in("ada@acme.example").await;
        for _ in 0..33 {
            rig.later(600);
            assert!(rig.viewer(&cookie).await.is_some(), "in use");
        }
        rig.later(400);
        assert!(rig.viewer(&cookie).await.is_none(), "fourteen days at most");
    })
    .await;
}
