//! Adapters and their versions as clients see them.

use austin_adapter_api::{Descriptor, Field, FieldKind};
use austin_domain::canary::Tally;
use austin_domain::{Timestamp, Verdict};
use austin_engine::Adapters;
use austin_engine::adapters::{AdapterCheck, ExampleFailure, LiveReport};
use austin_ports::catalog::{AdapterEntry, AdapterVersion, Canary};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::instant::Instant;

/// What an adapter is and what its accounts need. Of an uploaded one without an active version
/// only its name and its versions are known.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Adapter)]
pub(super) struct AdapterView {
    #[schema(example = "tencent-sms")]
    name: String,
    title: String,
    /// Whether it is part of this program; others were uploaded.
    built_in: bool,
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
    /// Of an uploaded one: its versions and which of them is used.
    #[serde(skip_serializing_if = "Option::is_none")]
    uploaded: Option<UploadedView>,
}

/// The versions of an uploaded adapter, and which of them is used.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = UploadedAdapter)]
pub(super) struct UploadedView {
    /// The version in use.
    active: Option<u32>,
    /// Where a rollback leads.
    former: Option<u32>,
    /// The version on trial.
    canary: Option<CanaryView>,
    /// Why no account can use it now.
    fault: Option<String>,
    /// When the version in use last changed.
    switched_at: Instant,
    /// Newest first.
    versions: Vec<VersionSummary>,
}

/// A version on trial.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = AdapterCanary)]
struct CanaryView {
    version: u32,
    /// Its share of the calls.
    percent: u8,
    since: Instant,
    /// Seconds after which it becomes active by itself, if it does no worse.
    promote_after: Option<u64>,
}

/// A version without its source.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = AdapterVersionSummary)]
struct VersionSummary {
    version: u32,
    /// `draft`, `checked`, `canary`, `active`, `retired` or `quarantined`.
    state: &'static str,
    /// Who uploaded it.
    author: String,
    reason: Option<String>,
    created_at: Instant,
    /// When it last passed its check.
    checked_at: Option<Instant>,
    /// What was last found about it.
    note: Option<String>,
    /// What its attempts came to in the last five minutes, while it is in use.
    recent: Option<TallyView>,
}

/// What attempts came to.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = AdapterTally)]
struct TallyView {
    calls: u64,
    attempts: u64,
    /// Verdicts `unknown`, `misconfigured` and `elsewhere`.
    errors: u64,
    /// Others that were not accepted.
    refused: u64,
}

/// A version of an adapter.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = AdapterVersion)]
pub(super) struct VersionView {
    #[serde(flatten)]
    summary: VersionSummary,
    /// Descriptor and, without a script, everything else.
    #[schema(value_type = Object)]
    definition: Value,
    /// JavaScript.
    script: Option<String>,
    /// Recorded requests and answers.
    examples: Value,
}

/// What a check came to.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = AdapterCheck)]
pub(super) struct CheckView {
    version: u32,
    /// Its state now.
    state: &'static str,
    passed: bool,
    /// Examples that were run.
    examples: usize,
    /// Where it did something else than recorded.
    failures: Vec<FailureView>,
    /// One message to a simulated vendor, where it was asked for.
    live: Option<LiveView>,
}

/// A difference between an example and what the adapter did.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ExampleFailure)]
struct FailureView {
    /// The example's name.
    example: String,
    /// JSON pointer into the example.
    pointer: String,
    detail: String,
}

/// What became of one message to a simulated vendor.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = LiveCheck)]
struct LiveView {
    verdict: &'static str,
    code: Option<String>,
    detail: Option<String>,
    /// The vendor's id, where it gave one.
    vendor_id: Option<String>,
    /// The requests, redacted.
    request: String,
    /// The answers, redacted.
    answer: String,
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
pub(super) struct AdapterList {
    /// By name.
    pub(super) items: Vec<AdapterView>,
}

impl AdapterView {
    pub(super) fn built_in(descriptor: &Descriptor) -> Self {
        Self {
            built_in: true,
            ..Self::of(descriptor)
        }
    }

