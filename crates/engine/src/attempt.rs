//! One batch at one account: render, drive the adapter's steps through the wire, come back with
//! a verdict per delivery.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use austin_adapter_api::{
    Attachment, Batch, Context, Fault, FaultKind, Item, Phase, Reply, Speaker, Step, TokenWant,
};
use austin_domain::verdict::Cause;
use austin_domain::{Content, Timestamp, Verdict, segments};
use austin_ports::catalog::Snapshot;
use austin_ports::ledger::{AttachmentRef, AttachmentSource, CallRecord, WorkItem};
use austin_ports::wire::Outgoing;
use austin_ports::{Blobs, Clock, Entropy, Wire};
use secrecy::SecretString;

use crate::asking::{self, Desk, Party};
use crate::directory::Usable;
use crate::pace::Permit;
use crate::render::Compilations;
use crate::suppress::Links;

/// Deliveries that travel together, already marked `sending`.
pub(crate) struct ReadyBatch {
    pub(crate) usable: Arc<Usable>,
    pub(crate) items: Vec<WorkItem>,
    /// The right to make the call.
    pub(crate) permit: Permit,
}

impl ReadyBatch {
    /// Gives back what was taken for a call that is not made.
    pub(crate) fn abandon(&self, items: &[WorkItem]) {
        let usable = &self.usable;
        usable.pace.abandon(&usable.bounds, self.permit, items);
    }
}

/// What an attempt came to: one verdict and one segment count per delivery, in their order.
pub(crate) struct Outcome {
    pub(crate) verdicts: Vec<Verdict>,
    pub(crate) segments: Vec<Option<u16>>,
    pub(crate) call: Option<CallRecord>,
    /// Whether a version on trial spoke: what it failed says nothing of the account.
    pub(crate) on_trial: bool,
}

impl Outcome {
    /// The same verdict for `count` deliveries, without a call on record.
    fn all(verdict: &Verdict, count: usize) -> Self {
        Self {
            verdicts: vec![verdict.clone(); count],
            segments: vec![None; count],
            call: None,
            on_trial: false,
        }
    }

    /// An attempt whose code died: what it did is unknown.
    pub(crate) fn died(count: usize) -> Self {
        let detail = "the adapter failed while it handled this batch";
        Self::all(
            &Verdict::Unknown(Cause::new("adapter_panicked", detail)),
            count,
        )
    }
}

/// What attempts need from outside.
pub(crate) struct Means {
    pub(crate) wire: Arc<dyn Wire>,
    pub(crate) blobs: Arc<dyn Blobs>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) entropy: Arc<dyn Entropy>,
    /// Where questions are asked and tokens kept.
    pub(crate) desk: Arc<Desk>,
    pub(crate) compilations: Compilations,
    pub(crate) max_attachment_bytes: usize,
    /// Where people unsubscribe.
    pub(crate) links: Links,
    /// A whole attempt may take this long.
    pub(crate) lease: Duration,
}

/// Makes one attempt.
pub(crate) async fn attempt(means: &Means, catalog: &Snapshot, ready: &ReadyBatch) -> Outcome {
    let ReadyBatch { usable, items, .. } = ready;
    let batch = match prepare(means, catalog, usable, items).await {
        Ok(batch) => batch,
        Err(verdict) => return Outcome::all(&verdict, items.len()),
    };
    let segments = count_segments(usable, &batch);
    let voice = usable.voices.next(&usable.adapter, means.clock.now());
    let redact = redactions(usable, items);
    let (verdicts, call) = drive(means, usable, &voice.speaker, &batch, redact).await;
    let on_trial = voice.on_trial;
    voice.record(&verdicts, means.clock.now());
    Outcome {
        verdicts,
        segments,
        call,
        on_trial,
    }
}

