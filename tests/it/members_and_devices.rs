//! Settings over HTTP: members, devices, time zone, API keys, switching accounts, rights of viewers.

use crate::app::{Browser, TestApp, on_both};
use serde_json::json;
use topup::web::flash::Flash;
use topup::web::return_to;

const ADA: &str = "ada@acme.example";
const VI: &str = "vi@acme.example";

async fn outcome(browser: &Browser<'_>, name: &str, fields: &[(&str, &str)]) -> String {
    let to = browser.sent(name, fields).await;
    let code = to.strip_prefix("/settings?outcome=").unwrap_or_else(|| panic!("{name} led to {to}"));
    let page = browser.get(&to).await;
    if page.status == 200 {
        assert!(page.text.contains("role=\"status\"") || page.text.contains("role=\"alert\""), "{}", page.text);
    }
    code.to_owned()
}

async fn owner(app: &TestApp) -> Browser<'_> {
    app.put("acme", json!({"email": ADA, "name": "Acme Data", "plan": "starter"})).await.expect(201);
    let browser = Browser::new(app);
    browser.sign_in(ADA).await;
    browser
}

on_both!(members_come_change_and_go, |app| {
    let ada = owner(app).await;
    let invite = [("email", " Vi@Acme.example"), ("role", "viewer")];
    assert_eq!(outcome(&ada, "invite-member", &invite).await, "invited");
    assert_eq!(outcome(&ada, "invite-member", &invite).await, "already_member");
    assert_eq!(outcome(&ada, "invite-member", &[("email", "vi"), ("role", "viewer")]).await, "bad_address");
    assert_eq!(outcome(&ada, "invite-member", &[("email", "x@acme.example"), ("role", "god")]).await, "form_stale");
    assert!(app.mails().await.last().unwrap().contains("To: vi@acme.example"));

    let vi = Browser::new(app);
    vi.sign_in(VI).await;
    let page = vi.get("/settings").await.expect(200).text;
    assert!(page.contains(ADA) && page.contains("Viewer since"), "{page}");
    for form in ["invite-member", "change-role", "remove-member", "time-zone", "low-balance", "own-mails", "make-key"] {
        assert!(!page.contains(&format!("/_fn/{form}")), "a viewer is shown {form}");
    }
    let change = [("email", VI), ("role", "admin")];
    assert_eq!(outcome(&vi, "change-role", &change).await, "not_allowed");
    assert_eq!(outcome(&ada, "change-role", &change).await, "role_changed");
    assert!(vi.get("/settings").await.text.contains("/_fn/invite-member"), "at once");
    assert_eq!(outcome(&vi, "remove-member", &[("email", ADA)]).await, "not_allowed");
    assert_eq!(outcome(&vi, "change-role", &[("email", VI), ("role", "owner")]).await, "not_allowed");

    for leave in [("change-role", "admin"), ("remove-member", "")] {
        let fields = [("email", ADA), ("role", leave.1)];
        let fields = if leave.1.is_empty() { &fields[..1] } else { &fields[..] };
        assert_eq!(outcome(&ada, leave.0, fields).await, "last_owner");
    }
    let page = ada.get_with("/settings", Flash::new("last_owner")).await.text;
    assert!(
        page.contains("There must be at least one owner.") && page.contains("Make someone else an owner first."),
        "{page}"
    );

    assert_eq!(outcome(&ada, "remove-member", &[("email", VI)]).await, "member_removed");
    for path in ["/settings", "/billing"] {
        assert_eq!(
            vi.get(path).await.expect(303).header("location"),
            Some(&*return_to::sign_in(path)),
            "signed out at once"
        );
    }
    assert_eq!(outcome(&ada, "remove-member", &[("email", VI)]).await, "unknown_member");
    assert_eq!(vi.sent("request-link", &[("email", VI)]).await, "/sign-in?outcome=sent");
    assert!(!app.mails().await.last().unwrap().contains("Subject: Sign in to Gleaner\r\nTo: vi@"), "no way back in");
    assert_eq!(app.count("select count(*) as n from outbox where recipient = 'vi@acme.example'").await, 2);
});

on_both!(a_customer_without_an_owner_does_not_pass_the_check, |app| {
    let _ada = owner(app).await;
    let gone = "update members set removed_at = 1 where role = 'owner'";
    app.tamper(gone, Vec::new()).await.unwrap();
    let broken = topup::usecases::upkeep::check::check_all(&app.inner().store).await.unwrap().unwrap_err();
    assert_eq!(broken, "1 customers without an owner");
    app.tamper("update members set removed_at = null", Vec::new()).await.unwrap();
});

