//! What is done beside the writer: index runs, sealing, checkpoints, spare journal files.
//!
//! One thread with connections of its own. Invariant: whatever it leaves undone costs space or
//! time, never data; the next start or round does it.

use std::sync::Arc;
use std::sync::mpsc::Receiver;

use tokio::sync::oneshot;

use super::apply::{decode, state_of};
use super::command::Command;
use super::core::Core;
use super::fault::Fault;
use super::index::file::IndexFile;
use super::index::tail::Entry;
use super::index::{attempt_keys, key};
use super::{journal, schema, segment};

/// Something to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Job {
    /// Write a segment's frozen index entries.
    Write(u32),
    /// Seal a segment that takes no new messages.
    Seal(u32),
    /// Make the state files durable and free journal files.
    Round,
    /// Stop.
    Stop,
}

/// Does jobs until told to stop.
pub(crate) fn run(core: &Arc<Core>, jobs: &Receiver<Job>) {
    while let Ok(job) = jobs.recv() {
        if core.is_killed() {
            return;
        }
        let done = match job {
            Job::Write(number) => write(core, number),
            Job::Seal(number) => seal(core, number),
            Job::Round => round(core),
            Job::Stop => return,
        };
        if let Err(fault) = done {
            core.metrics.faults.inc();
            tracing::error!(%fault, ?job, "ledger upkeep failed; it is tried again later");
        }
    }
}

fn write(core: &Core, number: u32) -> Result<(), Fault> {
    if is_gone(core, number) {
        core.index.forget(&[number]);
        return Ok(());
    }
    core.index.write(number)?;
    let mut file = IndexFile::open(&segment::index_path(&core.dir, number))?;
    if file.runs()? >= core.options.merge_runs {
        file.merge()?;
    }
    Ok(())
}

fn seal(core: &Core, number: u32) -> Result<(), Fault> {
    if is_gone(core, number) {
        return Ok(());
    }
    core.index.write(number)?;
    let mut file = IndexFile::open(&segment::index_path(&core.dir, number))?;
    if file.runs()? > 1 {
        file.merge()?;
    }
    file.list_open(&open_rows(core, number)?)
}

/// Makes durable what is committed, and has the writer free the journal.
fn round(core: &Core) -> Result<(), Fault> {
    journal::make_spare(
        &core.journal_dir(),
        core.options.disk.as_ref(),
        core.options.journal_bytes,
    )?;
    let Some(frozen) = ask(core, Command::Freeze) else {
        return Ok(());
    };
    for number in &frozen.frozen {
        write(core, *number)?;
    }
    for number in &frozen.dirty {
        if is_gone(core, *number) {
            continue;
        }
        // Most of the copying happens here; the writer only does what came after.
        let path = segment::path(&core.dir, *number);
        let connection = schema::open_reader(&path)?;
        connection
            .pragma_update(None, "query_only", false)
            .and_then(|()| schema::checkpoint(&connection))
            .map_err(Fault::sqlite(schema::name(&path)))?;
    }
    let written = frozen
        .frozen
        .iter()
        .all(|number| core.index.is_written(*number));
    if written {
        ask(core, |reply| Command::Release(frozen.sequence, reply));
    }
    Ok(())
}

/// Builds the index of a segment anew from its rows.
///
/// # Errors
/// [`Fault`]
pub(crate) fn rebuild(core: &Core, number: u32, covered: u64) -> Result<(), Fault> {
    let path = segment::index_path(&core.dir, number);
    for suffix in ["", "-wal", "-shm"] {
        let mut file = path.clone().into_os_string();
        file.push(suffix);
        match std::fs::remove_file(&file) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(Fault::io("cannot remove a damaged index")(error));
            }
            _ => {}
        }
    }
    let mut entries = row_entries(core, number)?;
    entries.sort_unstable();
    entries.dedup();
    IndexFile::open(&path)?.add_run(&entries, covered)?;
    core.index.rebuilt(number, covered);
    Ok(())
}

fn row_entries(core: &Core, number: u32) -> Result<Vec<Entry>, Fault> {
    let path = segment::path(&core.dir, number);
    let connection = schema::open_reader(&path)?;
    let read = || -> rusqlite::Result<Vec<Entry>> {
        let mut entries = Vec::new();
        let mut select =
            connection.prepare("SELECT id, reference FROM message WHERE reference IS NOT NULL")?;
        let mut rows = select.query([])?;
        while let Some(row) = rows.next()? {
            let id = row.get::<_, i64>(0)?.cast_unsigned();
            entries.push(Entry::new(
                key::message_reference(row.get_ref(1)?.as_str()?),
                id,
            ));
        }
        let mut select = connection.prepare("SELECT id, address, reference FROM delivery")?;
        let mut rows = select.query([])?;
        while let Some(row) = rows.next()? {
            let id = row.get::<_, i64>(0)?.cast_unsigned();
            entries.push(Entry::new(key::address(row.get_ref(1)?.as_str()?), id));
            if let Some(reference) = row.get_ref(2)?.as_str_or_null()? {
                entries.push(Entry::new(key::reference(reference), id));
            }
        }
        let mut select = connection
            .prepare("SELECT delivery, account, verdict FROM attempt WHERE verdict IS NOT NULL")?;
        let mut rows = select.query([])?;
        while let Some(row) = rows.next()? {
            let id = row.get::<_, i64>(0)?.cast_unsigned();
            let account = austin_domain::AccountId::from_i64(row.get(1)?);
            let verdict = decode(2, row.get_ref(2)?.as_blob()?)?;
            let keys = attempt_keys(account, &verdict).into_iter();
            entries.extend(keys.map(|key| Entry::new(key, id)));
        }
        Ok(entries)
    };
    read().map_err(Fault::sqlite(schema::name(&path)))
}

fn open_rows(core: &Core, number: u32) -> Result<Vec<(i64, i64)>, Fault> {
    let path = segment::path(&core.dir, number);
    let connection = schema::open_reader(&path)?;
    let read = || -> rusqlite::Result<Vec<(i64, i64)>> {
        let mut open = Vec::new();
        let mut select = connection.prepare("SELECT id, lane, state FROM delivery ORDER BY id")?;
        let mut rows = select.query([])?;
        while let Some(row) = rows.next()? {
            if state_of(row, 2)?.is_open() {
                open.push((row.get(0)?, row.get(1)?));
            }
        }
        Ok(open)
    };
    read().map_err(Fault::sqlite(schema::name(&path)))
}

fn is_gone(core: &Core, number: u32) -> bool {
    let directory = core.directory.load();
    !directory
        .iter()
        .any(|info| info.number == number && info.damage.is_none())
}

/// Asks the writer and waits; `None` when it has stopped or could not do it.
fn ask<T>(
    core: &Core,
    command: impl FnOnce(oneshot::Sender<austin_ports::ledger::Result<T>>) -> Command,
) -> Option<T> {
    let (reply, answer) = oneshot::channel();
    core.queue.force(command(reply)).ok()?;
    answer.blocking_recv().ok()?.ok()
}
