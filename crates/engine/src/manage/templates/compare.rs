//! What two versions of a template say differently.

use austin_domain::template::diff::{self, Difference};

use crate::manage::{Registrar, missing};
use crate::refusal::Refusal;

/// Two versions side by side.
#[derive(Clone, Debug, PartialEq)]
pub struct Comparison {
    /// The older side's version.
    pub from: u32,
    /// The newer side's version.
    pub to: u32,
    /// The fields in which they differ, by pointer.
    pub differences: Vec<Difference>,
}

impl Registrar<'_> {
    /// Compares two versions of a template: the current one with the newest when not given.
    ///
    /// # Errors
    /// `not_found`.
    pub fn compare(
        &self,
        key: &str,
        from: Option<u32>,
        to: Option<u32>,
    ) -> Result<Comparison, Refusal> {
        let entry = self.template(key)?;
        let newest = entry.newest().map(|version| version.number);
        let from = from.unwrap_or(entry.template.current);
        let to = to.or(newest).unwrap_or(entry.template.current);
        let version = |number| {
            let version = entry.version(number);
            version.ok_or_else(|| missing("such version of template", key))
        };
        let (old, new) = (version(from)?, version(to)?);
        Ok(Comparison {
            from,
            to,
            differences: diff::differences(&diff::document(old), &diff::document(new)),
        })
    }
}
