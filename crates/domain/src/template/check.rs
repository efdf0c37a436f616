//! Checks of templates when they are written and of variables when they are used.

use serde_json::{Map, Value};

use crate::channel::Channel;
use crate::content::{Content, Vars};
use crate::template::Version;

/// One fault, with the JSON pointer of the field at fault relative to what was checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// JSON pointer, e.g. `/content/text` or `/order`.
    pub pointer: String,
    /// Stable code: `missing_variable`, `unknown_variable`, `wrong_type`, `too_long`, `invalid`…
    pub code: &'static str,
    /// A sentence for people. Never repeats a value.
    pub detail: String,
}

/// Checks a version against its channel: content kind fits the channel, texts parse, every
/// placeholder is declared, every declared variable is used (or only by `vendor_templates`),
/// names and lengths are sane, defaults fit their spec, a payload is JSON once examples are
/// filled in. All faults at once; empty when fine.
pub fn version(channel: Channel, version: &Version) -> Vec<Fault> {
    let _ = (channel, version);
    unimplemented!()
}

/// Checks the variables of one delivery and writes their values as text: `shared` (the
/// message's) overlaid by `own` (the recipient's). Missing, unknown, of the wrong type, too
/// long: all faults at once, pointers relative to the vars object (`/code`).
///
/// # Errors
/// Every fault found.
pub fn vars(
    version: &Version,
    shared: &Map<String, Value>,
    own: &Map<String, Value>,
) -> Result<Vars, Vec<Fault>> {
    let _ = (version, shared, own);
    unimplemented!()
}

/// Example values for a preview: each variable's example, else its default, else its name.
pub fn examples(version: &Version) -> Vars {
    let _ = version;
    unimplemented!()
}

/// Whether `content` is of a kind that `channel` can carry.
pub fn fits(channel: Channel, content: &Content) -> bool {
    let _ = (channel, content);
    unimplemented!()
}
