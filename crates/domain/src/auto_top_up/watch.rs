//! What the engine remembers of a rule that is on, to see at each write whether it is due.

use crate::amount::Credits;

/// A rule that is on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Watch {
    pub threshold: Credits,
    /// A look at it is due, now or later.
    pub is_due: bool,
    /// The largest charge or hold that was refused since the last automatic purchase.
    pub needed: Credits,
}

impl Watch {
    /// True if this write makes a look due, or the refused amount larger; it is remembered.
    pub fn notices(&mut self, available: Credits, refused: Option<Credits>) -> bool {
        let refused = refused.unwrap_or(Credits::ZERO);
        let (wants, grows) = (available < self.threshold || refused.is_positive(), refused > self.needed);
        if !(wants && (grows || !self.is_due)) {
            return false;
        }
        self.is_due = true;
        self.needed = self.needed.max(refused);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_write_is_noticed_once_until_somebody_has_looked() {
        let mut watch = Watch { threshold: Credits(500), is_due: false, needed: Credits::ZERO };
        assert!(!watch.notices(Credits(500), None), "not fewer");
        assert!(watch.notices(Credits(499), None));
        assert!(!watch.notices(Credits(0), None), "noticed before");
        assert!(watch.notices(Credits(0), Some(Credits(7))));
        assert!(!watch.notices(Credits(0), Some(Credits(7))));
        assert!(watch.notices(Credits(0), Some(Credits(8))));
        let mut full = Watch { threshold: Credits(500), is_due: false, needed: Credits::ZERO };
        assert!(
            full.notices(Credits(9_000), Some(Credits(9_001))),
            "refused although there is enough for the threshold"
        );
    }
}
