//! What clients send about templates.

use std::collections::BTreeMap;

use crate::resources::policies::RulesSchema;
use austin_domain::template::{Ownership, VendorTemplate};
use austin_engine::manage::{ContentDraft, TemplateDraft, VariableDraft, VersionDraft};
use serde::Deserialize;
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};

use crate::resources::messages::Vars;

/// A new template.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "key": "order-shipped", "name": "Order shipped", "channel": "sms", "class": "notification",
    "team": "logistics", "owner": "li@corp.example",
    "content": {"text": "您的订单{{order}}已发货"},
    "variables": {"order": {"type": "string", "max_length": 40, "example": "A1"}},
    "vendor_templates": {"tencent-1": {"template_id": "123", "sign": "商城", "params": ["order"]}},
}))]
pub(super) struct NewTemplate {
    /// What callers name it by: 1–64 of `a-z 0-9 - _ .`, beginning with a letter or digit.
    key: String,
    /// For people; the key when not given.
    #[serde(default)]
    name: String,
    /// How its messages travel, e.g. `sms`.
    channel: String,
    /// What its messages are for: `verification`, `notification` or `marketing`.
    class: String,
    /// The team that answers for it; the caller's team when not given.
    #[serde(default)]
    team: String,
    /// The person who answers for it.
    #[serde(default)]
    owner: String,
    /// How to reach them.
    #[serde(default)]
    contact: String,
    /// The line of business it serves.
    #[serde(default)]
    business: String,
    content: ContentBody,
    /// What may and must be filled in, by name.
    #[serde(default)]
    variables: BTreeMap<String, Variable>,
    #[schema(value_type = Option<RulesSchema>)]
    policies: Option<Value>,
    /// How vendors with approved templates of their own know this one, by account key.
    #[serde(default)]
    vendor_templates: BTreeMap<String, VendorTemplateBody>,
}

impl NewTemplate {
    pub(super) fn into_draft(self) -> TemplateDraft {
        TemplateDraft {
            key: self.key,
            name: self.name,
            channel: self.channel,
            class: self.class,
            owner: Ownership {
                team: self.team,
                owner: self.owner,
                contact: self.contact,
                business: self.business,
            },
            version: NewVersion {
                content: self.content,
                variables: self.variables,
                policies: self.policies,
                vendor_templates: self.vendor_templates,
            }
            .into_draft(),
        }
    }
}

/// A new version of a template.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewVersion {
    content: ContentBody,
    /// What may and must be filled in, by name.
    #[serde(default)]
    variables: BTreeMap<String, Variable>,
    #[schema(value_type = Option<RulesSchema>)]
    policies: Option<Value>,
    /// How vendors with approved templates of their own know this one, by account key.
    #[serde(default)]
    vendor_templates: BTreeMap<String, VendorTemplateBody>,
}

impl NewVersion {
    pub(super) fn into_draft(self) -> VersionDraft {
        VersionDraft {
            content: ContentDraft {
                text: self.content.text,
                subject: self.content.subject,
                html: self.content.html,
                body: self.content.body,
            },
            variables: self
                .variables
                .into_iter()
                .map(|(name, variable)| (name, variable.into_draft()))
                .collect(),
            policies: self.policies,
            vendor_templates: self
                .vendor_templates
                .into_iter()
                .map(|(account, vendor)| (account, vendor.into_domain()))
                .collect(),
        }
    }
}

/// The words of a template, with `{{name}}` placeholders.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = TemplateContent)]
pub(super) struct ContentBody {
    /// Plain text; for e-mail its plain part.
    text: Option<String>,
    /// Subject of an e-mail.
    subject: Option<String>,
    /// HTML part of an e-mail; values are escaped in it.
    html: Option<String>,
    /// A JSON document for channels that carry one: the document, or its text.
    body: Option<Value>,
}

/// What a variable may hold.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Variable {
    /// `string` (when not given), `number`, `integer` or `boolean`.
    #[serde(rename = "type")]
    #[schema(example = "string")]
    kind: Option<String>,
    /// Whether a message without it is refused; when not given: unless there is a default.
    required: Option<bool>,
    /// Stands for it when it is not given: text, a number or yes/no.
    default: Option<Value>,
    /// Most characters of its text.
    max_length: Option<u32>,
    /// Stands for it in previews: text, a number or yes/no.
    example: Option<Value>,
    /// Sealed at rest, never shown or logged, wiped when the delivery ends.
    #[serde(default)]
    secret: bool,
}

impl Variable {
    fn into_draft(self) -> VariableDraft {
        VariableDraft {
            kind: self.kind,
            required: self.required,
            default: self.default,
            max_length: self.max_length,
            example: self.example,
            secret: self.secret,
        }
    }
}

/// How a vendor with approved templates of its own knows a template.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = VendorTemplate)]
pub(super) struct VendorTemplateBody {
    /// The vendor's template id.
    template_id: Option<String>,
    /// The vendor's signature, without its brackets.
    sign: Option<String>,
    /// Our variable names in the order of the vendor's parameters.
    params: Option<Vec<String>>,
}

impl VendorTemplateBody {
    fn into_domain(self) -> VendorTemplate {
        VendorTemplate {
            template_id: self.template_id,
            sign: self.sign,
            params: self.params,
        }
    }
}

/// Name and ownership of a template.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = TemplateDescription)]
pub(super) struct Describe {
    /// For people; the key when empty.
    #[serde(default)]
    name: String,
    /// The team that answers for it; the caller's team when empty.
    #[serde(default)]
    team: String,
    /// The person who answers for it.
    #[serde(default)]
    owner: String,
    /// How to reach them.
    #[serde(default)]
    contact: String,
    /// The line of business it serves.
    #[serde(default)]
    business: String,
}

impl Describe {
    pub(super) fn into_parts(self) -> (String, Ownership) {
        let owner = Ownership {
            team: self.team,
            owner: self.owner,
            contact: self.contact,
            business: self.business,
        };
        (self.name, owner)
    }
}

/// Why, for people who read the audit trail.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Reason {
    /// At most 128 characters.
    pub(super) reason: Option<String>,
}

/// What to preview.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = PreviewRequest)]
pub(super) struct PreviewVars {
    /// The version; the current one when not given.
    pub(super) version: Option<u32>,
    /// Values; the examples of the template when not given.
    #[schema(value_type = Option<std::collections::HashMap<String, Value>>)]
    pub(super) vars: Option<Vars>,
    /// A recipient, to count segments by the rule of their country.
    pub(super) to: Option<String>,
}

/// Which templates are wanted; every given parameter must fit.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct TemplateQuery {
    /// Channel, e.g. `sms`.
    pub(super) channel: Option<String>,
    /// Class, e.g. `notification`.
    pub(super) class: Option<String>,
    /// Owning team.
    pub(super) team: Option<String>,
    /// `draft`, `enabled` or `disabled`.
    pub(super) state: Option<String>,
    /// How the key begins.
    pub(super) prefix: Option<String>,
    /// Items of one page, 1 to 200; 50 when not given.
    #[param(value_type = Option<u32>)]
    pub(super) limit: Option<String>,
    /// Where the last page ended.
    pub(super) cursor: Option<String>,
}
