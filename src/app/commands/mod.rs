//! The commands beside `serve`, one file each.

pub mod alarms;
pub mod backup;
pub mod check;
pub mod clock;
pub mod doctor;
pub mod healthy;
pub mod hooks;
pub mod keys;
pub mod migrate;
pub mod operator;
pub mod purchases;
pub mod reconcile;
pub mod stripe;
pub mod verify_export;
pub mod work;
