//! Text that people read: names, reasons, sources, the shop's words. It is one line with at least one visible
//! character, and it does not change the direction of other text.
//!
//! The API, the forms, the catalogue and the command line use the same check.
//!
//! *Not here:* escaping (pages and emails do it), email addresses.

use icu_normalizer::ComposingNormalizer;
use icu_properties::props::{
    BinaryProperty as _, DefaultIgnorableCodePoint, EnumeratedProperty as _, GeneralCategory, GeneralCategoryGroup,
};
use thiserror::Error;

/// The reason for a refusal. Its words follow the name of the field.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum TextError {
    #[error("must be 1 to {0} characters")]
    Length(usize),
    /// A control character or a line end. PostgreSQL cannot store NUL.
    #[error("must be one line without control characters; U+{0:04X} is one")]
    Control(u32),
    /// An override, embedding or isolate, which reverses the text after it. Right-to-left letters need none.
    #[error("must not hold U+{0:04X}, which changes the direction of text")]
    Direction(u32),
    /// A code point that is never a character.
    #[error("must not hold U+{0:04X}, which is no character")]
    NoCharacter(u32),
    /// Only blanks, joiners and the like.
    #[error("must have a character that can be seen")]
    Invisible,
}

/// Checks one line of text of at most `max` characters. Joiners inside a word or an emoji are allowed.
pub fn check_line(text: &str, max: usize) -> Result<(), TextError> {
    if text.is_empty() || text.chars().count() > max {
        return Err(TextError::Length(max));
    }
    for c in text.chars() {
        let code = u32::from(c);
        match c {
            '\u{2028}' | '\u{2029}' => return Err(TextError::Control(code)),
            c if c.is_control() => return Err(TextError::Control(code)),
            '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => return Err(TextError::Direction(code)),
            '\u{fdd0}'..='\u{fdef}' => return Err(TextError::NoCharacter(code)),
            _ if code & 0xfffe == 0xfffe => return Err(TextError::NoCharacter(code)),
            _ => {}
        }
    }
    if text.chars().any(is_seen) { Ok(()) } else { Err(TextError::Invisible) }
}

/// True if a character alone is visible. A combining mark needs a letter.
fn is_seen(c: char) -> bool {
    // Symbols that show nothing: the empty Braille cell, the object placeholder.
    const BLANK: [char; 2] = ['\u{2800}', '\u{fffc}'];
    let inked = [
        GeneralCategoryGroup::Letter,
        GeneralCategoryGroup::Number,
        GeneralCategoryGroup::Punctuation,
        GeneralCategoryGroup::Symbol,
    ];
    let category = GeneralCategory::for_char(c);
    inked.iter().any(|group| group.contains(category)) && !DefaultIgnorableCodePoint::for_char(c) && !BLANK.contains(&c)
}

/// The stored form of a name: texts that look equal are equal (NFC).
#[must_use]
pub fn composed(text: &str) -> String {
    ComposingNormalizer::new_nfc().normalize(text).into_owned()
}

