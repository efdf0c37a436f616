//! Templates that are kept as files: read, checked and compared without a server.

use austin_domain::template::diff;
use austin_engine::manage::check_offline;
use austin_engine::{FieldFault, Refusal};
use serde_json::{Value, json};

use crate::json;

use super::request::NewTemplate;

/// A template as it is written, in one form: what the API takes with every default filled in, so
/// that two of them say the same exactly when they are equal.
///
/// # Errors
/// Every field at fault, by the rules of the API; only whether the key is free and the accounts
/// exist is not looked at.
pub fn normal(template: &Value) -> Result<Value, Vec<FieldFault>> {
    let written = template.to_string();
    let body: NewTemplate =
        json::parse(written.as_bytes()).map_err(|problem| problem.into_faults())?;
    let draft = body.into_draft();
    let (name, owner) = (draft.name.clone(), draft.owner.clone());
    let named = if name.trim().is_empty() {
        &draft.key
    } else {
        &name
    };
    let mut normal = json!({
        "key": draft.key, "name": named, "channel": draft.channel, "class": draft.class,
        "team": owner.team, "owner": owner.owner, "contact": owner.contact,
        "business": owner.business,
    });
    let version = check_offline(draft).map_err(|refusal: Refusal| {
        if refusal.errors.is_empty() {
            vec![FieldFault::new("", refusal.code.as_str(), refusal.detail)]
        } else {
            refusal.errors
        }
    })?;
    if let (Value::Object(fields), Value::Object(words)) = (&mut normal, diff::document(&version)) {
        fields.extend(words);
    }
    Ok(normal)
}
