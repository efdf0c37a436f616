//! Uploaded files in `DIR/uploads`, named by their content: `ab/cdef…` for the BLAKE3 digest
//! `abcdef…`.
//!
//! Invariant: a file under its final name was wholly written and synced. What decays later is
//! found when it is read, and put right when the same content comes again.

use std::fmt;
use std::fs::{DirBuilder, File};
use std::io::{self, ErrorKind, Read};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use austin_ports::BoxFuture;
use austin_ports::blobs::{BlobError, Blobs};
use bytes::Bytes;

use crate::{DataDir, durable};

/// The embedded [`Blobs`]. Clones share one store.
#[derive(Clone, Debug)]
pub struct LocalBlobs(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    uploads: PathBuf,
    most_bytes: usize,
    writes: AtomicU64,
    _dir: Arc<DataDir>,
}

impl LocalBlobs {
    /// The files of `dir`; none larger than `most_bytes` is taken or given. Removes what a crash
    /// left half written. Blocks.
    ///
    /// # Errors
    /// [`BlobError`] when the directory cannot be made or read.
    pub fn open(dir: Arc<DataDir>, most_bytes: usize) -> Result<Self, BlobError> {
        let uploads = dir.path().join("uploads");
        make_dir(&uploads.join(PARTS)).map_err(failed("cannot make the directory", &uploads))?;
        clear(&uploads.join(PARTS)).map_err(failed("cannot clear", &uploads.join(PARTS)))?;
        durable::sync_dir(dir.path()).map_err(failed("cannot sync", dir.path()))?;
        Ok(Self(Arc::new(Shared {
            uploads,
            most_bytes,
            writes: AtomicU64::new(0),
            _dir: dir,
        })))
    }
}

impl Blobs for LocalBlobs {
    fn put(&self, data: Bytes) -> BoxFuture<'_, Result<String, BlobError>> {
        let shared = Arc::clone(&self.0);
        blocking(move || shared.put(&data))
    }

    fn get(&self, name: &str) -> BoxFuture<'_, Result<Option<Bytes>, BlobError>> {
        let (shared, digest) = (Arc::clone(&self.0), digest_of(name));
        blocking(move || digest.map_or(Ok(None), |digest| shared.get(digest)))
    }
}

impl Shared {
    fn put(&self, data: &[u8]) -> Result<String, BlobError> {
        if data.len() > self.most_bytes {
            let (has, most) = (data.len(), self.most_bytes);
            return Err(BlobError(format!(
                "the file has {has} bytes and at most {most} are kept"
            )));
        }
        let digest = blake3::hash(data);
        let name = format!("{PREFIX}{}", digest.to_hex());
        let (shard, path) = self.place(digest);
        // Damaged content does not count as kept: it is replaced.
        if matches!(self.get(digest), Ok(Some(_))) {
            // Whoever put it there may not have come to this yet.
            durable::sync_dir(&shard).map_err(failed("cannot sync", &shard))?;
            return Ok(name);
        }
        let made = make_dir(&shard).and_then(|()| durable::sync_dir(&self.uploads));
        made.map_err(failed("cannot make the directory", &shard))?;
        let turn = self.writes.fetch_add(1, Ordering::Relaxed);
        let part = self.uploads.join(PARTS).join(turn.to_string());
        durable::replace(&path, &part, data, 0o600).map_err(failed("cannot write", &path))?;
        Ok(name)
    }

    fn get(&self, digest: blake3::Hash) -> Result<Option<Bytes>, BlobError> {
        let (_, path) = self.place(digest);
        let read = || -> io::Result<Vec<u8>> {
            let mut data = Vec::new();
            // One more than allowed tells too large from just fitting.
            let bound = (self.most_bytes as u64).saturating_add(1);
            File::open(&path)?.take(bound).read_to_end(&mut data)?;
            Ok(data)
        };
        match read() {
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(failed("cannot read", &path)(error)),
            Ok(data) if data.len() > self.most_bytes => {
                let (path, most) = (path.display(), self.most_bytes);
                Err(BlobError(format!("{path} has more than {most} bytes")))
            }
            Ok(data) if blake3::hash(&data) != digest => Err(BlobError(format!(
                "{} is damaged: its content does not fit its name",
                path.display()
            ))),
            Ok(data) => Ok(Some(data.into())),
        }
    }

    /// The directory and the path of the content with this digest.
    fn place(&self, digest: blake3::Hash) -> (PathBuf, PathBuf) {
        let hex = digest.to_hex();
        let (first, rest) = hex.split_at(2);
        let shard = self.uploads.join(first);
        let path = shard.join(rest);
        (shard, path)
    }
}

/// The digest in a name; `None` when it is no name this store gives.
fn digest_of(name: &str) -> Option<blake3::Hash> {
    let hex = name.strip_prefix(PREFIX)?;
    let digest = blake3::Hash::from_hex(hex).ok()?;
    // Upper-case digits parse too, but name nothing.
    (digest.to_hex().as_str() == hex).then_some(digest)
}

fn make_dir(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(path)
}

fn clear(parts: &Path) -> io::Result<()> {
    for part in std::fs::read_dir(parts)? {
        std::fs::remove_file(part?.path())?;
    }
    Ok(())
}

fn failed(what: &str, path: &Path) -> impl FnOnce(io::Error) -> BlobError {
    let what = format!("{what} {}", path.display());
    move |error| BlobError(format!("{what}: {error}"))
}

fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, BlobError> + Send + 'static,
) -> BoxFuture<'static, Result<T, BlobError>> {
    Box::pin(async move {
        tokio::task::spawn_blocking(work)
            .await
            .unwrap_or_else(|error: tokio::task::JoinError| Err(BlobError(shown(&error))))
    })
}

fn shown(error: &impl fmt::Display) -> String {
    error.to_string()
}

const PREFIX: &str = "upl_";
const PARTS: &str = "parts";

#[cfg(test)]
mod tests;
