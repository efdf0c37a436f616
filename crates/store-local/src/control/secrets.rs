//! An account's secrets as they are kept: one sealed value, bound to the account's id.

use std::collections::BTreeMap;

use austin_domain::AccountId;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::Vault;

/// The secrets of one account by name, and its receipt token.
pub(super) type Secrets = (BTreeMap<String, SecretString>, SecretString);

#[derive(Serialize)]
struct Exposed<'a> {
    secrets: BTreeMap<&'a str, &'a str>,
    receipt_token: &'a str,
}

#[derive(Deserialize)]
struct Opened {
    secrets: BTreeMap<String, String>,
    receipt_token: String,
}

/// Seals the secrets for the account with this id.
pub(super) fn seal(
    vault: &Vault,
    id: AccountId,
    secrets: &BTreeMap<String, SecretString>,
    receipt_token: &SecretString,
) -> Result<Vec<u8>, serde_json::Error> {
    let exposed = Exposed {
        secrets: secrets
            .iter()
            .map(|(name, secret)| (name.as_str(), secret.expose_secret()))
            .collect(),
        receipt_token: receipt_token.expose_secret(),
    };
    let json = Zeroizing::new(serde_json::to_vec(&exposed)?);
    Ok(vault.seal(&json, &place(id)))
}

/// Opens what was sealed for this id.
///
/// # Errors
/// Why not, without any of the content.
pub(super) fn open(vault: &Vault, id: AccountId, sealed: &[u8]) -> Result<Secrets, String> {
    let json = vault
        .open(sealed, &place(id))
        .map_err(|error| error.to_string())?;
    // The parser's message could quote what it read.
    let opened: Opened = serde_json::from_slice(&json)
        .map_err(|_| "what was sealed is not a set of secrets".to_owned())?;
    let secrets = opened
        .secrets
        .into_iter()
        .map(|(name, secret)| (name, secret.into()))
        .collect();
    Ok((secrets, opened.receipt_token.into()))
}

fn place(id: AccountId) -> Vec<u8> {
    format!("austin account {id}").into_bytes()
}
