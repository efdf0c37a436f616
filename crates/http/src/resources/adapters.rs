//! `/v1/adapters`: what vendors can be spoken to, and what their accounts need.

use austin_adapter_api::{Descriptor, Field, FieldKind};
use axum::Json as Answer;
use axum::extract::{Path, State};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::access::ToRead;
use crate::app::App;
use crate::problem::{Code, Problem};

pub(crate) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(get))
}

/// What an adapter is and what its accounts need.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Adapter)]
struct AdapterView {
    #[schema(example = "tencent-sms")]
    name: String,
    title: String,
    /// The channels it carries.
    channels: Vec<&'static str>,
    /// The vendor's own documentation.
    documentation: String,
    settings: Vec<FieldView>,
    secrets: Vec<FieldView>,
    /// Most recipients of one call.
    recipients_per_call: u16,
    /// Whether all recipients of a call have the same content.
    same_content: bool,
    /// What else it can do: `receipts`, `receipts_signed`, `recall`, `query`, `pull`, `balance`;
    /// and what it needs of each message: `needs_vendor_template`, `needs_sign`.
    capabilities: Vec<&'static str>,
}

/// One field of an account.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = AccountField)]
struct FieldView {
    name: String,
    /// `text`, `url`, `integer`, `boolean` or `choice`.
    #[serde(rename = "type")]
    kind: &'static str,
    required: bool,
    /// What stands when it is not given.
    default: Option<String>,
    help: String,
    /// Least value of an integer.
    #[serde(skip_serializing_if = "Option::is_none")]
    min: Option<i64>,
    /// Greatest value of an integer.
    #[serde(skip_serializing_if = "Option::is_none")]
    max: Option<i64>,
    /// Words of a choice.
    #[serde(skip_serializing_if = "Option::is_none")]
    choices: Option<Vec<String>>,
}

/// All adapters.
#[derive(Debug, Serialize, ToSchema)]
struct AdapterList {
    /// By name.
    items: Vec<AdapterView>,
}

impl AdapterView {
    fn of(descriptor: &Descriptor) -> Self {
        let Descriptor {
            name,
            title,
            channels,
            documentation,
            settings,
            secrets,
            batching,
            capabilities,
            limits: _,
            price: _,
            codes: _,
        } = descriptor.clone();
        let can = [
            ("receipts", capabilities.receipts),
            ("receipts_signed", capabilities.receipts_signed),
            ("recall", capabilities.recall),
            ("query", capabilities.query),
            ("pull", capabilities.pull),
            ("balance", capabilities.balance),
            ("needs_vendor_template", capabilities.needs_vendor_template),
            ("needs_sign", capabilities.needs_sign),
        ];
        Self {
            name,
            title,
            channels: channels.iter().map(|channel| channel.as_str()).collect(),
            documentation,
            settings: settings.into_iter().map(FieldView::of).collect(),
            secrets: secrets.into_iter().map(FieldView::of).collect(),
            recipients_per_call: batching.max_recipients,
            same_content: batching.same_content,
            capabilities: can
                .into_iter()
                .filter_map(|(name, able)| able.then_some(name))
                .collect(),
        }
    }
}

impl FieldView {
    fn of(field: Field) -> Self {
        let (kind, min, max, choices) = match field.kind {
            FieldKind::Text => ("text", None, None, None),
            FieldKind::Url => ("url", None, None, None),
            FieldKind::Integer { min, max } => ("integer", Some(min), Some(max), None),
            FieldKind::Boolean => ("boolean", None, None, None),
            FieldKind::Choice(words) => ("choice", None, None, Some(words)),
        };
        Self {
            name: field.name,
            kind,
            required: field.required,
            default: field.default,
            help: field.help,
            min,
            max,
            choices,
        }
    }
}

/// List adapters
#[utoipa::path(
    get, path = "/v1/adapters", tag = "adapters",
    responses((status = 200, description = "All adapters", body = AdapterList)),
    security(("bearer" = ["admin", "reader"])),
)]
async fn list(State(app): State<App>, _: ToRead) -> Answer<AdapterList> {
    let adapters = &app.engine.parts().adapters;
    Answer(AdapterList {
        items: adapters
            .iter()
            .map(|adapter| AdapterView::of(adapter.descriptor()))
            .collect(),
    })
}

/// Read an adapter
#[utoipa::path(
    get, path = "/v1/adapters/{name}", tag = "adapters",
    params(("name" = String, Path, description = "The adapter's name")),
    responses((status = 200, description = "The adapter", body = AdapterView)),
    security(("bearer" = ["admin", "reader"])),
)]
async fn get(
    State(app): State<App>,
    _: ToRead,
    Path(name): Path<String>,
) -> Result<Answer<AdapterView>, Problem> {
    let adapter = app.engine.parts().adapters.get(&name);
    let adapter =
        adapter.ok_or_else(|| Problem::new(Code::NotFound, "there is no such adapter"))?;
    Ok(Answer(AdapterView::of(adapter.descriptor())))
}