async fn prepare(
    means: &Means,
    catalog: &Snapshot,
    usable: &Usable,
    items: &[WorkItem],
) -> Result<Batch, Verdict> {
    let unreadable = |what: &str| Verdict::BadContent(Cause::new("not_renderable", what));
    let head = items
        .first()
        .map(|item| &item.message)
        .ok_or_else(|| unreadable("empty batch"))?;
    let compiled = means
        .compilations
        .get(catalog, head.template, head.version)
        .ok_or_else(|| unreadable("the template version cannot be read"))?;
    let entry = catalog.templates.get(&head.template);
    let version = entry.and_then(|entry| entry.version(head.version));
    // What travels together is in one language.
    let wanted = items.first().and_then(WorkItem::locale);
    let locale = version.and_then(|version| version.locale(wanted));
    let mut rendered: Vec<Item> = Vec::with_capacity(items.len());
    for (index, item) in items.iter().enumerate() {
        // Recipients of one message mostly share their values: render once.
        let content = match index.checked_sub(1).map(|before| &items[before]) {
            Some(before) if Arc::ptr_eq(&before.vars, &item.vars) => {
                Arc::clone(&rendered[index - 1].content)
            }
            _ => Arc::new(
                compiled
                    .render_in(locale, &item.vars)
                    .map_err(|name| unreadable(&format!("no value for variable {name}")))?,
            ),
        };
        let vars = match compiled.complete(&item.vars) {
            Cow::Borrowed(_) => Arc::clone(&item.vars),
            Cow::Owned(vars) => Arc::new(vars),
        };
        let (reference, to) = (item.id.to_string(), item.to.clone());
        rendered.push(Item {
            reference,
            to,
            vars,
            content,
            unsubscribe: means.links.of(head.lane, item.id),
        });
    }
    Ok(Batch {
        class: head.lane.class,
        template: entry
            .map(|entry| entry.template.key.clone())
            .unwrap_or_default(),
        vendor_template: version
            .and_then(|version| version.vendor_template(&usable.record.key, locale))
            .map(Cow::into_owned),
        attachments: attachments(means, &head.attachments).await?,
        items: rendered,
    })
}

async fn attachments(
    means: &Means,
    wanted: &[AttachmentRef],
) -> Result<Arc<[Attachment]>, Verdict> {
    let mut found = Vec::with_capacity(wanted.len());
    for attachment in wanted {
        let (stated, data) = match &attachment.source {
            AttachmentSource::Upload(name) => {
                let data = means
                    .blobs
                    .get(name)
                    .await
                    .map_err(|error| Verdict::Later {
                        cause: Cause::new("attachment_unreadable", &error.to_string()),
                        after: None,
                    })?;
                let data = data.ok_or_else(|| {
                    Verdict::BadContent(Cause::new("attachment_missing", "no such upload"))
                })?;
                (None, data)
            }
            AttachmentSource::Url(url) => {
                let fetched = means.wire.fetch(url, means.max_attachment_bytes).await;
                let fetched = fetched.map_err(|fault| attachment_fault(&fault))?;
                (Some(fetched.content_type), fetched.data)
            }
        };
        found.push(Attachment {
            name: attachment.name.clone(),
            content_type: attachment
                .content_type
                .clone()
                .or(stated)
                .unwrap_or_else(|| "application/octet-stream".into()),
            data,
        });
    }
    Ok(found.into())
}

/// A file that cannot be had: for good when it is too large or its place is not allowed.
fn attachment_fault(fault: &Fault) -> Verdict {
    let cause = Cause::new(
        "attachment_unreachable",
        &format!("{}: {}", fault.kind.as_str(), fault.detail),
    );
    match fault.kind {
        FaultKind::Invalid | FaultKind::Forbidden | FaultKind::TooLarge => {
            Verdict::BadContent(cause)
        }
        FaultKind::Dns
        | FaultKind::Connect
        | FaultKind::Tls
        | FaultKind::TimedOut
        | FaultKind::Cut
        | FaultKind::Protocol => Verdict::Later { cause, after: None },
    }
}

/// Steps the adapter until it has verdicts. A whole attempt is bounded by its lease; past it the
/// outcome is unknown.
pub(crate) async fn drive(
    means: &Means,
    usable: &Usable,
    speaker: &Speaker,
    batch: &Batch,
    mut redact: Arc<[String]>,
) -> (Vec<Verdict>, Option<CallRecord>) {
    let started_at = means.clock.now();
    let mut tokens = 0;
    let mut calls = Calls {
        started_at,
        usable,
        recipients: batch.items.len(),
        record: None,
    };
    let mut step = speaker.start(&usable.account, batch, context(means)).await;
    loop {
        match step {
            Step::Done(verdicts) => return (whole(verdicts, batch), calls.record),
            Step::Token { want, state } => {
                tokens += 1;
                let reply = match token(means, usable, &want, tokens).await {
                    Ok(token) => {
                        redact = asking::redacting(&redact, &token);
                        Reply::Token(token)
                    }
                    // Nothing was sent.
                    Err(verdict) if calls.record.is_none() => {
                        return (vec![verdict; batch.items.len()], None);
                    }
                    // Only the adapter knows what of the batch was sent before.
                    Err(verdict) if tokens <= asking::MOST_TOKENS + 1 => {
                        Reply::Fault(without_token(&verdict))
                    }
                    Err(_) => return (whole(Vec::new(), batch), calls.record),
                };
                step = speaker
                    .resume(&usable.account, batch, state, reply, context(means))
                    .await;
            }
            Step::Call { call, state } => {
                let left = means
                    .lease
                    .saturating_sub(means.clock.now().since(started_at));
                let outgoing = Outgoing {
                    account: Arc::clone(&usable.key),
                    call,
                    redact: Arc::clone(&redact),
                };
                let exchange = tokio::time::timeout(left, means.wire.call(outgoing)).await;
                let reply = match exchange {
                    Ok(exchange) => {
                        calls.add(exchange.took, &exchange.request, &exchange.answer);
                        exchange.reply
                    }
                    Err(_) => {
                        calls.add(left, "", "no answer within the lease of the attempt");
                        Reply::Fault(Fault {
                            phase: Phase::MaybeSent,
                            kind: FaultKind::TimedOut,
                            detail: format!("no answer within {} s", means.lease.as_secs()),
                        })
                    }
                };
                step = speaker
                    .resume(&usable.account, batch, state, reply, context(means))
                    .await;
            }
        }
    }
}

