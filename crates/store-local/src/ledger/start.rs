//! Opening the ledger: files, journal, index, threads.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64};
use std::sync::mpsc;

use austin_domain::Timestamp;
use parking_lot::Mutex;
use prometheus_client::registry::Registry;

use super::apply::Machine;
use super::core::Core;
use super::fault::Fault;
use super::index::Index;
use super::index::file::IndexFile;
use super::journal::Journal;
use super::metrics::Metrics;
use super::options::Options;
use super::queue::Queue;
use super::read::Readers;
use super::remembered;
use super::schema;
use super::writer::{self, Writer};
use super::{LocalLedger, segment, upkeep};
use crate::Vault;

/// Opens the ledger in `dir`.
///
/// # Errors
/// [`Fault`]
pub(super) fn open(
    dir: &Path,
    vault: Arc<Vault>,
    options: Options,
    registry: &mut Registry,
) -> Result<LocalLedger, Fault> {
    let journal_dir = dir.join("journal");
    std::fs::create_dir_all(&journal_dir)
        .and_then(|()| dir.parent().map_or(Ok(()), crate::durable::sync_dir))
        .map_err(Fault::io(format!("cannot make {}", journal_dir.display())))?;
    let mut machine = Machine::open(dir)?;
    let core = Arc::new(Core {
        dir: dir.to_owned(),
        queue: Queue::new(options.queue_rows),
        options,
        index: Index::new(dir),
        remembered: remembered::Index::default(),
        directory: machine.segments.directory(),
        vault,
        metrics: Metrics::new(registry),
        refusing: Mutex::new(None),
        answered: AtomicU64::new(0),
        visible: AtomicU64::new(0),
        killed: AtomicBool::new(false),
    });
    let incomplete = open_indexes(&core, &machine);
    remember(&core, &machine)?;
    let mut position = writer::replay(&mut machine, &core, &journal_dir, u64::MAX)?;
    position.skip_to(machine.applied());
    machine.commit(position.next - 1)?;
    for number in incomplete {
        upkeep::rebuild(&core, number, position.next - 1)?;
    }
    let options = &core.options;
    let journal = Journal::resume(
        &journal_dir,
        Arc::clone(&options.disk),
        (options.sync, options.journal_bytes),
        position,
    )?;
    launch(core, machine, journal)
}

/// Reads how far each index file is complete; those that cannot tell are to be built anew.
fn open_indexes(core: &Core, machine: &Machine) -> Vec<u32> {
    let mut incomplete = Vec::new();
    for segment in machine.segments.iter() {
        if segment.damage.is_some() {
            continue;
        }
        let path = segment::index_path(&core.dir, segment.number);
        let covered = path
            .exists()
            .then(|| IndexFile::open(&path).and_then(|file| file.covered()));
        match covered {
            Some(Ok(covered)) => core.index.set_covered(segment.number, covered),
            None if segment.head.deliveries == 0 => {}
            None => incomplete.push(segment.number),
            Some(Err(fault)) => {
                tracing::warn!(%fault, "a look-up index is built anew");
                incomplete.push(segment.number);
            }
        }
    }
    incomplete
}

/// Finds the marked requests of the last hours again. "Last" by what is stored: a store knows no
/// clock, and remembering longer does no harm.
fn remember(core: &Core, machine: &Machine) -> Result<(), Fault> {
    let sound = || {
        let segments = machine.segments.iter();
        segments.filter(|segment| segment.damage.is_none() && segment.head.deliveries > 0)
    };
    let Some(newest) = sound().map(|segment| segment.head.newest_at).max() else {
        return Ok(());
    };
    let since = Timestamp::from_millis(newest).minus(core.options.remember_for);
    for segment in sound().filter(|segment| segment.head.newest_at >= since.millis()) {
        let path = segment::path(&core.dir, segment.number);
        let connection = schema::open_reader(&path)?;
        let places = remembered::places(&connection, since);
        for place in places.map_err(Fault::sqlite(schema::name(&path)))? {
            core.remembered.add(place, since);
        }
    }
    Ok(())
}

fn launch(core: Arc<Core>, machine: Machine, journal: Journal) -> Result<LocalLedger, Fault> {
    let (jobs, todo) = mpsc::channel();
    let writer = Writer::new(Arc::clone(&core), machine, journal, jobs.clone());
    let spawn = |name: &str, run: Box<dyn FnOnce() + Send>| {
        std::thread::Builder::new()
            .name(name.into())
            .spawn(run)
            .map_err(Fault::io(format!("cannot start the thread {name}")))
    };
    let writing = spawn("ledger-writer", {
        let end = WriterEnd(Arc::clone(&core));
        Box::new(move || {
            let _end = end;
            writer.run();
        })
    })?;
    let upkeep = spawn("ledger-upkeep", {
        let core = Arc::clone(&core);
        Box::new(move || upkeep::run(&core, &todo))
    })?;
    Ok(LocalLedger {
        core,
        readers: Arc::new(Readers::default()),
        jobs,
        // The upkeep ends first: it asks the writer.
        threads: Mutex::new(vec![writing, upkeep]),
    })
}

/// However the writer ends, nobody waits for it after that.
struct WriterEnd(Arc<Core>);

impl Drop for WriterEnd {
    fn drop(&mut self) {
        self.0.queue.abandon();
    }
}
