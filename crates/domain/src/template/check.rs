//! Checks of templates when they are written and of variables when they are used.
//!
//! Everything that is wrong is found at once and named by its place; no fault repeats a value.
//! The invariant: a version without faults, given variables without faults, renders, and
//! renders a payload as JSON whatever the values are.

mod localised;
mod payload;
mod value;
mod words;

use serde_json::{Map, Value};

use crate::channel::Channel;
use crate::content::{Content, Vars};
use crate::name;
use crate::template::text;
use crate::template::{VariableKind, VariableSpec, VendorTemplate, Version};

/// Most variables of a version, and most values of a message or recipient.
pub const MAX_VARIABLES: usize = 100;
/// Most characters that a variable's `max_length` may allow.
pub const MAX_VALUE: u32 = 65_536;
/// Most texts that a variable may choose from.
pub const MAX_CHOICES: usize = 100;
/// Most languages of a version besides its default words.
pub const MAX_LOCALES: usize = 50;
/// Most characters of a vendor's template id or signature.
pub const MAX_VENDOR_TEXT: usize = 128;

/// One fault, with the JSON pointer of the field at fault relative to what was checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// JSON pointer (RFC 6901), e.g. `/content/text` or `/order`; empty for the whole.
    pub pointer: String,
    /// Stable code. Of variables: `missing_variable`, `unknown_variable`, `wrong_type`,
    /// `too_long`, `too_short`, `pattern`, `not_a_choice`, `too_many`. Of versions: `required`, `too_long`, `too_many`, `invalid`,
    /// `wrong_type`, `wrong_content`, `syntax`, `not_json`, `undeclared_variable`,
    /// `unused_variable`, `invalid_locale`, and those of variables for defaults and examples.
    pub code: &'static str,
    /// A sentence for people. Never repeats a value.
    pub detail: String,
}

impl Fault {
    fn new(pointer: impl Into<String>, code: &'static str, detail: impl Into<String>) -> Self {
        Self {
            pointer: pointer.into(),
            code,
            detail: detail.into(),
        }
    }
}

/// Checks a version against its channel: content kind fits the channel, texts parse, every
/// placeholder is declared, every declared variable is used (or only by `vendor_templates`),
/// names and lengths are sane, defaults and examples fit their spec, a payload is JSON
/// whatever its variables hold. All faults at once; empty when fine.
pub fn version(channel: Channel, version: &Version) -> Vec<Fault> {
    let mut faults = Vec::new();
    if !fits(channel, &version.content) {
        let detail = format!("{channel} cannot carry this kind of content");
        faults.push(Fault::new("/content", "wrong_content", detail));
    }
    let used = words::check(
        channel,
        version,
        ("/content", &version.content),
        &mut faults,
    );
    if version.variables.len() > MAX_VARIABLES {
        let detail = format!("a template has at most {MAX_VARIABLES} variables");
        faults.push(Fault::new("/variables", "too_many", detail));
    }
    for (name, spec) in &version.variables {
        declaration(name, spec, &mut faults);
    }
    for (account, vendor) in &version.vendor_templates {
        vendor_template("", (account, vendor), version, &mut faults);
    }
    localised::check(channel, version, &used, &mut faults);
    for name in version.variables.keys() {
        if !used.contains(name) && !used_by_vendors(version, name) {
            let detail = "is declared but not used: remove it, or use it in a text";
            let pointer = format!("/variables/{}", token(name));
            faults.push(Fault::new(pointer, "unused_variable", detail));
        }
    }
    faults
}

