//! A send request, checked person by person. One bad recipient never costs another the message.

use std::time::Duration;

use austin_domain::policy::ClassPolicy;
use austin_domain::template::{Template, TemplateState, Version, check};
use austin_domain::zone::Zone;
use austin_domain::{AccountId, Channel, Timestamp, Vars, address};
use austin_ports::catalog::{Snapshot, TemplateEntry};
use austin_ports::ledger::{Facts, NewDelivery, NewMessage};
use hashbrown::HashMap;
use serde_json::Map;

use crate::caller::Caller;
use crate::config::Config;
use crate::manage::language;
use crate::planner;
use crate::refusal::{FieldFault, Refusal, RefusalCode};
use crate::send::{Recipient, Rejected, SendRequest};

/// A request that may be made durable.
#[derive(Debug)]
pub(crate) struct Checked {
    pub(crate) message: NewMessage,
    pub(crate) rejected: Vec<Rejected>,
    pub(crate) template: String,
}

/// What requests are checked against.
pub(crate) struct Against<'a> {
    pub(crate) catalog: &'a Snapshot,
    pub(crate) config: &'a Config,
    pub(crate) caller: &'a Caller,
    pub(crate) now: Timestamp,
}

/// Checks a request.
pub(crate) fn check(request: SendRequest, against: &Against<'_>) -> Result<Checked, Refusal> {
    let entry = usable_template(&request, against.catalog)?;
    let template = &entry.template;
    let number = request.test.unwrap_or(template.current);
    let version = entry.version(number).ok_or_else(|| {
        Refusal::new(
            RefusalCode::Unavailable,
            "the template has no readable version",
        )
    })?;
    let mut faults = Vec::new();
    check_counts(&request, against.config)?;
    check_texts(&request, &mut faults);
    let expires_at = check_times(&request, template, against.now, &mut faults);
    let account = check_account(&request, template, against.catalog, &mut faults);
    check_attachments(&request, template, &mut faults);
    if !faults.is_empty() {
        return Err(Refusal::fields(faults));
    }

    let mut people = People::new(version, template.channel, against, &request);
    for (index, recipient) in request.to.iter().enumerate() {
        people.add(index, recipient);
    }
    let People {
        deliveries,
        rejected,
        faults,
        shared,
        ..
    } = people;
    if deliveries.is_empty() {
        return Err(nobody(faults, &rejected));
    }
    let shared = shared
        .and_then(Result::ok)
        .map(|values| values.open)
        .unwrap_or_default();
    let message = NewMessage {
        app: against.caller.app,
        template: template.id,
        version: version.number,
        lane: template.lane(),
        request_id: against.caller.request_id.clone(),
        reference: request.reference,
        vars: shared,
        attachments: request.attachments,
        account,
        expires_at,
        deliveries,
    };
    Ok(Checked {
        message,
        rejected,
        template: template.key.clone(),
    })
}

fn usable_template<'a>(
    request: &SendRequest,
    catalog: &'a Snapshot,
) -> Result<&'a TemplateEntry, Refusal> {
    let entry = catalog.template(&request.template).ok_or_else(|| {
        let detail = "there is no template with this key";
        Refusal::fields(vec![FieldFault::new(
            "/template",
            "unknown_template",
            detail,
        )])
    })?;
    let state = entry.template.state;
    if state == TemplateState::Enabled
        || (request.test.is_some() && state != TemplateState::Archived)
    {
        return Ok(entry);
    }
    let first = match state {
        TemplateState::Draft => "submit it first",
        TemplateState::Submitted => "it must be approved first",
        TemplateState::Approved | TemplateState::Enabled | TemplateState::Disabled => {
            "enable it first"
        }
        TemplateState::Archived => "restore and enable it first",
    };
    let detail = format!("template {} is {state}; {first}", entry.template.key);
    let mut refusal = Refusal::new(RefusalCode::TemplateNotEnabled, detail.clone());
    refusal
        .errors
        .push(FieldFault::new("/template", "template_not_enabled", detail));
    Err(refusal)
}

fn check_counts(request: &SendRequest, config: &Config) -> Result<(), Refusal> {
    let most = config.max_recipients;
    if request.to.is_empty() {
        let fault = FieldFault::new(
            "/to",
            "missing_recipient",
            "at least one recipient is needed",
        );
        return Err(Refusal::fields(vec![fault]));
    }
    if request.to.len() > most {
        let detail = format!(
            "{} recipients; a message takes at most {most}",
            request.to.len()
        );
        let mut refusal = Refusal::new(RefusalCode::TooLarge, detail.clone());
        refusal
            .errors
            .push(FieldFault::new("/to", "too_many_recipients", detail));
        return Err(refusal);
    }
    Ok(())
}

fn check_texts(request: &SendRequest, faults: &mut Vec<FieldFault>) {
    if let Some(fault) = reference_fault(request.reference.as_deref(), "/ref") {
        faults.push(fault);
    }
}

