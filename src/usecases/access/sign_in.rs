//! Signing in by email: whoever reads the emails of a member's address is the member.
//!
//! Invariants: the answer to a known address and to an unknown one is the same, and so is the work done for
//! it; the token is minted when the email leaves, and kept as a hash. A person in several customers has one link, and
//! goes from one customer to another afterwards. A network gets an address five emails an hour, so that a stranger
//! elsewhere uses up nothing of a member's. All networks together get it `WINDOW_MAX` in the time that a link works:
//! whoever is refused by that bound has a link in the mailbox that still works.
//!
//! *Not here:* spending the link (`links`), sending the email (`outbox`).

use crate::email::{Draft, Letter, Rendered};
use crate::ledger::WriteTransaction;
use crate::store::db::{DbError, Row};
use crate::usecases::access::client::Client;
use crate::usecases::access::links;
use crate::usecases::access::sessions::{Role, Viewer, role_of};
use crate::usecases::delivery::outbox;
use crate::usecases::{App, InternalError};
use crate::{args, email};
use chrono::TimeDelta;
use hmac::{Hmac, Mac};
use sha2::Sha256;

/// The kind of its emails in the outbox.
pub(crate) const KIND: &str = "sign_in";
/// How many emails an address gets in an hour by what one network asks for.
const HOURLY_MAX: i64 = 5;
/// How many it gets, whoever asks, in the time that a link works.
const WINDOW_MAX: i64 = 20;
/// Where the token will stand in the email.
const TOKEN: &str = "TOKEN-OF-THIS-MAIL";
/// How many customers a person may choose from.
const CHOICES_MAX: i64 = 100;

/// Sends a link to an address, and returns the address as it is stored; `None` if it is none. Nothing tells whether it is a
/// member's. `query` is the end of the link, such as `?to=%2Fsettings`.
pub async fn request_sign_in(
    app: &App,
    email: &str,
    query: &str,
    from: &Client,
) -> Result<Option<String>, InternalError> {
    let Some(email) = email::address(email) else { return Ok(None) };
    let (address, origin) = (email.clone(), origin_hash(app, &email, from));
    let mail = outbox::NewEmail {
        key: format!("{KIND}:{}", app.clock.mint().simple()),
        customer_no: None,
        recipient: email,
        kind: KIND,
        subject: format!("Sign in to {}", app.catalog.shop.name),
        body: sign_in_email(app, query),
        cause: None,
        stop_url: None,
        urgent: true,
    };
    app.write_anonymous(move |tx| Box::pin(enqueue_sign_in(tx, mail, origin))).await?;
    app.mailer.nudge();
    Ok(Some(address))
}

/// Sends a new link to the address of an old one, without telling the address.
/// Returns whether the link was one.
pub async fn renew_sign_in(app: &App, token: &str, query: &str, from: &Client) -> Result<bool, InternalError> {
    let Some(email) = links::mailed_to(app, token).await? else { return Ok(false) };
    Ok(request_sign_in(app, &email, query, from).await?.is_some())
}

/// Where somebody asks for an address: a hash that names neither.
fn origin_hash(app: &App, email: &str, from: &Client) -> [u8; 16] {
    let mut origin = [0; 16];
    // HMAC takes keys of any length: there always is one.
    if let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(&app.settings.form_secret) {
        let network = from.network.map(|network| network.to_string()).unwrap_or_default();
        mac.update(format!("sign-in\n{email}\n{network}").as_bytes());
        origin.copy_from_slice(&mac.finalize().into_bytes()[..16]);
    }
    origin
}

/// Writes the email, and takes it back for an unknown address or one that had enough: the same statements in the same
/// commit for everybody, so that the time of the answer tells nothing.
async fn enqueue_sign_in(
    tx: &mut WriteTransaction,
    mail: outbox::NewEmail,
    origin: [u8; 16],
) -> Result<(), InternalError> {
    let (hour_ago, window) = (tx.now() - TimeDelta::hours(1), tx.now() - TimeDelta::minutes(links::SIGN_IN_MINUTES));
    let sql = "select (select count(*) from outbox
            where recipient = $1 and created_at > $2 and kind = 'sign_in' and origin = $3) as here,
        (select count(*) from outbox where recipient = $1 and created_at > $4 and kind = 'sign_in') as everywhere,
        (select count(*) from members m join customers c on c.no = m.customer_no
          where m.email = $1 and m.removed_at is null and c.closed_at is null) as homes";
    let row = tx.db.fetch_optional(sql, args![&mail.recipient, hour_ago, origin, window]).await?;
    let row = row.ok_or_else(|| InternalError::Broken("a count has no row".to_owned()))?;
    let few = row.int("here")? < HOURLY_MAX && row.int("everywhere")? < WINDOW_MAX;
    let wanted = row.int("homes")? > 0 && few;
    let no = outbox::enqueue_email(tx, mail).await?;
    tx.db.execute("update outbox set origin = $1 where no = $2", args![origin, no]).await?;
    tx.db.execute("delete from outbox where no = $1 and $2 = 0", args![no, wanted]).await?;
    Ok(())
}

