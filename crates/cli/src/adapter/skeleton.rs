//! `austin adapter new`: a folder to start from. It works as it is, for a vendor that does not
//! exist: `austin adapter check` passes on it.

use std::fs;
use std::path::{Path, PathBuf};

use austin_domain::name;

use super::folder::{at, write};
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
