//! Habits a compiler does not check: sizes, escape hatches, and what must not be written into
//! the repository at all.

#![expect(clippy::expect_used, reason = "a failed expectation fails the test")]

use std::fs;
use std::path::{Path, PathBuf};

/// Most lines of code (up to the inline tests) in one source file. A taste rather than a law:
/// files aim at 300 and are looked at again at 500.
const MOST_LINES: usize = 700;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// All files of the repository that people write, as (path from the root, content).
fn texts() -> Vec<(String, String)> {
    let root = root();
    let mut found = Vec::new();
    let mut waiting = vec![root.clone()];
    while let Some(folder) = waiting.pop() {
        for entry in fs::read_dir(&folder).expect("readable folder") {
            let path = entry.expect("readable entry").path();
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            if path.is_symlink() || matches!(&*name, ".git" | "target" | "data" | "Cargo.lock") {
                continue;
            }
            if path.is_dir() {
                if !name.starts_with("corpus") && !name.starts_with("seeds") {
                    waiting.push(path);
                }
            } else if let Ok(text) = fs::read_to_string(&path) {
                let shown = path.strip_prefix(&root).unwrap_or(&path);
                found.push((shown.to_string_lossy().into_owned(), text));
            }
        }
    }
    assert!(found.len() > 50, "the walk found {} files", found.len());
    found
}

fn rust() -> impl Iterator<Item = (String, String)> {
    texts()
        .into_iter()
        .filter(|(path, _)| path.ends_with(".rs"))
}

/// Lines where one of `words` stands, as `path:line: word`.
fn places(files: impl Iterator<Item = (String, String)>, words: &[String]) -> Vec<String> {
    let mut places = Vec::new();
    for (path, text) in files {
        for (index, line) in text.lines().enumerate() {
            for word in words.iter().filter(|word| line.contains(word.as_str())) {
                places.push(format!("{path}:{}: {word}", index + 1));
            }
        }
    }
    places
}

/// The pieces joined, so that this file does not contain what it looks for.
fn joined(pieces: &[[&str; 2]]) -> Vec<String> {
    pieces.iter().map(|piece| piece.concat()).collect()
}

#[track_caller]
fn none(what: &str, places: &[String]) {
    assert!(places.is_empty(), "{what}:\n{}", places.join("\n"));
}

#[test]
fn no_escape_hatch_stays_open() {
    let words = joined(&[
        ["#[all", "ow("],
        ["#![all", "ow("],
        ["tod", "o!("],
        ["unimpl", "emented!("],
        ["db", "g!("],
        ["#[ign", "ore]"],
    ]);
    none(
        "use #[expect(…, reason = \"…\")], finish the code, or delete it",
        &places(rust(), &words),
    );
}

#[test]
fn nothing_local_or_foreign_is_written_down() {
    let words = joined(&[
        ["crates", ".io/"],
        ["index.crates", ".io"],
        ["static.crates", ".io"],
        ["registry.npm", "js.org"],
        ["py", "pi.org"],
        ["files.python", "hosted.org"],
        ["proxy.gol", "ang.org"],
        ["/work", "/"],
        ["/ro", "ot/"],
        ["/ho", "me/"],
    ]);
    none(
        "package registries and paths of one machine do not belong here",
        &places(texts().into_iter(), &words),
    );
    let lock = fs::read_to_string(root().join("Cargo.lock")).expect("Cargo.lock is committed");
    let foreign: Vec<_> = lock
        .lines()
        .filter(|line| {
            line.starts_with("source = ") && !line.contains("registry+https://github.com/")
        })
        .map(ToOwned::to_owned)
        .collect();
    none("locked from elsewhere than the default registry", &foreign);
}

#[test]
fn files_have_one_subject() {
    let long: Vec<_> = rust()
        .filter_map(|(path, text)| {
            let lines = text
                .lines()
                .take_while(|line| *line != "#[cfg(test)]")
                .count();
            (lines > MOST_LINES).then(|| format!("{path}: {lines} lines"))
        })
        .collect();
    none("longer than a reader can hold", &long);
}

#[test]
fn every_module_says_what_it_owns() {
    let silent: Vec<_> = rust()
        .filter(|(path, text)| {
            let first = text.lines().next().unwrap_or_default();
            !first.starts_with("//!")
                && !first.starts_with("#![")
                && !path.starts_with("fuzz/")
                && !path.ends_with("/tests.rs")
                && !path.contains("/tests/")
        })
        .map(|(path, _)| path)
        .collect();
    none("no module documentation on the first line", &silent);
}

#[test]
fn modules_are_named_files() {
    let folders: Vec<_> = rust()
        .map(|(path, _)| path)
        .filter(|path| path.ends_with("/mod.rs") && !path.contains("/tests/"))
        .collect();
    none("write name.rs beside name/", &folders);
}

#[test]
fn the_index_of_decisions_lists_each_once() {
    let folder = root().join("docs/decisions");
    let index = fs::read_to_string(folder.join("README.md")).expect("an index");
    let mut numbers = Vec::new();
    for entry in fs::read_dir(&folder).expect("readable folder") {
        let name = entry.expect("readable entry").file_name();
        let name = name.to_string_lossy();
        if name != "README.md" {
            assert!(
                index.contains(&format!("({name})")),
                "{name} is not in the index"
            );
            numbers.push(name[..4].to_owned());
        }
    }
    let count = numbers.len();
    numbers.sort();
    numbers.dedup();
    assert_eq!(numbers.len(), count, "two decisions have the same number");
}
