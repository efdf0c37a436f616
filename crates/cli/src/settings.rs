//! The server's settings: configuration file < environment < flags.
//!
//! Every key stands once, in [`catalogue::KEYS`]; the reference in `docs/configuration.md` is
//! printed from it. A key that is not there is refused wherever it comes from.

pub(crate) mod catalogue;
mod given;

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::exit::Failure;
use crate::settings::catalogue::{KEYS, Key};
use crate::settings::given::Given;

/// Everything that can be set.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    /// Where and how requests are taken.
    pub(crate) http: austin_http::Options,
    /// What is logged.
    pub(crate) log: Log,
    /// The embedded store.
    pub(crate) store: Store,
    /// The delivery path.
    pub(crate) engine: austin_engine::Config,
    /// The way out.
    pub(crate) wire: austin_wire::Options,
    /// The worker processes of uploaded scripts.
    pub(crate) script: austin_script::Options,
    /// Mailboxes that are read.
    pub(crate) mailboxes: Mailboxes,
}

/// Mailboxes that are read.
#[derive(Clone, Debug)]
pub(crate) struct Mailboxes {
    /// The directory that holds an account's Maildir under its key; none by default.
    pub(crate) directory: Option<PathBuf>,
    /// Largest mail that is read.
    pub(crate) most_bytes: usize,
}

/// What is logged.
#[derive(Clone, Debug)]
pub(crate) struct Log {
    /// `error`, `warn`, `info`, `debug`, or directives per module.
    pub(crate) level: String,
    /// Lines for people or for machines.
    pub(crate) format: LogFormat,
}

/// Lines for people or for machines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LogFormat {
    Text,
    Json,
}

/// The embedded store.
#[derive(Clone, Debug)]
pub(crate) struct Store {
    /// What a commit survives.
    pub(crate) durability: Durability,
    /// Deliveries in one ledger file before the next one is begun.
    pub(crate) segment_deliveries: u64,
    /// New work is refused when less than this is free on the file system.
    pub(crate) low_water_bytes: u64,
}

/// What a commit survives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Durability {
    /// Power loss.
    Full,
    /// The end of the process, not power loss.
    Normal,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            http: austin_http::Options::default(),
            log: Log {
                level: "info".into(),
                format: LogFormat::Text,
            },
            store: Store {
                durability: Durability::Full,
                segment_deliveries: 1_000_000,
                low_water_bytes: 256 << 20,
            },
            engine: austin_engine::Config::default(),
            wire: austin_wire::Options::default(),
            script: austin_script::Options::default(),
            mailboxes: Mailboxes {
                directory: None,
                most_bytes: 16 << 20,
            },
        }
    }
}

/// Settings from a file and the environment of this process, on top of the defaults.
///
/// # Errors
/// Every wrong or unknown key, each with the place it stands in.
pub(crate) fn load(file: Option<&Path>) -> Result<Settings, Failure> {
    let mut settings = Settings::default();
    let mut faults = Vec::new();
    if let Some(path) = file {
        let text = std::fs::read_to_string(path)
            .map_err(|error| Failure::usage(format!("cannot read {}: {error}", path.display())))?;
        apply_file(
            &mut settings,
            &text,
            &path.display().to_string(),
            &mut faults,
        );
    }
    let environment = std::env::vars_os().filter_map(|(name, value)| {
        Some((
            name.into_string().ok()?,
            value.to_string_lossy().into_owned(),
        ))
    });
    apply_environment(&mut settings, environment, &mut faults);
    if faults.is_empty() {
        Ok(settings)
    } else {
        Err(Failure::usage(format!(
            "the configuration is wrong:\n  {}",
            faults.join("\n  ")
        )))
    }
}

fn apply_file(settings: &mut Settings, text: &str, name: &str, faults: &mut Vec<String>) {
    let table: toml::Table = match text.parse() {
        Ok(table) => table,
        Err(error) => return faults.push(format!("{name}: {}", error.to_string().trim_end())),
    };
    for (section, value) in &table {
        let toml::Value::Table(keys) = value else {
            faults.push(format!("{name}: {section}: {}", unknown(section)));
            continue;
        };
        for (key, value) in keys {
            let path = format!("{section}.{key}");
            let result = match catalogue::find(&path) {
                Some(key) => (key.set)(settings, &Given::File(value)),
                None => Err(unknown(&path)),
            };
            if let Err(why) = result {
                faults.push(format!("{name}: {path}: {why}"));
            }
        }
    }
}

/// `AUSTIN_` + the path in capitals with `__` between levels. Other names that begin with
/// `AUSTIN_` belong to somebody else (container platforms make such names for a service called
/// austin), except where one is a key but for its underscores: that is a slip worth naming.
fn apply_environment(
    settings: &mut Settings,
    environment: impl Iterator<Item = (String, String)>,
    faults: &mut Vec<String>,
) {
    for (name, value) in environment {
        let Some(rest) = name.strip_prefix("AUSTIN_") else {
            continue;
        };
        let path = rest.to_lowercase().replace("__", ".");
        let result = match catalogue::find(&path) {
            Some(key) => (key.set)(settings, &Given::Text(&value)),
            None if rest.contains("__") => Err(unknown(&path)),
            None => match KEYS.iter().find(|key| same_letters(key, rest)) {
                Some(key) => Err(format!("not a setting; did you mean {}?", key.variable())),
                None => continue,
            },
        };
        if let Err(why) = result {
            faults.push(format!("environment: {name}: {why}"));
        }
    }
}

fn same_letters(key: &Key, rest: &str) -> bool {
    let letters = |text: &str| {
        text.chars()
            .filter(char::is_ascii_alphanumeric)
            .map(|c| c.to_ascii_lowercase())
            .collect::<String>()
    };
    letters(key.path) == letters(rest)
}

fn unknown(path: &str) -> String {
    let near = KEYS
        .iter()
        .map(|key| (distance(key.path, path), key.path))
        .min()
        .filter(|(distance, _)| *distance <= 3);
    match near {
        Some((_, near)) => format!("no such setting; did you mean {near}?"),
        None => "no such setting; docs/configuration.md lists them all".into(),
    }
}

/// Levenshtein distance.
fn distance(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.chars().count()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], i + 1);
        for (j, y) in b.chars().enumerate() {
            let cost = diagonal + usize::from(x != y);
            diagonal = row[j + 1];
            row[j + 1] = cost.min(row[j] + 1).min(row[j + 1] + 1);
        }
    }
    row[b.chars().count()]
}

/// Durations as people write them: the largest unit that divides.
pub(crate) fn shown(duration: Duration) -> String {
    let millis = duration.as_millis();
    [
        ("d", 86_400_000),
        ("h", 3_600_000),
        ("m", 60_000),
        ("s", 1_000),
    ]
    .into_iter()
    .find(|(_, unit)| millis > 0 && millis.is_multiple_of(*unit))
    .map_or_else(
        || format!("{millis}ms"),
        |(name, unit)| format!("{}{name}", millis / unit),
    )
}

#[cfg(test)]
mod tests;
