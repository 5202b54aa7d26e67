//! Revoked rights end pending links, sessions and open streams; nobody gets more than the member's role.

use crate::app::{Browser, TestApp, on_both};
use crate::live_updates::Stream;
use serde_json::{Value, json};

const ADA: &str = "ada@acme.example";
const MO: &str = "mo@acme.example";

async fn owner(app: &TestApp) -> Browser<'_> {
    app.put("acme", json!({"email": ADA, "name": "Acme Data", "plan": "starter"})).await.expect(201);
    let browser = Browser::new(app);
    browser.sign_in(ADA).await;
    browser
}

/// Mo, invited as this.
async fn invited(ada: &Browser<'_>, role: &str) {
    let to = ada.sent("invite-member", &[("email", MO), ("role", role)]).await;
    assert_eq!(to, "/settings?outcome=invited");
}

/// The token of a portal link.
async fn portal(app: &TestApp, customer: &str, body: Value) -> String {
    let path = format!("/v1/customers/{customer}/portal_sessions");
    let link = app.send(app.write("POST", &path, None, body.to_string())).await.expect(201).json();
    link["url"].as_str().unwrap().rsplit('/').next().unwrap().to_owned()
}

/// The token of a new mailed link.
async fn mailed(app: &TestApp, email: &str) -> String {
    Browser::new(app).sent("request-link", &[("email", email)]).await;
    app.mailed_token().await
}

/// The role of a session that a link opens in a fresh browser, if it opens one.
async fn opens(app: &TestApp, token: &str) -> Option<String> {
    let browser = Browser::new(app);
    browser.post("open-session", &[("token", token)]).await.expect(303);
    role(app, &browser).await
}

/// The role that a browser's session has now.
async fn role(app: &TestApp, browser: &Browser<'_>) -> Option<String> {
    let token = browser.cookie("session")?;
    let viewer = topup::usecases::access::links::find_idle_viewer(&app.inner(), &token).await.unwrap();
    viewer.map(|viewer| viewer.role.name().to_owned())
}

/// A person with a session, both kinds of link and an open page.
struct Person<'a> {
    browser: Browser<'a>,
    links: [String; 2],
    stream: Stream,
}

impl<'a> Person<'a> {
    async fn of(app: &'a TestApp, customer: &str, email: &str) -> Self {
        let browser = Browser::new(app);
        browser.sign_in(email).await;
        let links =
            [portal(app, customer, json!({"member_email": email, "role": "owner"})).await, mailed(app, email).await];
        let mut stream = Stream::of(app, &browser).await;
        assert!(stream.next().await.is_some());
        Self { browser, links, stream }
    }

    /// Nothing of it is left: no session, no stream, and no link that opens this customer's pages.
    async fn ends(mut self, app: &TestApp, why: &str) {
        assert_eq!(role(app, &self.browser).await, None, "{why}: a session");
        assert_eq!(self.stream.next().await, None, "{why}: a stream");
        assert_eq!(opens(app, &self.links[0]).await, None, "{why}: a portal link");
        assert_eq!(self.browser.get("/live").await.status, 204, "{why}");
    }
}

on_both!(a_removed_member_loses_links_sessions_and_streams, |app| {
    let ada = owner(app).await;
    invited(&ada, "admin").await;
    let mo = Person::of(app, "acme", MO).await;
    let links = mo.links.clone();
    assert_eq!(ada.sent("remove-member", &[("email", MO)]).await, "/settings?outcome=member_removed");
    mo.ends(app, "removed").await;
    // Invited anew, the old links stay ended.
    invited(&ada, "viewer").await;
    for link in &links {
        assert_eq!(opens(app, link).await, None);
    }
});

on_both!(a_demoted_member_loses_links_sessions_and_streams, |app| {
    let ada = owner(app).await;
    invited(&ada, "owner").await;
    let mo = Person::of(app, "acme", MO).await;
    let mailed = mo.links[1].clone();
    assert_eq!(ada.sent("change-role", &[("email", MO), ("role", "viewer")]).await, "/settings?outcome=role_changed");
    mo.ends(app, "demoted").await;
    // A mailed link is the person's own, who still has something here: as much as a viewer.
    assert_eq!(opens(app, &mailed).await.as_deref(), Some("viewer"));
    // Somebody who is given more stays signed in, and has it at once.
    let mo = Browser::new(app);
    mo.sign_in(MO).await;
    ada.sent("change-role", &[("email", MO), ("role", "admin")]).await;
    assert_eq!(role(app, &mo).await.as_deref(), Some("admin"));
    // A browser that gave up its own rights is not asked to sign in.
    invited_owner(&ada, "lin@acme.example").await;
    let phone = Browser::new(app);
    phone.sign_in(ADA).await;
    assert_eq!(ada.sent("change-role", &[("email", ADA), ("role", "viewer")]).await, "/settings?outcome=role_changed");
    assert_eq!((role(app, &ada).await.as_deref(), role(app, &phone).await), (Some("viewer"), None));
});

