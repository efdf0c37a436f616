//! The small HTTP client that posts receipts.
//!
//! Invariant: a connection goes back to the pool only after its answer was read to the end.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, header};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use parking_lot::Mutex;
use tokio::net::TcpStream;
use url::Url;

/// Where receipts are posted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Target {
    host: String,
    port: u16,
    authority: String,
    path: String,
}

impl Target {
    /// Reads an `http://` URL.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let url = Url::parse(text).map_err(|error| format!("is no URL: {error}"))?;
        if url.scheme() != "http" {
            return Err("must begin with http://".into());
        }
        let host = url.host_str().ok_or("has no host")?.to_owned();
        let port = url.port_or_known_default().unwrap_or(80);
        let path = match url.query() {
            Some(query) => format!("{}?{query}", url.path()),
            None => url.path().to_owned(),
        };
        Ok(Self {
            authority: format!("{host}:{port}"),
            host: host.trim_matches(['[', ']']).to_owned(),
            port,
            path,
        })
    }
}

/// What a post says.
#[derive(Debug, Clone)]
pub(crate) struct Post {
    pub(crate) content_type: &'static str,
    /// Headers and values of the proof of origin.
    pub(crate) signature: Vec<(&'static str, String)>,
    pub(crate) body: Bytes,
}

/// Posts to one target over kept connections.
#[derive(Debug)]
pub(crate) struct Callback {
    target: Target,
    idle: Mutex<Vec<SendRequest<Full<Bytes>>>>,
}

impl Callback {
    pub(crate) fn new(target: Target) -> Arc<Self> {
        Arc::new(Self {
            target,
            idle: Mutex::default(),
        })
    }

    /// Posts once; the status and body of the answer, or why there is none.
    pub(crate) async fn post(&self, post: &Post) -> Result<(u16, Bytes), String> {
        tokio::time::timeout(TIMEOUT, self.exchange(post))
            .await
            .unwrap_or_else(|_| Err("no answer in time".into()))
    }

    async fn exchange(&self, post: &Post) -> Result<(u16, Bytes), String> {
        let mut sender = self.connection().await?;
        let answer = sender
            .send_request(self.request(post)?)
            .await
            .map_err(|error| error.to_string())?;
        let (status, body) = read(answer).await?;
        if !sender.is_closed() {
            self.idle.lock().push(sender);
        }
        Ok((status, body))
    }

    async fn connection(&self) -> Result<SendRequest<Full<Bytes>>, String> {
        loop {
            let Some(mut kept) = self.idle.lock().pop() else {
                break;
            };
            if kept.ready().await.is_ok() {
                return Ok(kept);
            }
        }
        let stream = TcpStream::connect((self.target.host.as_str(), self.target.port))
            .await
            .map_err(|error| error.to_string())?;
        let _ = stream.set_nodelay(true);
        let (sender, connection) = handshake(TokioIo::new(stream))
            .await
            .map_err(|error| error.to_string())?;
        // Ends by itself when the sender is dropped or the peer leaves.
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "receipt connection ended");
            }
        });
        Ok(sender)
    }

    fn request(&self, post: &Post) -> Result<Request<Full<Bytes>>, String> {
        let mut request = Request::post(&self.target.path)
            .header(header::HOST, &self.target.authority)
            .header(header::CONTENT_TYPE, post.content_type);
        for (name, signature) in &post.signature {
            request = request.header(*name, signature);
        }
        request
            .body(Full::new(post.body.clone()))
            .map_err(|error| error.to_string())
    }
}

async fn read(answer: Response<Incoming>) -> Result<(u16, Bytes), String> {
    let status = answer.status().as_u16();
    let body = Limited::new(answer.into_body(), ANSWER_BYTES)
        .collect()
        .await
        .map_err(|error| error.to_string())?;
    Ok((status, body.to_bytes()))
}

const TIMEOUT: Duration = Duration::from_secs(10);
const ANSWER_BYTES: usize = 64 << 10;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_targets() {
        let target = Target::parse("http://[::1]:70/v1/receipts/a?key=1").unwrap();
        assert_eq!(target.host, "::1");
        assert_eq!(target.authority, "[::1]:70");
        assert_eq!(target.path, "/v1/receipts/a?key=1");
        assert!(Target::parse("https://sms.example/").is_err());
        assert!(Target::parse("nowhere").is_err());
    }
}
