//! One set of vendor credentials as an adapter sees it.

use std::collections::BTreeMap;

use austin_domain::AccountId;
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;

/// One set of credentials and settings with a vendor. Its `Debug` shows no secret.
#[derive(Clone, Debug)]
pub struct Account {
    /// Number for stores.
    pub id: AccountId,
    /// What people and routes name it by.
    pub key: String,
    /// Settings by name, checked against the adapter's descriptor.
    pub settings: BTreeMap<String, Value>,
    /// Secrets by name.
    pub secrets: BTreeMap<String, SecretString>,
}

impl Account {
    /// A text setting; empty text counts as absent.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.settings
            .get(name)
            .and_then(Value::as_str)
            .filter(|text| !text.is_empty())
    }

    /// A whole-number setting.
    pub fn integer(&self, name: &str) -> Option<i64> {
        self.settings.get(name).and_then(Value::as_i64)
    }

    /// A yes/no setting.
    pub fn flag(&self, name: &str) -> Option<bool> {
        self.settings.get(name).and_then(Value::as_bool)
    }

    /// A secret, exposed for signing; empty text counts as absent.
    pub fn secret(&self, name: &str) -> Option<&str> {
        self.secrets
            .get(name)
            .map(|secret| secret.expose_secret())
            .filter(|secret| !secret.is_empty())
    }
}
