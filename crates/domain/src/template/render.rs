//! A version compiled once and rendered many times.

use crate::content::{Content, Vars};
use crate::template::Version;
use crate::template::text::SyntaxError;

/// A version whose texts are parsed.
#[derive(Clone, Debug)]
pub struct Compiled {
    // helper: parsed texts + defaults of optional variables
}

impl Compiled {
    /// Parses the texts of `version`.
    ///
    /// # Errors
    /// The field (`text`, `subject`, `html`, `body`) and its first fault.
    pub fn new(version: &Version) -> Result<Self, (&'static str, SyntaxError)> {
        let _ = version;
        unimplemented!()
    }

    /// The content with `vars` filled in; optional variables that are not given take their
    /// default. Escapes HTML in `html`, JSON in `body`, line breaks in `subject`.
    ///
    /// # Errors
    /// The name of a variable without a value; cannot happen for vars that passed
    /// [`crate::template::check::vars`].
    pub fn render(&self, vars: &Vars) -> Result<Content, String> {
        let _ = vars;
        unimplemented!()
    }
}
