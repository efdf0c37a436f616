//! How servers prove who they are: the operating system's authorities plus an optional file.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::ClientConfig;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::{self, PemObject};
use rustls_platform_verifier::Verifier;

/// The way out cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file of extra authorities cannot be read.
    #[error("cannot read certificate authorities from {path}: {source}")]
    ExtraCa {
        /// The file.
        path: PathBuf,
        /// Why.
        source: pem::Error,
    },
    /// The file of extra authorities holds none.
    #[error("no certificate in {path}")]
    NoExtraCa {
        /// The file.
        path: PathBuf,
    },
    /// TLS cannot be set up, e.g. the machine has no certificate authorities.
    #[error("cannot set up TLS: {0}")]
    Tls(#[from] rustls::Error),
}

/// The configuration of every TLS connection; sessions are resumed. Built once: it is costly.
///
/// # Errors
/// [`Error`] when the authorities cannot be loaded.
pub(crate) fn config(extra_ca: Option<&Path>) -> Result<Arc<ClientConfig>, Error> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let extra = extra_ca.map(authorities).transpose()?.unwrap_or_default();
    let verifier = Verifier::new_with_extra_roots(extra, Arc::clone(&provider))?;
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .dangerous() // Named so for any verifier of one's own choice; this one verifies fully.
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_no_client_auth();
    Ok(Arc::new(config))
}

fn authorities(path: &Path) -> Result<Vec<CertificateDer<'static>>, Error> {
    let failed = |source| Error::ExtraCa {
        path: path.to_owned(),
        source,
    };
    let found = CertificateDer::pem_file_iter(path)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(failed)?;
    if found.is_empty() {
        return Err(Error::NoExtraCa {
            path: path.to_owned(),
        });
    }
    Ok(found)
}
