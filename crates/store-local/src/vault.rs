//! Sealing secrets at rest.
//!
//! A sealed value is `key id (1 byte) ‖ nonce (24) ‖ ciphertext ‖ tag (16)`, XChaCha20-Poly1305
//! (draft-irtf-cfrg-xchacha-03). The key id and the caller's associated data are authenticated,
//! so a value opens only where it was sealed for. Nonces are random: 192 bits do not collide.
//!
//! Several keys may be known, one of them active: new values are sealed with the active key, old
//! ones stay readable. Invariant: no key leaves this module, in no form.

mod keys;

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use austin_ports::Entropy;
use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use zeroize::Zeroizing;

pub use keys::{BadKeys, Keys};

use crate::durable;

/// Seals and opens secrets. Cheap to share behind an `Arc`.
pub struct Vault {
    keys: Keys,
    entropy: Arc<dyn Entropy>,
}

impl Vault {
    /// A vault with these keys. `entropy` gives the nonces; outside tests it must be the
    /// operating system's ([`crate::OsEntropy`]).
    pub fn new(keys: Keys, entropy: Arc<dyn Entropy>) -> Self {
        Self { keys, entropy }
    }

    /// The vault of a data directory: with the keys in `given` (from the environment or the
    /// configuration; see [`Keys::parse`]), else with those in `DIR/master.key`. On the first
    /// start, with neither, a key is made and written there, readable by the owner only.
    ///
    /// # Errors
    /// [`Error`] when the keys cannot be read or are malformed, when others may read the file,
    /// and when there is data but no key any more.
    pub fn open_dir(
        dir: &Path,
        given: Option<&str>,
        entropy: Arc<dyn Entropy>,
    ) -> Result<Self, Error> {
        match Self::find(dir, given, Arc::clone(&entropy)) {
            Err(Error::Missing { .. }) if !dir.join("control.db").exists() => {
                let keys =
                    Keys::generate().map_err(|error| Error::Randomness(error.to_string()))?;
                let path = dir.join(KEY_FILE);
                durable::replace(
                    &path,
                    &dir.join("master.key.new"),
                    keys.to_text().as_bytes(),
                    0o600,
                )
                .map_err(|error| Error::Io {
                    what: format!("cannot write {}", path.display()),
                    error: error.to_string(),
                })?;
                Ok(Self::new(keys, entropy))
            }
            found => found,
        }
    }

    /// Like [`Vault::open_dir`], but never makes a key.
    ///
    /// # Errors
    /// As there, and [`Error::Missing`] without a key.
    pub fn find(dir: &Path, given: Option<&str>, entropy: Arc<dyn Entropy>) -> Result<Self, Error> {
        let keys = match given {
            Some(text) => Keys::parse(text).map_err(|error| Error::Malformed {
                place: "the master key from the environment".into(),
                error,
            })?,
            None => keys::read(&dir.join(KEY_FILE))?,
        };
        Ok(Self::new(keys, entropy))
    }

    /// Seals `plaintext` for the place `aad` names (for example an account id).
    pub fn seal(&self, plaintext: &[u8], aad: &[u8]) -> Vec<u8> {
        let (id, key) = self.keys.active();
        let mut nonce = [0; NONCE_BYTES];
        nonce[..16].copy_from_slice(&self.entropy.next().to_le_bytes());
        nonce[16..].copy_from_slice(&self.entropy.next().to_le_bytes()[..8]);
        let aad = bound(id, aad);
        let payload = Payload {
            msg: plaintext,
            aad: &aad,
        };
        #[expect(
            clippy::expect_used,
            reason = "the cipher refuses only plaintexts above 256 GiB"
        )]
        let ciphertext = XChaCha20Poly1305::new((&**key).into())
            .encrypt(&XNonce::from(nonce), payload)
            .expect("secrets are far below the cipher's limit");
        let mut sealed = Vec::with_capacity(1 + NONCE_BYTES + ciphertext.len());
        sealed.push(id);
        sealed.extend_from_slice(&nonce);
        sealed.extend_from_slice(&ciphertext);
        sealed
    }

    /// Opens what [`Vault::seal`] sealed for the same `aad`. The result wipes itself.
    ///
    /// # Errors
    /// [`Unsealable`] when the key is unknown, or when value, key and place do not fit together.
    pub fn open(&self, sealed: &[u8], aad: &[u8]) -> Result<Zeroizing<Vec<u8>>, Unsealable> {
        let (&id, rest) = sealed.split_first().ok_or(Unsealable::Damaged)?;
        let (nonce, ciphertext) = rest
            .split_first_chunk::<NONCE_BYTES>()
            .ok_or(Unsealable::Damaged)?;
        let key = self.keys.get(id).ok_or(Unsealable::UnknownKey(id))?;
        let payload = Payload {
            msg: ciphertext,
            aad: &bound(id, aad),
        };
        XChaCha20Poly1305::new((&**key).into())
            .decrypt(&XNonce::from(*nonce), payload)
            .map(Zeroizing::new)
            .map_err(|_| Unsealable::Damaged)
    }

    /// A key for the purpose that `context` names, the same each time. Nothing of the master key
    /// can be told from it. Another active key gives another.
    pub fn derive(&self, context: &str) -> [u8; 32] {
        blake3::derive_key(context, &**self.keys.active().1)
    }

    /// Whether `sealed` was sealed with the active key; otherwise it should be sealed anew before
    /// its key is taken away.
    pub fn is_current(&self, sealed: &[u8]) -> bool {
        sealed.first() == Some(&self.keys.active().0)
    }
}

impl fmt::Debug for Vault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Vault").finish_non_exhaustive()
    }
}

/// Associated data with the key id in front, so that neither can be exchanged.
fn bound(id: u8, aad: &[u8]) -> Vec<u8> {
    let mut bound = Vec::with_capacity(1 + aad.len());
    bound.push(id);
    bound.extend_from_slice(aad);
    bound
}

/// Why a sealed value did not open.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unsealable {
    /// Its key is not among those given.
    #[error("it was sealed with master key {0}, which is not among the keys given")]
    UnknownKey(u8),
    /// It was changed, belongs elsewhere, or was sealed with another key of that number.
    #[error("it was damaged, or sealed with another master key")]
    Damaged,
}

/// Why there is no vault.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// No key was given and the file is not there.
    #[error(
        "there is no master key: {file} does not exist and none was given by the environment; \
         without it the stored secrets cannot be opened"
    )]
    Missing {
        /// Where the file should be.
        file: String,
    },
    /// Other users may read the key.
    #[error("other users may access {file} (mode {mode:03o}); run: chmod 600 {file}")]
    Exposed {
        /// The file.
        file: String,
        /// Its permission bits.
        mode: u32,
    },
    /// The text is not a list of keys.
    #[error("{place}: {error}")]
    Malformed {
        /// Where it was read.
        place: String,
        /// What is wrong with it.
        error: BadKeys,
    },
    /// The file cannot be read or written.
    #[error("{what}: {error}")]
    Io {
        /// What was tried.
        what: String,
        /// What the operating system said.
        error: String,
    },
    /// No key could be drawn.
    #[error("the operating system gives no randomness: {0}")]
    Randomness(String),
}

const KEY_FILE: &str = "master.key";
const NONCE_BYTES: usize = 24;

#[cfg(test)]
mod tests;
