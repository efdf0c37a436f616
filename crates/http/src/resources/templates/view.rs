//! Templates as clients see them.

use std::collections::BTreeMap;

use austin_domain::Content;
use austin_domain::template::{
    Localised, Mark, VariableKind, VariableSpec, VendorTemplate, Version,
};
use austin_engine::manage::{Preview, PriceQuote, SegmentCount};
use austin_ports::catalog::{QuotaOf, TemplateEntry};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::app::App;
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
    /// `draft`, `submitted`, `approved`, `enabled`, `disabled` or `archived`.
    state: &'static str,
    /// Who put it in this state or took its last step, when and why.
    since: Option<MarkView>,
    /// The version that new messages use, or would if the template were in use.
    version: u32,
    /// The newest version that waits to be live, where there is one.
    waiting: Option<WaitingView>,
    /// When a message of it was accepted last; tests do not count.
    last_used_at: Option<Instant>,
    content: ContentView,
    variables: BTreeMap<String, VariableView>,
    #[serde(skip_serializing_if = "Option::is_none")]
    policies: Option<Value>,
    vendor_templates: BTreeMap<String, VendorTemplateView>,
    /// The words in other languages, by BCP 47 tag.
    locales: BTreeMap<String, LocaleView>,
    /// How much may be sent of it; `null`: no limit.
    quota: Option<QuotaView>,
    created_at: Instant,
    updated_at: Instant,
}

impl TemplateView {
    pub(super) fn of(app: &App, entry: &TemplateEntry) -> Self {
        let template = &entry.template;
        let current = entry.current().map(|version| VersionView::of(version));
        let current = current.unwrap_or_default();
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
            since: template.since.as_ref().map(MarkView::of),
            version: template.current,
            waiting: WaitingView::of(entry),
            last_used_at: app.engine.last_used(template.id).map(Into::into),
            content: current.content,
            variables: current.variables,
            policies: current.policies,
            vendor_templates: current.vendor_templates,
            locales: current.locales,
            quota: QuotaView::of(&app.snapshot(), QuotaOf::Template(template.id)),
            created_at: template.created_at.into(),
            updated_at: template.updated_at.into(),
        }
    }
}

/// Who did something, when and why.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Mark)]
struct MarkView {
    at: Instant,
    /// `app/name` or `local`.
    by: String,
    reason: Option<String>,
}

impl MarkView {
    fn of(mark: &Mark) -> Self {
        Self {
            at: mark.at.into(),
            by: mark.by.clone(),
            reason: mark.reason.clone(),
        }
    }
}

/// A version that waits to be live.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = WaitingVersion)]
struct WaitingView {
    version: u32,
    /// `draft`, `submitted` or `approved`.
    state: &'static str,
    /// Who wrote it.
    author: String,
}

