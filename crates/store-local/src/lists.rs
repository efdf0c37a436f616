//! Lists that policies name, as files of the data directory: `lists/NAME.txt` with a word a line,
//! `calendars/NAME.json` or `NAME.ics`.
//!
//! Invariant: what is given out was read whole and without a fault. A file that cannot be read leaves
//! what it said before in force.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use austin_domain::calendar::Calendar;
use austin_domain::content_check::WordList;
use austin_domain::name;

use crate::DataDir;

/// Word lists and calendars by name.
#[derive(Clone, Debug, Default)]
pub struct Found {
    /// Word lists.
    pub words: BTreeMap<String, Arc<WordList>>,
    /// Calendars.
    pub calendars: BTreeMap<String, Arc<Calendar>>,
}

/// The files of a data directory, read again when they change.
#[derive(Debug)]
pub struct LocalLists {
    dir: Arc<DataDir>,
    seen: BTreeMap<PathBuf, Stamp>,
    found: Found,
}

/// What tells a changed file from the same one.
type Stamp = (u64, Option<SystemTime>);

impl LocalLists {
    /// Those of `dir`; nothing is read yet.
    pub fn new(dir: Arc<DataDir>) -> Self {
        Self {
            dir,
            seen: BTreeMap::new(),
            found: Found::default(),
        }
    }

    /// Reads what has changed; what is in force from now on, where that is anything else. Blocks.
    pub fn look(&mut self) -> Option<Found> {
        let words = files(&self.dir.path().join("lists"), &["txt"]);
        let calendars = files(&self.dir.path().join("calendars"), &["json", "ics"]);
        let now: BTreeMap<PathBuf, Stamp> = words
            .iter()
            .chain(&calendars)
            .map(|(path, _, stamp)| (path.clone(), *stamp))
            .collect();
        if now == self.seen {
            return None;
        }
        let before = std::mem::take(&mut self.found);
        for (path, name, stamp) in words {
            let known = before.words.get(&name).cloned();
            let same = self.seen.get(&path) == Some(&stamp);
            let read = |text: &str| {
                let faults = |faults: Vec<_>| shown(&faults);
                WordList::from_text(&name, text).map_err(faults)
            };
            if let Some(list) = pick(&path, known, same, read) {
                self.found.words.insert(name, list);
            }
        }
        for (path, name, stamp) in calendars {
            let known = before.calendars.get(&name).cloned();
            let same = self.seen.get(&path) == Some(&stamp);
            let read = |text: &str| Calendar::parse(text).map_err(|faults| shown(&faults));
            if let Some(calendar) = pick(&path, known, same, read) {
                self.found.calendars.insert(name, calendar);
            }
        }
        self.seen = now;
        Some(self.found.clone())
    }
}

/// What a file says: as it is known where it has not changed or cannot be read.
fn pick<T>(
    path: &Path,
    known: Option<Arc<T>>,
    same: bool,
    read: impl FnOnce(&str) -> Result<T, String>,
) -> Option<Arc<T>> {
    if same && known.is_some() {
        return known;
    }
    let said = fs::read_to_string(path).map_err(|error| error.to_string());
    match said.and_then(|text| read(&text)) {
        Ok(list) => Some(Arc::new(list)),
        Err(why) => {
            let file = path.display();
            let kept = known.is_some();
            tracing::warn!(%file, why, kept, "a list that policies may name cannot be used");
            known
        }
    }
}

/// The files of a directory with one of these endings, by name; none where there is none.
fn files(dir: &Path, endings: &[&str]) -> Vec<(PathBuf, String, Stamp)> {
    let entries = match fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(error) => {
            if error.kind() != io::ErrorKind::NotFound {
                tracing::warn!(dir = %dir.display(), %error, "lists cannot be read");
            }
            return Vec::new();
        }
    };
    let mut found: Vec<_> = entries
        .filter_map(|entry| {
            let path = entry.ok()?.path();
            let ending = path.extension()?.to_str()?;
            let name = path.file_stem()?.to_str()?.to_owned();
            let meta = fs::metadata(&path).ok().filter(fs::Metadata::is_file)?;
            let fits = endings.contains(&ending) && name::key_fault(&name).is_none();
            fits.then(|| (path, name, (meta.len(), meta.modified().ok())))
        })
        .collect();
    found.sort();
    found
}

fn shown(faults: &[impl std::fmt::Display]) -> String {
    let first: Vec<String> = faults.iter().take(3).map(ToString::to_string).collect();
    let more = faults.len().saturating_sub(first.len());
    let first = first.join("; ");
    if more == 0 {
        first
    } else {
        format!("{first}; and {more} more")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_read_when_they_change_and_a_bad_one_leaves_what_was() {
        let home = tempfile::tempdir().unwrap();
        let dir = Arc::new(DataDir::open(home.path()).unwrap());
        let mut lists = LocalLists::new(dir);
        assert!(lists.look().is_none());
        fs::create_dir(home.path().join("lists")).unwrap();
        fs::create_dir(home.path().join("calendars")).unwrap();
        let words = home.path().join("lists/politics.txt");
        let calendar = home.path().join("calendars/cn-2026.json");
        fs::write(&words, "coup\nriot\n").unwrap();
        fs::write(home.path().join("lists/Not-A-Key.txt"), "x\n").unwrap();
        fs::write(&calendar, r#"{"closed": ["2026-10-01"]}"#).unwrap();
        let found = lists.look().unwrap();
        assert_eq!(found.words["politics"].len(), 2);
        assert_eq!(found.words.len(), 1);
        assert!(found.calendars.contains_key("cn-2026"));
        assert!(lists.look().is_none());
        fs::write(&calendar, r#"{"closed": ["the first of October"]}"#).unwrap();
        fs::write(&words, "coup\n").unwrap();
        let found = lists.look().unwrap();
        assert!(found.calendars.contains_key("cn-2026"));
        assert_eq!(found.words["politics"].len(), 1);
        fs::remove_file(&words).unwrap();
        assert!(lists.look().unwrap().words.is_empty());
    }
}