on_both!(devices_are_listed_and_signed_out, |app| {
    let ada = owner(app).await;
    let phone = Browser::new(app);
    phone.sign_in(ADA).await;
    let page = ada.get("/settings").await.expect(200).text;
    assert_eq!(page.matches("Firefox on Linux</strong>").count(), 2, "{page}");
    assert_eq!(page.matches("This device").count(), 1);
    let id = ada.field("/settings", "id").await;
    assert_eq!(outcome(&ada, "sign-out-device", &[("id", &id)]).await, "signed_out");
    assert_eq!(outcome(&ada, "sign-out-device", &[("id", &id)]).await, "unknown_device");
    assert_eq!(phone.get("/billing").await.status, 303);
    // Signing in again in the same browser leaves nothing behind.
    ada.sign_in(ADA).await;
    assert_eq!(ada.get("/settings").await.text.matches("Firefox on Linux</strong>").count(), 1);
    phone.sign_in(ADA).await;
    assert_eq!(outcome(&ada, "sign-out-others", &[]).await, "others_signed_out");
    assert_eq!((phone.get("/billing").await.status, ada.get("/billing").await.status), (303, 200));
    // Another customer's device is not there to be signed out.
    app.put("larch", json!({"email": "lin@larch.example", "plan": "starter"})).await.expect(201);
    let lin = Browser::new(app);
    lin.sign_in("lin@larch.example").await;
    let other = Browser::new(app);
    other.sign_in("lin@larch.example").await;
    let theirs = lin.field("/settings", "id").await;
    assert_eq!(outcome(&ada, "sign-out-device", &[("id", &theirs)]).await, "unknown_device");
    assert_eq!(other.get("/billing").await.status, 200);
});

on_both!(a_person_goes_only_where_they_are_a_member, |app| {
    // None of the demo's own customers: its bar names those on every page.
    let ada = owner(app).await;
    app.put("orbit", json!({"email": "lin@orbit.example", "name": "Orbit", "plan": "starter"})).await.expect(201);
    assert!(!ada.get("/billing").await.text.contains("switch account"), "nowhere to go");
    app.put("pine", json!({"email": ADA, "name": "Pine Notes", "plan": "free"})).await.expect(201);
    let page = ada.get("/billing").await.text;
    assert!(page.contains("switch account") && page.contains("Pine Notes") && !page.contains("Orbit"), "{page}");
    let title = "title=\"Pine Notes\"";
    assert_eq!(ada.sent("switch-customer", &[("customer", "orbit")]).await, "/billing");
    assert_eq!(ada.sent("switch-customer", &[("customer", "nowhere")]).await, "/billing");
    assert!(!ada.get("/billing").await.text.contains(title));
    assert_eq!(ada.sent("switch-customer", &[("customer", "pine")]).await, "/billing");
    assert!(ada.get("/billing").await.text.contains(title));
    // The SaaS vouched for one customer: its link leads to no other.
    let given = Browser::new(app);
    given.arrive("acme", ADA, "owner").await;
    assert!(!given.get("/billing").await.text.contains("switch account"));
    given.sent("switch-customer", &[("customer", "pine")]).await;
    assert!(!given.get("/billing").await.text.contains(title));
    assert_eq!(Browser::new(app).sent("switch-customer", &[("customer", "acme")]).await, "/sign-in?outcome=signed_out");
});

