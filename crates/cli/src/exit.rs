//! How the program ends. The codes are part of the interface; scripts rely on them.

use std::process::ExitCode;

/// Why a command did not do what was asked, and the exit code for it.
#[derive(Debug)]
pub(crate) struct Failure {
    code: u8,
    message: String,
}

impl Failure {
    /// It was tried and did not work.
    pub(crate) fn failed(message: impl Into<String>) -> Self {
        Self::with(1, message)
    }

    /// The command line or the configuration is wrong.
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self::with(2, message)
    }

    /// The server said no, or there is none.
    pub(crate) fn refused(message: impl Into<String>) -> Self {
        Self::with(3, message)
    }

    /// Another process has the data directory.
    pub(crate) fn locked(message: impl Into<String>) -> Self {
        Self::with(4, message)
    }

    /// The reasons were printed already.
    pub(crate) fn told() -> Self {
        Self::with(1, "")
    }

    fn with(code: u8, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
        }
    }

    /// Whether another process has the data directory.
    pub(crate) fn is_locked(&self) -> bool {
        self.code == 4
    }

    /// For people.
    pub(crate) fn message(&self) -> &str {
        &self.message
    }

    /// For the caller.
    pub(crate) fn code(&self) -> ExitCode {
        ExitCode::from(self.code)
    }
}

impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Self {
        Self::failed(format!("{error:#}"))
    }
}
