//! Problem documents (RFC 9457): what went wrong, in words for people and codes for programs.
//!
//! Handlers return a [`Problem`]; it travels in the response's extensions until the service,
//! which knows the request id, writes it. Nothing else writes error bodies.

mod catalogue;

use std::time::Duration;

use austin_engine::{FieldFault, Refusal};
use axum::response::{IntoResponse, Response};
use http::header::{CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderName, HeaderValue, StatusCode};
use serde::Serialize;
use utoipa::ToSchema;

pub(crate) use catalogue::Code;

use crate::request_id::RequestId;

const MEDIA_TYPE: HeaderValue = HeaderValue::from_static("application/problem+json");

/// A refused request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Problem {
    code: Code,
    status: StatusCode,
    detail: String,
    errors: Vec<FieldFault>,
    headers: Vec<(HeaderName, HeaderValue)>,
}

/// What every refusal answers (RFC 9457).
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Problem)]
pub(crate) struct Document<'a> {
    /// Stable URI of the kind of problem; serves its description.
    #[serde(rename = "type")]
    #[schema(example = "/problems/invalid_request")]
    kind: String,
    /// The kind of problem in a few words.
    #[schema(example = "The request is not valid")]
    title: &'a str,
    /// The HTTP status.
    #[schema(example = 422)]
    status: u16,
    /// Stable code of the kind of problem.
    #[schema(example = "invalid_request")]
    code: &'a str,
    /// What is wrong with this very request, for people.
    detail: &'a str,
    /// The fields at fault.
    errors: Vec<FieldProblem<'a>>,
    /// The request, as in `x-request-id`.
    request_id: &'a str,
}

/// One field at fault.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct FieldProblem<'a> {
    /// JSON pointer (RFC 6901) into the request body; for a query parameter `/` and its name.
    #[schema(example = "/to/3")]
    pointer: &'a str,
    /// Stable code.
    #[schema(example = "invalid_recipient")]
    code: &'a str,
    /// What is wrong with it, for people.
    detail: &'a str,
}

impl Problem {
    pub(crate) fn new(code: Code, detail: impl Into<String>) -> Self {
        Self {
            code,
            status: code.status(),
            detail: detail.into(),
            errors: Vec::new(),
            headers: Vec::new(),
        }
    }

    /// A request whose fields are wrong.
    pub(crate) fn fields(errors: Vec<FieldFault>) -> Self {
        Refusal::fields(errors).into()
    }

    /// One wrong field.
    pub(crate) fn field(pointer: &str, code: &str, detail: impl Into<String>) -> Self {
        Self::fields(vec![FieldFault::new(pointer, code, detail)])
    }

    pub(crate) fn with_header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.push((name, value));
        self
    }

    pub(crate) fn with_error(mut self, pointer: &str, code: &str, detail: &str) -> Self {
        self.errors.push(FieldFault::new(pointer, code, detail));
        self
    }

    pub(crate) fn with_status(mut self, status: StatusCode) -> Self {
        self.status = status;
        self
    }

    fn with_retry_after(self, wait: Duration) -> Self {
        let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
        self.with_header(RETRY_AFTER, HeaderValue::from(seconds.max(1)))
    }

    /// What is wrong, field by field; at least one.
    pub(crate) fn into_faults(self) -> Vec<FieldFault> {
        if self.errors.is_empty() {
            return vec![FieldFault::new("", self.code.as_str(), self.detail)];
        }
        self.errors
    }

    pub(crate) fn status(&self) -> StatusCode {
        self.status
    }

    pub(crate) fn document<'a>(&'a self, request_id: &'a RequestId) -> Document<'a> {
        Document {
            kind: self.code.uri(),
            title: self.code.title(),
            status: self.status.as_u16(),
            code: self.code.as_str(),
            detail: &self.detail,
            errors: self
                .errors
                .iter()
                .map(|fault| FieldProblem {
                    pointer: &fault.pointer,
                    code: &fault.code,
                    detail: &fault.detail,
                })
                .collect(),
            request_id: request_id.as_str(),
        }
    }

    /// The answer.
    pub(crate) fn write(self, request_id: &RequestId) -> Response {
        let body = serde_json::to_vec(&self.document(request_id)).unwrap_or_default();
        let mut response = (self.status, body).into_response();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, MEDIA_TYPE);
        for (name, value) in self.headers {
            headers.insert(name, value);
        }
        response
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        let problem = Self {
            errors: refusal.errors,
            ..Self::new(refusal.code.into(), refusal.detail)
        };
        match refusal.retry_after {
            Some(wait) => problem.with_retry_after(wait),
            None => problem,
        }
    }
}

impl From<austin_ports::ledger::Error> for Problem {
    fn from(error: austin_ports::ledger::Error) -> Self {
        Refusal::from(error).into()
    }
}

impl From<austin_ports::suppressions::Error> for Problem {
    fn from(error: austin_ports::suppressions::Error) -> Self {
        Refusal::from(error).into()
    }
}

impl From<austin_ports::catalog::CatalogError> for Problem {
    fn from(error: austin_ports::catalog::CatalogError) -> Self {
        Refusal::from(error).into()
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = self.status.into_response();
        response.extensions_mut().insert(self);
        response
    }
}
