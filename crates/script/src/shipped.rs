//! Adapters that come with the product, in the same form as anybody's upload.

use austin_adapter_api::Source;
use serde_json::Value;

/// An adapter that comes with the product.
#[derive(Clone, Debug)]
pub struct Shipped {
    /// What is loaded.
    pub source: Source,
    /// Its recorded examples.
    pub examples: Value,
}

macro_rules! shipped {
    ($name:literal, $script:expr) => {
        (
            $name,
            include_str!(concat!("../shipped/", $name, "/definition.json")),
            $script,
            include_str!(concat!("../shipped/", $name, "/examples.json")),
        )
    };
}

type Files = (
    &'static str,
    &'static str,
    Option<&'static str>,
    &'static str,
);

const SHIPPED: &[Files] = &[
    shipped!("lintong-sms", None),
    shipped!(
        "vonage-sms",
        Some(include_str!("../shipped/vonage-sms/script.js"))
    ),
    shipped!(
        "huawei-sms",
        Some(include_str!("../shipped/huawei-sms/script.js"))
    ),
];

/// All of them, version 1.
pub fn shipped() -> Vec<Shipped> {
    // A file that is no JSON becomes `null`, which the loader refuses and the tests see.
    let json = |text: &str| serde_json::from_str(text).unwrap_or(Value::Null);
    SHIPPED
        .iter()
        .map(|(name, definition, script, examples)| Shipped {
            source: Source {
                name: (*name).to_owned(),
                version: 1,
                definition: json(definition),
                script: script.map(str::to_owned),
            },
            examples: json(examples),
        })
        .collect()
}
