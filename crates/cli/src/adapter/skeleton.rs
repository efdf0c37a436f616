//! `austin adapter new`: a folder to start from. It works as it is, for a vendor that does not
//! exist: `austin adapter check` passes on it.

use std::fs;
use std::path::{Path, PathBuf};

use austin_domain::name;

use super::folder::{Folder, at, write};
use crate::exit::Failure;

const SCRIPT: &[(&str, &str)] = &[
    (
        "definition.json",
        include_str!("../../skeletons/script/definition.json"),
    ),
    (
        "script.js",
        include_str!("../../skeletons/script/script.js"),
    ),
    (
        "examples.json",
        include_str!("../../skeletons/script/examples.json"),
    ),
    (
        "README.md",
        include_str!("../../skeletons/script/README.md"),
    ),
    ("adapter.d.ts", austin_script::TYPES),
];

const DECLARATIVE: &[(&str, &str)] = &[
    (
        "definition.json",
        include_str!("../../../../examples/adapters/acme-form/definition.json"),
    ),
    (
        "examples.json",
        include_str!("../../../../examples/adapters/acme-form/examples.json"),
    ),
    (
        "README.md",
        include_str!("../../skeletons/declarative/README.md"),
    ),
];

/// Writes the shipped adapter `name` into a folder of that name; where it is.
///
/// # Errors
/// When no shipped adapter has that name, or something by that name is there.
pub(super) fn write_shipped(into: &Path, name: &str) -> Result<PathBuf, Failure> {
    let shipped = austin_script::shipped();
    let Some(found) = shipped.iter().find(|shipped| shipped.source.name == name) else {
        let names: Vec<&str> = shipped.iter().map(|one| one.source.name.as_str()).collect();
        return Err(Failure::usage(format!(
            "no adapter {name} comes with austin; these do: {}",
            names.join(", ")
        )));
    };
    let dir = into.join(name);
    fs::create_dir_all(into).map_err(|error| at(into, &error))?;
    fs::create_dir(&dir).map_err(|error| at(&dir, &error))?;
    let folder = Folder {
        name: name.to_owned(),
        definition: found.source.definition.clone(),
        script: found.source.script.clone(),
        examples: found.examples.clone(),
    };
    folder.write(&dir)?;
    if folder.script.is_some() {
        write(&dir.join("adapter.d.ts"), austin_script::TYPES)?;
    }
    Ok(dir)
}

/// Writes the folder `name` into `into`; where it is.
///
/// # Errors
/// When the name cannot be one, or something by that name is there.
pub(super) fn write_folder(into: &Path, name: &str, script: bool) -> Result<PathBuf, Failure> {
    if let Some(fault) = name::key_fault(name) {
        return Err(Failure::usage(format!(
            "{name:?} cannot be its name: {fault}"
        )));
    }
    let dir = into.join(name);
    fs::create_dir_all(into).map_err(|error| at(into, &error))?;
    fs::create_dir(&dir).map_err(|error| at(&dir, &error))?;
    let files = if script { SCRIPT } else { DECLARATIVE };
    for (file, text) in files {
        write(&dir.join(file), &text.replace("acme-sms", name))?;
    }
    Ok(dir)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_with_austin_can_be_written_and_read() {
        let dir = tempfile::tempdir().unwrap();
        for shipped in austin_script::shipped() {
            let made = write_shipped(dir.path(), &shipped.source.name).unwrap();
            let folder = Folder::read(&made).unwrap();
            assert_eq!(folder.definition, shipped.source.definition);
            assert_eq!(folder.script, shipped.source.script);
            assert_eq!(folder.examples, shipped.examples);
        }
        let said = write_shipped(dir.path(), "acme").unwrap_err();
        assert!(said.message().contains("vonage-sms"), "{}", said.message());
    }
}
