//! What clients send about templates.

use std::collections::BTreeMap;

use crate::resources::policies::RulesSchema;
use austin_domain::template::{Ownership, VendorTemplate};
use austin_engine::manage::{
    ContentDraft, LocaleDraft, TemplateDraft, TestRequest, Transfer, VariableDraft, VersionDraft,
};
use serde::Deserialize;
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};

use crate::resources::messages::Vars;

/// A new template.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "key": "order-shipped", "name": "Order shipped", "channel": "sms", "class": "notification",
    "team": "logistics", "owner": "li@corp.example", "contact": "logistics-oncall@corp.example",
    "business": "parcels",
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
    /// The person who answers for it; required.
    #[serde(default)]
    owner: String,
    /// How to reach them when it burns; required.
    #[serde(default)]
    contact: String,
    /// The line of business it serves; required.
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
    /// The words in other languages, by BCP 47 tag; with the same variables.
    #[serde(default)]
    locales: BTreeMap<String, LocaleBody>,
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
                locales: self.locales,
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
    /// The words in other languages, by BCP 47 tag; with the same variables.
    #[serde(default)]
    locales: BTreeMap<String, LocaleBody>,
}

impl NewVersion {
    pub(super) fn into_draft(self) -> VersionDraft {
        VersionDraft {
            content: self.content.into_draft(),
            variables: self
                .variables
                .into_iter()
                .map(|(name, variable)| (name, variable.into_draft()))
                .collect(),
            policies: self.policies,
            vendor_templates: vendors(self.vendor_templates),
            locales: self
                .locales
                .into_iter()
                .map(|(tag, body)| (tag, body.into_draft()))
                .collect(),
        }
    }
}

fn vendors(given: BTreeMap<String, VendorTemplateBody>) -> BTreeMap<String, VendorTemplate> {
    let vendors = given.into_iter();
    vendors
        .map(|(account, vendor)| (account, vendor.into_domain()))
        .collect()
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

impl ContentBody {
    fn into_draft(self) -> ContentDraft {
        ContentDraft {
            text: self.text,
            subject: self.subject,
            html: self.html,
            body: self.body,
        }
    }
}

/// The words of a template in one language.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = TemplateLocale)]
pub(super) struct LocaleBody {
    /// Plain text; for e-mail its plain part.
    text: Option<String>,
    /// Subject of an e-mail.
    subject: Option<String>,
    /// HTML part of an e-mail; values are escaped in it.
    html: Option<String>,
    /// A JSON document for channels that carry one: the document, or its text.
    body: Option<Value>,
    /// How vendors know these words, by account key. Where one demands a template of its own, the
    /// language needs an entry; a signature is the default's where none is named.
    #[serde(default)]
    vendor_templates: BTreeMap<String, VendorTemplateBody>,
}

impl LocaleBody {
    fn into_draft(self) -> LocaleDraft {
        LocaleDraft {
            content: ContentDraft {
                text: self.text,
                subject: self.subject,
                html: self.html,
                body: self.body,
            },
            vendor_templates: vendors(self.vendor_templates),
        }
    }
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
    /// Least characters of its text.
    min_length: Option<u32>,
    /// A regular expression for its whole text, e.g. `[0-9]{4,6}`; at most 256 characters.
    pattern: Option<String>,
    /// The only values it may have: texts, numbers or yes/no; at most 100.
    #[serde(default)]
    one_of: Vec<Value>,
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
            min_length: self.min_length,
            pattern: self.pattern,
            one_of: self.one_of,
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
    /// The person who answers for it; required.
    #[serde(default)]
    owner: String,
    /// How to reach them when it burns; required.
    #[serde(default)]
    contact: String,
    /// The line of business it serves; required.
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

/// Another team that answers for a template.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = TemplateTransfer)]
pub(super) struct TransferBody {
    /// The team that answers for it from now on.
    team: String,
    /// The person who does.
    owner: String,
    /// How to reach them when it burns.
    contact: String,
    /// The line of business it serves; stays when it is not given.
    #[serde(default)]
    business: String,
    /// Why, for people who read the audit trail; at most 128 characters.
    reason: String,
}

impl TransferBody {
    pub(super) fn into_transfer(self) -> Transfer {
        Transfer {
            owner: Ownership {
                team: self.team,
                owner: self.owner,
                contact: self.contact,
                business: self.business,
            },
            reason: self.reason,
        }
    }
}

/// Which version, and why.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = TemplateStep)]
pub(super) struct StepBody {
    /// The version; when not given, the one the step is most likely meant for.
    pub(super) version: Option<u32>,
    /// At most 128 characters, for people who read the audit trail.
    pub(super) reason: Option<String>,
}

/// Which version, why, and whether it is live then.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = TemplateApproval)]
pub(super) struct ApproveBody {
    /// The version; the newest that waits when not given.
    pub(super) version: Option<u32>,
    /// Whether it is made live in the same step.
    #[serde(default)]
    pub(super) publish: bool,
    /// At most 128 characters, for people who read the audit trail.
    pub(super) reason: Option<String>,
}

/// A message that tries a version out.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = TemplateTest)]
pub(super) struct TestBody {
    /// Somebody on the list of the template's team.
    #[schema(example = "+8613711112201")]
    to: String,
    /// Values; the examples of the template when not given.
    #[schema(value_type = Option<std::collections::HashMap<String, Value>>)]
    vars: Option<Vars>,
    /// The version, live or not; the newest when not given.
    version: Option<u32>,
    /// BCP 47 language.
    locale: Option<String>,
    /// The key of the only account that may send it.
    account: Option<String>,
}

impl TestBody {
    pub(super) fn into_request(self) -> TestRequest {
        TestRequest {
            to: self.to,
            vars: self.vars.map(Into::into),
            version: self.version,
            locale: self.locale,
            account: self.account,
        }
    }
}

/// The people that a team's templates may be tried out on.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = TestPeopleBody, example = json!({"people": ["+8613711112201", "*@test.example"]}))]
pub(super) struct PeopleBody {
    /// Addresses; `*@domain` for a whole mail domain. None: the team tests on nobody.
    pub(super) people: Vec<String>,
    /// Why, for people who read the audit trail; at most 128 characters.
    pub(super) reason: Option<String>,
}

/// Which versions are compared.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct DiffQuery {
    /// The older side; the current version when not given.
    #[param(value_type = Option<u32>)]
    pub(super) from: Option<String>,
    /// The newer side; the newest version when not given.
    #[param(value_type = Option<u32>)]
    pub(super) to: Option<String>,
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
    /// BCP 47 language; the default words where the template has none that fits.
    pub(super) locale: Option<String>,
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
    /// `draft`, `submitted`, `approved`, `enabled`, `disabled` or `archived`.
    pub(super) state: Option<String>,
    /// Only those that nobody has used since this RFC 3339 instant.
    pub(super) unused_since: Option<String>,
    /// How the key begins.
    pub(super) prefix: Option<String>,
    /// Items of one page, 1 to 200; 50 when not given.
    #[param(value_type = Option<u32>)]
    pub(super) limit: Option<String>,
    /// Where the last page ended.
    pub(super) cursor: Option<String>,
}
