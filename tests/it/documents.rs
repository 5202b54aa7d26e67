//! Commands, settings, files and links of the documents exist, and their `curl` calls work as described. (`integrate` runs
//! the programs of docs/integrate.md and docs/hooks.md, `backup` the copies.)

use crate::app::{Database, OPERATOR_KEY, TestApp, run};
use crate::process::topup;
use clap::error::ErrorKind;
use clap::{CommandFactory as _, Parser as _};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use topup::cli::Cli;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// A document: its name, its text.
type Document = (String, String);

/// Every document that people read, but for the list of changes, which speaks of what was.
fn documents() -> Vec<Document> {
    let in_folder = |folder: &str| {
        let files = std::fs::read_dir(Path::new(ROOT).join(folder)).unwrap();
        let names = files.map(|file| file.unwrap().file_name().into_string().unwrap());
        names.filter(|name| name.ends_with(".md")).map(|name| format!("{folder}{name}")).collect::<Vec<_>>()
    };
    let mut names = [in_folder(""), in_folder("docs/")].concat();
    names.retain(|name| name != "CHANGELOG.md");
    names.sort();
    assert!(names.len() > 8, "{names:?}");
    let text = |name: &String| std::fs::read_to_string(Path::new(ROOT).join(name)).unwrap();
    names.iter().map(|name| (name.clone(), text(name))).collect()
}

/// A block between fences: its language, its lines.
struct Block {
    language: String,
    lines: Vec<String>,
}

/// The blocks of a document, and its other lines.
fn blocks(text: &str) -> (Vec<Block>, Vec<&str>) {
    let (mut blocks, mut prose, mut inside) = (Vec::<Block>::new(), Vec::new(), false);
    for line in text.lines() {
        match (line.strip_prefix("```"), inside) {
            (Some(language), false) => {
                blocks.push(Block { language: language.to_owned(), lines: Vec::new() });
                inside = true;
            }
            (Some(_), true) => inside = false,
            (None, true) => blocks.last_mut().unwrap().lines.push(line.to_owned()),
            (None, false) => prose.push(line),
        }
    }
    (blocks, prose)
}

/// Code between backticks in the prose; it may go over the end of a line.
fn spans(text: &str) -> Vec<String> {
    let prose = blocks(text).1.join(" ");
    prose.split('`').skip(1).step_by(2).map(|span| span.split_whitespace().collect::<Vec<_>>().join(" ")).collect()
}

/// Every command of a document: spans, and lines of shell, without comments and with lines joined.
fn commands(text: &str) -> Vec<String> {
    let mut out = spans(text);
    for block in blocks(text).0 {
        if block.language.is_empty() || block.language == "sh" {
            let joined = block.lines.join("\n").replace("\\\n", " ");
            out.extend(joined.lines().map(|line| line.split(" #").next().unwrap().trim().to_owned()));
        }
    }
    out
}

/// Every file of the repository, by its path.
pub fn files() -> BTreeSet<String> {
    let (mut out, mut folders) = (BTreeSet::new(), vec![PathBuf::from(ROOT)]);
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            if path.is_dir() && !path.is_symlink() {
                if !matches!(name.as_str(), "target" | "node_modules" | ".git" | "data" | "test-results" | "made") {
                    folders.push(path);
                }
            } else {
                out.insert(path.strip_prefix(ROOT).unwrap().to_string_lossy().into_owned());
            }
        }
    }
    out
}

pub fn read(path: &str) -> String {
    std::fs::read_to_string(Path::new(ROOT).join(path)).unwrap()
}

