//! Which deliveries are wanted.

use std::sync::Arc;

use austin_domain::{AccountId, AppId, Channel, DeliveryId, TemplateId, address};
use austin_ports::catalog::Snapshot;
use austin_ports::ledger::Filter;
use serde::Deserialize;
use utoipa::IntoParams;

use super::CURSOR;
use crate::app::App;
use crate::cursor;
use crate::faults::Faults;
use crate::instant::Instant;
use crate::problem::Problem;

/// Which page is wanted.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct PageQuery {
    /// Items of one page, 1 to 200; 50 when not given.
    #[param(value_type = Option<u32>)]
    limit: Option<String>,
    /// Where the last page ended.
    cursor: Option<String>,
}

impl PageQuery {
    /// A filter for this page and nothing else.
    pub(crate) fn filter(&self) -> Result<Filter, Problem> {
        let mut faults = Faults::default();
        let filter = page(&mut faults, self.limit.as_deref(), self.cursor.as_deref());
        faults.into_result()?;
        Ok(filter)
    }
}

/// Which deliveries are wanted; every given parameter must fit.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct DeliveryQuery {
    /// Address, in any form the channel takes.
    #[param(example = "+8613711112201")]
    to: Option<String>,
    /// Your own name of the delivery or its message.
    #[serde(rename = "ref")]
    #[param(rename = "ref")]
    reference: Option<String>,
    /// Message id, `msg_…`.
    message: Option<String>,
    /// Template key.
    template: Option<String>,
    /// Team that owns the template.
    team: Option<String>,
    /// Name of the app that sent it.
    app: Option<String>,
    /// Key of the account of the last attempt.
    account: Option<String>,
    /// The vendor's id.
    vendor_id: Option<String>,
    /// State, e.g. `failed`.
    state: Option<String>,
    /// Channel, e.g. `sms`.
    channel: Option<String>,
    /// Accepted at or after this.
    #[param(value_type = Option<Instant>)]
    from: Option<String>,
    /// Accepted before this.
    #[param(value_type = Option<Instant>)]
    until: Option<String>,
    /// Items of one page, 1 to 200; 50 when not given.
    #[param(value_type = Option<u32>)]
    limit: Option<String>,
    /// Where the last page ended.
    cursor: Option<String>,
}

impl DeliveryQuery {
    pub(super) fn filter(self, app: &App) -> Result<Filter, Problem> {
        let snapshot = app.snapshot();
        let region = app.engine.parts().config.default_region.as_deref();
        let mut faults = Faults::default();
        let channel = faults.parse("channel", self.channel.as_deref());
        let filter = Filter {
            to: self
                .to
                .and_then(|to| canonical(&mut faults, channel, &to, region)),
            message: faults.parse("message", self.message.as_deref()),
            templates: templates(
                &mut faults,
                &snapshot,
                self.template.as_deref(),
                self.team.as_deref(),
            ),
            app: self
                .app
                .and_then(|name| calling_app(&mut faults, &snapshot, &name)),
            account: self
                .account
                .and_then(|key| account(&mut faults, &snapshot, &key)),
            state: faults.parse("state", self.state.as_deref()),
            from: faults.parse("from", self.from.as_deref()),
            until: faults.parse("until", self.until.as_deref()),
            reference: self.reference,
            vendor_id: self.vendor_id,
            channel,
            ..page(&mut faults, self.limit.as_deref(), self.cursor.as_deref())
        };
        if let (Some(from), Some(until)) = (filter.from, filter.until)
            && from >= until
        {
            faults.add("/until", "out_of_range", "must lie after from");
        }
        faults.into_result()?;
        Ok(filter)
    }
}

fn page(faults: &mut Faults, limit: Option<&str>, cursor: Option<&str>) -> Filter {
    let position = cursor::decode(faults, CURSOR, cursor);
    Filter {
        limit: cursor::limit(faults, limit),
        before: position.and_then(|text| before(faults, &text)),
        ..Filter::default()
    }
}

fn before(faults: &mut Faults, text: &str) -> Option<DeliveryId> {
    let id = text.parse().ok();
    if id.is_none() {
        faults.add("/cursor", "invalid_cursor", "is not a cursor of this list");
    }
    id
}

/// The canonical form of an address, by the given channel or the one it looks like.
fn canonical(
    faults: &mut Faults,
    channel: Option<Channel>,
    to: &str,
    region: Option<&str>,
) -> Option<String> {
    // In a query, `+` may have been sent unescaped and arrive as a space.
    let to = match to.strip_prefix(' ') {
        Some(digits) if digits.starts_with(|c: char| c.is_ascii_digit()) => format!("+{digits}"),
        _ => to.to_owned(),
    };
    let channel = channel.unwrap_or_else(|| looks_like(&to));
    match address::normalise(channel, &to, region) {
        Ok(canonical) => Some(canonical),
        Err(bad) => {
            faults.add("/to", "invalid_recipient", bad.0);
            None
        }
    }
}

fn looks_like(to: &str) -> Channel {
    let phone = |c: char| c.is_ascii_digit() || matches!(c, '+' | '-' | ' ' | '(' | ')' | '.');
    if to.contains("://") {
        Channel::Webhook
    } else if to.contains('@') {
        Channel::Email
    } else if to.chars().all(phone) {
        Channel::Sms
    } else {
        Channel::Push
    }
}

fn templates(
    faults: &mut Faults,
    snapshot: &Arc<Snapshot>,
    key: Option<&str>,
    team: Option<&str>,
) -> Option<Vec<TemplateId>> {
    let named = match key.map(|key| snapshot.template(key)) {
        Some(None) => {
            let detail = "there is no template with this key";
            faults.add("/template", "unknown_template", detail);
            return None;
        }
        Some(Some(entry)) => Some(entry),
        None => None,
    };
    match (named, team) {
        (None, None) => None,
        (Some(entry), None) => Some(vec![entry.template.id]),
        (named, Some(team)) => Some(
            snapshot
                .templates
                .values()
                .filter(|entry| entry.template.owner.team == team)
                .filter(|entry| named.is_none_or(|named| named.template.id == entry.template.id))
                .map(|entry| entry.template.id)
                .collect(),
        ),
    }
}

/// An account by its key; deleted ones can be looked up too.
fn account(faults: &mut Faults, snapshot: &Arc<Snapshot>, key: &str) -> Option<AccountId> {
    let found = snapshot.account(key).or_else(|| {
        snapshot
            .accounts
            .values()
            .filter(|account| account.key == key)
            .max_by_key(|account| account.id)
    });
    if found.is_none() {
        let detail = "there is and was no account with this key";
        faults.add("/account", "unknown_account", detail);
    }
    found.map(|account| account.id)
}

fn calling_app(faults: &mut Faults, snapshot: &Arc<Snapshot>, name: &str) -> Option<AppId> {
    let found = snapshot.apps.values().find(|app| app.name == name);
    if found.is_none() {
        faults.add("/app", "unknown_app", "there is no app with this name");
    }
    found.map(|app| app.id)
}
