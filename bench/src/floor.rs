//! The floor of the API: the same HTTP stack, reading the body and answering a constant.

use std::net::SocketAddr;

use anyhow::Result;
use axum::Router;
use axum::routing::post;
use bytes::Bytes;
use http::StatusCode;
use tokio::net::TcpListener;

/// About as long as a real answer for one recipient.
const ANSWER: &str = concat!(
    r#"{"id":"msg_0000000000000","template":{"key":"order-shipped","version":1},"accepted":1,"#,
    r#""rejected":[],"deliveries":[{"id":"dlv_0000000000000","to":"+8613800000000","#,
    r#""state":"accepted","reason":null}],"wait":{"ahead":0,"seconds":0,"reason":null}}"#
);

/// Serves until killed.
#[expect(clippy::print_stdout, reason = "says where it listens")]
pub(crate) async fn serve(listen: SocketAddr) -> Result<()> {
    let listener = TcpListener::bind(listen).await?;
    println!("listening on http://{}", listener.local_addr()?);
    let app = Router::new().route("/v1/messages", post(answer));
    axum::serve(listener, app).await?;
    Ok(())
}

async fn answer(
    body: Bytes,
) -> (
    StatusCode,
    [(http::HeaderName, &'static str); 1],
    &'static str,
) {
    let _ = body.len();
    (
        StatusCode::ACCEPTED,
        [(http::header::CONTENT_TYPE, "application/json")],
        ANSWER,
    )
}
