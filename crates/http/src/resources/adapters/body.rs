//! What clients send about adapters.

use std::collections::BTreeMap;

use austin_adapter_api::{Descriptor, Field, FieldKind};
use austin_engine::adapters::LiveDraft;
use austin_engine::manage::{AdapterUpload, CanaryDraft};
use secrecy::SecretString;
use serde::Deserialize;
use serde_json::{Value, json};
use utoipa::{IntoParams, ToSchema};

/// A version of an adapter.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewAdapterVersion)]
pub(super) struct UploadBody {
    /// Descriptor and, without a script, everything else; see docs/adding-a-vendor.md.
    #[schema(value_type = Object)]
    definition: Value,
    /// JavaScript, for what a definition cannot say.
    script: Option<String>,
    /// Recorded requests and answers that the version is checked against.
    #[serde(default)]
    #[schema(value_type = Object)]
    examples: Value,
    /// Why, for people who read the history; at most 128 characters.
    reason: Option<String>,
}

/// Which version to check, and how.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = CheckAdapter)]
pub(super) struct CheckBody {
    pub(super) version: u32,
    /// Sends one message through a throw-away account besides.
    pub(super) live: Option<LiveBody>,
}

/// A throw-away account and one message. Required text fields that are not given are filled with
/// invented values, which is what a simulated vendor takes.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = LiveCheckRequest)]
pub(super) struct LiveBody {
    /// Base URL of the simulated vendor.
    #[schema(example = "http://127.0.0.1:7071")]
    endpoint: String,
    /// Further settings of the account.
    #[serde(default)]
    settings: BTreeMap<String, Value>,
    /// Secrets of the account; kept nowhere.
    #[serde(default)]
    #[schema(value_type = BTreeMap<String, String>)]
    secrets: BTreeMap<String, Secret>,
    /// To whom; an invented number when not given.
    to: Option<String>,
    /// The words.
    text: Option<String>,
}

/// A secret on its way in. Has no `Debug` and no `Serialize`.
struct Secret(SecretString);

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(|text| Self(SecretString::from(text)))
    }
}

/// A trial.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = AdapterCanaryRequest)]
pub(super) struct CanaryBody {
    version: u32,
    /// Its share of the calls, 1 to 50.
    percent: u8,
    /// When it becomes active by itself if it does no worse, e.g. `10m`; never when not given.
    promote_after: Option<String>,
    /// Why; at most 128 characters.
    reason: Option<String>,
}

/// Which version to use.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ActivateAdapter)]
pub(super) struct ActivateBody {
    pub(super) version: u32,
    /// Why; at most 128 characters.
    pub(super) reason: Option<String>,
}

/// Why.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = RollBackAdapter)]
pub(super) struct RollbackBody {
    /// Why; at most 128 characters.
    pub(super) reason: Option<String>,
}

/// What to compare with.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct DiffQuery {
    /// The other version; the one before when not given.
    pub(super) against: Option<String>,
}

impl UploadBody {
    pub(super) fn into_upload(self) -> AdapterUpload {
        AdapterUpload {
            definition: self.definition,
            script: self.script,
            examples: self.examples,
            reason: self.reason,
        }
    }
}

impl CanaryBody {
    pub(super) fn into_draft(self) -> CanaryDraft {
        CanaryDraft {
            version: self.version,
            percent: self.percent,
            promote_after: self.promote_after,
            reason: self.reason,
        }
    }
}

impl LiveBody {
    /// The account and the message, with inventions for required text that is not given.
    pub(super) fn into_draft(self, descriptor: &Descriptor) -> LiveDraft {
        let mut settings = self.settings;
        if descriptor
            .settings
            .iter()
            .any(|field| field.name == "endpoint")
        {
            settings.insert("endpoint".into(), json!(self.endpoint));
        }
        let mut secrets: BTreeMap<String, SecretString> = self
            .secrets
            .into_iter()
            .map(|(name, secret)| (name, secret.0))
            .collect();
        for field in descriptor.settings.iter().filter(|field| is_open(field)) {
            let invented = || json!(format!("check-{}", field.name));
            settings.entry(field.name.clone()).or_insert_with(invented);
        }
        for field in descriptor.secrets.iter().filter(|field| is_open(field)) {
            let invented = || format!("check-{}", field.name).into();
            secrets.entry(field.name.clone()).or_insert_with(invented);
        }
        LiveDraft {
            settings,
            secrets,
            to: self.to.unwrap_or_else(|| "+8613711112201".into()),
            text: self.text.unwrap_or_else(|| "austin adapter check".into()),
        }
    }
}

fn is_open(field: &Field) -> bool {
    field.required && matches!(field.kind, FieldKind::Text)
}