/// The search form of a text, without regard to case, width, ligatures and invisible characters, in any script.
/// Databases fold ASCII only, so the folded name is stored too.
#[must_use]
pub fn folded(text: &str) -> String {
    let one_form = ComposingNormalizer::new_nfkc();
    let seen: String = one_form.normalize(text).chars().filter(|c| !DefaultIgnorableCodePoint::for_char(*c)).collect();
    // Lower, upper, lower: some letters lack a partner, such as ẞ, ß and SS, or σ and ς.
    let lower = |text: &str| text.chars().flat_map(char::to_lowercase).collect::<String>();
    let upper = |text: &str| text.chars().flat_map(char::to_uppercase).collect::<String>();
    let folded = lower(&upper(&lower(&seen)));
    // Turkish has two letters i; searchers type one.
    let folded = one_form.normalize(&folded).replace("i\u{307}", "i");
    folded.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, want: Result<(), TextError>) {
        assert_eq!(check_line(text, 200), want, "{text:?}");
    }

    #[test]
    fn names_of_all_scripts_are_good() {
        for name in [
            "Acme & Sons <Ltd>",
            "O'Brien \"Quoted\"",
            "Ünïcödé Straße",
            "株式会社テスト",
            "חברת הדוגמה",
            "شركة المثال",
            // Direction marks belong to this text and reverse nothing.
            "חברה\u{200f} (A\u{200e})",
            // Joiners: a Persian word, an Indic one, an emoji.
            "می\u{200c}خواهم",
            "क्\u{200d}ष",
            "👩\u{200d}💻",
            "🏴\u{e0067}\u{e0062}\u{e0073}\u{e0063}\u{e0074}\u{e007f}",
            "e\u{301}",
            "½",
            "-",
        ] {
            check(name, Ok(()));
        }
    }

    #[test]
    fn control_characters_are_refused_wherever_they_stand() {
        let controls = (0..0x20).chain(0x7f..0xa0).chain([0x2028, 0x2029]);
        for code in controls {
            let c = char::from_u32(code).expect("a character");
            for text in [format!("{c}"), format!("a{c}b"), format!("ab{c}")] {
                check(&text, Err(TextError::Control(code)));
            }
        }
    }

    #[test]
    fn nothing_turns_the_text_behind_it_around() {
        for code in (0x202a..=0x202e).chain(0x2066..=0x2069) {
            let c = char::from_u32(code).expect("a character");
            check(&format!("Acme{c}gpj.exe"), Err(TextError::Direction(code)));
        }
        for code in [0xfdd0, 0xfdef, 0xfffe, 0xffff, 0x1_fffe, 0x10_ffff] {
            let c = char::from_u32(code).expect("a character");
            check(&format!("a{c}"), Err(TextError::NoCharacter(code)));
        }
    }

    #[test]
    fn a_text_without_anything_to_see_is_refused() {
        for text in [
            " ",
            "\u{a0}\u{2003}\u{3000}",
            "\u{200b}",
            "\u{200b}\u{200c}\u{200d}\u{2060}\u{feff}",
            "\u{ad}",
            "\u{34f}",
            "\u{61c}",
            "\u{115f}\u{1160}",
            "\u{17b4}\u{17b5}",
            "\u{180e}",
            "\u{200e}\u{200f}",
            "\u{2063}",
            "\u{2800}\u{2800}",
            "\u{3164}",
            "\u{fe0f}",
            "\u{ffa0}",
            "\u{fffc}",
            "\u{301}",
            "\u{e0020}",
            "\u{e0100}",
        ] {
            check(text, Err(TextError::Invisible));
            check(&format!("{text}x"), Ok(()));
        }
    }

    #[test]
    fn characters_are_counted_and_not_bytes() {
        assert_eq!(check_line("", 3), Err(TextError::Length(3)));
        assert_eq!(check_line("äöü", 3), Ok(()));
        assert_eq!(check_line("äöüx", 3), Err(TextError::Length(3)));
        assert_eq!(TextError::Length(3).to_string(), "must be 1 to 3 characters");
        assert_eq!(
            TextError::Direction(0x202e).to_string(),
            "must not hold U+202E, which changes the direction of text"
        );
    }

    #[test]
    fn no_case_of_any_letter_makes_a_difference() {
        let has_case = |c: &char| c.to_lowercase().ne([*c]) || c.to_uppercase().ne([*c]);
        for c in (0..=0x10_ffff).filter_map(char::from_u32).filter(has_case) {
            let one = folded(&c.to_string());
            assert_eq!(folded(&one), one, "{c:?} is folded at once");
            for other in [c.to_uppercase().to_string(), c.to_lowercase().to_string()] {
                assert_eq!(folded(&other), one, "{c:?} {other:?}");
            }
        }
    }

    #[test]
    fn what_reads_the_same_is_found() {
        let same = |one: &str, other: &str| assert_eq!(folded(one), folded(other), "{one} {other}");
        same("Ångström AB", "ÅNGSTRÖM ab");
        same("Straße", "STRASSE");
        same("ΟΔΟΣ", "οδος");
        same("οδοσ", "οδος");
        same("İstanbul", "istanbul");
        same("DIYARBAKIR", "dıyarbakır");
        same("Кооператив", "КООПЕРАТИВ");
        same("Ａｃｍｅ", "acme");
        same("ﬁnance", "FINANCE");
        same("  Acme\u{a0}\t Data ", "acme data");
        same("Ac\u{200b}me", "acme");
        same("e\u{301}clair", "ÉCLAIR");
        assert_ne!(folded("acme"), folded("acmé"));
        assert_eq!(folded("\u{200b}"), "");
        assert_eq!(composed("e\u{301}"), "é");
    }
}
