//! An examination of the control store for `austin doctor`. Changes nothing, and may run while
//! austin does.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;

use austin_domain::AccountId;
use rusqlite::Connection;

use super::{audit, load, schema, secrets};
use crate::{Finding, OsEntropy, Vault, lock, migrate};

/// Examines the directory, its key and `control.db`. `given_key` is the master key from the
/// environment, where there is one. A sound directory has no finding above
/// [`crate::Severity::Note`].
pub fn check(dir: &Path, given_key: Option<&str>) -> Vec<Finding> {
    if !dir.is_dir() {
        let advice = "name the directory austin was started with (--data)";
        return vec![Finding::fault(
            shown(dir),
            "there is no such directory",
            advice,
        )];
    }
    let mut findings = Vec::new();
    holder(dir, &mut findings);
    modes(dir, &mut findings);
    let vault = vault(dir, given_key, &mut findings);
    let path = schema::path(dir);
    if !path.exists() {
        findings.push(Finding::note(
            DB,
            "it does not exist: austin never ran here",
        ));
        return findings;
    }
    match schema::reader(&path) {
        Ok(connection) => database(&connection, vault.as_ref(), &mut findings),
        Err(error) => findings.push(unreadable(error)),
    }
    findings
}

fn holder(dir: &Path, findings: &mut Vec<Finding>) {
    findings.push(match lock::holder(dir) {
        Ok(None) => Finding::note("lock", "no austin uses this directory now"),
        Ok(Some(holder)) => {
            let pid = holder.pid.map_or("unknown".into(), |pid| pid.to_string());
            Finding::note("lock", format!("austin with pid {pid} uses this directory"))
        }
        Err(error) => {
            let advice = "run as the user austin runs as";
            Finding::warning("lock", format!("it cannot be read: {error}"), advice)
        }
    });
}

fn modes(dir: &Path, findings: &mut Vec<Finding>) {
    for (path, owner_only) in [
        (dir.to_owned(), "700"),
        (schema::path(dir), "600"),
        (dir.join("master.key"), "600"),
    ] {
        // What does not exist exposes nothing; its absence is found elsewhere.
        let Ok(metadata) = std::fs::metadata(&path) else {
            continue;
        };
        let mode = metadata.permissions().mode() & 0o777;
        if mode & 0o077 != 0 {
            findings.push(Finding::warning(
                shown(&path),
                format!("other users may access it (mode {mode:03o})"),
                format!("chmod {owner_only} {}", path.display()),
            ));
        }
    }
}

fn vault(dir: &Path, given: Option<&str>, findings: &mut Vec<Finding>) -> Option<Vault> {
    match Vault::find(dir, given, Arc::new(OsEntropy)) {
        Ok(vault) => Some(vault),
        Err(error) => {
            let advice = "restore it from a backup, or give it by the environment";
            findings.push(Finding::fault("master.key", error.to_string(), advice));
            None
        }
    }
}

fn database(connection: &Connection, vault: Option<&Vault>, findings: &mut Vec<Finding>) {
    if !integrity(connection, findings) {
        return;
    }
    let newest = u32::try_from(schema::MIGRATIONS.len()).unwrap_or(u32::MAX);
    match migrate::verify(connection, schema::MIGRATIONS) {
        Ok(version) if version == newest => {}
        Ok(version) => {
            let detail = format!("it has schema version {version} of {newest}");
            findings.push(Finding::note(
                DB,
                detail + "; the next start brings it up to date",
            ));
            return;
        }
        Err(error) => {
            let advice = "start the austin that made it, or restore a backup";
            findings.push(Finding::fault(DB, error.to_string(), advice));
            return;
        }
    }
    match audit::verify(connection) {
        Ok(count) => findings.push(Finding::note(
            "audit trail",
            format!("{count} entries, whole"),
        )),
        Err(broken) => {
            let advice = "compare with a backup: somebody or something changed control.db";
            findings.push(Finding::fault("audit trail", broken.to_string(), advice));
        }
    }
    let Some(vault) = vault else { return };
    let before = findings.len();
    match sealed(connection, vault, findings) {
        Err(error) => findings.push(unreadable(error)),
        // With every secret open, whatever else keeps the store from loading shows.
        Ok(()) if findings.len() == before => {
            if let Err(error) = load::snapshot(connection, vault) {
                findings.push(unreadable(error));
            }
        }
        Ok(()) => {}
    }
}

fn integrity(connection: &Connection, findings: &mut Vec<Finding>) -> bool {
    let answers = connection
        .prepare("PRAGMA integrity_check(20)")
        .and_then(|mut statement| {
            statement
                .query_map([], |row| row.get::<_, String>(0))?
                .collect::<rusqlite::Result<Vec<_>>>()
        });
    match answers {
        Ok(answers) if answers == ["ok"] => true,
        Ok(answers) => {
            findings.push(unreadable(answers.join("; ")));
            false
        }
        Err(error) => {
            findings.push(unreadable(error));
            false
        }
    }
}

fn sealed(
    connection: &Connection,
    vault: &Vault,
    findings: &mut Vec<Finding>,
) -> rusqlite::Result<()> {
    let mut statement = connection.prepare("SELECT id, key, sealed FROM accounts ORDER BY id")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let (id, key): (i64, String) = (row.get(0)?, row.get(1)?);
        let sealed: Vec<u8> = row.get(2)?;
        if let Err(why) = secrets::open(vault, AccountId::from_i64(id), &sealed) {
            findings.push(Finding::fault(
                format!("account/{key}"),
                format!("its secrets do not open: {why}"),
                "start austin with the master key they were sealed with",
            ));
        }
    }
    Ok(())
}

fn unreadable(error: impl std::fmt::Display) -> Finding {
    Finding::fault(
        DB,
        format!("it is damaged: {error}"),
        "restore it from a backup",
    )
}

fn shown(path: &Path) -> String {
    path.display().to_string()
}

const DB: &str = "control.db";

#[cfg(test)]
mod tests;
