//! Templates as clients see them.

use std::collections::BTreeMap;

use austin_domain::Content;
use austin_domain::template::{VariableKind, VariableSpec, Version};
use austin_engine::manage::{Preview, SegmentCount};
use austin_ports::catalog::{QuotaOf, Snapshot, TemplateEntry};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::instant::Instant;
use crate::resources::quota::QuotaView;

/// A template and its current version.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Template)]
pub(super) struct TemplateView {
    pub(super) key: String,
    name: String,
    #[schema(example = "sms")]
    channel: &'static str,
    #[schema(example = "notification")]
    class: &'static str,
    team: String,
    owner: String,
    contact: String,
    business: String,
    /// `draft`, `enabled` or `disabled`.
    state: &'static str,
    /// The current version's number.
    version: u32,
    content: ContentView,
    variables: BTreeMap<String, VariableView>,
    #[serde(skip_serializing_if = "Option::is_none")]
    policies: Option<Value>,
    vendor_templates: BTreeMap<String, VendorTemplateView>,
    /// How much may be sent of it; `null`: no limit.
    quota: Option<QuotaView>,
    created_at: Instant,
    updated_at: Instant,
}

impl TemplateView {
    pub(super) fn of(snapshot: &Snapshot, entry: &TemplateEntry) -> Self {
        let template = &entry.template;
        let current = entry.current();
        let version = current.map(|version| VersionView::of(version));
        let (content, variables, policies, vendor_templates) =
            version.map_or_else(Default::default, |view| {
                (
                    view.content,
                    view.variables,
                    view.policies,
                    view.vendor_templates,
                )
            });
        Self {
            key: template.key.clone(),
            name: template.name.clone(),
            channel: template.channel.as_str(),
            class: template.class.as_str(),
            team: template.owner.team.clone(),
            owner: template.owner.owner.clone(),
            contact: template.owner.contact.clone(),
            business: template.owner.business.clone(),
            state: template.state.as_str(),
            version: template.current,
            content,
            variables,
            policies,
            vendor_templates,
            quota: QuotaView::of(snapshot, QuotaOf::Template(template.id)),
            created_at: template.created_at.into(),
            updated_at: template.updated_at.into(),
        }
    }
}

/// One page of templates.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct TemplatePage {
    pub(super) items: Vec<TemplateView>,
    /// Give it as `cursor` for the next page; `null` at the end.
    pub(super) cursor: Option<String>,
}

/// The versions of a template.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct VersionList {
    /// Newest first.
    items: Vec<VersionView>,
}

impl VersionList {
    pub(super) fn of(entry: &TemplateEntry) -> Self {
        Self {
            items: entry
                .versions
                .iter()
                .rev()
                .map(|version| VersionView::of(version))
                .collect(),
        }
    }
}

/// One version of a template.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = TemplateVersion)]
struct VersionView {
    version: u32,
    content: ContentView,
    variables: BTreeMap<String, VariableView>,
    #[serde(skip_serializing_if = "Option::is_none")]
    policies: Option<Value>,
    vendor_templates: BTreeMap<String, VendorTemplateView>,
    /// Who wrote it.
    author: String,
    created_at: Instant,
}

impl VersionView {
    fn of(version: &Version) -> Self {
        Self {
            version: version.number,
            content: ContentView::of(version.content.clone()),
            variables: version
                .variables
                .iter()
                .map(|(name, spec)| (name.clone(), VariableView::of(spec)))
                .collect(),
            policies: version.policies.clone(),
            vendor_templates: version
                .vendor_templates
                .iter()
                .map(|(account, vendor)| {
                    let view = VendorTemplateView {
                        template_id: vendor.template_id.clone(),
                        sign: vendor.sign.clone(),
                        params: vendor.params.clone(),
                    };
                    (account.clone(), view)
                })
                .collect(),
            author: version.author.clone(),
            created_at: version.created_at.into(),
        }
    }
}

/// Words, with placeholders or rendered.
#[derive(Debug, Default, Serialize, ToSchema)]
#[schema(as = ContentView)]
struct ContentView {
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    subject: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    html: Option<String>,
    /// A JSON document as text.
    #[serde(skip_serializing_if = "Option::is_none")]
    body: Option<String>,
}

impl ContentView {
    fn of(content: Content) -> Self {
        match content {
            Content::Text { text } => Self {
                text: Some(text),
                ..Self::default()
            },
            Content::Email {
                subject,
                html,
                text,
            } => Self {
                text,
                subject: Some(subject),
                html,
                body: None,
            },
            Content::Payload { body } => Self {
                body: Some(body),
                ..Self::default()
            },
        }
    }
}

/// What a variable may hold.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = VariableView)]
struct VariableView {
    #[serde(rename = "type")]
    kind: &'static str,
    required: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    default: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_length: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    example: Option<String>,
    secret: bool,
}

impl VariableView {
    fn of(spec: &VariableSpec) -> Self {
        Self {
            kind: match spec.kind {
                VariableKind::String => "string",
                VariableKind::Number => "number",
                VariableKind::Integer => "integer",
                VariableKind::Boolean => "boolean",
            },
            required: spec.required,
            default: spec.default.clone(),
            max_length: spec.max_length,
            example: spec.example.clone(),
            secret: spec.secret,
        }
    }
}

/// How a vendor knows a template.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = VendorTemplateView)]
struct VendorTemplateView {
    #[serde(skip_serializing_if = "Option::is_none")]
    template_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sign: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    params: Option<Vec<String>>,
}

/// What a template would say.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Preview)]
pub(super) struct PreviewView {
    version: u32,
    content: ContentView,
    /// The variables that stand in the words, by name.
    variables: Vec<String>,
    /// SMS: the parts it is billed as.
    segments: Vec<SegmentsView>,
}

impl PreviewView {
    pub(super) fn of(preview: Preview) -> Self {
        Self {
            version: preview.version,
            content: ContentView::of(preview.content),
            variables: preview.variables,
            segments: preview.segments.into_iter().map(SegmentsView::of).collect(),
        }
    }
}

/// The parts an SMS is billed as, by one rule.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Segments)]
struct SegmentsView {
    /// The account whose signature is counted in.
    account: Option<String>,
    /// The signature.
    sign: Option<String>,
    /// `mainland` (+86) or `international`.
    rule: &'static str,
    /// `gsm7` or `ucs2`.
    encoding: &'static str,
    /// Septets or UTF-16 units, signature included.
    units: u32,
    /// Parts billed.
    count: u16,
}

impl SegmentsView {
    fn of(count: SegmentCount) -> Self {
        Self {
            account: count.account,
            sign: count.sign,
            rule: count.rule,
            encoding: count.encoding,
            units: count.units,
            count: count.count,
        }
    }
}