async fn invited_owner(ada: &Browser<'_>, email: &str) {
    ada.sent("invite-member", &[("email", email), ("role", "owner")]).await;
}

on_both!(signing_out_the_other_devices_ends_the_links_that_would_open_another, |app| {
    let ada = owner(app).await;
    invited(&ada, "viewer").await;
    let (mo, other) = (mailed(app, MO).await, Person::of(app, "acme", ADA).await);
    let links = other.links.clone();
    assert_eq!(ada.sent("sign-out-others", &[]).await, "/settings?outcome=others_signed_out");
    other.ends(app, "signed out elsewhere").await;
    for link in &links {
        assert_eq!(opens(app, link).await, None);
    }
    assert_eq!(role(app, &ada).await.as_deref(), Some("owner"), "this one stays");
    assert_eq!(opens(app, &mo).await.as_deref(), Some("viewer"), "another person's link is not theirs to end");
});

on_both!(closing_ends_links_sessions_and_streams, |app| {
    let _ada = owner(app).await;
    let ada = Person::of(app, "acme", ADA).await;
    let nobodys = portal(app, "acme", json!({})).await;
    let mailed = ada.links[1].clone();
    app.send(app.request("DELETE", "/v1/customers/acme")).await.expect(204);
    ada.ends(app, "closed").await;
    assert_eq!((opens(app, &nobodys).await, opens(app, &mailed).await), (None, None));
    assert_eq!(app.count("select count(*) as n from links where used_at is null").await, 0);
});

on_both!(a_newer_mailed_link_ends_the_older_ones, |app| {
    let ada = owner(app).await;
    invited(&ada, "viewer").await;
    let others = mailed(app, MO).await;
    let (first, second, third) = (mailed(app, ADA).await, mailed(app, ADA).await, mailed(app, ADA).await);
    assert_eq!((opens(app, &first).await, opens(app, &second).await), (None, None));
    assert_eq!(opens(app, &third).await.as_deref(), Some("owner"));
    assert_eq!(opens(app, &others).await.as_deref(), Some("viewer"), "another person's");
});

on_both!(a_stream_ends_where_its_session_goes_over_to_another_customer, |app| {
    let ada = owner(app).await;
    app.put("beta", json!({"email": ADA, "name": "Beta", "plan": "starter"})).await.expect(201);
    let mut stream = Stream::of(app, &ada).await;
    assert!(stream.next().await.is_some());
    assert_eq!(ada.sent("switch-customer", &[("customer", "beta")]).await, "/billing");
    app.charge("acme", "5", "k").await.expect(201);
    assert_eq!(stream.next().await, None);
    // Signing out is the end of it, too.
    let mut stream = Stream::of(app, &ada).await;
    assert!(stream.next().await.is_some());
    ada.sent("sign-out", &[]).await;
    assert_eq!(stream.next().await, None);
});

