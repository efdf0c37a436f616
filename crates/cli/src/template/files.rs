//! The folder that templates are kept in: `KEY.toml` each, long texts in files beside it.
//!
//! In a `KEY.toml` a text may be `{ file = "NAME" }`: what that file of the same folder says.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use austin_domain::name;
use serde_json::{Map, Value};

use crate::exit::Failure;

const ENDING: &str = "toml";

/// The files of a folder.
#[derive(Debug, Default)]
pub(super) struct Folder {
    files: BTreeMap<String, File>,
}

/// The file of one template.
#[derive(Debug)]
pub(super) struct File {
    /// The template's key: the file's name.
    pub(super) key: String,
    dir: PathBuf,
    text: String,
}

impl Folder {
    /// Reads a folder.
    ///
    /// # Errors
    /// When it is not there, holds no template, or a file cannot be read.
    pub(super) fn read(dir: &Path) -> Result<Self, Failure> {
        let folder = Self::all(dir)?;
        if folder.files.is_empty() {
            let detail = format!("{}: there is no template (KEY.toml) here", dir.display());
            return Err(Failure::usage(detail));
        }
        Ok(folder)
    }

    /// Reads a folder; an empty one when it is not there.
    ///
    /// # Errors
    /// When a file cannot be read.
    pub(super) fn read_or_new(dir: &Path) -> Result<Self, Failure> {
        if dir.exists() {
            return Self::all(dir);
        }
        Ok(Self::default())
    }

    fn all(dir: &Path) -> Result<Self, Failure> {
        let mut files = BTreeMap::new();
        for entry in fs::read_dir(dir).map_err(|error| at(dir, &error))? {
            let path = entry.map_err(|error| at(dir, &error))?.path();
            if path.extension().is_none_or(|ending| ending != ENDING) {
                continue;
            }
            let key = path.file_stem().unwrap_or_default();
            let key = key.to_string_lossy().into_owned();
            if let Some(fault) = name::key_fault(&key) {
                let detail = format!("the file's name is the template's key: {fault}");
                return Err(at(&path, &detail));
            }
            let text = fs::read_to_string(&path).map_err(|error| at(&path, &error))?;
            let file = File {
                key: key.clone(),
                dir: dir.to_owned(),
                text,
            };
            files.insert(key, file);
        }
        Ok(Self { files })
    }

    /// The files, by key.
    pub(super) fn files(&self) -> impl Iterator<Item = &File> {
        self.files.values()
    }

    /// The file of a template.
    pub(super) fn file(&self, key: &str) -> Option<&File> {
        self.files.get(key)
    }

    /// Whether there is a file of this template.
    pub(super) fn has(&self, key: &str) -> bool {
        self.files.contains_key(key)
    }

    /// Writes the files of a template, by name; texts of it that are not among them any more are
    /// removed.
    ///
    /// # Errors
    /// When a file cannot be written.
    pub(super) fn write(
        dir: &Path,
        key: &str,
        files: &BTreeMap<String, String>,
    ) -> Result<(), Failure> {
        fs::create_dir_all(dir).map_err(|error| at(dir, &error))?;
        let before = Self::all(dir)?.file(key).map(File::texts);
        for (name, text) in files {
            let path = dir.join(name);
            fs::write(&path, text).map_err(|error| at(&path, &error))?;
        }
        for name in before.into_iter().flatten() {
            let own = name.starts_with(&format!("{key}."));
            if own && !files.contains_key(&name) {
                let path = dir.join(&name);
                if let Err(error) = fs::remove_file(&path)
                    && error.kind() != std::io::ErrorKind::NotFound
                {
                    return Err(at(&path, &error));
                }
            }
        }
        Ok(())
    }
}

impl File {
    /// Its name, for people.
    pub(super) fn name(&self) -> String {
        format!("{}.{ENDING}", self.key)
    }

    /// What the API is sent: the file with its texts in place and the key from its name.
    ///
    /// # Errors
    /// What is wrong, for people.
    pub(super) fn body(&self) -> Result<Value, String> {
        let table: toml::Table = self.text.parse().map_err(|error: toml::de::Error| {
            let error = error.to_string();
            error.trim_end().to_owned()
        })?;
        let value = serde_json::to_value(table).map_err(|error| error.to_string())?;
        let Value::Object(mut fields) = value else {
            return Err("is no table".to_owned());
        };
        if fields.contains_key("key") {
            return Err("key: the file's name is the key; leave it out".to_owned());
        }
        if let Some(content) = fields.get_mut("content") {
            self.texts_in(content, "content")?;
        }
        if let Some(Value::Object(locales)) = fields.get_mut("locales") {
            for (tag, localised) in locales {
                self.texts_in(localised, &format!("locales.{tag}"))?;
            }
        }
        fields.insert("key".into(), Value::String(self.key.clone()));
        Ok(Value::Object(fields))
    }

    /// The names of the files that its texts stand in.
    fn texts(&self) -> Vec<String> {
        let table: toml::Table = self.text.parse().unwrap_or_default();
        let value = serde_json::to_value(table).unwrap_or_default();
        let locales = value["locales"].as_object().into_iter().flatten();
        let contents = locales.map(|(_, one)| one).chain([&value["content"]]);
        let fields = contents.filter_map(Value::as_object).flatten();
        fields
            .filter_map(|(_, text)| Some(text.get("file")?.as_str()?.to_owned()))
            .collect()
    }

    fn texts_in(&self, content: &mut Value, place: &str) -> Result<(), String> {
        let Some(fields) = content.as_object_mut() else {
            return Ok(());
        };
        for (field, text) in fields.iter_mut() {
            if field == "vendor_templates" {
                continue;
            }
            let place = format!("{place}.{field}");
            if let Some(name) = named_file(text).map_err(|fault| format!("{place}: {fault}"))? {
                let path = self.dir.join(&name);
                let read = fs::read_to_string(path);
                let read = read.map_err(|error| format!("{place}: {name}: {error}"))?;
                // The last line of a file ends; the text's need not.
                let read = read.strip_suffix('\n').unwrap_or(&read);
                *text = Value::String(read.to_owned());
            }
        }
        Ok(())
    }
}

/// The file that `{ file = "NAME" }` names; `None` for anything else.
fn named_file(value: &Value) -> Result<Option<String>, String> {
    let only = |fields: &Map<String, Value>| fields.len() == 1 && fields.contains_key("file");
    let Some(fields) = value.as_object().filter(|fields| only(fields)) else {
        return Ok(None);
    };
    let name = fields["file"].as_str().unwrap_or_default();
    let plain = !name.is_empty()
        && !name.starts_with('.')
        && name
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'));
    if !plain {
        return Err("file names a file of the same folder, in letters, digits, -, _ and .".into());
    }
    Ok(Some(name.to_owned()))
}

/// A failure at a path.
fn at(path: &Path, error: &dyn std::fmt::Display) -> Failure {
    Failure::usage(format!("{}: {error}", path.display()))
}
