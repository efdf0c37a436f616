//! A client for JSON APIs under test: one kept connection, opened again when it was lost.
//!
//! An error means that no complete answer came; whether the server took the request is unknown,
//! and the client never repeats one.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, StatusCode, header};
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpStream;

const ANSWER_WITHIN: Duration = Duration::from_secs(60);

/// A client of one server.
#[derive(Debug)]
pub struct Client {
    address: SocketAddr,
    key: Option<String>,
    sender: Option<SendRequest<Full<Bytes>>>,
}

/// A complete answer.
#[derive(Clone, Debug)]
pub struct Answer {
    /// Status.
    pub status: StatusCode,
    /// Body; `Null` when it is no JSON.
    pub json: Value,
}

impl Client {
    /// A client with a bearer key.
    pub fn new(address: SocketAddr, key: impl Into<Option<String>>) -> Self {
        Self {
            address,
            key: key.into(),
            sender: None,
        }
    }

    /// Makes one request.
    ///
    /// # Errors
    /// When no complete answer came.
    pub async fn call(
        &mut self,
        method: &str,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Answer, String> {
        let mut sender = match self.sender.take() {
            Some(sender) if !sender.is_closed() => sender,
            _ => self.open().await?,
        };
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::HOST, self.address.to_string());
        if let Some(key) = &self.key {
            request = request.header(header::AUTHORIZATION, format!("Bearer {key}"));
        }
        let body = body.map_or_else(Bytes::new, |body| body.to_string().into());
        let request = request
            .header(header::CONTENT_TYPE, "application/json")
            .body(Full::new(body))
            .map_err(|error| error.to_string())?;
        let exchange = async {
            sender.ready().await?;
            let (head, body) = sender.send_request(request).await?.into_parts();
            Ok::<_, hyper::Error>((head.status, body.collect().await?.to_bytes()))
        };
        let (status, body) = tokio::time::timeout(ANSWER_WITHIN, exchange)
            .await
            .map_err(|_| "no answer within 60 s".to_owned())?
            .map_err(|error| error.to_string())?;
        self.sender = Some(sender);
        Ok(Answer {
            status,
            json: serde_json::from_slice(&body)
                .unwrap_or_else(|_| String::from_utf8_lossy(&body).into()),
        })
    }

    /// `GET path`, which must succeed.
    ///
    /// # Panics
    /// When it does not.
    pub async fn get(&mut self, path: &str) -> Value {
        self.must("GET", path, None).await
    }

    /// A request that must succeed.
    ///
    /// # Panics
    /// When it does not, with the answer.
    pub async fn must(&mut self, method: &str, path: &str, body: Option<&Value>) -> Value {
        match self.call(method, path, body).await {
            Ok(answer) if answer.status.is_success() => answer.json,
            Ok(answer) => panic!("{method} {path}: {} {}", answer.status, answer.json),
            Err(why) => panic!("{method} {path}: {why}"),
        }
    }

    async fn open(&self) -> Result<SendRequest<Full<Bytes>>, String> {
        let stream = TcpStream::connect(self.address)
            .await
            .map_err(|error| error.to_string())?;
        stream
            .set_nodelay(true)
            .map_err(|error| error.to_string())?;
        let (sender, connection) = handshake(TokioIo::new(stream))
            .await
            .map_err(|error| error.to_string())?;
        // Its end shows in the next request.
        tokio::spawn(async move { drop(connection.await) });
        Ok(sender)
    }
}
