//! Accounts as clients send and see them.

use std::collections::BTreeMap;

use austin_domain::{Timestamp, span};
use austin_engine::Caller;
use austin_engine::manage::{AccountDraft, LimitsDraft, NumberRuleDraft, SteerDraft};
use austin_ports::catalog::{AccountRecord, Limits, Role, Steer, SteerMode};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};

use crate::app::App;
use crate::instant::Instant;

/// A vendor account.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "key": "tencent-1", "channel": "sms", "adapter": "tencent-sms",
    "settings": {"sdk_app_id": "1400000000", "sign_name": "商城"},
    "secrets": {"secret_id": "…", "secret_key": "…"},
    "tags": ["cheap"], "limits": {"per_second": 3000, "recipients_per_call": 200,
        "per_number": [{"class": "verification", "count": 1, "window": "1m"}]},
    "enabled": true,
}))]
pub(super) struct AccountBody {
    /// What people and routes name it by: 1–64 of `a-z 0-9 - _ .`.
    key: String,
    /// What it carries, e.g. `sms`; for life.
    channel: String,
    /// The adapter that speaks for it; for life.
    adapter: String,
    /// Settings by the adapter's names; see `/v1/adapters`.
    #[serde(default)]
    settings: BTreeMap<String, Value>,
    /// Secrets by the adapter's names, encrypted at rest and never returned. On PUT, secrets
    /// that are not named stay as they are, and empty text clears one.
    #[serde(default)]
    #[schema(value_type = BTreeMap<String, String>)]
    secrets: BTreeMap<String, Secret>,
    /// Words that routes may name it by, at most 32.
    #[serde(default)]
    tags: Vec<String>,
    #[serde(default)]
    limits: LimitsBody,
    /// Whether it may be used; true when not given.
    #[serde(default = "yes")]
    enabled: bool,
}

/// A secret on its way in. Has no `Debug` and no `Serialize`.
struct Secret(SecretString);

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(|text| Self(SecretString::from(text)))
    }
}

/// Limits of an account; `null` means the adapter's own or none.
#[derive(Debug, Default, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Limits)]
struct LimitsBody {
    /// Most calls a second.
    per_second: Option<u32>,
    /// Most recipients a second, whatever the number of calls.
    recipients_per_second: Option<u32>,
    /// Most recipients a call.
    recipients_per_call: Option<u16>,
    /// Most recipients a day, midnight to midnight at UTC+8.
    recipients_per_day: Option<u64>,
    /// Most calls at a time.
    concurrency: Option<u16>,
    /// The vendor's rules about one number, in place of the adapter's own; at most 16.
    per_number: Option<Vec<NumberRuleBody>>,
    /// How long its vendor's receipts may take before they count as missing, at most 31 days;
    /// `engine.receipt_deadline` when not given.
    #[schema(example = "12h")]
    receipt_deadline: Option<String>,
}

/// A vendor's rule about one number: more is refused, so it is not even tried.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NumberRule)]
struct NumberRuleBody {
    /// Which messages count and are counted, e.g. `verification`; all when not given.
    class: Option<String>,
    /// Most messages to one number.
    count: u32,
    /// In this time, sliding.
    #[schema(example = "1m")]
    window: String,
}

impl LimitsBody {
    fn into_draft(self) -> LimitsDraft {
        let rule = |rule: NumberRuleBody| NumberRuleDraft {
            class: rule.class,
            count: rule.count,
            window: rule.window,
        };
        LimitsDraft {
            per_second: self.per_second,
            recipients_per_second: self.recipients_per_second,
            recipients_per_call: self.recipients_per_call,
            recipients_per_day: self.recipients_per_day,
            concurrency: self.concurrency,
            per_number: self
                .per_number
                .map(|rules| rules.into_iter().map(rule).collect()),
            receipt_deadline: self.receipt_deadline,
        }
    }

    fn of(limits: &Limits) -> Self {
        Self {
            per_second: limits.per_second,
            recipients_per_second: limits.recipients_per_second,
            recipients_per_call: limits.recipients_per_call,
            recipients_per_day: limits.recipients_per_day,
            concurrency: limits.concurrency,
            per_number: limits.per_number.as_ref().map(|rules| {
                let rules = rules.iter();
                rules
                    .map(|rule| NumberRuleBody {
                        class: rule.class.map(|class| class.as_str().to_owned()),
                        count: rule.count,
                        window: span::text(rule.window),
                    })
                    .collect()
            }),
            receipt_deadline: limits.receipt_deadline.map(span::text),
        }
    }
}

