//! Whether a version does what it says: its examples, and one message to a simulated vendor.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use austin_adapter_api::{Account, Batch, Item, LoadFault, Speaker, validate};
use austin_domain::{AccountId, Channel, Class, Content, DeliveryId, Verdict};
use austin_ports::BoxFuture;
use austin_ports::catalog::{AccountRecord, Limits};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;

use super::Voices;
use crate::attempt::{self, Means};
use crate::directory::Usable;
use crate::pace::{Bounds, Pace};
use crate::refusal::{FieldFault, Refusal};

/// Runs the recorded examples of a version.
pub trait Examiner: Send + Sync {
    /// What is wrong with the examples themselves; empty when they can be run.
    fn faults(&self, examples: &Value) -> Vec<LoadFault>;

    /// Runs them, without any IO.
    fn examine<'a>(
        &'a self,
        speaker: &'a Speaker,
        examples: &'a Value,
    ) -> BoxFuture<'a, Examination>;
}

/// What running examples came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Examination {
    /// Examples that were run.
    pub examples: usize,
    /// Where the adapter did something else than recorded.
    pub failures: Vec<ExampleFailure>,
}

/// A difference between an example and what the adapter did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExampleFailure {
    /// The example's name.
    pub example: String,
    /// JSON pointer into the example.
    pub pointer: String,
    /// What was expected and what came.
    pub detail: String,
}

/// What a check came to.
#[derive(Clone, Debug)]
pub struct AdapterCheck {
    /// Whether the version passed.
    pub passed: bool,
    /// Its examples.
    pub examples: Examination,
    /// One message to a simulated vendor, where it was asked for.
    pub live: Option<LiveReport>,
}

/// A throw-away account and one message through it.
#[derive(Clone, Debug, Default)]
pub struct LiveDraft {
    /// The account's settings; `endpoint` is the simulator's.
    pub settings: BTreeMap<String, Value>,
    /// The account's secrets.
    pub secrets: BTreeMap<String, SecretString>,
    /// To whom.
    pub to: String,
    /// The words.
    pub text: String,
}

/// What became of one message to a simulated vendor.
#[derive(Clone, Debug)]
pub struct LiveReport {
    /// What it came to.
    pub verdict: Verdict,
    /// The requests, redacted.
    pub request: String,
    /// The answers, redacted.
    pub answer: String,
}

/// Sends one message through an account that nobody else knows.
pub(crate) async fn send_one(
    means: &Means,
    speaker: &Speaker,
    draft: &LiveDraft,
) -> Result<LiveReport, Refusal> {
    let descriptor = speaker.descriptor();
    let faults: Vec<FieldFault> = validate(descriptor, &draft.settings, &draft.secrets)
        .into_iter()
        .map(|fault| FieldFault::new(format!("/live{}", fault.pointer), fault.code, fault.detail))
        .collect();
    if !faults.is_empty() {
        return Err(Refusal::fields(faults));
    }
    let id = AccountId::from_u64(random(means));
    let channel = descriptor.channels.first().copied().unwrap_or(Channel::Sms);
    let usable = usable(means, speaker, draft, id, channel);
    let batch = Batch {
        class: Class::Notification,
        template: "adapter-check".into(),
        vendor_template: None,
        attachments: Arc::new([]),
        items: vec![Item {
            reference: DeliveryId::from_u64(random(means)).to_string(),
            to: draft.to.clone(),
            vars: Arc::default(),
            content: Arc::new(content(channel, &draft.text)),
            unsubscribe: None,
        }],
    };
    let redact = usable.secrets.iter().cloned().collect();
    let (verdicts, call) = attempt::drive(means, &usable, speaker, &batch, redact).await;
    let (request, answer) = call.map_or_else(Default::default, |call| (call.request, call.answer));
    let verdict = verdicts.into_iter().next().unwrap_or_else(|| {
        Verdict::Unknown(austin_domain::verdict::Cause::new("adapter_incomplete", ""))
    });
    Ok(LiveReport {
        verdict,
        request,
        answer,
    })
}

fn content(channel: Channel, text: &str) -> Content {
    match channel {
        Channel::Email => Content::Email {
            subject: "austin adapter check".into(),
            html: None,
            text: Some(text.to_owned()),
        },
        Channel::Sms => Content::Text {
            text: text.to_owned(),
        },
        _ => Content::Payload {
            body: serde_json::json!({ "text": text }).to_string(),
        },
    }
}

fn usable(
    means: &Means,
    speaker: &Speaker,
    draft: &LiveDraft,
    id: AccountId,
    channel: Channel,
) -> Usable {
    let (key, now) = ("adapter-check", means.clock.now());
    let record = AccountRecord {
        id,
        key: key.into(),
        channel,
        adapter: speaker.descriptor().name.clone(),
        settings: draft.settings.clone(),
        secrets: draft.secrets.clone(),
        tags: BTreeSet::new(),
        limits: Limits::default(),
        enabled: true,
        steer: None,
        receipt_token: SecretString::from(String::new()),
        created_at: now,
        updated_at: now,
        deleted_at: None,
    };
    let secrets = draft.secrets.values();
    let pace = Arc::new(Pace::default());
    Usable {
        account: Account {
            id,
            key: key.into(),
            settings: draft.settings.clone(),
            secrets: draft.secrets.clone(),
        },
        key: Arc::from(key),
        secrets: secrets
            .map(|secret| secret.expose_secret().to_owned())
            .collect(),
        record: Arc::new(record),
        adapter: speaker.clone(),
        voices: Voices::built_in(speaker.clone()),
        batching: speaker.descriptor().batching,
        health: Arc::clone(&pace.health),
        bounds: Arc::new(Bounds::of(&Limits::default(), &speaker.descriptor().limits)),
        receipts: false,
        pace,
    }
}

/// An id that no stored record has: stored ones are times.
fn random(means: &Means) -> u64 {
    let bits = u64::try_from(means.entropy.next() & u128::from(u64::MAX >> 1)).unwrap_or(1);
    bits.max(1)
}
