//! A small client of austin's own API, for the commands that talk to a running server.
//!
//! One connection, one request at a time. It never repeats a POST by itself: whether the server
//! took a request whose answer was lost is for the caller to say.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, StatusCode, header};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use rustls_platform_verifier::ConfigVerifierExt as _;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::args::ServerArgs;
use crate::exit::Failure;

/// What is sent.
pub(crate) type Sent = UnsyncBoxBody<Bytes, std::io::Error>;

const CONNECT_WITHIN: Duration = Duration::from_secs(10);
const ANSWER_WITHIN: Duration = Duration::from_secs(60);

/// Where the API is and the key to it.
#[derive(Clone)]
pub(crate) struct Target {
    host: String,
    port: u16,
    tls: bool,
    base_path: String,
    authorization: String,
}

impl Target {
    /// Reads the base URL.
    ///
    /// # Errors
    /// When it is not `http://host[:port][/path]` or the same with `https`.
    pub(crate) fn parse(server: &ServerArgs) -> Result<Self, Failure> {
        let wrong = |why: &str| Failure::usage(format!("--url {}: {why}", server.url));
        let url: http::Uri = server
            .url
            .trim_end_matches('/')
            .parse()
            .map_err(|error| wrong(&format!("{error}")))?;
        let tls = match url.scheme_str() {
            Some("http") => false,
            Some("https") => true,
            _ => return Err(wrong("expected http://host:port or https://host")),
        };
        if !server.key.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(Failure::usage(
                "--key: an API key has no spaces and no other letters",
            ));
        }
        Ok(Self {
            host: url.host().unwrap_or_default().to_owned(),
            port: url.port_u16().unwrap_or(if tls { 443 } else { 80 }),
            tls,
            base_path: url.path().trim_end_matches('/').to_owned(),
            authorization: format!("Bearer {}", server.key),
        })
    }

    /// Whether the server is on this machine.
    pub(crate) fn is_local(&self) -> bool {
        self.host == "localhost"
            || self
                .host
                .trim_matches(['[', ']'])
                .parse::<std::net::IpAddr>()
                .is_ok_and(|address| address.is_loopback())
    }

    /// Opens a connection.
    ///
    /// # Errors
    /// When the server cannot be reached.
    pub(crate) async fn connect(&self) -> Result<Api, Failure> {
        Ok(Api {
            sender: self.open().await?,
            target: self.clone(),
        })
    }

    async fn open(&self) -> Result<SendRequest<Sent>, Failure> {
        let unreachable = |why: String| {
            Failure::refused(format!("cannot reach {}:{}: {why}", self.host, self.port))
        };
        let host = self.host.trim_matches(['[', ']']);
        let stream = tokio::time::timeout(CONNECT_WITHIN, TcpStream::connect((host, self.port)))
            .await
            .map_err(|_| unreachable("no answer".into()))?
            .map_err(|error| unreachable(error.to_string()))?;
        stream
            .set_nodelay(true)
            .map_err(|error| unreachable(error.to_string()))?;
        if self.tls {
            let stream = secured(host, stream).await.map_err(unreachable)?;
            serve(stream).await
        } else {
            serve(stream).await
        }
        .map_err(|error| unreachable(error.to_string()))
    }
}

async fn serve<S>(stream: S) -> Result<SendRequest<Sent>, hyper::Error>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (sender, connection) = handshake(TokioIo::new(stream)).await?;
    tokio::spawn(async move {
        // Its end shows in the next request.
        let _ = connection.await;
    });
    Ok(sender)
}

/// TLS, trusting whom the operating system trusts.
async fn secured(host: &str, stream: TcpStream) -> Result<TlsStream<TcpStream>, String> {
    let name = ServerName::try_from(host.to_owned()).map_err(|error| error.to_string())?;
    let config = ClientConfig::with_platform_verifier().map_err(|error| error.to_string())?;
    TlsConnector::from(Arc::new(config))
        .connect(name, stream)
        .await
        .map_err(|error| error.to_string())
}

/// An open connection to the API.
pub(crate) struct Api {
    target: Target,
    sender: SendRequest<Sent>,
}

/// What the server answered.
#[derive(Debug)]
pub(crate) struct Answer {
    /// Status.
    pub(crate) status: StatusCode,
    /// Seconds of `Retry-After`.
    pub(crate) retry_after: Option<u64>,
    /// Body.
    pub(crate) body: Bytes,
}

impl Api {
    /// Makes one request and takes the whole answer. A connection that was closed meanwhile is
    /// opened again before the request is written.
    ///
    /// # Errors
    /// When no complete answer came back.
    pub(crate) async fn call(
        &mut self,
        method: Method,
        path: &str,
        body: Option<Bytes>,
    ) -> Result<Answer, Failure> {
        let kind = body.is_some().then_some("application/json");
        let body = Full::new(body.unwrap_or_default());
        let body = body.map_err(|never| match never {}).boxed_unsync();
        let exchange = self.exchange(method, path, kind, body);
        tokio::time::timeout(ANSWER_WITHIN, exchange)
            .await
            .map_err(|_| Failure::refused("the server did not answer within 60 s"))?
    }

