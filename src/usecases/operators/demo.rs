//! The demo's operator.

use crate::args;
use crate::usecases::access::client::Client;
use crate::usecases::operators::accounts;
use crate::usecases::operators::second_factor::Proof;
use crate::usecases::operators::sign_in::{SignedIn, TriedAccount, open_operator_session, password_slot};
use crate::usecases::{App, InternalError};

/// Opens a session for the demo's operator, who has no password that anybody knows.
pub async fn open_demo(app: &App, email: &str) -> Result<Option<String>, InternalError> {
    const NO_PASSWORD: &str = "!";
    if !app.settings.demo {
        return Ok(None);
    }
    accounts::add_operator(&app.store, email, NO_PASSWORD, app.clock.now()).await?;
    let row = app.store.read().await?.fetch_optional("select no from operators where email = $1", args![email]).await?;
    let Some(row) = row else { return Ok(None) };
    let slot = password_slot(app, email, &Client::default())?;
    let account = TriedAccount { no: row.int("no")?, hash: NO_PASSWORD.to_owned(), slot };
    Ok(match open_operator_session(app, account, Proof::None).await? {
        SignedIn::Session(token) => Some(token),
        SignedIn::Wrong | SignedIn::Wait => None,
    })
}