/// An operator's word on an account's health, over what austin finds by itself.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = SteerBody)]
pub(super) struct SteerBody {
    /// `open`: use it as configured; `closed`: give it nothing new.
    #[schema(example = "closed")]
    mode: String,
    /// When it ends by itself; never when not given.
    until: Option<Instant>,
    /// Why, for people; at most 128 characters.
    reason: Option<String>,
}

impl SteerBody {
    pub(super) fn into_draft(self) -> SteerDraft {
        SteerDraft {
            mode: self.mode,
            until: self.until.map(|until| until.0),
            reason: self.reason,
        }
    }
}

/// An operator's word that stands.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Steer)]
struct SteerView {
    /// `open` or `closed`.
    mode: &'static str,
    until: Option<Instant>,
    reason: Option<String>,
    /// Who gave it.
    author: String,
    /// When it was given.
    at: Instant,
}

impl SteerView {
    /// The word, unless it has ended by itself.
    fn of(steer: &Steer, now: Timestamp) -> Option<Self> {
        let stands = steer.until.is_none_or(|until| until > now);
        stands.then(|| Self {
            mode: match steer.mode {
                SteerMode::Open => "open",
                SteerMode::Closed => "closed",
            },
            until: steer.until.map(Into::into),
            reason: steer.reason.clone(),
            author: steer.author.clone(),
            at: steer.at.into(),
        })
    }
}

const fn yes() -> bool {
    true
}

impl AccountBody {
    pub(super) fn into_draft(self) -> AccountDraft {
        AccountDraft {
            key: self.key,
            channel: self.channel,
            adapter: self.adapter,
            settings: self.settings,
            secrets: self
                .secrets
                .into_iter()
                .map(|(name, secret)| (name, secret.0))
                .collect(),
            tags: self.tags,
            limits: self.limits.into_draft(),
            enabled: self.enabled,
        }
    }
}

/// A vendor account as it may be seen.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Account)]
pub(super) struct AccountView {
    key: String,
    channel: &'static str,
    adapter: String,
    settings: BTreeMap<String, Value>,
    /// Names of the secrets that are set.
    secrets: Vec<String>,
    /// Words that routes may name it by.
    tags: Vec<String>,
    limits: LimitsBody,
    enabled: bool,
    /// An operator's word that stands; `null`: austin decides by itself.
    steer: Option<SteerView>,
    /// Where the vendor posts receipts; holds a secret, so that only admins see it.
    #[serde(skip_serializing_if = "Option::is_none")]
    receipt_url: Option<String>,
    created_at: Instant,
    updated_at: Instant,
}

impl AccountView {
    pub(super) fn of(app: &App, caller: &Caller, account: &AccountRecord) -> Self {
        let receipts = app
            .engine
            .parts()
            .adapters
            .get(&account.adapter)
            .is_some_and(|adapter| adapter.descriptor().capabilities.receipts);
        let receipt_url = (receipts && caller.role == Role::Admin).then(|| {
            let base = app.options.public_url.as_deref().unwrap_or_default();
            let token = account.receipt_token.expose_secret();
            format!(
                "{}/v1/receipts/{}/{token}",
                base.trim_end_matches('/'),
                account.key
            )
        });
        Self {
            key: account.key.clone(),
            channel: account.channel.as_str(),
            adapter: account.adapter.clone(),
            settings: account.settings.clone(),
            secrets: account
                .secrets
                .iter()
                .filter(|(_, secret)| !secret.expose_secret().is_empty())
                .map(|(name, _)| name.clone())
                .collect(),
            tags: account.tags.iter().cloned().collect(),
            limits: LimitsBody::of(&account.limits),
            enabled: account.enabled,
            steer: account
                .steer
                .as_ref()
                .and_then(|steer| SteerView::of(steer, app.engine.parts().clock.now())),
            receipt_url,
            created_at: account.created_at.into(),
            updated_at: account.updated_at.into(),
        }
    }
}

/// One page of accounts.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct AccountPage {
    pub(super) items: Vec<AccountView>,
    /// Give it as `cursor` for the next page; `null` at the end.
    pub(super) cursor: Option<String>,
}

/// Which accounts are wanted; every given parameter must fit.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct AccountQuery {
    /// Channel, e.g. `sms`.
    pub(super) channel: Option<String>,
    /// Adapter, e.g. `tencent-sms`.
    pub(super) adapter: Option<String>,
    /// Items of one page, 1 to 200; 50 when not given.
    #[param(value_type = Option<u32>)]
    pub(super) limit: Option<String>,
    /// Where the last page ended.
    pub(super) cursor: Option<String>,
}