/// Checks the variables of one delivery and writes their values as text: `shared` (the
/// message's) overlaid by `own` (the recipient's). Missing, unknown, of the wrong type, too
/// long: all faults at once, pointers relative to the vars object (`/code`).
///
/// A value that is given as text may be of any kind (`"12"` is a number); a number given as a
/// JSON number is written as RFC 8785 does. An empty text counts as missing where the variable
/// is required. Optional variables that are not given are left out: rendering knows their
/// defaults.
///
/// # Errors
/// Every fault found.
pub fn vars(
    version: &Version,
    shared: &Map<String, Value>,
    own: &Map<String, Value>,
) -> Result<Vars, Vec<Fault>> {
    if shared.len() > MAX_VARIABLES || own.len() > MAX_VARIABLES {
        let detail = format!("at most {MAX_VARIABLES} variables can be given");
        return Err(vec![Fault::new("", "too_many", detail)]);
    }
    let mut vars = Vars::new();
    let mut faults = Vec::new();
    for (name, spec) in &version.variables {
        let value = own.get(name).or_else(|| shared.get(name));
        match value.map(|value| value::text(spec, value)) {
            Some(Ok(text)) if !(spec.required && text.is_empty()) => {
                vars.insert(name.clone(), text);
            }
            Some(Err((code, wrong))) => {
                let detail = format!("variable {name} {wrong}");
                faults.push(Fault::new(format!("/{}", token(name)), code, detail));
            }
            Some(Ok(_)) => faults.push(missing(name, "is required and must not be empty")),
            None if spec.required => faults.push(missing(name, "is required")),
            None => {}
        }
    }
    let strangers = own
        .keys()
        .chain(shared.keys().filter(|name| !own.contains_key(*name)))
        .filter(|name| !version.variables.contains_key(*name));
    faults.extend(strangers.map(|name| stranger(name)));
    if faults.is_empty() {
        Ok(vars)
    } else {
        Err(faults)
    }
}

/// Example values for a preview: each variable's example, else its default, else the first of
/// its choices, else its name (where text is wanted), `0` or `true`.
pub fn examples(version: &Version) -> Vars {
    let example = |(name, spec): (&String, &VariableSpec)| {
        let first = spec.one_of.first().map(String::as_str);
        let chosen = spec
            .example
            .as_deref()
            .or(spec.default.as_deref())
            .or(first);
        let example = chosen.unwrap_or(match spec.kind {
            VariableKind::String => name,
            VariableKind::Number | VariableKind::Integer => "0",
            VariableKind::Boolean => "true",
        });
        (name.clone(), example.to_owned())
    };
    version.variables.iter().map(example).collect()
}

/// Whether `content` is of a kind that `channel` can carry.
pub fn fits(channel: Channel, content: &Content) -> bool {
    match channel {
        Channel::Sms => matches!(content, Content::Text { .. }),
        Channel::Email => matches!(content, Content::Email { .. }),
        Channel::WechatOfficial | Channel::WechatMini | Channel::AlipayMini | Channel::Webhook => {
            matches!(content, Content::Payload { .. })
        }
        Channel::Push
        | Channel::WecomApp
        | Channel::WecomRobot
        | Channel::DingtalkRobot
        | Channel::DingtalkWork
        | Channel::FeishuRobot
        | Channel::FeishuApp => !matches!(content, Content::Email { .. }),
    }
}

fn missing(name: &str, detail: &str) -> Fault {
    let detail = format!("variable {name} {detail}");
    Fault::new(format!("/{}", token(name)), "missing_variable", detail)
}

/// A value that belongs to no variable. A name that cannot be one is not repeated: it may be
/// of any length.
fn stranger(name: &str) -> Fault {
    if text::is_name(name) {
        let detail = format!("the template has no variable {name}");
        Fault::new(format!("/{name}"), "unknown_variable", detail)
    } else {
        let detail = "a value is given under a name that no variable can have";
        Fault::new("", "unknown_variable", detail)
    }
}

