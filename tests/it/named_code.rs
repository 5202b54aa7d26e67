//! What prose names in the code is there: modules and documents in the heads of source files, functions in ARCHITECTURE.md.

use crate::documents::{files, read};
use std::collections::BTreeSet;

/// Modules and documents that the head of a source file names.
#[test]
fn what_the_heads_of_source_files_name_is_there() {
    let files = files();
    let is_module = |path: &str| {
        let path = path.trim_start_matches("crate::").replace("::", "/");
        files.iter().any(|file| file.ends_with(&format!("/{path}.rs")) || file.contains(&format!("/{path}/")))
            || path.strip_prefix("domain/").is_some_and(|rest| {
                files.contains(&format!("crates/domain/src/{rest}.rs"))
                    || files.contains(&format!("crates/domain/src/{rest}/mod.rs"))
            })
    };
    let is_item = |path: &str| {
        let (module, name) = path.rsplit_once("::").unwrap();
        let module = module.replace("::", "/");
        let mut of_module = files
            .iter()
            .filter(|file| file.ends_with(&format!("/{module}.rs")) || file.ends_with(&format!("/{module}/mod.rs")));
        of_module.any(|file| {
            let text = read(file);
            let again =
                text.lines().any(|line| line.starts_with("pub") && line.contains(" use ") && line.contains(name));
            again || ["fn", "const", "mod"].iter().any(|kind| text.contains(&format!("{kind} {name}")))
        })
    };
    let mut seen = 0;
    for path in files.iter().filter(|path| path.ends_with(".rs")) {
        let text = read(path);
        let head: String = text.lines().map_while(|line| line.strip_prefix("//!")).collect::<Vec<_>>().join(" ");
        let is_name = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '_' | ':');
        for span in head.split('`').skip(1).step_by(2).filter(|span| span.contains("::") && span.chars().all(is_name)) {
            assert!(is_module(span) || is_item(span), "{path}: {span} is not there");
            seen += 1;
        }
        let documents = head.split(|c: char| !c.is_ascii_alphanumeric() && !"./_-".contains(c));
        for document in documents.filter(|word| word.ends_with(".md")) {
            let name = document.rsplit('/').next().unwrap();
            assert!(files.iter().any(|file| file.ends_with(name)), "{path}: {document} is not there");
        }
    }
    assert!(seen > 20, "{seen}");
}

/// `name()`, `Type::name` and a name in parentheses after a file exist in the file that their line names last before them,
/// or anywhere in the sources if it names none.
#[test]
fn every_function_of_the_architecture_is_there() {
    let all = files();
    let sources: BTreeSet<&String> = all.iter().filter(|path| path.ends_with(".rs")).collect();
    let has = |text: &str, name: &str| {
        ["fn", "struct", "enum", "trait", "type", "const", "static", "mod", "macro_rules!"].iter().any(|kind| {
            text.match_indices(&format!("{kind} {name}"))
                .any(|(at, found)| !text[at + found.len()..].starts_with(|c: char| c.is_alphanumeric() || c == '_'))
        })
    };
    let is_name = |text: &str| {
        !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') && !text.starts_with('_')
    };
    let mut names = 0;
    for line in read("ARCHITECTURE.md").lines() {
        let mut file: Option<String> = None;
        let pieces: Vec<&str> = line.split('`').collect();
        for (between, span) in pieces.chunks_exact(2).map(|pair| (pair[0].trim(), pair[1])) {
            if let Some(found) = sources.iter().find(|path| span.ends_with(".rs") && path.ends_with(span)) {
                file = Some((*found).clone());
                continue;
            }
            let path = span.strip_suffix("()").unwrap_or(span);
            let parts: Vec<&str> = path.split("::").collect();
            // `src/ledger/charge.rs` (`plan`, `book`)
            let follows_file = file.is_some() && matches!(between, "(" | ",");
            let is_code = span.ends_with("()") || parts.len() > 1 || follows_file;
            if !is_code || !parts.iter().all(|part| is_name(part)) {
                continue;
            }
            let name = parts.last().unwrap();
            let is_there = match &file {
                // A name in parentheses may be a setting.
                Some(file) => has(&read(file), name) || (follows_file && read(file).contains(*name)),
                None => sources.iter().any(|path| has(&read(path), name) || path.ends_with(&format!("/{name}.rs"))),
            };
            assert!(is_there, "ARCHITECTURE.md: `{span}` is not in {}", file.as_deref().unwrap_or("the sources"));
            names += 1;
        }
    }
    assert!(names > 0, "no function is named");
}
