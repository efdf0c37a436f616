//! What travels between this process and a worker: length-prefixed frames, many in one write.

use serde::{Deserialize, Serialize};

/// Largest frame either side takes.
pub(crate) const MAX_FRAME: usize = 32 * 1024 * 1024;
/// Bytes of the length in front of a frame.
const PREFIX: usize = 4;

/// What a worker is told.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Told {
    /// A version's script, before its first call.
    Script { version: u64, source: String },
    /// A version that is not called any more.
    Forget { version: u64 },
    /// An account as a version sees it, as JSON, before its first call.
    Account {
        version: u64,
        slot: u32,
        json: String,
    },
    /// A call; its answer is one [`Done`]. Calls are answered in their order.
    Call(Call),
}

/// A call of one function of a script.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Call {
    pub(crate) id: u64,
    pub(crate) version: u64,
    pub(crate) function: Function,
    /// The account's slot; `None` for [`Function::Load`].
    pub(crate) account: Option<u32>,
    /// The other arguments as JSON, in their order.
    pub(crate) arguments: Vec<String>,
}

/// What a worker can be asked to run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(crate) enum Function {
    /// Evaluates the module; answers with the names of what it exports, as a JSON list.
    Load,
    Start,
    Resume,
    Receipts,
    Ask,
    Answer,
}

impl Function {
    /// Its name in a script.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Load => "(module)",
            Self::Start => "start",
            Self::Resume => "resume",
            Self::Receipts => "receipts",
            Self::Ask => "ask",
            Self::Answer => "answer",
        }
    }

    pub(crate) const CALLED: [Self; 5] = [
        Self::Start,
        Self::Resume,
        Self::Receipts,
        Self::Ask,
        Self::Answer,
    ];
}

/// What a worker says.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Said {
    /// It is ready for calls.
    Hello,
    /// The answer to a call.
    Done(Done),
}

/// The answer to a call: JSON, or what went wrong.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Done {
    pub(crate) id: u64,
    pub(crate) outcome: Result<String, Failure>,
}

/// Why a call has no result.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Failure {
    pub(crate) kind: FailureKind,
    /// For people: the script's own words and place, shortened.
    pub(crate) detail: String,
}

/// The kinds of failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum FailureKind {
    /// The script does not parse.
    Syntax,
    /// The script threw.
    Threw,
    /// It ran longer than the time limit.
    Time,
    /// It used more than the memory limit.
    Memory,
    /// It recursed deeper than the stack limit.
    Stack,
    /// Its result is larger than the output limit.
    Output,
    /// It returned a promise or left asynchronous work behind.
    Async,
    /// What it returned is no JSON value, or does not keep the contract.
    Shape,
    /// The function is not exported.
    Missing,
    /// The worker was killed at the hard deadline.
    Killed,
    /// The worker died.
    Died,
    /// The version is quarantined.
    Quarantined,
    /// No worker can be started.
    NoWorker,
}

impl FailureKind {
    /// Stable code, as in verdict causes.
    pub(crate) const fn code(self) -> &'static str {
        match self {
            Self::Syntax => "script_syntax",
            Self::Threw => "script_threw",
            Self::Time => "script_time_limit",
            Self::Memory => "script_memory_limit",
            Self::Stack => "script_stack_limit",
            Self::Output => "script_output_limit",
            Self::Async => "script_async",
            Self::Shape => "script_result",
            Self::Missing => "script_function_missing",
            Self::Killed => "script_killed",
            Self::Died => "script_crashed",
            Self::Quarantined => "script_quarantined",
            Self::NoWorker => "script_worker_unavailable",
        }
    }

    /// Whether a limit was hit: the engine is thrown away, and it counts against the version.
    pub(crate) const fn is_limit(self) -> bool {
        matches!(
            self,
            Self::Time | Self::Memory | Self::Stack | Self::Output | Self::Async
        )
    }
}

impl Failure {
    pub(crate) fn new(kind: FailureKind, detail: impl AsRef<str>) -> Self {
        Self {
            kind,
            detail: detail.as_ref().chars().take(300).collect(),
        }
    }
}

/// Bytes that break the protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Garbage;

/// Appends one frame.
///
/// # Errors
/// [`Garbage`] when the message is too large for a frame.
pub(crate) fn append<T: Serialize>(message: &T, out: &mut Vec<u8>) -> Result<(), Garbage> {
    let start = out.len();
    out.extend_from_slice(&[0; PREFIX]);
    let written = postcard::to_extend(message, std::mem::take(out));
    *out = written.map_err(|_| Garbage)?;
    let length = out.len() - start - PREFIX;
    if length > MAX_FRAME {
        out.truncate(start);
        return Err(Garbage);
    }
    let length = u32::try_from(length).map_err(|_| Garbage)?;
    out[start..start + PREFIX].copy_from_slice(&length.to_le_bytes());
    Ok(())
}

/// The first frame of `bytes` and how many bytes it took; `None` when more must come.
///
/// # Errors
/// [`Garbage`] when this is no frame.
pub(crate) fn first<T: for<'a> Deserialize<'a>>(
    bytes: &[u8],
) -> Result<Option<(T, usize)>, Garbage> {
    let Some((prefix, rest)) = bytes.split_first_chunk::<PREFIX>() else {
        return Ok(None);
    };
    let length = u32::from_le_bytes(*prefix) as usize;
    if length > MAX_FRAME {
        return Err(Garbage);
    }
    let Some(frame) = rest.get(..length) else {
        return Ok(None);
    };
    match postcard::take_from_bytes(frame) {
        Ok((message, [])) => Ok(Some((message, PREFIX + length))),
        Ok(_) | Err(_) => Err(Garbage),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn frames_come_out_as_they_went_in_however_they_are_cut() {
        let mut out = Vec::new();
        for id in 0..3 {
            let outcome = Err(Failure::new(FailureKind::Time, "x"));
            append(&Said::Done(Done { id, outcome }), &mut out).unwrap();
        }
        let mut read = 0;
        let mut ids = Vec::new();
        for end in 0..=out.len() {
            while let Some((Said::Done(done), used)) = first::<Said>(&out[read..end]).unwrap() {
                read += used;
                ids.push(done.id);
            }
        }
        assert_eq!((ids, read), (vec![0, 1, 2], out.len()));
    }

    proptest! {
        #[test]
        fn garbage_is_refused_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
            let _ = first::<Said>(&bytes);
            let _ = first::<Told>(&bytes);
        }
    }

    #[test]
    fn a_frame_that_claims_too_much_is_garbage() {
        assert_eq!(first::<Said>(&[255; 8]).err(), Some(Garbage));
    }
}
