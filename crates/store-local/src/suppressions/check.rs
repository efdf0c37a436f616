//! An examination of `suppressions.db` for `austin doctor`. Changes nothing, and may run while
//! austin does.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use super::schema::{self, FILE, MIGRATIONS};
use crate::{Finding, migrate};

/// Examines the file in `dir`, where there is one.
pub fn check(dir: &Path) -> Vec<Finding> {
    let path = schema::path(dir);
    let mut findings = Vec::new();
    let Ok(metadata) = std::fs::metadata(&path) else {
        return findings;
    };
    let mode = metadata.permissions().mode() & 0o777;
    if mode & 0o077 != 0 {
        let advice = format!("run: chmod 600 {}", path.display());
        findings.push(Finding::warning(
            FILE,
            format!("other users may read it (mode {mode:03o})"),
            advice,
        ));
    }
    let examined = schema::reader(&path)
        .map_err(|error| error.to_string())
        .and_then(|connection| {
            migrate::verify(&connection, MIGRATIONS).map_err(|error| error.to_string())?;
            let word: String = connection
                .query_row("PRAGMA quick_check(1)", [], |row| row.get(0))
                .map_err(|error| error.to_string())?;
            let count: u64 = connection
                .query_row(
                    "SELECT count(*) FROM suppressions WHERE lifted_at IS NULL",
                    [],
                    |row| row.get::<_, i64>(0).map(i64::cast_unsigned),
                )
                .map_err(|error| error.to_string())?;
            if word == "ok" { Ok(count) } else { Err(word) }
        });
    findings.push(match examined {
        Ok(count) => Finding::note(FILE, format!("{count} suppressions that were not lifted")),
        Err(error) => Finding::fault(FILE, error, "restore it from a backup"),
    });
    findings
}
