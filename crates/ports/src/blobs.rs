//! Uploaded files, named by their content.

use bytes::Bytes;

use crate::BoxFuture;

/// Keeps uploaded files. The same content is kept once.
pub trait Blobs: Send + Sync {
    /// Makes `data` durable and returns its name: `upl_` and 64 hexadecimal digits of its BLAKE3
    /// digest.
    fn put(&self, data: Bytes) -> BoxFuture<'_, Result<String, BlobError>>;

    /// The content behind `name`; `None` when there is none.
    fn get(&self, name: &str) -> BoxFuture<'_, Result<Option<Bytes>, BlobError>>;
}

/// Why a file could not be kept or read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("upload store: {0}")]
pub struct BlobError(pub String);
