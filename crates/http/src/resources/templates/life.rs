//! The steps of a template's life.

use axum::Json as Answer;
use axum::extract::{Path, State};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::access::ToAdmin;
use crate::app::App;
use crate::json::{Json, OptionalJson};

use super::Answered;
use super::request::{ApproveBody, Reason, StepBody, TransferBody};
use super::view::TemplateView;

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(submit))
        .routes(routes!(withdraw))
        .routes(routes!(reject))
        .routes(routes!(approve))
        .routes(routes!(publish))
        .routes(routes!(revert))
        .routes(routes!(enable))
        .routes(routes!(disable))
        .routes(routes!(archive))
        .routes(routes!(restore))
        .routes(routes!(transfer))
}

/// Submit a version
///
/// Where its author may publish (verification and notification, unless a rule says otherwise), it goes
/// live in the same step and the template is enabled. Else it waits for `approve`. Without
/// `version`: the newest draft.
#[utoipa::path(
    post, path = "/v1/templates/{key}/submit", tag = "templates", request_body = Option<StepBody>,
    params(("key" = String, Path, description = "The template's key")),
    responses((status = 200, description = "The template", body = TemplateView)),
    security(("bearer" = ["admin"])),
)]
async fn submit(
    State(app): State<App>,
    ToAdmin { caller, .. }: ToAdmin,
    Path(key): Path<String>,
    OptionalJson(body): OptionalJson<StepBody>,
) -> Answered {
    let registrar = app.registrar();
    let entry = registrar
        .submit_template(&caller, &key, body.version, body.reason)
        .await?;
    Ok(Answer(TemplateView::of(&app, &entry)))
}

/// Take a version back
///
/// One that waits for approval, or has it and is not live, is a draft again.
#[utoipa::path(
    post, path = "/v1/templates/{key}/withdraw", tag = "templates", request_body = Option<StepBody>,
    params(("key" = String, Path, description = "The template's key")),
    responses((status = 200, description = "The template", body = TemplateView)),
    security(("bearer" = ["admin"])),
)]
async fn withdraw(
    State(app): State<App>,
    ToAdmin { caller, .. }: ToAdmin,
    Path(key): Path<String>,
    OptionalJson(body): OptionalJson<StepBody>,
) -> Answered {
    let registrar = app.registrar();
    let entry = registrar
        .withdraw_template(&caller, &key, body.version, body.reason)
        .await?;
    Ok(Answer(TemplateView::of(&app, &entry)))
}

/// Reject a version
///
/// It is a draft again; the reason, which is required, stands at the version.
#[utoipa::path(
    post, path = "/v1/templates/{key}/reject", tag = "templates", request_body = Option<StepBody>,
    params(("key" = String, Path, description = "The template's key")),
    responses((status = 200, description = "The template", body = TemplateView)),
    security(("bearer" = ["admin"])),
)]
async fn reject(
    State(app): State<App>,
    ToAdmin { caller, .. }: ToAdmin,
    Path(key): Path<String>,
    OptionalJson(body): OptionalJson<StepBody>,
) -> Answered {
    let registrar = app.registrar();
    let entry = registrar
        .reject_template(&caller, &key, body.version, body.reason)
        .await?;
    Ok(Answer(TemplateView::of(&app, &entry)))
}

/// Make an approved version live
///
/// New messages use it from now on. Without `version`: the newest approved. A template that is
/// disabled stays so.
#[utoipa::path(
    post, path = "/v1/templates/{key}/publish", tag = "templates", request_body = Option<StepBody>,
    params(("key" = String, Path, description = "The template's key")),
    responses((status = 200, description = "The template", body = TemplateView)),
    security(("bearer" = ["admin"])),
)]
async fn publish(
    State(app): State<App>,
    ToAdmin { caller, .. }: ToAdmin,
    Path(key): Path<String>,
    OptionalJson(body): OptionalJson<StepBody>,
) -> Answered {
    let registrar = app.registrar();
    let entry = registrar
        .publish_template(&caller, &key, body.version, body.reason)
        .await?;
    Ok(Answer(TemplateView::of(&app, &entry)))
}

/// Make an earlier version live again
///
/// Without `version`: the one that was live before the present one.
#[utoipa::path(
    post, path = "/v1/templates/{key}/revert", tag = "templates", request_body = Option<StepBody>,
    params(("key" = String, Path, description = "The template's key")),
    responses((status = 200, description = "The template", body = TemplateView)),
    security(("bearer" = ["admin"])),
)]
async fn revert(
    State(app): State<App>,
    ToAdmin { caller, .. }: ToAdmin,
    Path(key): Path<String>,
    OptionalJson(body): OptionalJson<StepBody>,
) -> Answered {
    let registrar = app.registrar();
    let entry = registrar
        .revert_template(&caller, &key, body.version, body.reason)
        .await?;
    Ok(Answer(TemplateView::of(&app, &entry)))
}

