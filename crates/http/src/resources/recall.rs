//! Taking messages back: a delivery, a message, what waits of a template.

use austin_domain::{DeliveryId, MessageId};
use austin_engine::recall::{RecallOf, Recalled};
use axum::Json as Answer;
use axum::extract::{Path, State};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::access::{ToAdmin, ToSend};
use crate::app::App;
use crate::instant::Instant;
use crate::json::OptionalJson;
use crate::problem::{Code, Problem};

pub(crate) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(message))
        .routes(routes!(delivery))
        .routes(routes!(template))
}

/// Why it is taken back.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct RecallRequest {
    /// For people; one line of at most 200 characters. Kept with each delivery.
    reason: Option<String>,
}

/// Why a template's deliveries are taken back, and whether vendors are asked too.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct TemplateRecallRequest {
    /// For people; one line of at most 200 characters. Kept with each delivery.
    reason: Option<String>,
    /// Also ask the vendors for what was accepted since then and is sent. Without it only what
    /// waits is taken back.
    sent_since: Option<Instant>,
}

/// What a recall came to, delivery by delivery.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Recalled)]
struct RecalledView {
    /// Withdrawn before any vendor had it.
    withdrawn: u64,
    /// Taken back by the vendor that had it.
    taken_back: u64,
    /// A vendor has it and cannot or would not take it back.
    not_taken_back: u64,
    /// In the hands of a vendor just now; ask again once it is sent.
    under_way: u64,
    /// Settled before: delivered, failed, stopped by a rule, recalled earlier.
    settled: u64,
}

impl From<Recalled> for RecalledView {
    fn from(recalled: Recalled) -> Self {
        Self {
            withdrawn: recalled.withdrawn,
            taken_back: recalled.taken_back,
            not_taken_back: recalled.not_taken_back,
            under_way: recalled.under_way,
            settled: recalled.settled,
        }
    }
}

/// Take a message back
///
/// What no vendor has is withdrawn; what a vendor took is taken back there where its adapter can.
/// Senders recall what their own app sent.
#[utoipa::path(
    post, path = "/v1/messages/{id}/recall", tag = "messages",
    request_body = Option<RecallRequest>,
    params(("id" = String, Path, description = "The message's id, `msg_…`")),
    responses((status = 200, description = "What it came to", body = RecalledView)),
    security(("bearer" = ["admin", "sender"])),
)]
async fn message(
    State(app): State<App>,
    ToSend { caller, .. }: ToSend,
    Path(id): Path<String>,
    OptionalJson(body): OptionalJson<RecallRequest>,
) -> Result<Answer<RecalledView>, Problem> {
    let id = id.parse::<MessageId>().map_err(|_| missing("message"))?;
    let of = RecallOf::Message(id);
    let recalled = app.engine.recall(&caller, of, body.reason.as_deref()).await;
    Ok(Answer(recalled?.into()))
}

/// Take a delivery back
#[utoipa::path(
    post, path = "/v1/deliveries/{id}/recall", tag = "deliveries",
    request_body = Option<RecallRequest>,
    params(("id" = String, Path, description = "The delivery's id, `dlv_…`")),
    responses((status = 200, description = "What it came to", body = RecalledView)),
    security(("bearer" = ["admin", "sender"])),
)]
async fn delivery(
    State(app): State<App>,
    ToSend { caller, .. }: ToSend,
    Path(id): Path<String>,
    OptionalJson(body): OptionalJson<RecallRequest>,
) -> Result<Answer<RecalledView>, Problem> {
    let id = id.parse::<DeliveryId>().map_err(|_| missing("delivery"))?;
    let of = RecallOf::Delivery(id);
    let recalled = app.engine.recall(&caller, of, body.reason.as_deref()).await;
    Ok(Answer(recalled?.into()))
}

/// Take back what waits of a template
///
/// Pause or disable the template first, or new messages keep coming.
#[utoipa::path(
    post, path = "/v1/templates/{key}/recall", tag = "templates",
    request_body = Option<TemplateRecallRequest>,
    params(("key" = String, Path, description = "The template's key")),
    responses((status = 200, description = "What it came to", body = RecalledView)),
    security(("bearer" = ["admin"])),
)]
async fn template(
    State(app): State<App>,
    ToAdmin { caller, .. }: ToAdmin,
    Path(key): Path<String>,
    OptionalJson(body): OptionalJson<TemplateRecallRequest>,
) -> Result<Answer<RecalledView>, Problem> {
    let entry = app.registrar().template(&key)?;
    let given = (body.reason.as_deref(), body.sent_since.map(|since| since.0));
    let recalled = app.engine.recall_template(&caller, &entry, given).await?;
    Ok(Answer(recalled.into()))
}

fn missing(what: &str) -> Problem {
    Problem::new(Code::NotFound, format!("there is no such {what}"))
}
