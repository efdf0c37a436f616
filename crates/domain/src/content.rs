//! What a template says and what one delivery says after rendering.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Variable values of one delivery, already checked and written as text.
pub type Vars = BTreeMap<String, String>;

/// The words of a template (with `{{name}}` placeholders) or, rendered, of one delivery.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Content {
    /// Plain text: SMS and simple chat channels.
    Text {
        /// The words.
        text: String,
    },
    /// E-mail. At least one of `html` and `text` is present.
    Email {
        /// The subject line.
        subject: String,
        /// The HTML part; values are HTML-escaped in it.
        html: Option<String>,
        /// The plain text part.
        text: Option<String>,
    },
    /// A JSON document; values are escaped for the JSON strings they stand in.
    Payload {
        /// JSON text.
        body: String,
    },
}