#[test]
fn every_make_target_of_the_documents_is_there() {
    let makefile = read("Makefile");
    let targets: BTreeSet<&str> = makefile
        .lines()
        .filter_map(|line| line.split_once(':'))
        .map(|(name, _)| name)
        .filter(|name| !name.is_empty() && name.chars().all(|c| c.is_ascii_lowercase() || matches!(c, '-' | '0'..='9')))
        .collect();
    let mut named = BTreeSet::new();
    for (document, text) in documents() {
        for command in commands(&text) {
            let words: Vec<&str> = command.split_whitespace().skip_while(|word| word.contains('=')).collect();
            let Some(("make", words)) = words.split_first().map(|(first, rest)| (*first, rest)) else { continue };
            // A target; a variable ends the targets.
            for word in words.iter().take_while(|word| !word.contains('=')) {
                assert!(targets.contains(word), "{document}: `{command}`: {word} is no target of the Makefile");
                named.insert((*word).to_owned());
            }
        }
    }
    // Those that `make` itself lists are told of in a document.
    let listed = makefile.lines().filter(|line| line.contains(": ") && line.contains("## "));
    let listed = listed.filter_map(|line| line.split_once(':')).map(|(name, _)| name.to_owned());
    let untold: Vec<String> = listed.filter(|name| name != "help" && !named.contains(name)).collect();
    assert_eq!(untold, Vec::<String>::new(), "in no document");
}

/// Words of a line of shell; quotes hold one together.
fn words(line: &str) -> Vec<String> {
    let (mut out, mut quote) = (vec![String::new()], None);
    for c in line.chars() {
        match (c, quote) {
            ('\'' | '"', None) => quote = Some(c),
            (c, Some(q)) if c == q => quote = None,
            (' ', None) => out.push(String::new()),
            (c, _) => out.last_mut().unwrap().push(c),
        }
    }
    out.retain(|word| !word.is_empty());
    out
}

/// Every command of the command line that does something: `topup alarms ack`.
fn leaves(command: &clap::Command, path: &str, out: &mut BTreeSet<String>) {
    let path = if path.is_empty() { "topup".to_owned() } else { format!("{path} {}", command.get_name()) };
    let mut inner = command.get_subcommands().filter(|inner| inner.get_name() != "help").peekable();
    if inner.peek().is_none() || !command.is_subcommand_required_set() {
        out.insert(path.clone());
    }
    for inner in inner {
        leaves(inner, &path, out);
    }
}

#[test]
fn every_command_of_the_documents_is_understood_and_every_command_is_in_a_document() {
    let (mut seen, mut whole) = (0, String::new());
    for (document, text) in documents() {
        for command in commands(&text) {
            let _ = writeln!(whole, "{command}");
            let Some(command) = command.strip_prefix("topup ") else { continue };
            let words: Vec<String> = words(command)
                .into_iter()
                .take_while(|word| !matches!(word.as_str(), "…" | "|" | ">" | "<" | "&&"))
                .collect();
            seen += 1;
            let Err(e) = Cli::try_parse_from([vec!["topup".to_owned()], words].concat()) else { continue };
            // Where a command is only named, what it wants may be left out; `ID` stands for a value.
            let is_named = matches!(
                e.kind(),
                ErrorKind::MissingRequiredArgument
                    | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand
                    | ErrorKind::MissingSubcommand
                    | ErrorKind::DisplayHelp
                    | ErrorKind::DisplayVersion
                    | ErrorKind::ValueValidation
            );
            assert!(is_named, "{document}: `topup {command}`: {e}");
        }
    }
    assert!(seen > 40, "{seen}");
    let mut all = BTreeSet::new();
    leaves(&Cli::command(), "", &mut all);
    let told = |command: &String| whole.lines().any(|line| line == command || line.starts_with(&format!("{command} ")));
    let untold: Vec<&String> = all.iter().filter(|command| *command != "topup" && !told(command)).collect();
    assert_eq!(untold, Vec::<&String>::new(), "in no document");
}

/// Each setting of the command line, with its default.
fn settings(command: &clap::Command, out: &mut BTreeMap<String, Option<String>>) {
    for arg in command.get_arguments() {
        let default = arg.get_default_values().first().map(|value| value.to_string_lossy().into_owned());
        if let Some(name) = arg.get_env() {
            out.insert(name.to_string_lossy().into_owned(), default);
        }
    }
    command.get_subcommands().for_each(|inner| settings(inner, out));
}

