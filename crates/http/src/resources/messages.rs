//! `/v1/messages`: the main job.
//!
//! `POST /v1/messages` is the hot path of the whole platform: the service calls [`send_one`]
//! directly, past the router; the body is parsed once, the answer written once.

mod answer;
mod batch;
mod recipients;
mod request;
mod vars;
mod view;

use austin_domain::MessageId;
use austin_engine::send::{SendAnswer, SendRequest};
use austin_engine::{Caller, Once, OnceAnswer, Refusal};
use axum::Json as Answer;
use axum::extract::{Path, Request, State};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::request::Parts;
use http::{HeaderValue, StatusCode};
use hyper::body::Body;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::access::{self, Roles, Sight, ToAny};
use crate::app::App;
use crate::body;
use crate::json;
use crate::once;
use crate::problem::{Code, Problem};
use crate::query::Params;
use crate::request_id::RequestId;
use crate::resources::deliveries::{DeliveryPage, PageQuery, find};

pub(crate) use answer::WaitView;
pub(crate) use vars::Vars;

pub(super) use answer::MessageAnswer;
use batch::{BatchAnswer, BatchRequest};
use request::MessageRequest;
use view::MessageView;

pub(crate) const PATH: &str = "/v1/messages";
const BATCH: &str = "/v1/messages/batch";
const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// Whether a POST to this path is remembered in the commit of what it sends.
pub(crate) fn remembers_itself(path: &str) -> bool {
    path == PATH || path == BATCH
}

pub(crate) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(send))
        .routes(routes!(send_batch))
        .routes(routes!(get))
        .routes(routes!(deliveries))
}

/// Send a message
///
/// One template, 1 to 1,000 recipients. Once this answers 202, every accepted recipient has a
/// durable delivery. Recipients that cannot be sent to are named in `rejected` and cost the
/// others nothing; when nobody is left, the answer is 422.
#[utoipa::path(
    post, path = "/v1/messages", tag = "messages", request_body = MessageRequest,
    responses((status = 202, description = "Durable", body = MessageAnswer)),
    security(("bearer" = ["admin", "sender"])),
)]
async fn send(State(app): State<App>, request: Request) -> Result<Response, Problem> {
    let (parts, body) = request.into_parts();
    let request_id = parts.extensions.get::<RequestId>().cloned();
    let request_id = request_id.unwrap_or_else(|| app.request_ids.of(&parts.headers));
    send_one(&app, &parts, &request_id, body).await
}

/// The hot path; see the module.
pub(crate) async fn send_one<B>(
    app: &App,
    parts: &Parts,
    request_id: &RequestId,
    body: B,
) -> Result<Response, Problem>
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: std::fmt::Display,
{
    let roles = access::AdminOrSender::ROLES;
    let caller = access::admit(app, &parts.headers, request_id.as_str(), roles)?;
    body::require_json(&parts.headers)?;
    let bytes = body::collect(&parts.headers, body, &app.options).await?;
    let once = once::of(parts, &bytes, caller.role)?;
    let request = json::parse::<MessageRequest>(&bytes)?.into_engine()?;
    drop(bytes);
    let (mut answers, replayed) = carry_out(app, &caller, vec![request], once).await?;
    let answer = answers.pop().unwrap_or_else(|| Err(unanswered()))?;
    let mut response = Response::new(axum::body::Body::from(written(&answer)));
    *response.status_mut() = StatusCode::ACCEPTED;
    response.headers_mut().insert(CONTENT_TYPE, JSON);
    if replayed.is_some() {
        once::replayed(response.headers_mut());
    }
    Ok(response)
}

/// An answer as JSON.
pub(super) fn written(answer: &SendAnswer) -> Vec<u8> {
    let mut written = Vec::with_capacity(answer::estimate(answer));
    answer::write(&mut written, answer);
    written
}

/// Sends, or answers again what was answered to the same request before; then the id of that
/// request stands beside.
async fn carry_out(
    app: &App,
    caller: &Caller,
    requests: Vec<SendRequest>,
    once: Option<Once>,
) -> Result<(Vec<Result<SendAnswer, Refusal>>, Option<String>), Refusal> {
    let Some(once) = once else {
        return Ok((app.engine.send(caller, requests).await, None));
    };
    let OnceAnswer { answers, replayed } = app.engine.send_once(caller, requests, once).await?;
    Ok((answers, replayed))
}