on_both!(a_portal_link_gives_no_more_than_the_member_has, |app| {
    let ada = owner(app).await;
    invited(&ada, "viewer").await;
    let link = async |email: &str, role: Option<&str>| {
        let mut body = json!({"member_email": email});
        role.iter().for_each(|role| body["role"] = json!(role));
        opens(app, &portal(app, "acme", body).await).await.unwrap()
    };
    // The member's role is the default and the ceiling.
    for (email, asked, has) in [
        (MO, None, "viewer"),
        (MO, Some("owner"), "viewer"),
        (MO, Some("admin"), "viewer"),
        (" Mo@Acme.Example ".trim(), Some("owner"), "viewer"),
        (ADA, None, "owner"),
        (ADA, Some("admin"), "admin"),
        (ADA, Some("viewer"), "viewer"),
        ("new@acme.example", None, "admin"),
        ("new@acme.example", Some("owner"), "owner"),
        ("new@acme.example", Some("viewer"), "viewer"),
    ] {
        assert_eq!(link(email, asked).await, has, "{email} {asked:?}");
    }
    assert_eq!(
        opens(app, &portal(app, "acme", json!({})).await).await.as_deref(),
        Some("admin"),
        "nobody in particular"
    );
    // The same address at another customer says nothing about this one.
    app.put("beta", json!({"email": "bob@beta.example", "plan": "free"})).await.expect(201);
    let there = portal(app, "beta", json!({"member_email": MO})).await;
    assert_eq!(opens(app, &there).await.as_deref(), Some("admin"));
    // A session of somebody who is made a member later has the member's role from then on.
    let (lin, pending) = (Browser::new(app), portal(app, "acme", json!({"member_email": "lin@acme.example"})).await);
    lin.arrive("acme", "lin@acme.example", "owner").await;
    assert_eq!(role(app, &lin).await.as_deref(), Some("owner"));
    ada.sent("invite-member", &[("email", "lin@acme.example"), ("role", "viewer")]).await;
    assert_eq!(role(app, &lin).await.as_deref(), Some("viewer"));
    assert_eq!(opens(app, &pending).await.as_deref(), Some("viewer"), "a link that was made before");
});

/// The owners of a customer, in words.
async fn owners(app: &TestApp) -> Vec<String> {
    let members = topup::usecases::customers::members::list_members(&app.inner(), 1).await.unwrap();
    members.into_iter().map(|member| format!("{} {}", member.email, member.role.name())).collect()
}

async fn put_email(app: &TestApp, email: &str) {
    app.put("acme", json!({"email": email})).await.expect(200);
}

on_both!(a_corrected_address_takes_the_place_of_the_wrong_one, |app| {
    app.put("acme", json!({"email": "typo@acme.example", "plan": "starter"})).await.expect(201);
    let typo = Person::of(app, "acme", "typo@acme.example").await;
    let links = typo.links.clone();
    put_email(app, "right@acme.example").await;
    assert_eq!(owners(app).await, ["right@acme.example owner"]);
    typo.ends(app, "replaced").await;
    for link in &links {
        assert_eq!(opens(app, link).await, None);
    }
    let mails = app.mails().await.len();
    Browser::new(app).sent("request-link", &[("email", "typo@acme.example")]).await;
    assert_eq!(app.mails().await.len(), mails, "no way back in");
    app.buy("acme", "p1200", "buy-1").await;
    let receipts = "select count(*) as n from outbox where kind = 'receipt'";
    assert_eq!(app.count(receipts).await, 1);
    assert_eq!(app.count(&format!("{receipts} and recipient = 'right@acme.example'")).await, 1);
    // There and back again.
    put_email(app, "Typo@acme.example").await;
    assert_eq!(owners(app).await, ["typo@acme.example owner"]);
});

on_both!(a_membership_that_people_gave_or_changed_stays, |app| {
    let ada = owner(app).await;
    invited(&ada, "owner").await;
    put_email(app, MO).await;
    assert_eq!(owners(app).await, ["mo@acme.example owner"], "Ada came by the first PUT alone");
    put_email(app, "lin@acme.example").await;
    assert_eq!(owners(app).await, ["mo@acme.example owner", "lin@acme.example owner"], "Mo was invited by people");
    // A role that people changed is theirs.
    let mo = Browser::new(app);
    mo.sign_in(MO).await;
    mo.sent("change-role", &[("email", "lin@acme.example"), ("role", "admin")]).await;
    put_email(app, "new@acme.example").await;
    let now = owners(app).await;
    assert_eq!(now, ["mo@acme.example owner", "lin@acme.example admin", "new@acme.example owner"]);
});

on_both!(a_raised_member_falls_back_to_the_role_from_settings, |app| {
    let ada = owner(app).await;
    invited(&ada, "viewer").await;
    put_email(app, MO).await;
    assert_eq!(owners(app).await, ["mo@acme.example owner"]);
    let mo = Person::of(app, "acme", MO).await;
    put_email(app, ADA).await;
    assert_eq!(owners(app).await, ["ada@acme.example owner", "mo@acme.example viewer"]);
    mo.ends(app, "lowered").await;
});

