use http::HeaderMap;
use http::header::{CONTENT_TYPE, RETRY_AFTER};
use http_body_util::BodyExt;
use serde_json::Value;

use super::*;
use crate::request_id::RequestIds;

fn id() -> RequestId {
    RequestIds::new(7).of(&HeaderMap::new())
}

async fn document(response: Response) -> Value {
    assert_eq!(response.headers()[CONTENT_TYPE], "application/problem+json");
    let bytes = response.into_body().collect().await.unwrap().to_bytes();
    serde_json::from_slice(&bytes).unwrap()
}

#[tokio::test]
async fn a_panic_leaks_nothing_but_the_request_id() {
    let response = broken(&id());
    assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(response.headers()[request_id::HEADER], id().as_str());
    let document = document(response).await;
    assert_eq!(document["code"], "internal");
    assert_eq!(document["request_id"], id().as_str());
    assert_eq!(document["errors"], serde_json::json!([]));
}

#[tokio::test]
async fn refusals_of_the_framework_become_problems() {
    for (status, code) in [
        (StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed"),
        (StatusCode::NOT_FOUND, "unknown_route"),
        (StatusCode::BAD_REQUEST, "malformed_request"),
        (StatusCode::UPGRADE_REQUIRED, "malformed_request"),
        (StatusCode::BAD_GATEWAY, "internal"),
    ] {
        let mut bare = status.into_response();
        bare.headers_mut()
            .insert(ALLOW, HeaderValue::from_static("GET"));
        let response = finish(bare, &id());
        assert_eq!(response.status(), status);
        assert_eq!(response.headers()[ALLOW], "GET");
        assert_eq!(document(response).await["code"], code);
    }
}

#[tokio::test]
async fn waits_are_rounded_up_to_whole_seconds() {
    let refusal = austin_engine::Refusal {
        retry_after: Some(std::time::Duration::from_millis(1_200)),
        ..austin_engine::Refusal::new(austin_engine::RefusalCode::Busy, "full")
    };
    let response = finish(Problem::from(refusal).into_response(), &id());
    assert_eq!(response.status(), StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(response.headers()[RETRY_AFTER], "2");
    assert_eq!(document(response).await["detail"], "full");
}

#[test]
fn an_answer_that_stands_as_it_is_keeps_its_body() {
    let mut vendor = (StatusCode::BAD_REQUEST, "NOK").into_response();
    vendor.extensions_mut().insert(AsItIs);
    let response = finish(vendor, &id());
    assert_eq!(response.status(), StatusCode::BAD_REQUEST);
    assert!(
        response.headers()[CONTENT_TYPE]
            .to_str()
            .unwrap()
            .starts_with("text/plain")
    );
}