/// Send many messages
///
/// At most 1,000, answered in order; one bad message never fails another. As `application/json`
/// it is one object; as `application/x-ndjson` every line is a message, and every line of the
/// answer is what became of it.
#[utoipa::path(
    post, path = "/v1/messages/batch", tag = "messages",
    request_body(content(
        (BatchRequest = "application/json"),
        (MessageRequest = "application/x-ndjson"),
    )),
    responses((status = 200, description = "What became of each, in order", content(
        (BatchAnswer = "application/json"),
        (batch::BatchItem = "application/x-ndjson"),
    ))),
    security(("bearer" = ["admin", "sender"])),
)]
async fn send_batch(
    State(app): State<App>,
    access::ToSend { caller, .. }: access::ToSend,
    request: Request,
) -> Result<Response, Problem> {
    let (parts, body) = request.into_parts();
    let request_id = parts.extensions.get::<RequestId>().cloned();
    let request_id = request_id.unwrap_or_else(|| app.request_ids.of(&parts.headers));
    let format = batch::Format::of(&parts.headers)?;
    let bytes = body::collect(&parts.headers, body, &app.options).await?;
    let items = format.split(&bytes, app.options.max_batch)?;
    let once = once::of(&parts, &bytes, caller.role)?;
    let (answers, replayed) = batch::send(&app, &caller, items, once).await?;
    // Problems name the request they were found in.
    let named = replayed.as_deref().map(RequestId::given);
    let written = format.write(&answers, named.as_ref().unwrap_or(&request_id));
    let mut response = ([(CONTENT_TYPE, format.media_type())], written).into_response();
    if replayed.is_some() {
        once::replayed(response.headers_mut());
    }
    Ok(response)
}

/// Read a message and how its deliveries stand
#[utoipa::path(
    get, path = "/v1/messages/{id}", tag = "messages",
    params(("id" = String, Path, description = "The message's id, `msg_…`")),
    responses((status = 200, description = "The message", body = MessageView)),
    security(("bearer" = ["admin", "sender", "reader"])),
)]
async fn get(
    State(app): State<App>,
    ToAny { caller, .. }: ToAny,
    Path(id): Path<String>,
) -> Result<Answer<MessageView>, Problem> {
    let summary = match id.parse::<MessageId>() {
        Ok(id) => app.engine.parts().ledger.message(id).await?,
        Err(_) => None,
    };
    let summary = summary.ok_or_else(missing)?;
    match Sight::of(&caller, summary.message.app) {
        Sight::None => Err(missing()),
        sight => Ok(Answer(MessageView::of(&app, &summary, sight))),
    }
}

/// List the deliveries of a message
#[utoipa::path(
    get, path = "/v1/messages/{id}/deliveries", tag = "messages",
    params(("id" = String, Path, description = "The message's id, `msg_…`"), PageQuery),
    responses((status = 200, description = "One page, newest first", body = DeliveryPage)),
    security(("bearer" = ["admin", "sender", "reader"])),
)]
async fn deliveries(
    State(app): State<App>,
    ToAny { caller, .. }: ToAny,
    Path(id): Path<String>,
    Params(query): Params<PageQuery>,
) -> Result<Answer<DeliveryPage>, Problem> {
    let id: MessageId = id.parse().map_err(|_| missing())?;
    let summary = app.engine.parts().ledger.message(id).await?;
    let summary = summary.ok_or_else(missing)?;
    if Sight::of(&caller, summary.message.app) == Sight::None {
        return Err(missing());
    }
    let mut filter = query.filter()?;
    filter.message = Some(id);
    find(&app, &caller, filter).await.map(Answer)
}

fn missing() -> Problem {
    Problem::new(
        Code::NotFound,
        "there is no such message; an id has the form msg_ and 13 characters",
    )
}

/// The engine broke its contract of one answer per request.
fn unanswered() -> Refusal {
    Refusal::new(
        austin_engine::RefusalCode::Unavailable,
        "the message got no answer",
    )
}
