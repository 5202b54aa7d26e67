//! Typed server functions under `/_fn`: their names, fields and answers.
//!
//! All of them are called by native forms and work with no script: the answer is then a redirect
//! (303). A client that asks for JSON gets the value. An expected outcome is a value; `Err` is a
//! fault, whose cause is in the log and never in the answer.
//!
//! *Not here:* what they do (`forms`). Each authorises on its own.

mod operator;
mod plans;
mod session;
mod settings;
mod theme;

pub use crate::web::billing::buy::{StartCheckout, Started};
pub use crate::web::billing::hint::HideHint;
#[cfg(feature = "demo")]
pub use operator::SignInAsDemoOperator;
pub use operator::{Act, DoAct, SignInOperator, SignOutOperator, SwitchOffSecondFactor, SwitchOnSecondFactor};
pub use plans::{ChoosePlan, OpenPlanPortal};
#[cfg(feature = "demo")]
pub use session::SignInAsDemo;
pub use session::{OpenSession, RenewLink, RequestLink, SignOut, SwitchCustomer};
pub use settings::{
    ChangeRole, EndOtherSessions, EndSession, InviteMember, MakeApiKey, PATHS as OF_SETTINGS, RemoveMember,
    RevokeApiKey, SetLowBalance, SetMails, SetTimeZone,
};
pub use theme::SetTheme;