#[test]
fn the_documents_name_every_setting_and_no_other() {
    let mut known = BTreeMap::new();
    settings(&Cli::command(), &mut known);
    // Of the tests alone, and the system's own.
    known.retain(|name, _| !matches!(name.as_str(), "DEMO_SEED" | "USER"));
    let readme = read("README.md");
    let table = readme.split_once("## Settings").unwrap().1.split_once("\n## ").unwrap().0;
    let mut rows = BTreeMap::new();
    for row in table.lines().filter(|line| line.starts_with("| `")) {
        let cells: Vec<&str> = row.split('|').map(str::trim).collect();
        for name in cells[1].split('`').filter(|name| !name.trim().is_empty()) {
            rows.insert(name.to_owned(), cells[2].trim_matches('`').to_owned());
        }
    }
    for (name, default) in &known {
        let row = rows.get(name).unwrap_or_else(|| panic!("{name} is not in README's table of settings"));
        if let Some(default) = default {
            assert_eq!(row, default, "the default of {name} in README's table");
        }
    }
    // A name in capitals is a setting, or something that a script, a test or the code reads.
    let sources: String = files()
        .iter()
        .filter(|path| !path.ends_with(".md"))
        .filter_map(|path| std::fs::read_to_string(Path::new(ROOT).join(path)).ok())
        .collect();
    let is_setting =
        |word: &str| word.len() > 3 && word.contains('_') && word.chars().all(|c| c.is_ascii_uppercase() || c == '_');
    for (document, text) in documents() {
        for span in spans(&text) {
            for word in span.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').filter(|word| is_setting(word)) {
                assert!(known.contains_key(word) || sources.contains(word), "{document}: nothing reads {word}");
            }
        }
    }
    for name in rows.keys() {
        assert!(known.contains_key(name) || name == "RUST_LOG", "README's table has {name}, which is no setting");
    }
}

/// A heading as a link names it.
fn anchor(heading: &str) -> String {
    let kept = heading.trim_start_matches('#').trim().to_lowercase();
    kept.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_')).collect::<String>().replace(' ', "-")
}

#[test]
fn every_file_and_every_link_of_the_documents_is_there() {
    let files = files();
    let is_file = |path: &str| files.contains(path) || files.iter().any(|file| file.ends_with(&format!("/{path}")));
    let is_folder = |path: &str| {
        let path = path.trim_end_matches('/');
        files.iter().any(|file| file.starts_with(&format!("{path}/")) || file.contains(&format!("/{path}/")))
    };
    let (mut paths, mut links) = (0, 0);
    for (document, text) in documents() {
        for span in spans(&text) {
            let path = span.split([' ', ':']).next().unwrap();
            let plain = path.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '/' | '.' | '_' | '-'));
            let known =
                [".rs", ".md", ".sql", ".ts", ".mjs", ".css", ".js", ".toml"].iter().any(|end| path.ends_with(end));
            let inside =
                ["scripts/", "tests/", "src/", "crates/", "docs/", "end2end/", "migrations/", "style/", "benches/"];
            let rooted = inside.iter().any(|folder| path.starts_with(folder));
            // An address of the server is none of a file, nor is what a build leaves.
            let elsewhere = path.starts_with('/') || path.starts_with("target/") || path.contains("test-results");
            if !plain || elsewhere || !(rooted || (known && path.contains('/'))) {
                continue;
            }
            // ARCHITECTURE.md shortens these paths.
            let whole = path
                .strip_prefix("domain/")
                .map_or_else(|| path.to_owned(), |rest| format!("crates/domain/src/{rest}"));
            let is_there = [path, whole.as_str()].into_iter().any(|path| is_file(path) || is_folder(path));
            assert!(is_there, "{document}: `{span}` is not there");
            paths += 1;
        }
        for link in text.split("](").skip(1).map(|rest| rest.split(')').next().unwrap()) {
            if link.contains("://") {
                continue;
            }
            let (path, heading) = link.split_once('#').unwrap_or((link, ""));
            let folder = Path::new(&document).parent().unwrap();
            let target =
                if path.is_empty() { Path::new(ROOT).join(&document) } else { Path::new(ROOT).join(folder).join(path) };
            assert!(target.exists(), "{document}: the link {link} leads nowhere");
            if !heading.is_empty() {
                let text = std::fs::read_to_string(&target).unwrap();
                let found = text.lines().filter(|line| line.starts_with('#')).any(|line| anchor(line) == heading);
                assert!(found, "{document}: {link}: no such heading");
            }
            links += 1;
        }
    }
    assert!(paths > 30 && links > 20, "{paths} {links}");
}

