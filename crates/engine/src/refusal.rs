//! Why a request is refused, in terms a caller can act on. The HTTP layer turns these into
//! RFC 9457 problem documents; nothing here knows HTTP.

use std::time::Duration;

use austin_ports::catalog::CatalogError;
use austin_ports::{ledger, suppressions};
use serde::{Deserialize, Serialize};

/// A refused request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// What kind of refusal.
    pub code: RefusalCode,
    /// One or two sentences for the caller. No personal data, no secrets.
    pub detail: String,
    /// The fields at fault.
    pub errors: Vec<FieldFault>,
    /// When asking again may help.
    pub retry_after: Option<Duration>,
}

/// A field at fault.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FieldFault {
    /// JSON pointer into the request body, e.g. `/to/3`.
    pub pointer: String,
    /// Stable code, e.g. `invalid_recipient`, `missing_variable`, `too_long`.
    pub code: String,
    /// One sentence for the caller.
    pub detail: String,
}

impl FieldFault {
    /// A fault of the field at `pointer`.
    pub fn new(
        pointer: impl Into<String>,
        code: impl Into<String>,
        detail: impl Into<String>,
    ) -> Self {
        Self {
            pointer: pointer.into(),
            code: code.into(),
            detail: detail.into(),
        }
    }
}

/// Kinds of refusal; the words are stable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RefusalCode {
    /// Fields of the request are wrong; see `errors`.
    InvalidRequest,
    /// A limit of the API is passed (recipients, batch size).
    TooLarge,
    /// No such thing.
    NotFound,
    /// Something by that key exists.
    Exists,
    /// It is in use or not in the state for this.
    Conflict,
    /// The template may not be used now.
    TemplateNotEnabled,
    /// The caller's role does not allow it.
    Forbidden,
    /// A queue is full; ask again after `retry_after`.
    Busy,
    /// An app or a template has sent as much as it may; ask again after `retry_after`.
    QuotaExceeded,
    /// The store takes no new work.
    Unavailable,
    /// The key of a request that may come again stands for another request.
    KeyReused,
    /// The first request with this key is still being carried out.
    InProgress,
}

impl RefusalCode {
    /// The word used in problem documents.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::InvalidRequest => "invalid_request",
            Self::TooLarge => "too_large",
            Self::NotFound => "not_found",
            Self::Exists => "exists",
            Self::Conflict => "conflict",
            Self::TemplateNotEnabled => "template_not_enabled",
            Self::Forbidden => "forbidden",
            Self::Busy => "busy",
            Self::QuotaExceeded => "quota_exceeded",
            Self::Unavailable => "unavailable",
            Self::KeyReused => "idempotency_key_reused",
            Self::InProgress => "request_in_progress",
        }
    }
}

impl Refusal {
    /// A refusal without fields.
    pub fn new(code: RefusalCode, detail: impl Into<String>) -> Self {
        Self {
            code,
            detail: detail.into(),
            errors: Vec::new(),
            retry_after: None,
        }
    }

    /// A refusal that names fields.
    pub fn fields(errors: Vec<FieldFault>) -> Self {
        let detail = match errors.as_slice() {
            [one] => format!("{}: {}", one.pointer, one.detail),
            many => format!("{} fields are wrong", many.len()),
        };
        Self {
            code: RefusalCode::InvalidRequest,
            detail,
            errors,
            retry_after: None,
        }
    }
}

impl From<ledger::Error> for Refusal {
    fn from(error: ledger::Error) -> Self {
        let (code, retry_after) = match &error {
            ledger::Error::Busy { .. } => (RefusalCode::Busy, Some(Duration::from_secs(1))),
            ledger::Error::Refusing(_) | ledger::Error::Stopping => {
                (RefusalCode::Unavailable, Some(Duration::from_secs(5)))
            }
            ledger::Error::Repeated => (RefusalCode::InProgress, Some(Duration::from_secs(1))),
            ledger::Error::Damaged(_) => (RefusalCode::Unavailable, None),
        };
        Self {
            code,
            detail: error.to_string(),
            errors: Vec::new(),
            retry_after,
        }
    }
}

impl From<suppressions::Error> for Refusal {
    fn from(error: suppressions::Error) -> Self {
        Self::new(RefusalCode::Unavailable, error.to_string())
    }
}

impl From<CatalogError> for Refusal {
    fn from(error: CatalogError) -> Self {
        let code = match &error {
            CatalogError::Exists(_) => RefusalCode::Exists,
            CatalogError::Missing(_) => RefusalCode::NotFound,
            CatalogError::InUse(_) => RefusalCode::Conflict,
            CatalogError::Store(_) => RefusalCode::Unavailable,
        };
        Self::new(code, error.to_string())
    }
}