fn reference_fault(reference: Option<&str>, pointer: &str) -> Option<FieldFault> {
    let reference = reference?;
    let length = reference.chars().count();
    if length == 0 || length > MAX_REFERENCE {
        let detail = format!("must have 1 to {MAX_REFERENCE} characters, has {length}");
        return Some(FieldFault::new(pointer, "invalid_length", detail));
    }
    reference.chars().any(char::is_control).then(|| {
        FieldFault::new(
            pointer,
            "invalid_character",
            "must not contain control characters",
        )
    })
}

/// When the message stops being worth sending.
fn check_times(
    request: &SendRequest,
    template: &Template,
    now: Timestamp,
    faults: &mut Vec<FieldFault>,
) -> Timestamp {
    let starts_at = request.send_at.filter(|at| *at > now).unwrap_or(now);
    if starts_at > now.plus(FURTHEST) {
        let detail = "at most one year ahead";
        faults.push(FieldFault::new("/send_at", "too_far_ahead", detail));
    }
    let latest = starts_at.plus(FURTHEST);
    match request.expires_at {
        Some(at) if at <= starts_at => {
            let detail = "must lie after the time of sending";
            faults.push(FieldFault::new("/expires_at", "already_past", detail));
            at
        }
        Some(at) if at > latest => {
            let detail = "at most one year after the time of sending";
            faults.push(FieldFault::new("/expires_at", "too_far_ahead", detail));
            at
        }
        Some(at) => at,
        None => starts_at.plus(ClassPolicy::of(template.class).expires_after),
    }
}

fn check_account(
    request: &SendRequest,
    template: &Template,
    catalog: &Snapshot,
    faults: &mut Vec<FieldFault>,
) -> Option<AccountId> {
    let key = request.account.as_deref()?;
    let fault = match catalog.account(key) {
        None => FieldFault::new(
            "/account",
            "unknown_account",
            "there is no account with this key",
        ),
        Some(account) if account.channel != template.channel => FieldFault::new(
            "/account",
            "wrong_channel",
            format!(
                "carries {}, the template is for {}",
                account.channel, template.channel
            ),
        ),
        Some(account) if !account.enabled => {
            FieldFault::new("/account", "account_disabled", "the account is disabled")
        }
        Some(account) => return Some(account.id),
    };
    faults.push(fault);
    None
}

fn check_attachments(request: &SendRequest, template: &Template, faults: &mut Vec<FieldFault>) {
    if request.attachments.is_empty() {
        return;
    }
    if template.channel != Channel::Email {
        let detail = format!("{} messages carry no attachments", template.channel);
        faults.push(FieldFault::new("/attachments", "not_supported", detail));
    }
    if request.attachments.len() > MAX_ATTACHMENTS {
        let detail = format!("at most {MAX_ATTACHMENTS} attachments");
        faults.push(FieldFault::new("/attachments", "too_many", detail));
    }
}

/// Nobody is left to send to: the faults themselves are the answer.
fn nobody(mut faults: Vec<FieldFault>, rejected: &[Rejected]) -> Refusal {
    for one in rejected {
        if faults.len() >= MAX_FAULTS {
            break;
        }
        let pointer = format!("/to/{}", one.index);
        let shown = |fault: &FieldFault| {
            fault.pointer.starts_with(&pointer) || fault.pointer.starts_with("/vars")
        };
        if !faults.iter().any(shown) {
            faults.push(FieldFault::new(
                pointer,
                one.code.clone(),
                one.detail.clone(),
            ));
        }
    }
    let mut refusal = Refusal::fields(faults);
    refusal.detail = format!("none of the recipients can be sent to: {}", refusal.detail);
    refusal
}

/// Values of one recipient, secret ones apart.
#[derive(Clone, Debug)]
struct Values {
    open: Vars,
    secret: Option<Vars>,
}

/// Recipients being checked.
struct People<'a> {
    version: &'a Version,
    channel: Channel,
    against: &'a Against<'a>,
    request: &'a SendRequest,
    /// The shared values, checked when the first recipient needs them as they are.
    shared: Option<Result<Values, Vec<check::Fault>>>,
    seen: HashMap<String, usize>,
    deliveries: Vec<NewDelivery>,
    rejected: Vec<Rejected>,
    faults: Vec<FieldFault>,
}

impl<'a> People<'a> {
    fn new(
        version: &'a Version,
        channel: Channel,
        against: &'a Against<'a>,
        request: &'a SendRequest,
    ) -> Self {
        Self {
            version,
            channel,
            against,
            request,
            shared: None,
            seen: HashMap::with_capacity(request.to.len()),
            deliveries: Vec::with_capacity(request.to.len()),
            rejected: Vec::new(),
            faults: Vec::new(),
        }
    }

