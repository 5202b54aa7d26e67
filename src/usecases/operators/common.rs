//! The commonest passwords, and the usual ways of making them longer.
//!
//! Refused are: one of the list; one with digits and signs around it, or with signs for letters (`Passw0rd!2026`); one
//! of them, or some few characters, over and over; and a run along the keyboard, the alphabet or the digits.

const LIST: &str = include_str!("common_passwords.txt");
/// Keys as they lie beside each other.
const KEYBOARD: [&str; 3] =
    ["qwertyuiopasdfghjklzxcvbnm", "1qaz2wsx3edc4rfv5tgb6yhn7ujm8ik9ol0p", "qazwsxedcrfvtgbyhnujmikolp"];
/// How few characters are nothing, however often they are repeated.
const BLOCK_MAX: usize = 4;

/// True if a password is one that is guessed first.
pub(crate) fn is_common(password: &str) -> bool {
    let plain = password.to_lowercase();
    let core = plain.trim_matches(|c: char| !c.is_alphabetic());
    let unsigned = letters(&plain);
    let unsigned = unsigned.trim_matches(|c: char| !c.is_alphabetic());
    [plain.as_str(), core, &letters(core), unsigned].into_iter().any(|word| !word.is_empty() && is_weak(word))
}

fn is_weak(word: &str) -> bool {
    is_listed(word) || is_run(word) || is_repeated(word)
}

fn is_listed(word: &str) -> bool {
    LIST.lines().filter(|line| !line.starts_with("# ")).any(|line| line == word)
}

/// Letters in place of the signs that stand for them.
fn letters(word: &str) -> String {
    let letter = |c| match c {
        '0' => 'o',
        '1' | '!' => 'i',
        '3' => 'e',
        '4' | '@' => 'a',
        '5' | '$' => 's',
        '7' => 't',
        c => c,
    };
    word.chars().map(letter).collect()
}

/// Along the keyboard, the alphabet or the digits, either way: `abcdefghijkl`, `123456789012`, `qwertyuiopas`.
fn is_run(word: &str) -> bool {
    let back: String = word.chars().rev().collect();
    let on_keyboard = word.len() > BLOCK_MAX && KEYBOARD.iter().any(|keys| keys.contains(word) || keys.contains(&back));
    let step = |from: char, to: char| match (from.to_digit(10), to.to_digit(10)) {
        (Some(from), Some(to)) => (from + 1) % 10 == to,
        _ => from.is_alphabetic() && u32::from(from) + 1 == u32::from(to),
    };
    let runs = |word: &str| word.chars().count() > 2 && word.chars().zip(word.chars().skip(1)).all(|(a, b)| step(a, b));
    on_keyboard || runs(word) || runs(&back)
}

/// The same again and again: some few characters, one of the list, or a run.
fn is_repeated(word: &str) -> bool {
    let chars: Vec<char> = word.chars().collect();
    (1..=chars.len() / 2).any(|length| {
        let block: String = chars[..length].iter().collect();
        let same = chars.iter().zip(chars.iter().cycle().skip(length)).take(chars.len() - length).all(|(a, b)| a == b);
        same && (length <= BLOCK_MAX || is_listed(&block) || is_run(&block))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_guessed_first_is_common_and_what_nobody_thought_of_is_not() {
        for common in [
            "password1234",
            "PASSWORD1234",
            "Passw0rd!2026",
            "p@$$w0rd1234",
            "123456789012",
            "098765432109",
            "1234567890123456",
            "111111111111",
            "abcabcabcabc",
            "passwordpassword",
            "letmeinletmein",
            "qwertyuiopas",
            "1qaz2wsx3edc",
            "abcdefghijkl",
            "!!!iloveyou!!!",
            "chickenwing101",
            "administrator1"[..5].repeat(3).as_str(),
        ] {
            assert!(is_common(common), "{common}");
        }
        for own in [
            "correct horse battery",
            "another long password",
            "twelve chars",
            "nobody has this one",
            "tide-orchard-71",
            "839201847265",
            "wrong wrong wronk",
            "ééééééééééééé mer",
        ] {
            assert!(!is_common(own), "{own}");
        }
    }

    #[test]
    fn the_list_is_a_few_thousand_long() {
        let words = LIST.lines().filter(|line| !line.starts_with('#')).count();
        assert!((3_000..10_000).contains(&words), "{words}");
    }
}
