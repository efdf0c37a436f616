//! Settings of the HTTP edge.

use std::net::SocketAddr;
use std::time::Duration;

/// Settings of the HTTP edge. Every one has a default.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// Where to listen; for whoever binds the socket.
    pub listen: SocketAddr,
    /// Most bytes of a request body.
    pub max_body_bytes: usize,
    /// Most bytes of a request's first line and headers.
    pub max_header_bytes: usize,
    /// Most messages of one batch.
    pub max_batch: usize,
    /// Most connections at a time; further ones wait to be accepted.
    pub max_connections: usize,
    /// How long a client may take to send its headers; also how long an idle connection stays.
    pub header_timeout: Duration,
    /// How long a client may take to send its body.
    pub body_timeout: Duration,
    /// How long requests in flight may take to finish when stopping.
    pub stop_within: Duration,
    /// The URL under which the world reaches us, e.g. `https://push.corp.example`; vendors'
    /// receipt signatures cover it. `None` takes the request's `Host`.
    pub public_url: Option<String>,
    /// Whether `/metrics` is open to everybody. Else it is open to this machine only, and to
    /// keys that may read.
    pub open_metrics: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 7070)),
            max_body_bytes: 8 * 1024 * 1024,
            max_header_bytes: 32 * 1024,
            max_batch: 1_000,
            max_connections: 10_000,
            header_timeout: Duration::from_secs(60),
            body_timeout: Duration::from_secs(30),
            stop_within: Duration::from_secs(10),
            public_url: None,
            open_metrics: false,
        }
    }
}

/// Settings that cannot work.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("http.{field}: {detail}")]
pub struct InvalidOptions {
    /// The setting.
    pub field: &'static str,
    /// What is wrong and what is expected.
    pub detail: String,
}

impl Options {
    /// Checks what the types do not.
    ///
    /// # Errors
    /// The first setting that cannot work.
    pub fn check(&self) -> Result<(), InvalidOptions> {
        let fault = |field, detail: &str| {
            Err(InvalidOptions {
                field,
                detail: detail.to_owned(),
            })
        };
        if let Some(url) = &self.public_url {
            let parsed = url.parse::<http::Uri>().ok();
            let whole = parsed.as_ref().is_some_and(|uri| {
                matches!(uri.scheme_str(), Some("http" | "https"))
                    && uri.host().is_some()
                    && uri.query().is_none()
            });
            if !whole {
                return fault("public_url", "must be an absolute http or https URL");
            }
        }
        // hyper refuses smaller read buffers.
        if self.max_header_bytes < 8_192 {
            return fault("max_header_bytes", "must be at least 8192");
        }
        if self.max_body_bytes == 0 || self.max_batch == 0 || self.max_connections == 0 {
            return fault(
                "max_body_bytes, max_batch, max_connections",
                "must be above zero",
            );
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_work_is_named() {
        assert_eq!(Options::default().check(), Ok(()));
        for url in [
            "push.corp.example",
            "ftp://push.corp.example",
            "https://a.example/?b",
        ] {
            let options = Options {
                public_url: Some(url.into()),
                ..Options::default()
            };
            assert_eq!(options.check().unwrap_err().field, "public_url", "{url}");
        }
        let options = Options {
            max_header_bytes: 100,
            ..Options::default()
        };
        assert_eq!(options.check().unwrap_err().field, "max_header_bytes");
    }
}