fn declaration(name: &str, spec: &VariableSpec, faults: &mut Vec<Fault>) {
    let pointer = format!("/variables/{}", token(name));
    if let Some(fault) = text::name_fault(name) {
        faults.push(Fault::new(&pointer, "invalid", fault));
    }
    if spec
        .max_length
        .is_some_and(|most| most == 0 || most > MAX_VALUE)
    {
        let detail = format!("max_length is between 1 and {MAX_VALUE}");
        faults.push(Fault::new(
            format!("{pointer}/max_length"),
            "invalid",
            detail,
        ));
    }
    lengths(spec, &pointer, faults);
    if spec.required && spec.default.is_some() {
        let detail = "a required variable takes no default: make it optional, or remove it";
        faults.push(Fault::new(format!("{pointer}/default"), "invalid", detail));
    }
    for (field, text) in [("default", &spec.default), ("example", &spec.example)] {
        if let Some(text) = text
            && let Err((code, wrong)) = value::fits(spec, text)
        {
            let pointer = format!("{pointer}/{field}");
            faults.push(Fault::new(pointer, code, format!("the {field} {wrong}")));
        }
    }
}

/// What the bounds of a variable say together.
fn lengths(spec: &VariableSpec, pointer: &str, faults: &mut Vec<Fault>) {
    let most = spec.max_length.unwrap_or(MAX_VALUE);
    if spec.min_length.is_some_and(|least| least > most) {
        let detail = format!("min_length is at most max_length, here {most}");
        faults.push(Fault::new(
            format!("{pointer}/min_length"),
            "invalid",
            detail,
        ));
    }
    if spec.one_of.len() > MAX_CHOICES {
        let detail = format!("one_of has at most {MAX_CHOICES} texts");
        faults.push(Fault::new(format!("{pointer}/one_of"), "too_many", detail));
    }
    for (index, choice) in spec.one_of.iter().enumerate() {
        let pointer = format!("{pointer}/one_of/{index}");
        if spec.one_of[..index].contains(choice) {
            faults.push(Fault::new(pointer, "invalid", "stands here twice"));
        } else if let Err((code, wrong)) = value::fits(spec, choice) {
            faults.push(Fault::new(pointer, code, format!("the choice {wrong}")));
        }
    }
}

fn vendor_template(
    place: &str,
    (account, vendor): (&str, &VendorTemplate),
    version: &Version,
    faults: &mut Vec<Fault>,
) {
    let pointer = format!("{place}/vendor_templates/{}", token(account));
    if let Some(fault) = name::key_fault(account) {
        faults.push(Fault::new(&pointer, "invalid", fault));
    }
    for (field, text) in [("template_id", &vendor.template_id), ("sign", &vendor.sign)] {
        let Some(text) = text else { continue };
        let pointer = format!("{pointer}/{field}");
        if text.trim().is_empty() || text.contains(char::is_control) {
            let detail = format!("the {field} must be words without control characters");
            faults.push(Fault::new(pointer, "invalid", detail));
        } else if text.chars().count() > MAX_VENDOR_TEXT {
            let detail = format!("the {field} has at most {MAX_VENDOR_TEXT} characters");
            faults.push(Fault::new(pointer, "too_long", detail));
        } else if field == "sign" && text.contains(['【', '】']) {
            let detail = "the sign is written without its brackets 【 and 】";
            faults.push(Fault::new(pointer, "invalid", detail));
        }
    }
    let params = vendor.params.as_deref().unwrap_or_default();
    if params.len() > MAX_VARIABLES {
        let detail = format!("a vendor template has at most {MAX_VARIABLES} parameters");
        faults.push(Fault::new(format!("{pointer}/params"), "too_many", detail));
    }
    for (index, name) in params.iter().enumerate() {
        if !version.variables.contains_key(name) {
            let detail = "is not the name of a declared variable";
            let pointer = format!("{pointer}/params/{index}");
            faults.push(Fault::new(pointer, "undeclared_variable", detail));
        }
    }
}

/// Whether a vendor template takes the variable: by position, or by name where it states no
/// positions.
fn used_by_vendors(version: &Version, name: &str) -> bool {
    let localised = version.locales.values();
    let mut vendors = version
        .vendor_templates
        .values()
        .chain(localised.flat_map(|localised| localised.vendor_templates.values()));
    vendors.any(|vendor| match &vendor.params {
        Some(params) => params.iter().any(|param| param == name),
        None => vendor.template_id.is_some(),
    })
}

/// `name` as one token of a JSON pointer.
fn token(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

#[cfg(test)]
mod tests;