impl WaitingView {
    /// The newest one that is not yet live and newer than what is.
    fn of(entry: &TemplateEntry) -> Option<Self> {
        let life = entry.life();
        let pending = entry.versions.iter().rev().find(|version| {
            version.standing.state.is_pending()
                && (version.number > life.current || !life.was_live())
        });
        pending.map(|version| Self {
            version: version.number,
            state: version.standing.state.as_str(),
            author: version.author.clone(),
        })
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
#[derive(Debug, Default, Serialize, ToSchema)]
#[schema(as = TemplateVersion)]
struct VersionView {
    version: u32,
    /// `draft`, `submitted`, `approved`, `live` or `retired`.
    state: &'static str,
    /// The last step it took.
    last: Option<StepView>,
    /// Its last approval.
    approved: Option<MarkView>,
    content: ContentView,
    variables: BTreeMap<String, VariableView>,
    #[serde(skip_serializing_if = "Option::is_none")]
    policies: Option<Value>,
    vendor_templates: BTreeMap<String, VendorTemplateView>,
    /// The words in other languages, by BCP 47 tag.
    locales: BTreeMap<String, LocaleView>,
    /// Who wrote it.
    author: String,
    created_at: Instant,
}

/// A step of a version's life.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = TemplateStepTaken)]
struct StepView {
    /// `submit`, `withdraw`, `reject`, `approve`, `publish`, or `retire` when another one went live.
    step: String,
    at: Instant,
    /// `app/name` or `local`.
    by: String,
    reason: Option<String>,
}

impl VersionView {
    fn of(version: &Version) -> Self {
        let standing = &version.standing;
        Self {
            version: version.number,
            state: standing.state.as_str(),
            last: standing.last.as_ref().map(|(step, mark)| StepView {
                step: step.clone(),
                at: mark.at.into(),
                by: mark.by.clone(),
                reason: mark.reason.clone(),
            }),
            approved: standing.approved.as_ref().map(MarkView::of),
            content: ContentView::of(version.content.clone()),
            variables: version
                .variables
                .iter()
                .map(|(name, spec)| (name.clone(), VariableView::of(spec)))
                .collect(),
            policies: version.policies.clone(),
            vendor_templates: vendors(&version.vendor_templates),
            locales: version
                .locales
                .iter()
                .map(|(tag, localised)| (tag.clone(), LocaleView::of(localised)))
                .collect(),
            author: version.author.clone(),
            created_at: version.created_at.into(),
        }
    }
}

fn vendors(given: &BTreeMap<String, VendorTemplate>) -> BTreeMap<String, VendorTemplateView> {
    let view = |vendor: &VendorTemplate| VendorTemplateView {
        template_id: vendor.template_id.clone(),
        sign: vendor.sign.clone(),
        params: vendor.params.clone(),
    };
    let vendors = given.iter();
    vendors
        .map(|(account, vendor)| (account.clone(), view(vendor)))
        .collect()
}

/// The words of a version in one language.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = TemplateLocaleView)]
struct LocaleView {
    #[serde(flatten)]
    content: ContentView,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    vendor_templates: BTreeMap<String, VendorTemplateView>,
}

impl LocaleView {
    fn of(localised: &Localised) -> Self {
        Self {
            content: ContentView::of(localised.content.clone()),
            vendor_templates: vendors(&localised.vendor_templates),
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
    min_length: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pattern: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    one_of: Vec<String>,
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
            min_length: spec.min_length,
            pattern: spec
                .pattern
                .as_ref()
                .map(|pattern| pattern.as_str().to_owned()),
            one_of: spec.one_of.clone(),
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
    /// Which of the template's languages it is in; `null`: the default words.
    locale: Option<String>,
    /// What one message costs at the accounts whose vendors state a list price.
    prices: Vec<PriceView>,
}

/// What one message costs at an account, by its vendor's list price; contracts differ.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = PriceQuote)]
struct PriceView {
    account: String,
    /// ISO 4217.
    #[schema(example = "CNY")]
    currency: String,
    /// For one unit.
    #[schema(example = "0.0450")]
    each: String,
    /// `message` or `segment`.
    per: &'static str,
    /// Units of the message.
    units: u16,
    /// For the message.
    #[schema(example = "0.0900")]
    total: String,
}

impl PriceView {
    fn of(quote: PriceQuote) -> Self {
        Self {
            account: quote.account,
            currency: quote.currency,
            each: money(quote.each),
            per: quote.per,
            units: quote.units,
            total: money(quote.total),
        }
    }
}

/// Ten-thousandths as a decimal number.
fn money(amount: i64) -> String {
    let sign = if amount < 0 { "-" } else { "" };
    let amount = amount.unsigned_abs();
    format!("{sign}{}.{:04}", amount / 10_000, amount % 10_000)
}

impl PreviewView {
    pub(super) fn of(preview: Preview) -> Self {
        Self {
            version: preview.version,
            content: ContentView::of(preview.content),
            variables: preview.variables,
            segments: preview.segments.into_iter().map(SegmentsView::of).collect(),
            locale: preview.locale,
            prices: preview.prices.into_iter().map(PriceView::of).collect(),
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
