//! The folder an adapter lives in: `definition.json`, perhaps `script.js`, `examples.json`.

use std::fs;
use std::path::Path;

use austin_domain::name;
use serde_json::Value;

use crate::exit::Failure;

const DEFINITION: &str = "definition.json";
const SCRIPT: &str = "script.js";
const EXAMPLES: &str = "examples.json";

/// An adapter's files.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Folder {
    /// The folder's name, which is the adapter's.
    pub(super) name: String,
    pub(super) definition: Value,
    pub(super) script: Option<String>,
    pub(super) examples: Value,
}

impl Folder {
    /// Reads a folder.
    ///
    /// # Errors
    /// When a file is missing or is not JSON, with line and column.
    pub(super) fn read(dir: &Path) -> Result<Self, Failure> {
        let whole = fs::canonicalize(dir)
            .map_err(|error| Failure::usage(format!("{}: {error}", dir.display())))?;
        let name = whole.file_name().unwrap_or_default().to_string_lossy();
        if let Some(fault) = name::key_fault(&name) {
            return Err(Failure::usage(format!(
                "{}: the folder's name is the adapter's name: {fault}",
                dir.display()
            )));
        }
        let script = match fs::read_to_string(dir.join(SCRIPT)) {
            Ok(script) => Some(script),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
            Err(error) => return Err(at(&dir.join(SCRIPT), &error)),
        };
        Ok(Self {
            name: name.into_owned(),
            definition: json(&dir.join(DEFINITION))?,
            script,
            examples: json(&dir.join(EXAMPLES))?,
        })
    }

    /// Writes a folder; makes it when it is not there. A script of before is removed when this
    /// adapter has none.
    ///
    /// # Errors
    /// When a file cannot be written.
    pub(super) fn write(&self, dir: &Path) -> Result<(), Failure> {
        fs::create_dir_all(dir).map_err(|error| at(dir, &error))?;
        let pretty = |value: &Value| serde_json::to_string_pretty(value).unwrap_or_default() + "\n";
        write(&dir.join(DEFINITION), &pretty(&self.definition))?;
        write(&dir.join(EXAMPLES), &pretty(&self.examples))?;
        let script = dir.join(SCRIPT);
        match &self.script {
            Some(text) => write(&script, text),
            None => match fs::remove_file(&script) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                    Err(at(&script, &error))
                }
                _ => Ok(()),
            },
        }
    }
}

/// Writes a file.
///
/// # Errors
/// Naming the file.
pub(super) fn write(path: &Path, text: &str) -> Result<(), Failure> {
    fs::write(path, text).map_err(|error| at(path, &error))
}

fn json(path: &Path) -> Result<Value, Failure> {
    let text = fs::read_to_string(path).map_err(|error| at(path, &error))?;
    serde_json::from_str(&text).map_err(|error| at(path, &error))
}

/// A failure at a path.
pub(super) fn at(path: &Path, error: &dyn std::fmt::Display) -> Failure {
    Failure::usage(format!("{}: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_was_written_is_read() {
        let dir = tempfile::tempdir().unwrap();
        let dir = dir.path().join("acme-sms");
        let mut folder = Folder {
            name: "acme-sms".into(),
            definition: json!({"descriptor": {"title": "Acme"}}),
            script: Some("export function start() {}\n".into()),
            examples: json!({"examples": []}),
        };
        folder.write(&dir).unwrap();
        assert_eq!(Folder::read(&dir).unwrap(), folder);
        folder.script = None;
        folder.write(&dir).unwrap();
        assert_eq!(Folder::read(&dir).unwrap(), folder);
        fs::write(dir.join(EXAMPLES), "{\n  oops").unwrap();
        let said = Folder::read(&dir).unwrap_err().message().to_owned();
        assert!(
            said.contains("examples.json") && said.contains("line 2"),
            "{said}"
        );
    }
}
