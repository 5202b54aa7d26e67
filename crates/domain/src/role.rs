/// The role of a member. Pages, forms and use-cases call the same functions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::IntoStaticStr, strum::EnumString)]
#[strum(serialize_all = "snake_case")]
pub enum Role {
    /// Buys, and manages everybody.
    Owner,
    /// Buys, and manages everybody but owners.
    Admin,
    /// Sees everything, and cannot buy.
    Viewer,
}

impl Role {
    /// Every role, the strongest first.
    pub const ALL: [Self; 3] = [Self::Owner, Self::Admin, Self::Viewer];

    /// The name in the API and the store.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.into()
    }

    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        name.parse().ok()
    }

    /// The weaker of two roles: a portal link never gives more than the member's own role.
    #[must_use]
    pub fn at_most(self, ceiling: Self) -> Self {
        let rank = |role: Self| Self::ALL.iter().position(|one| *one == role);
        if rank(self) < rank(ceiling) { ceiling } else { self }
    }

    #[must_use]
    pub const fn may_buy(self) -> bool {
        !matches!(self, Self::Viewer)
    }

    /// True if the role may change members, keys and the time zone.
    #[must_use]
    pub const fn may_manage(self) -> bool {
        !matches!(self, Self::Viewer)
    }

    /// True if the role may make a member `other`, or change or remove one. Nobody rises above themselves.
    #[must_use]
    pub const fn may_manage_role(self, other: Self) -> bool {
        match self {
            Self::Owner => true,
            Self::Admin => !matches!(other, Self::Owner),
            Self::Viewer => false,
        }
    }
}

/// True if the last owner would go, if one member changes from `was` to `next` (`None`: leaves).
#[must_use]
pub fn leaves_no_owner(owners: i64, was: Role, next: Option<Role>) -> bool {
    was == Role::Owner && next != Some(Role::Owner) && owners <= 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_manages_above_themselves() {
        let check = |who: Role, whom: [bool; 3]| assert_eq!(Role::ALL.map(|role| who.may_manage_role(role)), whom);
        check(Role::Owner, [true, true, true]);
        check(Role::Admin, [false, true, true]);
        check(Role::Viewer, [false, false, false]);
        assert!(Role::ALL.into_iter().all(|role| Role::from_name(role.name()) == Some(role)));
        assert_eq!(Role::ALL.map(Role::may_manage), [true, true, false]);
        assert_eq!(Role::ALL.map(Role::may_buy), [true, true, false]);
    }

    #[test]
    fn a_ceiling_only_ever_lowers() {
        for (n, role) in Role::ALL.into_iter().enumerate() {
            for (m, ceiling) in Role::ALL.into_iter().enumerate() {
                assert_eq!(role.at_most(ceiling), Role::ALL[n.max(m)], "{role:?} at most {ceiling:?}");
            }
        }
    }

    #[test]
    fn the_last_owner_stays_one() {
        let check = |owners, was, next, want| assert_eq!(leaves_no_owner(owners, was, next), want, "{owners} {was:?}");
        check(1, Role::Owner, None, true);
        check(1, Role::Owner, Some(Role::Admin), true);
        check(1, Role::Owner, Some(Role::Owner), false);
        check(2, Role::Owner, None, false);
        check(1, Role::Admin, None, false);
        check(1, Role::Viewer, Some(Role::Admin), false);
    }
}