    pub(super) fn uploaded(adapters: &Adapters, entry: &AdapterEntry, now: Timestamp) -> Self {
        let view = match adapters.get(&entry.name) {
            Some(speaker) => Self::of(speaker.descriptor()),
            None => Self::unknown(entry),
        };
        let summary = |version| VersionSummary::of(adapters, &entry.name, version, now);
        Self {
            uploaded: Some(UploadedView {
                active: entry.active,
                former: entry.former,
                canary: entry.canary.as_ref().map(CanaryView::of),
                fault: adapters.fault(&entry.name),
                switched_at: entry.switched_at.into(),
                versions: entry
                    .versions
                    .values()
                    .rev()
                    .map(|version| summary(version))
                    .collect(),
            }),
            ..view
        }
    }

    fn unknown(entry: &AdapterEntry) -> Self {
        let newest = entry.newest().map(|version| &version.definition);
        let title = newest.and_then(|definition| definition["descriptor"]["title"].as_str());
        Self {
            name: entry.name.clone(),
            title: title.unwrap_or(&entry.name).to_owned(),
            built_in: false,
            channels: Vec::new(),
            documentation: String::new(),
            settings: Vec::new(),
            secrets: Vec::new(),
            recipients_per_call: 0,
            same_content: false,
            capabilities: Vec::new(),
            uploaded: None,
        }
    }

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
            ("failures_only", capabilities.failures_only),
            ("needs_vendor_template", capabilities.needs_vendor_template),
            ("needs_sign", capabilities.needs_sign),
        ];
        Self {
            name,
            title,
            built_in: false,
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
            uploaded: None,
        }
    }
}

impl CanaryView {
    fn of(canary: &Canary) -> Self {
        Self {
            version: canary.version,
            percent: canary.percent,
            since: canary.since.into(),
            promote_after: canary.promote_after.map(|after| after.as_secs()),
        }
    }
}

impl VersionSummary {
    fn of(adapters: &Adapters, name: &str, version: &AdapterVersion, now: Timestamp) -> Self {
        Self {
            version: version.number,
            state: version.state.as_str(),
            author: version.author.clone(),
            reason: version.reason.clone(),
            created_at: version.created_at.into(),
            checked_at: version.checked_at.map(Into::into),
            note: version.note.clone(),
            recent: adapters.tally(name, version.number, now).map(TallyView::of),
        }
    }
}

impl TallyView {
    const fn of(tally: Tally) -> Self {
        Self {
            calls: tally.calls,
            attempts: tally.attempts,
            errors: tally.errors,
            refused: tally.refused,
        }
    }
}

impl VersionView {
    pub(super) fn of(
        adapters: &Adapters,
        name: &str,
        version: &AdapterVersion,
        now: Timestamp,
    ) -> Self {
        Self {
            summary: VersionSummary::of(adapters, name, version, now),
            definition: version.definition.clone(),
            script: version.script.clone(),
            examples: version.examples.clone(),
        }
    }
}

impl CheckView {
    pub(super) fn of(check: AdapterCheck, version: &AdapterVersion) -> Self {
        Self {
            version: version.number,
            state: version.state.as_str(),
            passed: check.passed,
            examples: check.examples.examples,
            failures: check
                .examples
                .failures
                .into_iter()
                .map(FailureView::of)
                .collect(),
            live: check.live.map(LiveView::of),
        }
    }
}

impl FailureView {
    fn of(failure: ExampleFailure) -> Self {
        Self {
            example: failure.example,
            pointer: failure.pointer,
            detail: failure.detail,
        }
    }
}

impl LiveView {
    fn of(live: LiveReport) -> Self {
        let cause = live.verdict.cause().cloned();
        let vendor_id = match &live.verdict {
            Verdict::Accepted(acceptance) => acceptance.vendor_id.clone(),
            _ => None,
        };
        Self {
            verdict: live.verdict.as_str(),
            code: cause.as_ref().map(|cause| cause.code.clone()),
            detail: cause.map(|cause| cause.detail),
            vendor_id,
            request: live.request,
            answer: live.answer,
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
