//! The closed catalogue of problems: code, status, title, and what to do about it.

use austin_engine::RefusalCode;
use http::StatusCode;

macro_rules! catalogue {
    ($($name:ident = $code:literal, $status:ident, $title:literal, $advice:literal;)*) => {
        /// A kind of problem. The words are stable.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub(crate) enum Code { $(#[doc = $title] $name,)* }

        impl Code {
            /// Every kind.
            pub(crate) const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The stable word.
            pub(crate) const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $code,)* }
            }

            /// The status it is answered with.
            pub(crate) const fn status(self) -> StatusCode {
                match self { $(Self::$name => StatusCode::$status,)* }
            }

            /// The kind of problem in a few words.
            pub(crate) const fn title(self) -> &'static str {
                match self { $(Self::$name => $title,)* }
            }

            /// What to do about it.
            pub(crate) const fn advice(self) -> &'static str {
                match self { $(Self::$name => $advice,)* }
            }
        }
    };
}

catalogue! {
    MalformedJson = "malformed_json", BAD_REQUEST, "The body is not JSON",
        "Mend the JSON at the line and column named in the detail.";
    MalformedRequest = "malformed_request", BAD_REQUEST, "The request cannot be read",
        "Mend what the detail names: the path, the encoding, or a body that broke off.";
    Unauthenticated = "unauthenticated", UNAUTHORIZED, "A valid API key is needed",
        "Send `Authorization: Bearer <key>` with a key that is not revoked.";
    Forbidden = "forbidden", FORBIDDEN, "The key's role does not allow this",
        "Use a key of a role named in the detail.";
    NotFound = "not_found", NOT_FOUND, "There is no such thing",
        "Check the key or id. What another app sent is not visible to a sender.";
    UnknownRoute = "unknown_route", NOT_FOUND, "There is no such path",
        "See /docs for all paths.";
    MethodNotAllowed = "method_not_allowed", METHOD_NOT_ALLOWED, "The path does not take this method",
        "Use a method named in the `Allow` header.";
    RequestTimeout = "request_timeout", REQUEST_TIMEOUT, "The body did not arrive in time",
        "Send the request again, faster or smaller.";
    Exists = "exists", CONFLICT, "It exists already",
        "Choose another key, or change the existing one.";
    Conflict = "conflict", CONFLICT, "It is not in a state for this",
        "Do first what the detail names.";
    TemplateNotEnabled = "template_not_enabled", CONFLICT, "The template is not enabled",
        "Submit or enable the template, then send again.";
    TooLarge = "too_large", PAYLOAD_TOO_LARGE, "A limit of the API is passed",
        "Split the request; the detail names the limit.";
    BodyTooLarge = "body_too_large", PAYLOAD_TOO_LARGE, "The body is too large",
        "Split the request; the detail names the limit.";
    UnsupportedMediaType = "unsupported_media_type", UNSUPPORTED_MEDIA_TYPE, "The body is of another kind",
        "Send the media type named in the detail.";
    InvalidRequest = "invalid_request", UNPROCESSABLE_ENTITY, "The request is not valid",
        "Mend the fields named in `errors`.";
    KeyReused = "idempotency_key_reused", UNPROCESSABLE_ENTITY, "The idempotency key stands for another request",
        "Take a new key for each new request; repeat a request with exactly the same body.";
    InProgress = "request_in_progress", CONFLICT, "The first request with this key is still running",
        "Repeat the request after the seconds in `Retry-After`.";
    Busy = "busy", TOO_MANY_REQUESTS, "Too much is waiting",
        "Try again after the seconds in `Retry-After`.";
    QuotaExceeded = "quota_exceeded", TOO_MANY_REQUESTS, "A quota is used up",
        "Try again after the seconds in `Retry-After`, or have the quota named in the detail raised.";
    Internal = "internal", INTERNAL_SERVER_ERROR, "Something broke on our side",
        "Report the request id to whoever runs this server.";
    Unavailable = "unavailable", SERVICE_UNAVAILABLE, "No work is taken now",
        "Try again later; nothing of the request took effect.";
    ReceiptRefused = "receipt_refused", BAD_REQUEST, "The receipt is refused",
        "Check the receipt URL and signature settings of the account. The status may differ.";
}

impl Code {
    /// The URI that names it; served by the API.
    pub(crate) fn uri(self) -> String {
        format!("/problems/{}", self.as_str())
    }

    pub(crate) fn parse(text: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|code| code.as_str() == text)
    }
}

impl From<RefusalCode> for Code {
    fn from(code: RefusalCode) -> Self {
        match code {
            RefusalCode::InvalidRequest => Self::InvalidRequest,
            RefusalCode::TooLarge => Self::TooLarge,
            RefusalCode::NotFound => Self::NotFound,
            RefusalCode::Exists => Self::Exists,
            RefusalCode::Conflict => Self::Conflict,
            RefusalCode::TemplateNotEnabled => Self::TemplateNotEnabled,
            RefusalCode::Forbidden => Self::Forbidden,
            RefusalCode::Busy => Self::Busy,
            RefusalCode::QuotaExceeded => Self::QuotaExceeded,
            RefusalCode::Unavailable => Self::Unavailable,
            RefusalCode::KeyReused => Self::KeyReused,
            RefusalCode::InProgress => Self::InProgress,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_words_of_their_own() {
        for (index, code) in Code::ALL.iter().enumerate() {
            assert_eq!(Code::parse(code.as_str()), Some(*code));
            assert!(code.status().as_u16() >= 400);
            let twin = Code::ALL[index + 1..]
                .iter()
                .any(|other| other.as_str() == code.as_str());
            assert!(!twin, "{} stands twice", code.as_str());
        }
    }
}