on_both!(a_key_is_shown_once_and_kept_as_a_hash, |app| {
    let ada = owner(app).await;
    let seed = ada.field("/settings", "seed").await;
    let form = [("name", "nightly report"), ("seed", seed.as_str())];
    assert_eq!(ada.sent("make-key", &form).await, "/settings?outcome=key_made");
    let page = ada.get("/settings").await.expect(200).text;
    let key: String = page.split_once(">tk_").expect("the key").1.chars().take_while(char::is_ascii_hexdigit).collect();
    assert_eq!((key.len(), ada.cookie("new-key")), (64, None));
    let after = ada.get("/settings").await.expect(200).text;
    assert!(!after.contains(&key), "{after}");
    let after = ada.get_with("/settings", Flash::new("key_made")).await.expect(200).text;
    assert!(!after.contains(&key) && after.contains("You won't see it again"), "{after}");
    assert_eq!(ada.sent("make-key", &form).await, "/settings?outcome=key_made", "sent twice");
    assert_eq!(app.count("select count(*) as n from api_keys").await, 1);
    let hash = hex::encode(topup::usecases::customers::api_keys::api_key_hash(&format!("tk_{key}")));
    let kept =
        app.inner().store.read().await.unwrap().fetch_optional("select key_hash from api_keys", Vec::new()).await;
    assert_eq!(hex::encode(kept.unwrap().unwrap().blob("key_hash").unwrap()), hash);

    for bad in ["", "   ", &"x".repeat(101)] {
        let seed = ada.field("/settings", "seed").await;
        assert_eq!(outcome(&ada, "make-key", &[("name", bad), ("seed", &seed)]).await, "bad_key_name");
    }
    assert_eq!(outcome(&ada, "make-key", &[("name", "ci"), ("seed", "00")]).await, "form_stale");
    let vi = Browser::new(app);
    vi.arrive("acme", VI, "viewer").await;
    assert_eq!(outcome(&vi, "make-key", &form).await, "not_allowed");
    let page = ada.get("/settings").await.text;
    let id = format!("key_{}", &page.split_once("value=\"key_").expect("an id").1[..32]);
    assert_eq!(outcome(&vi, "revoke-key", &[("id", &id)]).await, "not_allowed");
    assert_eq!(outcome(&ada, "revoke-key", &[("id", "key_0")]).await, "unknown_key");
    assert_eq!(outcome(&ada, "revoke-key", &[("id", &id)]).await, "key_revoked");
    assert_eq!(outcome(&ada, "revoke-key", &[("id", &id)]).await, "unknown_key");
});

on_both!(dates_follow_the_zone_that_an_owner_or_admin_chose, |app| {
    let ada = owner(app).await;
    assert_eq!(outcome(&ada, "time-zone", &[("zone", "Asia/Kathmandu")]).await, "zone_changed");
    assert!(ada.get("/settings").await.text.contains("UTC+5:45"));
    assert_eq!(app.get("/v1/customers/acme").await.json()["timezone"], "Asia/Kathmandu");
    assert_eq!(outcome(&ada, "time-zone", &[("zone", "Mars/Olympus")]).await, "bad_zone");
    let vi = Browser::new(app);
    vi.arrive("acme", VI, "viewer").await;
    assert_eq!(outcome(&vi, "time-zone", &[("zone", "UTC")]).await, "not_allowed");
    assert_eq!(app.get("/v1/customers/acme").await.json()["timezone"], "Asia/Kathmandu");
});

on_both!(owners_and_admins_choose_when_and_whether_they_hear_of_a_low_balance, |app| {
    let ada = owner(app).await;
    let kept = async || {
        let sql = "select coalesce(low_balance, -1) as n from customers";
        (app.count(sql).await, app.count("select alerts as n from members where email = 'ada@acme.example'").await)
    };
    let page = ada.get("/settings").await.text;
    assert!(
        page.contains("fewer than") && page.contains("Default: 500, a tenth of your plan") && page.contains("Turn off"),
        "{page}"
    );
    for wrong in ["-5", "0", "0.0001", "1,00", "many", "1000000001", "1e400"] {
        assert_eq!(outcome(&ada, "low-balance", &[("credits", wrong)]).await, "bad_low_balance", "{wrong}");
    }
    assert!(
        ada.get_with("/settings", Flash::new("bad_low_balance"))
            .await
            .text
            .contains("Enter a number of credits, above 0")
    );
    assert_eq!(kept().await, (-1, 1));
    assert_eq!(outcome(&ada, "low-balance", &[("credits", " 4,000.5 ")]).await, "low_balance_set");
    assert_eq!(kept().await, (4_000_500, 1));
    assert!(ada.get("/settings").await.text.contains("value=\"4000.5\""));

    let vi = Browser::new(app);
    vi.arrive("acme", VI, "viewer").await;
    assert!(vi.get("/settings").await.text.contains("fewer than 4,000.5 credits"));
    assert_eq!(outcome(&vi, "low-balance", &[("credits", "")]).await, "not_allowed");
    assert_eq!(outcome(&vi, "own-mails", &[("mails", "off")]).await, "not_allowed");

    // It acts on the next charge, also where the engine remembers the account.
    app.charge("acme", "999", "job-1").await.expect(201);
    app.charge("acme", "1", "job-2").await.expect(201);
    app.advance_minutes(1).await;
    assert_eq!(app.count("select count(*) as n from outbox where subject like 'About % left'").await, 1);

    assert_eq!(outcome(&ada, "own-mails", &[("mails", "off")]).await, "mails_off");
    assert_eq!(kept().await, (4_000_500, 0));
    assert!(ada.get("/settings").await.text.contains("Turn on"));
    assert_eq!(outcome(&ada, "own-mails", &[("mails", "sometimes")]).await, "form_stale");
    assert_eq!(outcome(&ada, "own-mails", &[("mails", "on")]).await, "mails_on");
    assert_eq!(outcome(&ada, "low-balance", &[("credits", "")]).await, "low_balance_set");
    assert_eq!(kept().await, (-1, 1));
});

