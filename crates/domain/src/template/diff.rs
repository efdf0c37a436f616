//! What two versions say differently, field by field.
//!
//! Works on the JSON form in which versions are read and written ([`document`]), so that a file
//! and a stored version are compared by the same rules. Texts are shown as a unified diff.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};
use similar::TextDiff;

use crate::content::Content;
use crate::template::{VariableKind, VariableSpec, VendorTemplate, Version};

/// Lines of unchanged text around a change.
const CONTEXT: usize = 3;

/// One field that differs.
#[derive(Clone, Debug, PartialEq)]
pub struct Difference {
    /// JSON pointer, e.g. `/content/text` or `/variables/order/max_length`.
    pub field: String,
    /// What it was; `None` where it was not there.
    pub before: Option<Value>,
    /// What it is; `None` where it is gone.
    pub after: Option<Value>,
    /// Of texts: the lines of a unified diff, each beginning with `@@`, ` `, `-` or `+`.
    pub lines: Vec<String>,
}

/// A version in the JSON form of the API: content, variables, policies, vendor templates,
/// locales. Fields that are not set are left out.
pub fn document(version: &Version) -> Value {
    let mut document = Map::new();
    document.insert("content".into(), Value::Object(content(&version.content)));
    document.insert("variables".into(), variables(&version.variables));
    if let Some(policies) = &version.policies {
        document.insert("policies".into(), policies.clone());
    }
    if !version.vendor_templates.is_empty() {
        let vendors = vendor_templates(&version.vendor_templates);
        document.insert("vendor_templates".into(), vendors);
    }
    if !version.locales.is_empty() {
        let locales = version.locales.iter().map(|(tag, localised)| {
            let mut fields = content(&localised.content);
            if !localised.vendor_templates.is_empty() {
                let vendors = vendor_templates(&localised.vendor_templates);
                fields.insert("vendor_templates".into(), vendors);
            }
            (tag.clone(), Value::Object(fields))
        });
        document.insert("locales".into(), locales.collect::<Map<_, _>>().into());
    }
    Value::Object(document)
}

/// The fields in which two documents differ, by pointer.
pub fn differences(before: &Value, after: &Value) -> Vec<Difference> {
    let (mut old, mut new) = (BTreeMap::new(), BTreeMap::new());
    leaves("", before, &mut old);
    leaves("", after, &mut new);
    let fields: std::collections::BTreeSet<&String> = old.keys().chain(new.keys()).collect();
    fields
        .into_iter()
        .filter(|field| old.get(*field) != new.get(*field))
        .map(|field| {
            let (before, after) = (old.get(field).copied(), new.get(field).copied());
            Difference {
                field: field.clone(),
                before: before.cloned(),
                after: after.cloned(),
                lines: unified(before, after),
            }
        })
        .collect()
}

fn content(content: &Content) -> Map<String, Value> {
    let mut fields = Map::new();
    let mut put = |name: &str, text: Option<&String>| {
        if let Some(text) = text {
            fields.insert(name.into(), Value::String(text.clone()));
        }
    };
    match content {
        Content::Text { text } => put("text", Some(text)),
        Content::Email {
            subject,
            html,
            text,
        } => {
            put("subject", Some(subject));
            put("html", html.as_ref());
            put("text", text.as_ref());
        }
        Content::Payload { body } => put("body", Some(body)),
    }
    fields
}

fn variables(variables: &BTreeMap<String, VariableSpec>) -> Value {
    let fields = variables.iter().map(|(name, spec)| {
        let mut fields = Map::new();
        let kind = match spec.kind {
            VariableKind::String => "string",
            VariableKind::Number => "number",
            VariableKind::Integer => "integer",
            VariableKind::Boolean => "boolean",
        };
        fields.insert("type".into(), json!(kind));
        fields.insert("required".into(), json!(spec.required));
        let pattern = spec.pattern.as_ref().map(|pattern| pattern.as_str());
        for (name, value) in [
            ("default", json!(spec.default)),
            ("max_length", json!(spec.max_length)),
            ("min_length", json!(spec.min_length)),
            ("pattern", json!(pattern)),
            ("example", json!(spec.example)),
        ] {
            if !value.is_null() {
                fields.insert(name.into(), value);
            }
        }
        if !spec.one_of.is_empty() {
            fields.insert("one_of".into(), json!(spec.one_of));
        }
        fields.insert("secret".into(), json!(spec.secret));
        (name.clone(), Value::Object(fields))
    });
    Value::Object(fields.collect())
}

