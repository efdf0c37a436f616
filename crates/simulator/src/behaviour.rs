//! A behaviour as written in JSON: rules, limit, receipts, credentials.
//!
//! Invariant: what [`Behaviour::check`] passes can be put in force; unknown fields do not parse.

use serde::{Deserialize, Serialize};

use crate::callback::Target;
use crate::rules::{Rule, check_share};
use crate::secret::Secret;
use crate::span::Span;

/// How one imitated vendor account behaves. The default accepts everything and sends no receipts.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Behaviour {
    /// Tried in order, see [`crate::Action`].
    pub rules: Vec<Rule>,
    /// Most calls or messages a second.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<Limit>,
    /// Later words about accepted messages; none when left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub receipts: Option<ReceiptPlan>,
    /// What callers must prove; nothing when left out.
    pub credentials: Credentials,
    /// Sends of the own protocol must carry a token given out under `/sim/token`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tokens: Option<TokenPlan>,
    /// What `/sim/balance` says, in 10⁻⁴ CNY.
    pub balance: i64,
    /// What makes two accepted messages the same in the ledger.
    pub count_by: CountBy,
    /// Seed of every draw; the seed of the simulator when left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seed: Option<u64>,
}

/// A limit per calendar second of the simulator's clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limit {
    /// The most let through in one second.
    pub per_second: u64,
    /// What is counted.
    #[serde(default)]
    pub counts: LimitUnit,
    /// How the rest is answered.
    #[serde(default)]
    pub answer: LimitAnswer,
}

/// What a limit counts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LimitUnit {
    /// Vendor calls.
    #[default]
    Calls,
    /// Messages; a call that does not fit is refused as a whole.
    Messages,
}

/// How a call above the limit is answered.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LimitAnswer {
    /// The vendor's own error for it.
    #[default]
    Throttled,
    /// HTTP 429 with `Retry-After: 1`.
    Status429,
}

/// Tokens of a behaviour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TokenPlan {
    /// How long one is good for.
    pub life_ms: u64,
}

/// Receipts of a behaviour.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReceiptPlan {
    /// Where they are posted (`http://` only); not needed with `pull`.
    #[serde(default)]
    pub url: String,
    /// Kept to be fetched instead of being posted: under `/sim/receipts`, by YunPian's
    /// `pull_status` or Tencent's `PullSmsSendStatus`. The vendors hand each out once.
    #[serde(default)]
    pub pull: bool,
    /// Key of the signature on receipts of the own protocol and of Twilio; for SendGrid's a P-256
    /// key, Base64 of PKCS #8.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<Secret>,
    /// Time from acceptance to the first post.
    #[serde(default = "no_delay")]
    pub delay_ms: Span,
    /// Posted before the send call is answered; `delay_ms` does not apply.
    #[serde(default)]
    pub early: bool,
    /// A share that says "undelivered".
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fail: Option<ReceiptFailure>,
    /// A share that never comes.
    #[serde(default)]
    pub lose: f64,
    /// A share that comes twice.
    #[serde(default)]
    pub duplicate: f64,
    /// A share followed by a receipt that says the opposite.
    #[serde(default)]
    pub contradict: f64,
    /// Reverses the order inside windows of this many milliseconds; 0 keeps it.
    #[serde(default)]
    pub reorder_ms: u64,
    /// Stamps acceptance just before and delivery just after midnight in Beijing.
    #[serde(default)]
    pub across_midnight: bool,
    /// Most receipts in one post.
    #[serde(default = "batch")]
    pub batch: usize,
    /// What happens when a post is not acknowledged.
    #[serde(default)]
    pub retry: Retry,
}

/// A share of bad news.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReceiptFailure {
    /// From 0 to 1.
    pub share: f64,
    /// The carrier's code.
    #[serde(default = "undelivered")]
    pub code: String,
}

/// Repeating a post that was not acknowledged: pauses double from `first_ms` to `most_ms`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Retry {
    /// Posts in all.
    pub attempts: u32,
    /// First pause, milliseconds.
    pub first_ms: u64,
    /// Longest pause, milliseconds.
    pub most_ms: u64,
}

impl Default for Retry {
    fn default() -> Self {
        Self {
            attempts: 12,
            first_ms: 200,
            most_ms: 10_000,
        }
    }
}

/// Secrets that turn checking on, one set per protocol.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Credentials {
    /// Bearer token of the own protocol.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token: Option<Secret>,
    /// Tencent TC3 keys.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tencent: Option<TencentKeys>,
    /// Aliyun ACS3 keys.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub aliyun: Option<AliyunKeys>,
    /// YunPian `apikey`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub yunpian_apikey: Option<Secret>,
    /// Volcengine keys.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub volcengine: Option<AccessKeys>,
    /// AWS keys.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub aws: Option<AccessKeys>,
    /// Twilio account.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub twilio: Option<TwilioKeys>,
    /// SendGrid API key (`SG.…`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sendgrid_api_key: Option<Secret>,
    /// Standard Webhooks secret (`whsec_…`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub webhook: Option<Secret>,
}

