//! The master keys and how they are written down.

use std::fmt;
use std::io::{ErrorKind, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use super::Error;

type Key = Zeroizing<[u8; KEY_BYTES]>;

/// One active master key and any number of old ones. Shows nothing of them.
pub struct Keys(Vec<(u8, Key)>);

impl Keys {
    /// Reads `[ID:]BASE64` entries, separated by lines or commas; lines that begin with `#` are
    /// left out. The first entry is the active key, the others only open what they sealed. An
    /// id is a number from 1 to 255, 1 when not given; the key is 32 bytes of standard base64.
    ///
    /// # Errors
    /// [`BadKeys`] naming the entry by its place; the text itself is not repeated.
    pub fn parse(text: &str) -> Result<Self, BadKeys> {
        let mut keys: Vec<(u8, Key)> = Vec::new();
        let entries = text
            .lines()
            .filter(|line| !line.trim_start().starts_with('#'))
            .flat_map(|line| line.split(','))
            .map(str::trim)
            .filter(|entry| !entry.is_empty());
        for (at, entry) in entries.enumerate() {
            let place = at + 1;
            let (id, encoded) = match entry.split_once(':') {
                Some((id, encoded)) => (
                    id.parse::<u8>()
                        .ok()
                        .filter(|id| *id > 0)
                        .ok_or(BadKeys::Id { place })?,
                    encoded,
                ),
                None => (1, entry),
            };
            if keys.iter().any(|(known, _)| *known == id) {
                return Err(BadKeys::Twice { id });
            }
            keys.push((id, decode(encoded).ok_or(BadKeys::Key { place })?));
        }
        if keys.is_empty() {
            return Err(BadKeys::None);
        }
        Ok(Self(keys))
    }

    /// One new key with id 1.
    pub(super) fn generate() -> Result<Self, getrandom::Error> {
        let mut key = Key::default();
        getrandom::fill(key.as_mut_slice())?;
        Ok(Self(vec![(1, key)]))
    }

    /// The form [`Keys::parse`] reads. Wipes itself.
    pub(super) fn to_text(&self) -> Zeroizing<String> {
        let mut text = Zeroizing::new(String::with_capacity(HEADER.len() + 64 * self.0.len()));
        text.push_str(HEADER);
        for (id, key) in &self.0 {
            let encoded = Zeroizing::new(STANDARD.encode(key.as_slice()));
            text.push_str(&id.to_string());
            text.push(':');
            text.push_str(&encoded);
            text.push('\n');
        }
        text
    }

    pub(super) fn active(&self) -> (u8, &Key) {
        // `parse` and `generate` leave at least one.
        let (id, key) = &self.0[0];
        (*id, key)
    }

    pub(super) fn get(&self, id: u8) -> Option<&Key> {
        self.0
            .iter()
            .find(|(known, _)| *known == id)
            .map(|(_, key)| key)
    }
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keys").finish_non_exhaustive()
    }
}

/// The keys in a file that only its owner may access.
pub(super) fn read(path: &Path) -> Result<Keys, Error> {
    let file = || path.display().to_string();
    let io = |error: std::io::Error| match error.kind() {
        ErrorKind::NotFound => Error::Missing { file: file() },
        _ => Error::Io {
            what: format!("cannot read {}", path.display()),
            error: error.to_string(),
        },
    };
    let opened = std::fs::File::open(path).map_err(io)?;
    let mode = opened.metadata().map_err(io)?.permissions().mode() & 0o777;
    if mode & 0o077 != 0 {
        return Err(Error::Exposed { file: file(), mode });
    }
    let mut text = Zeroizing::new(String::with_capacity(MOST_BYTES));
    opened
        .take(MOST_BYTES as u64)
        .read_to_string(&mut text)
        .map_err(io)?;
    Keys::parse(&text).map_err(|error| Error::Malformed {
        place: file(),
        error,
    })
}

fn decode(encoded: &str) -> Option<Key> {
    let bytes = Zeroizing::new(STANDARD.decode(encoded).ok()?);
    let mut key = Key::default();
    if bytes.len() != KEY_BYTES {
        return None;
    }
    key.copy_from_slice(&bytes);
    Some(key)
}

/// What is wrong with a list of keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadKeys {
    /// There is no entry.
    #[error("no master key in it")]
    None,
    /// An id is not a number from 1 to 255.
    #[error("entry {place}: the id before the colon is not a number from 1 to 255")]
    Id {
        /// Counted from 1.
        place: usize,
    },
    /// A key is not 32 bytes of base64.
    #[error("entry {place}: a master key is 32 bytes in base64 (44 characters)")]
    Key {
        /// Counted from 1.
        place: usize,
    },
    /// Two keys have the same id.
    #[error("master key {id} is there twice")]
    Twice {
        /// The id.
        id: u8,
    },
}

const KEY_BYTES: usize = 32;
const MOST_BYTES: usize = 64 * 1024;
const HEADER: &str = "# austin's master key. Whoever has it can open the stored secrets; without it nobody can.\n\
                      # One key a line, ID:BASE64; the first is active, the others open what they sealed.\n";
