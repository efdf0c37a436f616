//! Limits of the whole process: what the engine's own limits do not cover ends here.

use std::io;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Address space a worker may take beyond what it starts with.
const ADDRESS_SPACE: u64 = 1024 * 1024 * 1024;

/// No new files, no file growth, no core dumps (they would hold secrets), no new processes, and
/// a bound on memory.
pub(super) fn confine() -> io::Result<()> {
    let base = started_with().unwrap_or(256 * 1024 * 1024);
    lower(Resource::As, base + ADDRESS_SPACE)?;
    lower(Resource::Core, 0)?;
    lower(Resource::Fsize, 0)?;
    lower(Resource::Nofile, 3)?;
    lower(Resource::Nproc, 0)?;
    Ok(())
}

fn lower(resource: Resource, to: u64) -> io::Result<()> {
    let to = match getrlimit(resource).maximum {
        Some(most) => to.min(most),
        None => to,
    };
    setrlimit(
        resource,
        Rlimit {
            current: Some(to),
            maximum: Some(to),
        },
    )?;
    Ok(())
}

/// Bytes of address space now, where the system says so.
fn started_with() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/self/statm").ok()?;
    let pages: u64 = text.split(' ').next()?.parse().ok()?;
    Some(pages * rustix::param::page_size() as u64)
}