fn sign_in_email(app: &App, query: &str) -> Rendered {
    let shop = &app.catalog.shop;
    Draft {
        lines: vec![format!("This link works once, for {} minutes.", links::SIGN_IN_MINUTES)],
        button: Some(("Sign in".to_owned(), format!("{}/sign-in/{TOKEN}{query}", app.settings.public_url))),
        reason: "Didn't request this? You can ignore this email.".to_owned(),
        ..Draft::new(shop, format!("Sign in to {}", shop.name))
    }
    .render()
}

/// Puts the token into an email that is about to leave.
pub(crate) fn put_token(letter: &mut Letter, token: &str) {
    letter.text = letter.text.replace(TOKEN, token);
    letter.html = letter.html.replace(TOKEN, token);
}

/// A customer that a person may go over to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CustomerChoice {
    /// The SaaS's id.
    pub customer: String,
    pub name: String,
    /// The role of the person there.
    pub role: Role,
    /// True if the session is there now.
    pub current: bool,
}

/// The customers that a session may go over to, its own among them. Empty for a session that the SaaS opened: it
/// vouched for one customer only.
pub async fn customer_choices(app: &App, viewer: &Viewer) -> Result<Vec<CustomerChoice>, InternalError> {
    let sql = "select c.no, c.id, c.name, m.role from sessions s join members m on m.email = s.email
          join customers c on c.no = m.customer_no
        where s.token_hash = $1 and s.proven = 1 and s.ended_at is null and m.removed_at is null and c.closed_at is null
        order by m.no limit $2";
    let rows = app.store.read().await?.fetch_all(sql, args![viewer.session, CHOICES_MAX]).await?;
    let choice = |row: &Row| {
        Ok(CustomerChoice {
            customer: row.text("id")?,
            name: row.text("name")?,
            role: role_of(row)?,
            current: row.int("no")? == viewer.customer_no,
        })
    };
    rows.iter().map(choice).collect::<Result<_, DbError>>().map_err(InternalError::from)
}

/// Takes a session to another customer of the same person; whether it did.
pub async fn switch_session(app: &App, viewer: &Viewer, customer: &str) -> Result<bool, InternalError> {
    let (session, customer) = (viewer.session, customer.to_owned());
    app.write(move |tx| {
        Box::pin(async move {
            let now = tx.now();
            let sql = "select c.no, m.role from sessions s join members m on m.email = s.email
                  join customers c on c.no = m.customer_no
                where s.token_hash = $1 and s.proven = 1 and s.ended_at is null and s.expires_at > $2
                  and m.removed_at is null and c.closed_at is null and c.id = $3";
            let Some(row) = tx.db.fetch_optional(sql, args![session, now, customer]).await? else { return Ok(false) };
            let sql = "update sessions set customer_no = $1, role = $2, return_url = null, seen_at = $3
                where token_hash = $4";
            tx.db.execute(sql, args![row.int("no")?, row.text("role")?, now, session]).await?;
            Ok(true)
        })
    })
    .await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_token_is_put_into_both_forms() {
        let address = format!("https://pay.example/sign-in/{TOKEN}");
        let draft = Draft { button: Some(("Sign in".into(), address)), ..Draft::default() }.render();
        let mut letter = Letter {
            no: 1,
            kind: KIND.into(),
            recipient: "ada@acme.example".into(),
            subject: "Sign in to Gleaner".into(),
            text: draft.text,
            html: draft.html,
            at: crate::domain::time::from_millis(0),
            stop_url: None,
        };
        put_token(&mut letter, "abc");
        for body in [&letter.text, &letter.html] {
            assert!(body.contains("https://pay.example/sign-in/abc") && !body.contains(TOKEN), "{body}");
        }
    }
}
