//! Signing in, members, sessions.

use crate::usecases::access::client::Client;
use crate::usecases::access::links::LinkState;
use crate::usecases::access::sessions::Role;
use crate::usecases::access::tests::{Rig, on_both};
use crate::usecases::access::{links, sessions, sign_in};
use crate::usecases::customers::members::MemberChange;
use crate::usecases::customers::{api_keys, members};
use crate::usecases::upkeep::retention;

async fn ask(rig: &Rig, email: &str) {
    sign_in::request_sign_in(&rig.app, email, "", &Client::default()).await.expect("an answer");
    rig.send().await;
}

async fn look(rig: &Rig, token: &str) -> LinkState {
    links::read_link(&rig.app, token).await.expect("an answer")
}

#[tokio::test]
async fn a_mailed_link_works_once_for_fifteen_minutes() {
    on_both(|rig| async move {
        rig.customer("acme", "ada@acme.example").await;
        ask(&rig, " Ada@acme.example").await;
        assert!(rig.mails()[0].contains("Subject: Sign in to Gleaner"));
        let token = rig.token();
        let sql = "select body_text || body_html as body from outbox";
        let row = rig
            .app
            .store
            .read()
            .await
            .expect("a link")
            .fetch_optional(sql, Vec::new())
            .await
            .expect("a row")
            .expect("a row");
        assert!(!row.text("body").expect("text").contains(&token), "the token is in the mail alone");
        let LinkState::Works(target) = look(&rig, &token).await else { panic!("looking spends nothing") };
        assert_eq!((target.name.as_str(), target.email.as_deref()), ("acme", Some("ada@acme.example")));
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
        for old in [&token, &late] {
            assert_eq!(look(&rig, old).await, LinkState::OldMail);
        }
        assert_eq!(look(&rig, "no token").await, LinkState::Unknown);
        assert!(
            sign_in::renew_sign_in(&rig.app, &late, "", &Client::default()).await.expect("an answer"),
            "where the old one went"
        );
        rig.send().await;
        assert!(rig.open(&rig.token()).await.is_some(), "a new one works");
        assert!(!sign_in::renew_sign_in(&rig.app, "no token", "", &Client::default()).await.expect("an answer"));
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
        let choices = sign_in::customer_choices(&rig.app, &viewer).await.expect("choices");
        let seen: Vec<_> = choices.iter().map(|choice| (choice.customer.as_str(), choice.current)).collect();
        assert_eq!(seen, [("acme", true), ("fjord", false)]);
        assert!(!sign_in::switch_session(&rig.app, &viewer, "larch").await.expect("an answer"), "another person's");
        assert!(sign_in::switch_session(&rig.app, &viewer, "fjord").await.expect("an answer"));
        assert_eq!(rig.viewer(&cookie).await.expect("a viewer").customer, "fjord");
        rig.later(6);
        assert!(rig.viewer(&cookie).await.is_some());
        let next = rig.signed_in("ada@acme.example").await;
        assert_eq!(rig.viewer(&next).await.expect("a viewer").customer, "fjord", "where the person was last");
        let given = rig.portal(acme, "ada@acme.example", Role::Admin).await;
        let given = rig.viewer(&given).await.expect("a viewer");
        assert!(
            !sign_in::switch_session(&rig.app, &given, "fjord").await.expect("an answer"),
            "the SaaS vouched for one"
        );
        assert!(sign_in::customer_choices(&rig.app, &given).await.expect("choices").is_empty());
    })
    .await;
}