    fn add(&mut self, index: usize, recipient: &Recipient) {
        let region = self.against.config.default_region.as_deref();
        let to = match address::normalise(self.channel, &recipient.to, region) {
            Ok(to) => to,
            Err(bad) => return self.reject(index, recipient, "invalid_recipient", bad.0),
        };
        if let Some(fault) = reference_fault(recipient.reference.as_deref(), "/ref") {
            return self.reject(
                index,
                recipient,
                &fault.code,
                format!("ref: {}", fault.detail),
            );
        }
        if let Some(zone) = &recipient.time_zone
            && let Err(unknown) = zone.parse::<Zone>()
        {
            return self.reject(index, recipient, "invalid_time_zone", unknown.to_string());
        }
        let locale = match language(recipient.locale.as_deref()) {
            Ok(locale) => locale,
            Err(detail) => {
                let detail = format!("locale: {detail}");
                return self.reject(index, recipient, "invalid_locale", detail);
            }
        };
        if let Some(first) = self.seen.get(&to) {
            let detail = format!("the same recipient as at index {first}; it is sent once");
            return self.reject(index, recipient, "duplicate_recipient", detail);
        }
        let values = match self.values(index, recipient) {
            Ok(values) => values,
            Err((code, detail)) => return self.reject(index, recipient, &code, detail),
        };
        self.seen.insert(to.clone(), index);
        let decision = planner::plan(self.request.send_at, self.against.now);
        self.deliveries.push(NewDelivery {
            to,
            vars: (!recipient.vars.is_empty()).then_some(values.open),
            secret_vars: values.secret,
            reference: recipient.reference.clone(),
            state: decision.state,
            due_at: decision.due_at,
            reason: decision.reason,
            facts: Facts {
                locale,
                time_zone: recipient.time_zone.clone(),
                content: None,
                test: self.request.test.is_some(),
            }
            .known(),
        });
    }

    /// The recipient's values; the code and words of the first fault otherwise, all of which are
    /// noted for the case that nobody is left.
    fn values(&mut self, index: usize, recipient: &Recipient) -> Result<Values, (String, String)> {
        let result = if recipient.vars.is_empty() {
            if self.shared.is_none() {
                self.shared = Some(split(self.version, &self.request.vars, &Map::new()));
                if let Some(Err(faults)) = &self.shared {
                    let noted = faults.iter().map(|fault| field_fault("/vars", fault));
                    self.faults.extend(noted.take(MAX_FAULTS));
                }
            }
            match &self.shared {
                Some(Ok(values)) => {
                    // The open values stand in the message; only the secret ones are copied.
                    return Ok(Values {
                        open: Vars::new(),
                        secret: values.secret.clone(),
                    });
                }
                Some(Err(faults)) => Err(faults.clone()),
                None => Err(Vec::new()),
            }
        } else {
            let result = split(self.version, &self.request.vars, &recipient.vars);
            if let Err(faults) = &result
                && self.faults.len() < MAX_FAULTS
            {
                let base = format!("/to/{index}/vars");
                self.faults
                    .extend(faults.iter().map(|fault| field_fault(&base, fault)));
            }
            result
        };
        result.map_err(|faults| match faults.first() {
            Some(first) => {
                let name = first.pointer.trim_start_matches('/');
                (
                    first.code.to_owned(),
                    format!("variable {name}: {}", first.detail),
                )
            }
            None => (
                "invalid_variables".into(),
                "the variables cannot be read".into(),
            ),
        })
    }

    fn reject(&mut self, index: usize, recipient: &Recipient, code: &str, detail: String) {
        self.rejected.push(Rejected {
            index: u32::try_from(index).unwrap_or(u32::MAX),
            to: recipient.to.chars().take(256).collect(),
            code: code.to_owned(),
            detail,
        });
    }
}

fn field_fault(base: &str, fault: &check::Fault) -> FieldFault {
    FieldFault::new(
        format!("{base}{}", fault.pointer),
        fault.code,
        fault.detail.clone(),
    )
}

/// Checks values and sets the secret ones apart.
fn split(
    version: &Version,
    shared: &Map<String, serde_json::Value>,
    own: &Map<String, serde_json::Value>,
) -> Result<Values, Vec<check::Fault>> {
    let mut open = check::vars(version, shared, own)?;
    let mut secret = Vars::new();
    for (name, spec) in &version.variables {
        if spec.secret
            && let Some(value) = open.remove(name)
        {
            secret.insert(name.clone(), value);
        }
    }
    Ok(Values {
        open,
        secret: (!secret.is_empty()).then_some(secret),
    })
}

const MAX_REFERENCE: usize = 128;
const MAX_ATTACHMENTS: usize = 10;
const MAX_FAULTS: usize = 100;
const FURTHEST: Duration = Duration::from_secs(366 * 24 * 3600);

#[cfg(test)]
mod tests;