/// The token an adapter wants.
async fn token(
    means: &Means,
    usable: &Usable,
    want: &TokenWant,
    count: u32,
) -> Result<SecretString, Verdict> {
    if count > asking::MOST_TOKENS {
        let detail = "the vendor refuses every token it gives";
        return Err(Verdict::Misconfigured(Cause::new("token_refused", detail)));
    }
    let party = || Arc::new(Party::of(usable));
    let token = means.desk.token(&usable.account, want, party);
    tokio::time::timeout(means.lease, token)
        .await
        .unwrap_or_else(|_| {
            let detail = format!("no token within {} s", means.lease.as_secs());
            Err(Verdict::Elsewhere(Cause::new("token_unavailable", &detail)))
        })
}

/// The want of a token as a fault of the call that would have carried it: it was not made.
fn without_token(verdict: &Verdict) -> Fault {
    let kind = match verdict {
        Verdict::Misconfigured(_) => FaultKind::Invalid,
        _ => FaultKind::Connect,
    };
    let why = verdict.cause().map_or("", |cause| cause.detail.as_str());
    Fault {
        phase: Phase::NotSent,
        kind,
        detail: format!("no token: {why}"),
    }
}

/// An adapter that does not answer for every recipient has broken its contract after a call was
/// made: the rest is unknown, never silently dropped.
fn whole(mut verdicts: Vec<Verdict>, batch: &Batch) -> Vec<Verdict> {
    verdicts.truncate(batch.items.len());
    while verdicts.len() < batch.items.len() {
        verdicts.push(Verdict::Unknown(Cause::new(
            "adapter_incomplete",
            "the adapter gave no verdict for this recipient",
        )));
    }
    verdicts
}

/// The calls of one attempt as one record.
struct Calls<'a> {
    started_at: Timestamp,
    usable: &'a Usable,
    recipients: usize,
    record: Option<CallRecord>,
}

impl Calls<'_> {
    fn add(&mut self, took: Duration, request: &str, answer: &str) {
        match &mut self.record {
            Some(record) => {
                record.took += took;
                record.request = format!("{}\n\n{request}", record.request);
                record.answer = format!("{}\n\n{answer}", record.answer);
            }
            None => {
                self.record = Some(CallRecord {
                    account: self.usable.record.id,
                    started_at: self.started_at,
                    took,
                    recipients: u32::try_from(self.recipients).unwrap_or(u32::MAX),
                    request: request.to_owned(),
                    answer: answer.to_owned(),
                });
            }
        }
    }
}

fn context(means: &Means) -> Context {
    Context {
        now: means.clock.now(),
        nonce: means.entropy.next(),
    }
}

fn redactions(usable: &Usable, items: &[WorkItem]) -> Arc<[String]> {
    let secret_values = items.iter().flat_map(|item| {
        item.secret_names
            .iter()
            .filter_map(|name| item.vars.get(name).cloned())
    });
    usable
        .secrets
        .iter()
        .cloned()
        .chain(secret_values)
        .filter(|text| !text.is_empty())
        .collect()
}

/// Our own count of SMS segments; `None` for other channels.
fn count_segments(usable: &Usable, batch: &Batch) -> Vec<Option<u16>> {
    if usable.record.channel != austin_domain::Channel::Sms {
        return vec![None; batch.items.len()];
    }
    let sign = batch
        .vendor_template
        .as_ref()
        .and_then(|template| template.sign.as_deref())
        .or_else(|| usable.account.text("sign_name"));
    batch
        .items
        .iter()
        .map(|item| match item.content.as_ref() {
            Content::Text { text } => Some(segments::for_recipient(&item.to, sign, text).count),
            Content::Email { .. } | Content::Payload { .. } => None,
        })
        .collect()
}
