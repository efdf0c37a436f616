//! Versions for the tests of this module's children.

use std::collections::BTreeMap;

use crate::content::Content;
use crate::template::{Standing, VariableKind, VariableSpec, Version};
use crate::time::Timestamp;

/// A version with these words and variables.
pub(super) fn version(content: Content, variables: &[(&str, VariableSpec)]) -> Version {
    Version {
        number: 1,
        content,
        variables: variables
            .iter()
            .map(|(name, spec)| ((*name).to_owned(), spec.clone()))
            .collect(),
        vendor_templates: BTreeMap::new(),
        policies: None,
        author: "li@corp.example".to_owned(),
        created_at: Timestamp::default(),
        locales: BTreeMap::new(),
        standing: Standing::default(),
    }
}

/// A required variable of this kind.
pub(super) fn required(kind: VariableKind) -> VariableSpec {
    VariableSpec {
        kind,
        required: true,
        default: None,
        max_length: None,
        min_length: None,
        pattern: None,
        one_of: Vec::new(),
        example: None,
        secret: false,
    }
}

/// An optional variable of this kind.
pub(super) fn optional(kind: VariableKind, default: Option<&str>) -> VariableSpec {
    VariableSpec {
        required: false,
        default: default.map(str::to_owned),
        ..required(kind)
    }
}

/// A plain text.
pub(super) fn text(text: &str) -> Content {
    Content::Text {
        text: text.to_owned(),
    }
}

/// A JSON document.
pub(super) fn payload(body: &str) -> Content {
    Content::Payload {
        body: body.to_owned(),
    }
}

/// An e-mail with both parts.
pub(super) fn email(subject: &str, html: &str, text: &str) -> Content {
    Content::Email {
        subject: subject.to_owned(),
        html: Some(html.to_owned()),
        text: Some(text.to_owned()),
    }
}