on_both!(a_viewer_is_refused_before_stripe_is_called, |app| {
    let ada = owner(app).await;
    ada.sent("invite-member", &[("email", VI), ("role", "viewer")]).await;
    let vi = Browser::new(app);
    vi.sign_in(VI).await;
    let page = vi.get("/billing").await.expect(200).text;
    assert!(page.contains("Ask an owner or admin to buy.") && !page.contains("/_fn/buy"), "{page}");
    // A form that is good: the viewer was an admin when it was drawn.
    ada.sent("change-role", &[("email", VI), ("role", "admin")]).await;
    let page = vi.get("/billing").await.text;
    let field = |name: &str| {
        let rest = page.split_once(&format!("name=\"{name}\"")).expect(name).1;
        rest.split_once("value=\"").unwrap().1.split('"').next().unwrap().to_owned()
    };
    let names = ["purchase", "package", "credits", "price", "currency", "months", "mac"];
    let values = names.map(|name| (name, field(name)));
    let form: Vec<(&str, &str)> = values.iter().map(|(name, value)| (*name, value.as_str())).collect();
    ada.sent("change-role", &[("email", VI), ("role", "viewer")]).await;
    let calls = app.stripe_calls();
    assert_eq!(vi.sent("buy", &form).await, "/sign-in?outcome=signed_out", "who loses rights is signed out");
    vi.sign_in(VI).await;
    assert_eq!(vi.sent("buy", &form).await, "/billing?outcome=viewer_cannot_buy");
    ada.sent("change-role", &[("email", VI), ("role", "admin")]).await;
    assert_eq!(vi.sent("buy", &form).await, "/billing?outcome=form_stale", "it was drawn for another session");
    assert_eq!((app.stripe_calls(), app.count("select count(*) as n from purchases").await), (calls, 0));
    let page = vi.get("/billing").await.text;
    let field = |name: &str| {
        let rest = page.split_once(&format!("name=\"{name}\"")).expect(name).1;
        rest.split_once("value=\"").unwrap().1.split('"').next().unwrap().to_owned()
    };
    let values = names.map(|name| (name, field(name)));
    let form: Vec<(&str, &str)> = values.iter().map(|(name, value)| (*name, value.as_str())).collect();
    assert!(vi.sent("buy", &form).await.starts_with("http"), "its own form is good");
});

on_both!(forms_of_settings_need_a_session_and_this_site, |app| {
    let ada = owner(app).await;
    let forms: [(&str, &[(&str, &str)]); 10] = [
        ("invite-member", &[("email", VI), ("role", "viewer")]),
        ("change-role", &[("email", ADA), ("role", "owner")]),
        ("remove-member", &[("email", VI)]),
        ("sign-out-device", &[("id", "0")]),
        ("sign-out-others", &[]),
        ("time-zone", &[("zone", "UTC")]),
        ("low-balance", &[("credits", "500")]),
        ("own-mails", &[("mails", "off")]),
        ("make-key", &[("name", "ci"), ("seed", "00")]),
        ("revoke-key", &[("id", "key_0")]),
    ];
    for (name, fields) in forms {
        let to = Browser::new(app).sent(name, fields).await;
        assert_eq!(to, "/sign-in?to=%2Fsettings&outcome=signed_out", "{name}");
        ada.post_from("cross-site", name, fields).await.expect(403);
        ada.post_from("same-site", name, fields).await.expect(403);
    }
    assert_eq!(ada.sent("make-key", &[("name", "ci")]).await, "/settings?outcome=fault", "a field is not there");
    assert_eq!(app.count("select count(*) as n from members").await, 1);
});
