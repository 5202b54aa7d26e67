//! The shop's one color in both themes, readable in each.

use crate::color::Color;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Accent {
    pub light: Shades,
    pub dark: Shades,
}

/// The shop's color in one theme.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shades {
    /// Links, and the ground of filled buttons.
    pub accent: Color,
    /// Text on filled buttons.
    pub ink: Color,
    /// The ground under a hovered button.
    pub tint: Color,
}

/// The colors of a theme that the accent must suit.
pub struct Theme {
    /// The grounds of text, by their names in `style/main.css`; the card and the page first.
    pub grounds: [(&'static str, Color); 7],
    ink: Color,
    /// Mixed into an accent until it's readable.
    toward: Color,
    /// Parts of 255 of the accent in the tint.
    tint_part: u8,
}

pub const LIGHT: Theme = Theme {
    grounds: [
        ("card", Color::WHITE),
        ("page", Color::rgb(0xfa, 0xfa, 0xfb)),
        ("quiet-bg", Color::rgb(0xee, 0xef, 0xf3)),
        ("good-bg", Color::rgb(0xe6, 0xf5, 0xec)),
        ("info-bg", Color::rgb(0xea, 0xee, 0xfd)),
        ("warn-bg", Color::rgb(0xfd, 0xf0, 0xd8)),
        ("bad-bg", Color::rgb(0xfd, 0xea, 0xea)),
    ],
    ink: Color::WHITE,
    toward: Color::BLACK,
    tint_part: 25,
};

pub const DARK: Theme = Theme {
    grounds: [
        ("card", Color::rgb(0x14, 0x15, 0x1a)),
        ("page", Color::rgb(0x0b, 0x0c, 0x10)),
        ("quiet-bg", Color::rgb(0x23, 0x25, 0x2e)),
        ("good-bg", Color::rgb(0x14, 0x29, 0x1d)),
        ("info-bg", Color::rgb(0x1b, 0x21, 0x40)),
        ("warn-bg", Color::rgb(0x2f, 0x24, 0x10)),
        ("bad-bg", Color::rgb(0x38, 0x17, 0x18)),
    ],
    ink: Color::rgb(0x0b, 0x0c, 0x10),
    toward: Color::WHITE,
    tint_part: 40,
};

impl Accent {
    /// The accent of a shop that names none.
    pub const DEFAULT: Self = Self {
        light: Shades { accent: Color::rgb(0x2a, 0x4d, 0xd6), ink: LIGHT.ink, tint: Color::rgb(0xea, 0xee, 0xfd) },
        dark: Shades { accent: Color::rgb(0x93, 0xa6, 0xff), ink: DARK.ink, tint: Color::rgb(0x1b, 0x21, 0x40) },
    };

    /// Makes `color` darker for the light theme and lighter for the dark one, as little as readable text needs: 4.5:1 on
    /// every ground of the theme, and under the text of filled buttons.
    #[must_use]
    pub fn from_color(color: Color) -> Self {
        Self { light: LIGHT.shades(color), dark: DARK.shades(color) }
    }
}

impl Default for Accent {
    fn default() -> Self {
        Self::DEFAULT
    }
}

impl Theme {
    #[must_use]
    pub const fn card(&self) -> Color {
        self.grounds[0].1
    }

    #[must_use]
    pub const fn page(&self) -> Color {
        self.grounds[1].1
    }

    fn shades(&self, color: Color) -> Shades {
        let mixed = |part| {
            let accent = color.mixed(self.toward, part);
            Shades { accent, ink: self.ink, tint: self.card().mixed(accent, self.tint_part) }
        };
        (0..=u8::MAX).map(mixed).find(|shades| self.suits(*shades)).unwrap_or_else(|| mixed(u8::MAX))
    }

    /// True if everything in these shades can be read.
    #[must_use]
    pub fn suits(&self, shades: Shades) -> bool {
        let grounds = self.grounds.iter().map(|(_, ground)| *ground);
        grounds.chain([shades.tint, shades.ink]).all(|other| shades.accent.is_readable_on(other))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn accent(text: &str) -> Accent {
        Accent::from_color(Color::parse(text).unwrap())
    }

    #[test]
    fn the_default_is_readable() {
        assert!(LIGHT.suits(Accent::DEFAULT.light) && DARK.suits(Accent::DEFAULT.dark));
    }

    #[test]
    fn a_color_that_is_readable_stays_as_it_is() {
        let blue = accent("#2a4dd6");
        assert_eq!(blue.light.accent.to_string(), "#2a4dd6");
        assert_ne!(blue.dark.accent, blue.light.accent);
        assert_eq!(accent("#93a6ff").dark.accent.to_string(), "#93a6ff");
    }

    #[test]
    fn the_ends_of_the_scale_are_mended_too() {
        for text in ["#000000", "#ffffff", "#808080", "#ffff00", "#00ff00", "#0000ff"] {
            let accent = accent(text);
            assert!(LIGHT.suits(accent.light) && DARK.suits(accent.dark), "{text} {accent:?}");
        }
    }

    proptest! {
        #[test]
        fn every_color_becomes_readable_in_both_themes(red: u8, green: u8, blue: u8) {
            let color = Color::rgb(red, green, blue);
            let accent = Accent::from_color(color);
            prop_assert!(LIGHT.suits(accent.light), "{color} {accent:?}");
            prop_assert!(DARK.suits(accent.dark), "{color} {accent:?}");
        }

        #[test]
        fn a_color_is_changed_as_little_as_possible(red: u8, green: u8, blue: u8) {
            let color = Color::rgb(red, green, blue);
            let accent = Accent::from_color(color);
            let kept = |theme: &Theme, shades: Shades| {
                theme.suits(Shades { accent: color, tint: theme.card().mixed(color, theme.tint_part), ..shades })
            };
            prop_assert_eq!(kept(&LIGHT, accent.light), accent.light.accent == color);
            prop_assert_eq!(kept(&DARK, accent.dark), accent.dark.accent == color);
        }
    }
}
