//! Secrets from files: `NAME_FILE` names a file that has the value of `NAME`.
//!
//! A setting is a secret if `--help` hides its value, so a new one needs no code here.

use clap::{Arg, Command};
use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::io::Read as _;
use std::path::Path;

/// The largest file, in bytes.
const FILE_MAX: u64 = 64 * 1024;

/// The command line, with the contents of the files of the command that `words` choose as its defaults.
///
/// # Errors
/// One line with the name of the setting that is given twice, or whose file cannot be read.
pub fn read_secret_files(
    command: Command,
    words: &[OsString],
    environment: impl Fn(&str) -> Option<OsString>,
) -> Result<Command, String> {
    let mut contents = BTreeMap::new();
    for secret in chosen_args(&command, words).into_iter().filter(|arg| arg.is_hide_env_values_set()) {
        let Some(name) = name_of(secret) else { continue };
        let file_name = format!("{name}_FILE");
        let Some(path) = environment(&file_name) else { continue };
        if environment(&name).is_some() || has_flag(words, secret) {
            return Err(format!("{name}: is given twice, also by {file_name}"));
        }
        contents.insert(name, read(Path::new(&path)).map_err(|reason| format!("{file_name}: {reason}"))?);
    }
    Ok(with_defaults(command, &contents))
}

/// The arguments of the command that `words` choose.
fn chosen_args<'a>(command: &'a Command, words: &[OsString]) -> Vec<&'a Arg> {
    let (mut chosen, mut args) = (command, command.get_arguments().collect::<Vec<_>>());
    for word in words {
        if let Some(inner) = chosen.find_subcommand(word) {
            chosen = inner;
            args.extend(inner.get_arguments());
        }
    }
    args
}

fn name_of(arg: &Arg) -> Option<String> {
    arg.get_env().map(|name| name.to_string_lossy().into_owned())
}

fn has_flag(words: &[OsString], arg: &Arg) -> bool {
    let Some(long) = arg.get_long() else { return false };
    let is_flag = |word: &OsString| {
        let word = word.to_string_lossy();
        word.strip_prefix("--").is_some_and(|word| word.split('=').next() == Some(long))
    };
    words.iter().any(is_flag)
}

/// The content without one line end after it. The error never repeats the content.
fn read(path: &Path) -> Result<String, String> {
    if path.as_os_str() == OsStr::new("") {
        return Err("is empty".to_owned());
    }
    let failed = |e: std::io::Error| match e.kind() {
        std::io::ErrorKind::InvalidData => format!("{}: is not UTF-8", path.display()),
        _ => format!("{}: {e}", path.display()),
    };
    let mut text = String::new();
    let file = std::fs::File::open(path).map_err(failed)?;
    let bytes = file.take(FILE_MAX + 1).read_to_string(&mut text).map_err(failed)?;
    if u64::try_from(bytes).is_ok_and(|bytes| bytes > FILE_MAX) {
        return Err(format!("{}: has more than {FILE_MAX} bytes", path.display()));
    }
    let value = text.strip_suffix('\n').unwrap_or(&text);
    Ok(value.strip_suffix('\r').unwrap_or(value).to_owned())
}

fn with_defaults(command: Command, contents: &BTreeMap<String, String>) -> Command {
    let command = command.mut_args(|arg| match name_of(&arg).and_then(|name| contents.get(&name)) {
        // clap keeps defaults for the life of the process.
        Some(content) => {
            let content: &'static str = content.clone().leak();
            arg.required(false).hide_default_value(true).default_value(content)
        }
        None => arg,
    });
    command.mut_subcommands(|inner| with_defaults(inner, contents))
}