/// The names in backticks that begin the rows of a section's table.
fn row_names(section: &str) -> BTreeSet<String> {
    let operations = read("docs/operations.md");
    let section = operations.split_once(&format!("\n## {section}\n")).unwrap().1.split("\n## ").next().unwrap();
    let rows = section.lines().filter_map(|line| Some(line.strip_prefix("| `")?.split_once(" |")?.0));
    rows.flat_map(|cell| cell.split(" · ")).map(|name| name.trim_matches('`').to_owned()).collect()
}

#[test]
fn each_alarm_and_each_job_has_its_row_in_operations() {
    let alarms = topup::usecases::alarms::TITLES.map(|(kind, _)| kind.to_owned());
    assert_eq!(row_names("Alarms"), alarms.into());
    let jobs = topup::usecases::jobs::ALL.iter().map(|job| job.name.to_owned()).collect();
    assert_eq!(row_names("The worker"), jobs);
    // A kind is a literal at its cause, or a constant beside it.
    let kinds: BTreeSet<String> = row_names("Alarms");
    for path in files().iter().filter(|path| path.starts_with("src/") && path.ends_with(".rs")) {
        for call in read(path).split("raise_alarm(tx, \"").skip(1) {
            let kind = call.split('"').next().unwrap();
            assert!(kinds.contains(kind), "{path}: the alarm {kind} has no row in docs/operations.md");
        }
    }
}

/// Lines of shell, run; the statuses of the requests that they made.
fn run_shell(app: &TestApp, folder: &Path, script: &str) -> (Vec<u16>, String) {
    let binary = topup(&[], &[]).get_program().to_owned();
    let path = format!("{}:{}", Path::new(&binary).parent().unwrap().display(), std::env::var("PATH").unwrap());
    let curl =
        "curl() { command curl --silent --show-error --max-time 60 --write-out '\nSTATUS %{http_code}\n' \"$@\"; }";
    let output = Command::new("bash")
        .args(["-euo", "pipefail", "-c", &format!("{curl}\n{script}")])
        .current_dir(folder)
        .env("PATH", path)
        .env("TOPUP", format!("http://{}", app.address))
        .env("KEY", OPERATOR_KEY)
        .env("OPERATOR_KEY", OPERATOR_KEY)
        .env("NO_PROXY", "*")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{script}\n{said}{}", String::from_utf8_lossy(&output.stderr));
    let statuses = said.lines().filter_map(|line| line.strip_prefix("STATUS ")).map(|status| status.parse().unwrap());
    (statuses.collect(), said)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_documents_requests_are_answered_as_they_say() {
    run(Database::Sqlite, async |app| {
        app.put_customer("acme", "starter").await;
        let mut requests = 0;
        for document in ["README.md", "docs/api.md", "docs/verify.md"] {
            let text = read(document);
            let blocks = blocks(&text).0;
            for (n, block) in blocks.iter().enumerate() {
                let lines: Vec<&str> =
                    block.lines.iter().map(String::as_str).filter(|line| !line.starts_with("export TOPUP=")).collect();
                let script = lines.join("\n");
                if block.language != "sh" || !script.contains("curl ") {
                    continue;
                }
                let answer = blocks.get(n + 1).map(|block| block.lines.join("\n")).unwrap_or_default();
                let (statuses, said) = run_shell(app, &app.home.folder, &script);
                assert!(!statuses.is_empty(), "{document}: {script}");
                for status in &statuses {
                    let refusal =
                        ["HTTP/1.1 ", "\"status\":"].iter().any(|before| answer.contains(&format!("{before}{status}")));
                    assert!((200..300).contains(status) || refusal, "{document}: {status}: {script}\n{said}");
                }
                requests += statuses.len();
            }
        }
        assert!(requests > 12, "{requests}");
    })
    .await;
}
