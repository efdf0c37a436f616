//! The worker process: runs scripts, knows nothing else.
//!
//! It reads calls from one pipe and writes answers to another. It has no other file, no network
//! it was given, no clock the script can see. What a script does to it, ends with it: the parent
//! kills it at the hard deadline and starts another.

mod data;
mod engine;
mod host;
mod limits;
mod outbox;

use std::collections::HashMap;
use std::io::{self, Read, Write};
use std::time::Duration;

pub use engine::Limits;
use engine::Script;
use outbox::Outbox;

use crate::frames::{self, Done, Failure, FailureKind, Said, Told};

/// Arguments by which the parent hands the limits to a worker it starts.
impl Limits {
    /// The limits as words of a command line.
    pub fn arguments(&self) -> Vec<String> {
        vec![
            self.time.as_micros().to_string(),
            self.heap_bytes.to_string(),
            self.stack_bytes.to_string(),
            self.output_bytes.to_string(),
        ]
    }

    /// The limits that [`Self::arguments`] wrote.
    ///
    /// # Errors
    /// A sentence on what is wrong with the words.
    pub fn parse(words: &[String]) -> Result<Self, String> {
        let [time, heap, stack, output] = words else {
            return Err("four numbers are expected: µs, heap, stack and output bytes".into());
        };
        let number = |word: &String| {
            word.parse::<usize>()
                .map_err(|error| format!("{word}: {error}"))
        };
        Ok(Self {
            time: Duration::from_micros(number(time)? as u64),
            heap_bytes: number(heap)?,
            stack_bytes: number(stack)?,
            output_bytes: number(output)?,
        })
    }
}

/// Serves calls from `input` until it ends.
///
/// # Errors
/// When a pipe fails, the parent breaks the protocol, or the process limits cannot be set.
pub fn run(
    mut input: impl Read,
    output: impl Write + Send + 'static,
    limits: Limits,
) -> io::Result<()> {
    let outbox = Outbox::start(output)?;
    // After the thread: no other one may be started from here on.
    limits::confine()?;
    outbox.put(&Said::Hello)?;
    let mut worker = Worker {
        limits,
        scripts: HashMap::new(),
    };
    let mut inbox = Vec::new();
    let mut chunk = vec![0; 64 * 1024];
    loop {
        let read = match input.read(&mut chunk) {
            Ok(0) => return Ok(()),
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        inbox.extend_from_slice(&chunk[..read]);
        let mut used = 0;
        while let Some((told, length)) = frames::first(&inbox[used..]).map_err(garbage)? {
            used += length;
            let Some(done) = worker.take(told) else {
                continue;
            };
            if used == inbox.len() {
                outbox.put_last(&Said::Done(done))?;
            } else {
                outbox.put(&Said::Done(done))?;
            }
        }
        inbox.drain(..used);
    }
}

fn garbage(_: frames::Garbage) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "a frame cannot be read")
}

struct Worker {
    limits: Limits,
    scripts: HashMap<u64, Script>,
}

impl Worker {
    fn take(&mut self, told: Told) -> Option<Done> {
        match told {
            Told::Script { version, source } => {
                self.scripts.insert(version, Script::new(source));
                None
            }
            Told::Forget { version } => {
                self.scripts.remove(&version);
                None
            }
            Told::Account {
                version,
                slot,
                json,
            } => {
                if let Some(script) = self.scripts.get_mut(&version) {
                    script.account(slot, json);
                }
                None
            }
            Told::Call(call) => {
                let outcome = match self.scripts.get_mut(&call.version) {
                    Some(script) => script.call(&call, &self.limits),
                    None => Err(Failure::new(
                        FailureKind::Died,
                        "the worker has no such script",
                    )),
                };
                Some(Done {
                    id: call.id,
                    outcome,
                })
            }
        }
    }
}
