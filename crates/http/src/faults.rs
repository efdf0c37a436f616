//! Faults of query parameters, collected so that they are answered all at once.

use std::fmt::Display;
use std::str::FromStr;

use austin_engine::FieldFault;

use crate::problem::Problem;

#[derive(Debug, Default)]
pub(crate) struct Faults(Vec<FieldFault>);

impl Faults {
    pub(crate) fn add(
        &mut self,
        pointer: impl Into<String>,
        code: &str,
        detail: impl Into<String>,
    ) {
        self.0.push(FieldFault::new(pointer, code, detail));
    }

    /// A value that may be left out.
    pub(crate) fn parse<T: FromStr>(&mut self, name: &str, text: Option<&str>) -> Option<T>
    where
        T::Err: Display,
    {
        match text?.parse() {
            Ok(value) => Some(value),
            Err(error) => {
                self.add(format!("/{name}"), "invalid", error.to_string());
                None
            }
        }
    }

    pub(crate) fn into_result(self) -> Result<(), Problem> {
        if self.0.is_empty() {
            Ok(())
        } else {
            Err(Problem::fields(self.0))
        }
    }
}
