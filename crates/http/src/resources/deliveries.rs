//! `/v1/deliveries`: where every single message to every single person stands, and why.

mod query;
mod view;

use std::sync::Arc;

use austin_domain::{AccountId, DeliveryId, TemplateId};
use austin_engine::Caller;
use austin_ports::catalog::{Role, Snapshot};
use austin_ports::ledger::Filter;
use axum::Json as Answer;
use axum::extract::{Path, State};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::access::{Sight, ToAdmin, ToAny, ToSend};
use crate::app::App;
use crate::cursor;
use crate::json::OptionalJson;
use crate::problem::{Code, Problem};
use crate::query::Params;

use query::DeliveryQuery;
pub(crate) use query::PageQuery;
pub(crate) use view::DeliveryPage;
use view::{DeliveryView, EvidenceView, ReleaseBody, SuccessView};

/// Marks cursors of delivery lists.
const CURSOR: char = 'd';

pub(crate) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(get))
        .routes(routes!(succeeded))
        .routes(routes!(release))
}

/// List deliveries
///
/// Newest first. A page may hold fewer deliveries than asked for, even none, while `cursor` is
/// set: a search stops after a bounded amount of work. Senders see what their own app sent.
#[utoipa::path(
    get, path = "/v1/deliveries", tag = "deliveries", params(DeliveryQuery),
    responses((status = 200, description = "One page", body = DeliveryPage)),
    security(("bearer" = ["admin", "sender", "reader"])),
)]
async fn list(
    State(app): State<App>,
    ToAny { caller, .. }: ToAny,
    Params(query): Params<DeliveryQuery>,
) -> Result<Answer<DeliveryPage>, Problem> {
    let filter = query.filter(&app)?;
    find(&app, &caller, filter).await.map(Answer)
}

/// Read a delivery with its evidence
///
/// Its timeline, every attempt with the redacted request and answer, every receipt.
#[utoipa::path(
    get, path = "/v1/deliveries/{id}", tag = "deliveries",
    params(("id" = String, Path, description = "The delivery's id, `dlv_…`")),
    responses((status = 200, description = "The delivery and its evidence", body = EvidenceView)),
    security(("bearer" = ["admin", "sender", "reader"])),
)]
async fn get(
    State(app): State<App>,
    ToAny { caller, .. }: ToAny,
    Path(id): Path<String>,
) -> Result<Answer<EvidenceView>, Problem> {
    let evidence = match id.parse::<DeliveryId>() {
        Ok(id) => app.engine.parts().ledger.evidence(id).await?,
        Err(_) => None,
    };
    let evidence = evidence.ok_or_else(missing)?;
    match Sight::of(&caller, evidence.delivery.message.app) {
        Sight::None => Err(missing()),
        sight => Ok(Answer(EvidenceView::of(&app.snapshot(), &evidence, sight))),
    }
}

/// Say that a delivery reached its person
///
/// For what only the sender can know: the code was entered, the link was followed. Recorded as
/// evidence like a receipt; the delivery becomes `delivered` where it may, and is not sent again
/// for want of a receipt. Saying it twice changes nothing.
#[utoipa::path(
    post, path = "/v1/deliveries/{id}/success", tag = "deliveries",
    params(("id" = String, Path, description = "The delivery's id, `dlv_…`")),
    responses((status = 200, description = "Where the delivery stands now", body = SuccessView)),
    security(("bearer" = ["admin", "sender"])),
)]
async fn succeeded(
    State(app): State<App>,
    ToSend { caller, .. }: ToSend,
    Path(id): Path<String>,
) -> Result<Answer<SuccessView>, Problem> {
    let delivery = id.parse::<DeliveryId>().map_err(|_| missing())?;
    let state = app.engine.succeeded(&caller, delivery).await?;
    Ok(Answer(SuccessView {
        id,
        state: state.as_str(),
    }))
}

/// Let a held delivery go before its time
///
/// Quiet hours and the check of its words do not hold it again; caps, suppressions and pauses still
/// count. `GET /v1/deliveries?state=held` lists what is held.
#[utoipa::path(
    post, path = "/v1/deliveries/{id}/release", tag = "deliveries",
    request_body = Option<ReleaseBody>,
    params(("id" = String, Path, description = "The delivery's id, `dlv_…`")),
    responses((status = 200, description = "Where the delivery stands now", body = SuccessView)),
    security(("bearer" = ["admin"])),
)]
async fn release(
    State(app): State<App>,
    ToAdmin { caller, .. }: ToAdmin,
    Path(id): Path<String>,
    OptionalJson(body): OptionalJson<ReleaseBody>,
) -> Result<Answer<SuccessView>, Problem> {
    let delivery = id.parse::<DeliveryId>().map_err(|_| missing())?;
    let state = app.engine.release(&caller, delivery, body.reason).await?;
    Ok(Answer(SuccessView {
        id,
        state: state.as_str(),
    }))
}

/// One page of what fits `filter` and `caller` may see.
pub(crate) async fn find(
    app: &App,
    caller: &Caller,
    mut filter: Filter,
) -> Result<DeliveryPage, Problem> {
    if caller.role == Role::Sender {
        filter.app = Some(caller.app);
    }
    let snapshot = app.snapshot();
    let found = app.engine.parts().ledger.find(filter).await?;
    Ok(DeliveryPage {
        items: found
            .rows
            .iter()
            .map(|row| DeliveryView::of(&snapshot, row, Sight::of(caller, row.message.app)))
            .collect(),
        cursor: found.next.map(|id| cursor::encode(CURSOR, &id.to_string())),
    })
}

/// The key of a template, or its id when it is gone.
pub(crate) fn template_key(snapshot: &Arc<Snapshot>, id: TemplateId) -> String {
    snapshot
        .templates
        .get(&id)
        .map_or_else(|| id.to_string(), |entry| entry.template.key.clone())
}

/// The key of an account, or its id when it is gone.
pub(crate) fn account_key(snapshot: &Arc<Snapshot>, id: AccountId) -> String {
    snapshot
        .accounts
        .get(&id)
        .map_or_else(|| id.to_string(), |account| account.key.clone())
}

fn missing() -> Problem {
    Problem::new(
        Code::NotFound,
        "there is no such delivery; an id has the form dlv_ and 13 characters",
    )
}
