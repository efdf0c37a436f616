//! Examining the ledger's files without changing them, for `austin doctor`.

use std::path::Path;

use rusqlite::{Connection, OpenFlags};

use super::fault::Fault;
use super::journal;
use super::schema;
use super::segment::{self, Head};
use crate::finding::{Finding, Severity};
use crate::migrate::{self, Migration};

/// Examines the ledger of the data directory `dir`. Best while no austin runs on it: then the
/// journal stands still.
pub fn check(dir: &Path) -> Vec<Finding> {
    let dir = dir.join(super::DIRECTORY);
    if !dir.exists() {
        return vec![Finding::note("ledger", "it is empty: nothing was sent yet")];
    }
    let mut findings = Vec::new();
    let last = check_journal(&dir, &mut findings);
    match segment::numbers(&dir) {
        Ok(numbers) => {
            for number in &numbers {
                check_segment(&dir, *number, last, &mut findings);
            }
            check_orphans(&dir, &numbers, &mut findings);
        }
        Err(fault) => findings.push(Finding::fault("ledger", fault.to_string(), RESTORE)),
    }
    check_parked(&dir, &mut findings);
    findings
}

/// Whether the journal is whole; the number of its last frame if it is.
fn check_journal(dir: &Path, findings: &mut Vec<Finding>) -> Option<u64> {
    let mut frames = 0u64;
    let read = journal::read(&dir.join("journal"), |frame| {
        frames += 1;
        super::op::decode_all(frame).map(|_| ()).map_err(|error| {
            Fault::Damaged(format!("frame {} cannot be read: {error}", frame.sequence))
        })
    });
    match read {
        Ok(position) => {
            findings.push(Finding::note(
                "ledger/journal",
                format!("whole: {frames} frames, the last is {}", position.next - 1),
            ));
            Some(position.next - 1)
        }
        Err(fault) => {
            findings.push(Finding::fault("ledger/journal", fault.to_string(), RESTORE));
            None
        }
    }
}

fn check_segment(dir: &Path, number: u32, last: Option<u64>, findings: &mut Vec<Finding>) {
    let path = segment::path(dir, number);
    let subject = format!("ledger/{}", schema::name(&path));
    match examine(&path, schema::SEGMENT, look_at_segment) {
        Err(detail) => findings.push(Finding::fault(&subject, detail, RESTORE)),
        Ok(seen) => {
            findings.push(Finding::note(
                &subject,
                format!(
                    "whole: {} deliveries, {} open, applied up to frame {}",
                    seen.head.deliveries, seen.head.open, seen.head.applied
                ),
            ));
            for (what, counted, noted) in [
                ("deliveries", seen.deliveries, seen.head.deliveries),
                ("open deliveries", seen.open, seen.head.open),
            ] {
                if counted != noted {
                    findings.push(Finding::fault(
                        &subject,
                        format!("its head says {noted} {what}, but it holds {counted}"),
                        RESTORE,
                    ));
                }
            }
            if last.is_some_and(|last| seen.head.applied > last) {
                findings.push(Finding::warning(
                    &subject,
                    "it is ahead of the journal, of which files are missing",
                    "if it was not restored from a later backup than the journal, restore both",
                ));
            }
        }
    }
}

/// What is counted in a segment.
struct Seen {
    head: Head,
    deliveries: u64,
    open: u64,
}

fn look_at_segment(connection: &Connection) -> rusqlite::Result<Seen> {
    let head = segment::read_head(connection)?.ok_or(rusqlite::Error::QueryReturnedNoRows)?;
    // Stored states up to 21 are the open ones.
    connection.query_row(
        "SELECT count(*), coalesce(sum(state <= 21), 0) FROM delivery",
        [],
        |row| {
            Ok(Seen {
                head,
                deliveries: row.get::<_, i64>(0)?.cast_unsigned(),
                open: row.get::<_, i64>(1)?.cast_unsigned(),
            })
        },
    )
}

fn check_parked(dir: &Path, findings: &mut Vec<Finding>) {
    let path = super::parked::path(dir);
    let count = |connection: &Connection| {
        connection.query_row("SELECT count(*) FROM parked", [], |row| {
            row.get::<_, i64>(0)
        })
    };
    match examine(&path, schema::PARKED, count) {
        Ok(0) => {}
        Ok(count) => findings.push(Finding::note(
            "ledger/parked.db",
            format!("{count} receipts wait for their delivery"),
        )),
        Err(detail) => findings.push(Finding::fault("ledger/parked.db", detail, RESTORE)),
    }
}

/// Index files whose segment is gone, and damaged ones.
fn check_orphans(dir: &Path, numbers: &[u32], findings: &mut Vec<Finding>) {
    let Ok(entries) = std::fs::read_dir(dir) else {
        return;
    };
    let names = entries.filter_map(|entry| Some(entry.ok()?.file_name().to_str()?.to_owned()));
    for name in names.filter(|name| name.ends_with(".idx.db")) {
        let number = name
            .strip_prefix("seg-")
            .and_then(|rest| rest.strip_suffix(".idx.db"))
            .and_then(|digits| digits.parse::<u32>().ok());
        let subject = format!("ledger/{name}");
        if !number.is_some_and(|number| numbers.contains(&number)) {
            findings.push(Finding::warning(
                subject,
                "it is the index of a segment that is not there",
                "delete it",
            ));
        } else if let Err(detail) = examine(&dir.join(&name), schema::INDEX, |_| Ok(())) {
            findings.push(Finding::new(
                Severity::Warning,
                subject,
                detail,
                "stop austin and delete it; it is built anew at the next start",
            ));
        }
    }
}

fn examine<T>(
    path: &Path,
    migrations: &[Migration],
    look: impl FnOnce(&Connection) -> rusqlite::Result<T>,
) -> Result<T, String> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags).map_err(|error| error.to_string())?;
    migrate::verify(&connection, migrations).map_err(|error| error.to_string())?;
    let verdict: String = connection
        .query_row("PRAGMA integrity_check(1)", [], |row| row.get(0))
        .map_err(|error| error.to_string())?;
    if verdict != "ok" {
        return Err(format!("it is damaged: {verdict}"));
    }
    look(&connection).map_err(|error| error.to_string())
}

const RESTORE: &str = "stop austin and restore the data directory from a backup";
