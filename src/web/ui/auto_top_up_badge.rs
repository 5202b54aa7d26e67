//! The name of an automatic top-up's state, as customers read it.

use crate::usecases::auto_top_up::AutoState;
use crate::web::ui::badge::{Badge, Tone};

/// The badge of a state.
#[must_use]
pub fn auto_top_up_badge(state: AutoState) -> Badge {
    match state {
        AutoState::Off => Badge::new(Tone::Quiet, "Off"),
        AutoState::On => Badge::new(Tone::Good, "On"),
        AutoState::Asleep(_) => Badge::new(Tone::Warn, "Paused"),
        AutoState::Suspended(_) => Badge::new(Tone::Bad, "Stopped"),
    }
}