/// Enable a template
///
/// Puts it in use. With `version`, that one is live then, if it is approved or was live before. A
/// draft is submitted and published on the way where its author may publish.
#[utoipa::path(
    post, path = "/v1/templates/{key}/enable", tag = "templates", request_body = Option<StepBody>,
    params(("key" = String, Path, description = "The template's key")),
    responses((status = 200, description = "The template", body = TemplateView)),
    security(("bearer" = ["admin"])),
)]
async fn enable(
    State(app): State<App>,
    ToAdmin { caller, .. }: ToAdmin,
    Path(key): Path<String>,
    OptionalJson(body): OptionalJson<StepBody>,
) -> Answered {
    let registrar = app.registrar();
    let entry = registrar
        .enable_template(&caller, &key, body.version, body.reason)
        .await?;
    Ok(Answer(TemplateView::of(&app, &entry)))
}

/// Disable a template
///
/// Sends are refused, and what waits is stopped with the reason.
#[utoipa::path(
    post, path = "/v1/templates/{key}/disable", tag = "templates", request_body = Option<Reason>,
    params(("key" = String, Path, description = "The template's key")),
    responses((status = 200, description = "The template", body = TemplateView)),
    security(("bearer" = ["admin"])),
)]
async fn disable(
    State(app): State<App>,
    ToAdmin { caller, .. }: ToAdmin,
    Path(key): Path<String>,
    OptionalJson(body): OptionalJson<Reason>,
) -> Answered {
    let registrar = app.registrar();
    let entry = registrar
        .disable_template(&caller, &key, body.reason)
        .await?;
    Ok(Answer(TemplateView::of(&app, &entry)))
}

/// Archive a template
///
/// Puts away one that is not in use. Its versions stay readable for the deliveries that name them.
#[utoipa::path(
    post, path = "/v1/templates/{key}/archive", tag = "templates", request_body = Option<Reason>,
    params(("key" = String, Path, description = "The template's key")),
    responses((status = 200, description = "The template", body = TemplateView)),
    security(("bearer" = ["admin"])),
)]
async fn archive(
    State(app): State<App>,
    ToAdmin { caller, .. }: ToAdmin,
    Path(key): Path<String>,
    OptionalJson(body): OptionalJson<Reason>,
) -> Answered {
    let registrar = app.registrar();
    let entry = registrar
        .archive_template(&caller, &key, body.reason)
        .await?;
    Ok(Answer(TemplateView::of(&app, &entry)))
}

/// Restore an archived template
///
/// It is disabled then, or as far as it had come before its first version was live.
#[utoipa::path(
    post, path = "/v1/templates/{key}/restore", tag = "templates", request_body = Option<Reason>,
    params(("key" = String, Path, description = "The template's key")),
    responses((status = 200, description = "The template", body = TemplateView)),
    security(("bearer" = ["admin"])),
)]
async fn restore(
    State(app): State<App>,
    ToAdmin { caller, .. }: ToAdmin,
    Path(key): Path<String>,
    OptionalJson(body): OptionalJson<Reason>,
) -> Answered {
    let registrar = app.registrar();
    let entry = registrar
        .restore_template(&caller, &key, body.reason)
        .await?;
    Ok(Answer(TemplateView::of(&app, &entry)))
}

/// Approve a version
///
/// Where the rules want an approver other than its author, it must be one. With `publish` it is
/// live in the same step, else `publish` or `enable` makes it so.
#[utoipa::path(
    post, path = "/v1/templates/{key}/approve", tag = "templates",
    request_body = Option<ApproveBody>,
    params(("key" = String, Path, description = "The template's key")),
    responses((status = 200, description = "The template", body = TemplateView)),
    security(("bearer" = ["admin"])),
)]
async fn approve(
    State(app): State<App>,
    ToAdmin { caller, .. }: ToAdmin,
    Path(key): Path<String>,
    OptionalJson(body): OptionalJson<ApproveBody>,
) -> Answered {
    let registrar = app.registrar();
    let which = (body.version, body.publish);
    let entry = registrar
        .approve_template(&caller, &key, which, body.reason)
        .await?;
    Ok(Answer(TemplateView::of(&app, &entry)))
}

/// Give a template to another team
///
/// The audit trail keeps who had it, and why it changed hands.
#[utoipa::path(
    post, path = "/v1/templates/{key}/transfer", tag = "templates", request_body = TransferBody,
    params(("key" = String, Path, description = "The template's key")),
    responses((status = 200, description = "The template", body = TemplateView)),
    security(("bearer" = ["admin"])),
)]
async fn transfer(
    State(app): State<App>,
    ToAdmin { caller, .. }: ToAdmin,
    Path(key): Path<String>,
    Json(body): Json<TransferBody>,
) -> Answered {
    let registrar = app.registrar();
    let entry = registrar
        .transfer_template(&caller, &key, body.into_transfer())
        .await?;
    Ok(Answer(TemplateView::of(&app, &entry)))
}