on_both!(an_unchanged_address_restores_no_member, |app| {
    let ada = owner(app).await;
    invited(&ada, "owner").await;
    let mo = Browser::new(app);
    mo.sign_in(MO).await;
    assert_eq!(mo.sent("remove-member", &[("email", ADA)]).await, "/settings?outcome=member_removed");
    for same in [ADA, "Ada@Acme.example"] {
        put_email(app, same).await;
        assert_eq!(owners(app).await, ["mo@acme.example owner"], "{same}");
    }
    app.put("acme", json!({"name": "Acme", "plan": "builder"})).await.expect(200);
    assert_eq!(owners(app).await, ["mo@acme.example owner"]);
    // Nor does it raise somebody whom people have lowered.
    put_email(app, MO).await;
    invited_owner(&mo, "lin@acme.example").await;
    mo.sent("change-role", &[("email", MO), ("role", "viewer")]).await;
    put_email(app, MO).await;
    assert_eq!(owners(app).await, ["mo@acme.example viewer", "lin@acme.example owner"]);
    // Another address is an owner, also one who was here before.
    put_email(app, ADA).await;
    assert!(owners(app).await.contains(&format!("{ADA} owner")));
});

on_both!(a_link_names_its_account_and_asks_before_a_session_changes, |app| {
    let ada = owner(app).await;
    app.put("beta", json!({"email": "bob@beta.example", "name": "Beta & Sons", "plan": "free"})).await.expect(201);
    let token = portal(app, "beta", json!({"member_email": "bob@beta.example"})).await;
    let page = format!("/sign-in/{token}");
    let fresh = Browser::new(app).get(&page).await.expect(200).text;
    assert!(fresh.contains("Continue as bob@beta.example to Beta &amp; Sons</button>"), "{fresh}");
    assert!(!fresh.contains("signed in as"), "{fresh}");
    let nobody = portal(app, "beta", json!({})).await;
    let nobody = Browser::new(app).get(&format!("/sign-in/{nobody}")).await.expect(200).text;
    assert!(nobody.contains("Continue to Beta &amp; Sons</button>"), "{nobody}");

    // Ada is signed in: she is asked first, whatever is sent.
    let asked = ada.get(&page).await.expect(200).text;
    for words in [
        "You're signed in as ada@acme.example to Acme Data.",
        "If you continue, you'll be signed out there.",
        "Continue as bob@beta.example to Beta &amp; Sons",
        "Stay at Acme Data",
    ] {
        assert!(asked.contains(words), "{words}: {asked}");
    }
    let of_fresh = field(&fresh, "signature");
    for signature in ["", "00", &of_fresh] {
        let fields = [("token", token.as_str()), ("signature", signature)];
        assert_eq!(ada.sent("open-session", &fields).await, page, "{signature}");
        assert!(ada.get("/billing").await.text.contains("title=\"Acme Data\""));
    }
    let before = ada.cookie("session").unwrap();
    let fields = [("token", token.as_str()), ("signature", &field(&asked, "signature"))];
    assert_eq!(ada.sent("open-session", &fields).await, "/billing");
    assert!(ada.get("/billing").await.text.contains("title=\"Beta &amp; Sons\""));
    let gone = topup::usecases::access::links::find_idle_viewer(&app.inner(), &before).await.unwrap();
    assert_eq!(gone, None, "the former session is over");

    // A mailed link opens what its page said, or asks anew.
    let browser = Browser::new(app);
    let token = mailed(app, ADA).await;
    let page = format!("/sign-in/{token}");
    let shown = browser.get(&page).await.expect(200).text;
    assert!(shown.contains("Continue as ada@acme.example to Acme Data"), "{shown}");
    app.put("gamma", json!({"email": ADA, "name": "Gamma", "plan": "free"})).await.expect(201);
    app.put("acme", json!({"email": "other@acme.example"})).await.expect(200);
    let fields = [("token", token.as_str()), ("signature", &field(&shown, "signature"))];
    assert_eq!(browser.sent("open-session", &fields).await, page);
    assert_eq!(browser.cookie("session"), None);
    let shown = browser.get(&page).await.expect(200).text;
    assert!(shown.contains("Continue as ada@acme.example to Gamma"), "{shown}");
    let fields = [("token", token.as_str()), ("signature", &field(&shown, "signature"))];
    assert_eq!(browser.sent("open-session", &fields).await, "/billing");
});

/// The value of a field of a page.
fn field(page: &str, name: &str) -> String {
    let (_, rest) = page.split_once(&format!("name=\"{name}\"")).unwrap_or_else(|| panic!("{name} in {page}"));
    rest.split_once("value=\"").unwrap().1.split('"').next().unwrap().to_owned()
}