fn vendor_templates(vendors: &BTreeMap<String, VendorTemplate>) -> Value {
    let fields = vendors.iter().map(|(account, vendor)| {
        let mut fields = Map::new();
        for (name, value) in [
            ("template_id", json!(vendor.template_id)),
            ("sign", json!(vendor.sign)),
            ("params", json!(vendor.params)),
        ] {
            if !value.is_null() {
                fields.insert(name.into(), value);
            }
        }
        (account.clone(), Value::Object(fields))
    });
    Value::Object(fields.collect())
}

/// Everything in `value` that is not an object, by pointer; lists count as one value, and so do
/// empty objects.
fn leaves<'a>(pointer: &str, value: &'a Value, into: &mut BTreeMap<String, &'a Value>) {
    match value {
        Value::Object(fields) if !fields.is_empty() => {
            for (name, value) in fields {
                let step = name.replace('~', "~0").replace('/', "~1");
                leaves(&format!("{pointer}/{step}"), value, into);
            }
        }
        Value::Object(_) if pointer.matches('/').count() <= 1 => {}
        value => drop(into.insert(pointer.to_owned(), value)),
    }
}

fn unified(before: Option<&Value>, after: Option<&Value>) -> Vec<String> {
    let text = |value: Option<&Value>| match value {
        None => Some(String::new()),
        Some(Value::String(text)) => Some(text.clone()),
        Some(_) => None,
    };
    let (Some(before), Some(after)) = (text(before), text(after)) else {
        return Vec::new();
    };
    let diff = TextDiff::from_lines(&before, &after);
    let mut lines = Vec::new();
    for hunk in diff.unified_diff().context_radius(CONTEXT).iter_hunks() {
        lines.push(hunk.header().to_string());
        for change in hunk.iter_changes() {
            let line = change.value().trim_end_matches(['\n', '\r']);
            lines.push(format!("{}{line}", change.tag()));
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::template::sample::{email, required, text, version};
    use crate::template::{Localised, Pattern};

    fn fields(before: &Version, after: &Version) -> Vec<String> {
        let found = differences(&document(before), &document(after));
        found.into_iter().map(|one| one.field).collect()
    }

    #[test]
    fn equal_versions_do_not_differ() {
        let one = version(text("Hi {{a}}"), &[("a", required(VariableKind::String))]);
        let mut other = one.clone();
        other.number = 7;
        other.author = "someone else".into();
        assert_eq!(fields(&one, &other), [""; 0]);
        assert!(one.says_the_same(&other));
    }

    #[test]
    fn every_field_that_differs_is_named() {
        let old = version(text("Hi {{a}}"), &[("a", required(VariableKind::String))]);
        let mut new = old.clone();
        new.content = text("Ho {{a}}");
        if let Some(spec) = new.variables.get_mut("a") {
            spec.max_length = Some(4);
            spec.pattern = Some(Pattern::new("[a-z]+").unwrap());
            spec.one_of = vec!["x".into()];
        }
        new.policies = Some(json!({"quiet_hours": "hold"}));
        let vendor = VendorTemplate {
            template_id: Some("1".into()),
            ..VendorTemplate::default()
        };
        let localised = Localised {
            content: text("Hey {{a}}"),
            vendor_templates: [("tencent-1".to_owned(), vendor)].into(),
        };
        new.locales.insert("en".into(), localised);
        assert_eq!(
            fields(&old, &new),
            [
                "/content/text",
                "/locales/en/text",
                "/locales/en/vendor_templates/tencent-1/template_id",
                "/policies/quiet_hours",
                "/variables/a/max_length",
                "/variables/a/one_of",
                "/variables/a/pattern",
            ]
        );
        assert!(!old.says_the_same(&new));
    }

    #[test]
    fn texts_are_told_line_by_line() {
        let old = version(email("s", "<p>1</p>", "a\nb\nc\nd\ne\nf\ng\nh"), &[]);
        let new = version(email("s", "<p>1</p>", "a\nb\nc\nd\ne\nF\ng\nh"), &[]);
        let found = differences(&document(&old), &document(&new));
        assert_eq!(found.len(), 1);
        assert_eq!(
            found[0].lines,
            ["@@ -3,6 +3,6 @@", " c", " d", " e", "-f", "+F", " g", " h"]
        );
        let old = version(text("one"), &[]);
        let new = version(text("two"), &[]);
        let found = differences(&document(&old), &document(&new));
        assert_eq!(found[0].lines, ["@@ -1 +1 @@", "-one", "+two"]);
    }
}