#[tokio::test]
async fn owners_manage_members_and_the_last_owner_stays() {
    on_both(|rig| async move {
        let no = rig.customer("acme", "ada@acme.example").await;
        let owner = rig.viewer(&rig.signed_in("ada@acme.example").await).await.expect("a viewer");
        let s = &rig.app;
        let check =
            |got: Result<MemberChange, crate::usecases::InternalError>, want| assert_eq!(got.expect("an answer"), want);
        check(members::invite(s, &owner, "Vi@Acme.example", Role::Viewer).await, MemberChange::Done);
        check(members::invite(s, &owner, "vi@acme.example", Role::Admin).await, MemberChange::Already);
        check(members::invite(s, &owner, "vi", Role::Admin).await, MemberChange::BadAddress);
        check(members::remove(s, &owner, "ada@acme.example").await, MemberChange::LastOwner);
        check(members::change_member_role(s, &owner, "ada@acme.example", Role::Admin).await, MemberChange::LastOwner);
        check(members::remove(s, &owner, "eve@evil.example").await, MemberChange::Unknown);
        check(members::change_member_role(s, &owner, "eve@evil.example", Role::Admin).await, MemberChange::Unknown);
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
        check(members::invite(s, &viewer, "eve@evil.example", Role::Owner).await, MemberChange::NotAllowed);
        check(members::change_member_role(s, &viewer, "vi@acme.example", Role::Owner).await, MemberChange::NotAllowed);
        check(members::change_member_role(s, &owner, "vi@acme.example", Role::Owner).await, MemberChange::Done);
        assert_eq!(rig.viewer(&cookie).await.expect("a viewer").role, Role::Owner, "at once");
        check(members::change_member_role(s, &owner, "ada@acme.example", Role::Admin).await, MemberChange::Done);
        check(members::remove(s, &owner, "vi@acme.example").await, MemberChange::NotAllowed);
        let vi = rig.viewer(&cookie).await.expect("a viewer");
        let given = rig.portal(no, "ada@acme.example", Role::Admin).await;
        check(members::remove(s, &vi, "ada@acme.example").await, MemberChange::Done);
        assert!(rig.viewer(&given).await.is_none(), "every session of the removed ends");
        let left = members::list_members(s, no).await.expect("members");
        assert_eq!(left.iter().map(|member| member.email.as_str()).collect::<Vec<_>>(), ["vi@acme.example"]);
        ask(&rig, "ada@acme.example").await;
        assert!(!rig.mails().last().is_some_and(|mail| mail.contains("To: ada@")), "no link for who was removed");
    })
    .await;
}

#[tokio::test]
async fn admins_manage_everybody_but_owners() {
    on_both(|rig| async move {
        let no = rig.customer("acme", "ada@acme.example").await;
        let s = &rig.app;
        let admin = rig.viewer(&rig.portal(no, "max@acme.example", Role::Admin).await).await.expect("a viewer");
        let check =
            |got: Result<MemberChange, crate::usecases::InternalError>, want| assert_eq!(got.expect("an answer"), want);
        check(members::invite(s, &admin, "vi@acme.example", Role::Viewer).await, MemberChange::Done);
        check(members::change_member_role(s, &admin, "vi@acme.example", Role::Admin).await, MemberChange::Done);
        check(members::change_member_role(s, &admin, "vi@acme.example", Role::Owner).await, MemberChange::NotAllowed);
        check(members::invite(s, &admin, "eve@evil.example", Role::Owner).await, MemberChange::NotAllowed);
        check(members::change_member_role(s, &admin, "ada@acme.example", Role::Viewer).await, MemberChange::NotAllowed);
        check(members::remove(s, &admin, "ada@acme.example").await, MemberChange::NotAllowed);
        check(members::remove(s, &admin, "vi@acme.example").await, MemberChange::Done);
        assert_eq!(members::list_members(s, no).await.expect("members").len(), 1);
    })
    .await;
}

#[tokio::test]
async fn a_person_signs_out_everywhere_else_in_every_customer() {
    on_both(|rig| async move {
        let acme = rig.customer("acme", "ada@acme.example").await;
        rig.customer("fjord", "ada@acme.example").await;
        let here = rig.signed_in("ada@acme.example").await;
        let there = rig.signed_in("ada@acme.example").await;
        let s = &rig.app;
        let viewer = rig.viewer(&there).await.expect("a viewer");
        assert!(sign_in::switch_session(s, &viewer, "fjord").await.expect("an answer"));
        let given = rig.portal(acme, "ada@acme.example", Role::Admin).await;
        let other = rig.portal(acme, "vi@acme.example", Role::Viewer).await;
        // Opened by the SaaS for one customer: it does not reach what the person does elsewhere.
        let portal = rig.viewer(&given).await.expect("a viewer");
        assert_eq!(sessions::list_sessions(s, &portal).await.expect("a list").len(), 2);
        let viewer = rig.viewer(&here).await.expect("a viewer");
        let list = sessions::list_sessions(s, &viewer).await.expect("a list");
        let own: Vec<_> = list.iter().filter(|listed| listed.own).map(|listed| listed.device.as_str()).collect();
        assert_eq!((own, list.len()), (vec!["Firefox on Linux"; 3], 4));
        assert_eq!(sessions::revoke_other_sessions(s, &viewer).await.expect("an answer"), 2);
        assert!(rig.viewer(&here).await.is_some() && rig.viewer(&other).await.is_some());
        assert!(rig.viewer(&there).await.is_none() && rig.viewer(&given).await.is_none());
    })
    .await;
}