    /// Posts a file, however long that takes.
    ///
    /// # Errors
    /// As [`Api::call`].
    pub(crate) async fn upload(
        &mut self,
        path: &str,
        kind: &'static str,
        file: Sent,
    ) -> Result<Answer, Failure> {
        self.exchange(Method::POST, path, Some(kind), file).await
    }

    async fn exchange(
        &mut self,
        method: Method,
        path: &str,
        kind: Option<&'static str>,
        body: Sent,
    ) -> Result<Answer, Failure> {
        if self.sender.ready().await.is_err() {
            self.sender = self.target.open().await?;
        }
        let mut request = Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.target.base_path))
            .header(
                header::HOST,
                format!("{}:{}", self.target.host, self.target.port),
            )
            .header(header::AUTHORIZATION, &self.target.authorization);
        if let Some(kind) = kind {
            request = request.header(header::CONTENT_TYPE, kind);
        }
        let request = request
            .body(body)
            .map_err(|error| Failure::usage(format!("cannot ask for {path}: {error}")))?;
        let exchange = async {
            let answer = self.sender.send_request(request).await?;
            let (head, body) = answer.into_parts();
            Ok::<_, hyper::Error>((head, body.collect().await?.to_bytes()))
        };
        let (head, body) = exchange
            .await
            .map_err(|error| Failure::refused(format!("the connection broke: {error}")))?;
        Ok(Answer {
            status: head.status,
            retry_after: head
                .headers
                .get(header::RETRY_AFTER)
                .and_then(|value| value.to_str().ok()?.parse().ok()),
            body,
        })
    }

    /// The JSON behind `path`.
    ///
    /// # Errors
    /// When the server refuses or answers something else.
    pub(crate) async fn get<T: DeserializeOwned>(&mut self, path: &str) -> Result<T, Failure> {
        self.call(Method::GET, path, None).await?.json()
    }

    /// Sends JSON and takes JSON.
    ///
    /// # Errors
    /// When the server refuses or answers something else.
    pub(crate) async fn send(
        &mut self,
        method: Method,
        path: &str,
        body: &Value,
    ) -> Result<Value, Failure> {
        let body = Bytes::from(body.to_string());
        self.call(method, path, Some(body)).await?.json()
    }
}

impl Answer {
    /// The body of a success as JSON.
    ///
    /// # Errors
    /// The problem that the server described, in its words.
    pub(crate) fn json<T: DeserializeOwned>(&self) -> Result<T, Failure> {
        if !self.status.is_success() {
            return Err(Failure::refused(self.problem()));
        }
        serde_json::from_slice(&self.body)
            .map_err(|error| Failure::refused(format!("the answer cannot be read: {error}")))
    }

    /// The refusal in one or more lines.
    pub(crate) fn problem(&self) -> String {
        let Ok(problem) = serde_json::from_slice::<Value>(&self.body) else {
            return format!("refused with {}", self.status);
        };
        let text = |value: &Value, name: &str| value[name].as_str().unwrap_or_default().to_owned();
        let mut lines = vec![format!(
            "{} {}: {}",
            self.status.as_u16(),
            text(&problem, "code"),
            text(&problem, "detail")
        )];
        for error in problem["errors"].as_array().into_iter().flatten() {
            lines.push(format!(
                "  {} {}: {}",
                text(error, "pointer"),
                text(error, "code"),
                text(error, "detail")
            ));
        }
        if let Some(seconds) = self.retry_after {
            lines.push(format!("  try again after {seconds} s"));
        }
        lines.join("\n")
    }
}

/// A value for a query string.
pub(crate) fn encoded(text: &str) -> String {
    percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(url: &str) -> Result<Target, Failure> {
        Target::parse(&ServerArgs {
            url: url.into(),
            key: "k".into(),
        })
    }

    #[test]
    fn base_urls() {
        let plain = target("http://127.0.0.1:7070/").unwrap();
        assert_eq!(
            (plain.port, plain.tls, plain.is_local()),
            (7070, false, true)
        );
        let behind = target("https://push.corp.example/austin/").unwrap();
        assert_eq!((behind.port, behind.base_path.as_str()), (443, "/austin"));
        assert!(!behind.is_local());
        assert!(target("http://[::1]:1").unwrap().is_local());
        assert!(target("ftp://x").is_err());
        assert!(target("127.0.0.1:7070").is_err());
    }

    #[test]
    fn problems_name_each_field() {
        let answer = Answer {
            status: StatusCode::UNPROCESSABLE_ENTITY,
            retry_after: Some(3),
            body: Bytes::from_static(
                br#"{"code":"invalid_request","detail":"2 fields are wrong","errors":[
                {"pointer":"/to/0","code":"invalid_recipient","detail":"not a phone"}]}"#,
            ),
        };
        assert_eq!(
            answer.problem(),
            "422 invalid_request: 2 fields are wrong\n  /to/0 invalid_recipient: not a phone\n  \
             try again after 3 s"
        );
    }
}