/// The key pair of a Tencent account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TencentKeys {
    /// `SecretId`.
    pub secret_id: String,
    /// `SecretKey`.
    pub secret_key: Secret,
}

/// The key pair of an Aliyun account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AliyunKeys {
    /// AccessKey id.
    pub access_key_id: String,
    /// AccessKey secret.
    pub access_key_secret: Secret,
}

/// The key pair of a Volcengine or AWS account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AccessKeys {
    /// Access key id.
    pub access_key_id: String,
    /// Secret access key.
    pub secret_access_key: Secret,
}

/// What a Twilio account signs in with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TwilioKeys {
    /// `AccountSid`, which stands in the path too.
    pub account_sid: String,
    /// Auth token.
    pub auth_token: Secret,
}

/// What makes two accepted messages the same.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CountBy {
    /// The caller's reference (with the recipient where the reference belongs to a whole call).
    #[default]
    Reference,
    /// Recipient and content, for vendors that carry no reference of ours.
    Content,
}

impl Behaviour {
    /// Refuses what could not be obeyed as written.
    pub(crate) fn check(&self) -> Result<(), String> {
        for (index, rule) in self.rules.iter().enumerate() {
            rule.check()
                .map_err(|why| format!("rules[{index}]: {why}"))?;
        }
        if let Some(secret) = &self.credentials.webhook {
            crate::webhook::key(secret).map_err(|why| format!("credentials.webhook: {why}"))?;
        }
        self.receipts.as_ref().map_or(Ok(()), ReceiptPlan::check)
    }
}

impl ReceiptPlan {
    fn check(&self) -> Result<(), String> {
        if !self.pull {
            Target::parse(&self.url).map_err(|why| format!("receipts.url: {why}"))?;
        }
        check_share("receipts.lose", self.lose)?;
        check_share("receipts.duplicate", self.duplicate)?;
        check_share("receipts.contradict", self.contradict)?;
        if let Some(fail) = &self.fail {
            check_share("receipts.fail.share", fail.share)?;
        }
        if !(1..=1_000).contains(&self.batch) {
            return Err("receipts.batch must be from 1 to 1000".into());
        }
        if self.retry.attempts == 0 {
            return Err("receipts.retry.attempts must be at least 1".into());
        }
        if self.early && self.reorder_ms > 0 {
            return Err("receipts.early and receipts.reorder_ms exclude each other".into());
        }
        Ok(())
    }
}

/// Whether `name` can name a behaviour: 1 to 64 of letters, digits, `.`, `_`, `-`.
pub(crate) fn valid_name(name: &str) -> bool {
    (1..=64).contains(&name.len())
        && name
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'))
}

const fn no_delay() -> Span {
    Span::fixed(0)
}

const fn batch() -> usize {
    100
}

fn undelivered() -> String {
    "UNDELIV".into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(json: &str) -> String {
        match serde_json::from_str::<Behaviour>(json) {
            Err(error) => error.to_string(),
            Ok(behaviour) => behaviour.check().expect_err("should be refused"),
        }
    }

    #[test]
    fn refuses_what_it_cannot_obey() {
        let cases = [
            (r#"{"rulez":[]}"#, "unknown field `rulez`"),
            (
                r#"{"rules":[{"do":"explode"}]}"#,
                "unknown variant `explode`",
            ),
            (
                r#"{"rules":[{"match":{"evry":2},"do":"accept"}]}"#,
                "unknown field `evry`",
            ),
            (
                r#"{"rules":[{"match":{"every":0},"do":"accept"}]}"#,
                "rules[0]: match.every",
            ),
            (
                r#"{"rules":[{"match":{"probability":1.5},"do":"accept"}]}"#,
                "from 0 to 1",
            ),
            (
                r#"{"rules":[{"do":{"status":{"status":99}}}]}"#,
                "not in 200..=599",
            ),
            (r#"{"receipts":{"url":"https://x.example/"}}"#, "http://"),
            (
                r#"{"receipts":{"url":"http://127.0.0.1:9/","lose":2}}"#,
                "receipts.lose",
            ),
            (r#"{"credentials":{"webhook":"nonsense"}}"#, "whsec_"),
        ];
        for (json, why) in cases {
            let got = refused(json);
            assert!(got.contains(why), "{json}: {got}");
        }
    }

    #[test]
    fn secrets_are_not_written_back() {
        let behaviour: Behaviour =
            serde_json::from_str(r#"{"credentials":{"token":"open-sesame"}}"#).unwrap();
        let shown = format!(
            "{behaviour:?}{}",
            serde_json::to_string(&behaviour).unwrap()
        );
        assert!(!shown.contains("sesame"), "{shown}");
    }
}