#[tokio::test]
async fn keys_are_made_once_a_seed_and_revoked_once() {
    on_both(|rig| async move {
        use api_keys::KeyChange as C;
        let no = rig.customer("acme", "ada@acme.example").await;
        let fjord = rig.customer("fjord", "lin@fjord.example").await;
        let owner = rig.viewer(&rig.signed_in("ada@acme.example").await).await.expect("a viewer");
        let viewer = rig.viewer(&rig.portal(no, "vi@acme.example", Role::Viewer).await).await.expect("a viewer");
        let other = rig.viewer(&rig.portal(fjord, "lin@fjord.example", Role::Owner).await).await.expect("a viewer");
        let s = &rig.app;
        let check = |got: Result<C, crate::usecases::InternalError>, want| assert_eq!(got.expect("an answer"), want);
        check(api_keys::create_own_api_key(s, &viewer, "ci", "tk_0").await, C::NotAllowed);
        for bad in ["", "  ", &"x".repeat(101), "a\u{7}b"] {
            check(api_keys::create_own_api_key(s, &owner, bad, "tk_0").await, C::BadName);
        }
        for _ in 0..2 {
            check(api_keys::create_own_api_key(s, &owner, " ci ", "tk_0").await, C::Done);
        }
        let list = api_keys::list_api_keys(s, no).await.expect("a list");
        assert_eq!(list.iter().map(|key| key.name.as_str()).collect::<Vec<_>>(), ["ci"]);
        assert!(api_keys::find_made_key(s, fjord, "tk_0").await.expect("an answer").is_none());
        check(api_keys::revoke_key(s, &other, list[0].id).await, C::Unknown);
        check(api_keys::revoke_key(s, &viewer, list[0].id).await, C::NotAllowed);
        check(api_keys::revoke_key(s, &owner, list[0].id).await, C::Done);
        check(api_keys::revoke_key(s, &owner, list[0].id).await, C::Unknown);
        assert!(api_keys::find_made_key(s, no, "tk_0").await.expect("an answer").is_none());
        for n in 1..=api_keys::KEYS_MAX {
            check(api_keys::create_own_api_key(s, &owner, "ci", &format!("tk_{n}")).await, C::Done);
        }
        check(api_keys::create_own_api_key(s, &owner, "ci", "tk_too_many").await, C::TooMany);
    })
    .await;
}

#[tokio::test]
async fn what_is_over_is_forgotten_after_a_while_and_nothing_else() {
    on_both(|rig| async move {
        let no = rig.customer("acme", "ada@acme.example").await;
        let count = async |table: &str| {
            let sql = format!("select count(*) as n from {table}");
            let row = rig.app.store.read().await.expect("a link").fetch_optional(sql, Vec::new()).await.expect("a row");
            row.expect("a row").int("n").expect("a number")
        };
        let sweep = async || retention::sweep_expired(&rig.app).await.expect("a sweep");
        rig.signed_in("ada@acme.example").await;
        rig.portal(no, "ada@acme.example", Role::Admin).await;
        sweep().await;
        assert_eq!((count("links").await, count("sessions").await), (2, 2));
        rig.later(15 + 24 * 60);
        rig.signed_in("ada@acme.example").await;
        sweep().await;
        assert_eq!((count("links").await, count("sessions").await), (1, 3), "links a day after they expired");
        assert_eq!(count("outbox").await, 1, "and the mail that brought one");
        rig.later(43 * 24 * 60);
        sweep().await;
        assert_eq!((count("links").await, count("sessions").await), (0, 1), "sessions thirty days after their limit");
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
        let s = &rig.app;
        assert_eq!(sessions::list_sessions(s, &viewer).await.expect("a list").len(), 1, "one's own only");
        let list = sessions::list_sessions(s, &owner).await.expect("a list");
        assert_eq!(list.len(), 2);
        let (mine, theirs) = (list.iter().find(|l| l.current), list.iter().find(|l| !l.current));
        let (mine, theirs) = (mine.expect("mine"), theirs.expect("theirs"));
        assert!(!sessions::revoke_session(s, &viewer, &mine.id).await.expect("an answer"), "not another's");
        assert!(sessions::revoke_session(s, &owner, &theirs.id).await.expect("an answer"));
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
