//! Every documented code of the send APIs.
//!
//! Exact codes come before prefixes. The reader of the answer decides about a code that is in
//! neither. Codes that are about our clock are in `skew`.

use crate::treatment::Treatment::{self, *};

/// What a documented code asks for.
pub(super) fn treatment(code: &str) -> Option<Treatment> {
    let exact = EXACT.iter().find(|(known, _)| *known == code);
    let by_prefix = || PREFIXES.iter().find(|(prefix, _)| code.starts_with(prefix));
    exact.or_else(by_prefix).map(|(_, treatment)| *treatment)
}

const EXACT: &[(&str, Treatment)] = &[
    // The vendor.
    ("isp.SYSTEM_ERROR", Later),
    ("isv.SYSTEM_ERROR", Later),
    ("ServiceUnavailable", Later),
    // Per number (by default one verification a minute, five an hour, ten a day for each
    // signature): the code does not say which window, another vendor can take it now.
    ("isv.BUSINESS_LIMIT_CONTROL", NumberLimit),
    // A black list of numbers, or of values in a variable; sources differ. Of one number at any
    // rate, and not proof that its address is bad everywhere.
    ("isv.BLACK_KEY_CONTROL_LIMIT", NumberLimit),
    // Unsubscribed.
    ("isv.CUSTOMER_REFUSED", BadRecipient),
    ("isv.TO_BLACKLISTED", BadRecipient),
    ("isv.MOBILE_NUMBER_ILLEGAL", BadRecipient),
    // A number this product does not serve; another vendor may. It is about one number of the
    // call.
    ("isv.DOMESTIC_NUMBER_NOT_SUPPORTED", NumberLimit),
    // Words.
    ("isv.SMS_CONTENT_ILLEGAL", BadContent),
    ("isv.TEMPLATE_PARAMS_ILLEGAL", BadContent),
    ("isv.PARAM_LENGTH_LIMIT", BadContent),
    ("isv.PARAM_NOT_SUPPORT_URL", BadContent),
    // The account.
    ("isv.AMOUNT_NOT_ENOUGH", Misconfigured),
    ("isv.OUT_OF_SERVICE", Misconfigured),
    ("isv.ACCOUNT_NOT_EXISTS", Misconfigured),
    ("isv.ACCOUNT_ABNORMAL", Misconfigured),
    ("isv.PRODUCT_UN_SUBSCRIPT", Misconfigured),
    ("isv.PRODUCT_UNSUBSCRIBE", Misconfigured),
    ("isp.RAM_PERMISSION_DENY", Misconfigured),
    ("isv.DAY_LIMIT_CONTROL", Misconfigured),
    ("isv.MONTH_LIMIT_CONTROL", Misconfigured),
    ("isv.DENY_IP_RANGE", Misconfigured),
    ("InvalidAccessKeyId.NotFound", Misconfigured),
    ("SignatureDoesNotMatch", Misconfigured),
    // Approval.
    ("isv.SMS_SIGNATURE_ILLEGAL", Approval),
    ("isv.SMS_SIGN_ILLEGAL", Approval),
    ("isv.SIGN_STATE_ILLEGAL", Approval),
    ("isv.SMS_TEMPLATE_ILLEGAL", Approval),
    ("isv.SMS_SIGNATURE_SCENE_ILLEGAL", Approval),
    // The template's mapping does not fit what the vendor approved.
    ("isv.TEMPLATE_MISSING_PARAMETERS", Elsewhere),
    ("isv.INVALID_PARAMETERS", Elsewhere),
    ("isv.INVALID_JSON_PARAM", Elsewhere),
    // Calls we never make; if we do, nothing was sent.
    ("isv.MOBILE_COUNT_OVER_LIMIT", Elsewhere),
    ("isv.EXTEND_CODE_ERROR", Elsewhere),
    // Our nonces never repeat, so the same bytes arrived twice.
    ("SignatureNonceUsed", SeenBefore),
];

const PREFIXES: &[(&str, Treatment)] = &[
    // Throttling, Throttling.User, Throttling.Api
    ("Throttling", Throttled),
    ("InternalError", Later),
    ("InvalidAccessKeyId", Misconfigured),
];
