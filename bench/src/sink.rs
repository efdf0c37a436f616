//! The vendor side: takes every message of the simulator protocol at once and keeps nothing.

use std::convert::Infallible;
use std::net::SocketAddr;

use anyhow::Result;
use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;

/// Serves until killed.
#[expect(clippy::print_stdout, reason = "says where it listens")]
pub(crate) async fn serve(listen: SocketAddr) -> Result<()> {
    let listener = TcpListener::bind(listen).await?;
    println!("listening on http://{}", listener.local_addr()?);
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        tokio::spawn(async move {
            let service = service_fn(answer);
            let _ = hyper::server::conn::http1::Builder::new()
                .serve_connection(TokioIo::new(stream), service)
                .await;
        });
    }
}

async fn answer(request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    let body = request
        .into_body()
        .collect()
        .await
        .map(|body| body.to_bytes())
        .unwrap_or_default();
    Ok(Response::new(Full::new(Bytes::from(results(&body)))))
}

/// One `ok` per `"reference":"…"` found; a scan, so that the vendor side stays cheap.
fn results(body: &[u8]) -> String {
    const MARK: &[u8] = b"\"reference\":\"";
    let mut answer = String::with_capacity(body.len() / 2 + 64);
    answer.push_str("{\"results\":[");
    let mut rest = body;
    let mut first = true;
    while let Some(at) = rest.windows(MARK.len()).position(|window| window == MARK) {
        rest = &rest[at + MARK.len()..];
        let end = rest
            .iter()
            .position(|byte| *byte == b'"')
            .unwrap_or(rest.len());
        let reference = String::from_utf8_lossy(&rest[..end]);
        if !first {
            answer.push(',');
        }
        first = false;
        answer.push_str("{\"reference\":\"");
        answer.push_str(&reference);
        answer.push_str("\",\"code\":\"ok\",\"id\":\"v-");
        answer.push_str(reference.trim_start_matches("dlv_"));
        answer.push_str("\",\"segments\":1}");
    }
    answer.push_str("]}");
    answer
}

#[cfg(test)]
mod tests {
    #[test]
    fn answers_for_every_message() {
        let body = br#"{"messages":[{"reference":"dlv_a","to":"x"},{"reference":"dlv_b"}]}"#;
        let answer: serde_json::Value = serde_json::from_str(&super::results(body)).unwrap();
        let results = answer["results"].as_array().unwrap();
        assert_eq!(results.len(), 2);
        assert_eq!(results[1]["reference"], "dlv_b");
        assert_eq!(results[1]["id"], "v-b");
    }
}
