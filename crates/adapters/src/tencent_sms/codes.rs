//! Every documented code of SendSms, for a whole call or for one number.
//!
//! Exact codes come before prefixes. A code that is in neither is a refusal all the same: the
//! message was not sent, another account may take it ([`UNKNOWN`]). Codes that are about our clock
//! are in `skew`.

use crate::treatment::Treatment::{self, *};

/// What an undocumented code means.
const UNKNOWN: Treatment = Elsewhere;
/// Marketing is allowed from 8 to 22 h only.
pub(super) const MARKETING_HOURS: &str = "FailedOperation.MarketingSendTimeConstraint";

/// What a code asks for.
pub(super) fn treatment(code: &str) -> Treatment {
    let exact = EXACT.iter().find(|(known, _)| *known == code);
    let by_prefix = || PREFIXES.iter().find(|(prefix, _)| code.starts_with(prefix));
    exact
        .or_else(by_prefix)
        .map_or(UNKNOWN, |(_, treatment)| *treatment)
}

const EXACT: &[(&str, Treatment)] = &[
    // Too fast.
    ("LimitExceeded.DeliveryFrequencyLimit", Throttled),
    ("LimitExceeded.GlobalSmsSendingRateLimit", Throttled),
    // Enough for this number: the half minute passes soon, hours and days are better spent at
    // another vendor.
    (
        "LimitExceeded.PhoneNumberThirtySecondLimit",
        NumberPause(30),
    ),
    ("LimitExceeded.PhoneNumberOneHourLimit", NumberLimit),
    ("LimitExceeded.PhoneNumberDailyLimit", NumberLimit),
    (
        "LimitExceeded.PhoneNumberSameContentDailyLimit",
        NumberLimit,
    ),
    // The wait until morning is worked out by the reader of the answer.
    (MARKETING_HOURS, Later),
    // Words that no Chinese vendor may carry.
    ("FailedOperation.ContainSensitiveWord", BadContent),
    ("InvalidParameter.DirtyWordFound", BadContent),
    ("InvalidParameterValue.ContentLengthLimit", BadContent),
    (
        "InvalidParameterValue.TemplateParameterFormatError",
        BadContent,
    ),
    (
        "InvalidParameterValue.TemplateParameterLengthLimit",
        BadContent,
    ),
    (
        "InvalidParameterValue.ProhibitedUseUrlInTemplateParameter",
        BadContent,
    ),
    // The address.
    ("InvalidParameterValue.IncorrectPhoneNumber", BadRecipient),
    ("FailedOperation.PhoneNumberInBlacklist", BadRecipient),
    ("FailedOperation.PhoneNumberParseFail", BadRecipient),
    // A country this vendor does not serve; another one may.
    ("UnsupportedOperation.UnsupportedRegion", Elsewhere),
    // The account.
    (
        "FailedOperation.InsufficientBalanceInSmsPackage",
        Misconfigured,
    ),
    ("LimitExceeded.DailyLimit", Misconfigured),
    ("InvalidParameterValue.SdkAppIdNotExist", Misconfigured),
    ("FailedOperation.SignatureIncorrectOrUnapproved", Approval),
    ("FailedOperation.TemplateIncorrectOrUnapproved", Approval),
    ("FailedOperation.TemplateUnapprovedOrNotExist", Approval),
    // The template's mapping does not fit what the vendor approved.
    (
        "FailedOperation.TemplateParamSetNotMatchApprovedTemplate",
        Elsewhere,
    ),
    (
        "UnsupportedOperation.ChineseMainlandTemplateToGlobalPhone",
        Elsewhere,
    ),
    (
        "UnsupportedOperation.GlobalTemplateToChineseMainlandPhone",
        Elsewhere,
    ),
    // Calls we never make; if we do, nothing was sent.
    ("LimitExceeded.PhoneNumberCountLimit", Elsewhere),
    (
        "UnsupportedOperation.ContainDomesticAndInternationalPhoneNumber",
        Elsewhere,
    ),
];

const PREFIXES: &[(&str, Treatment)] = &[
    ("InternalError", Later),
    ("RequestLimitExceeded", Throttled),
    ("AuthFailure", Misconfigured),
    ("UnauthorizedOperation", Misconfigured),
    // LimitExceeded.AppMainlandChinaDailyLimit, .AppGlobalDailyLimit, …
    ("LimitExceeded.App", Misconfigured),
    ("MissingParameter", Elsewhere),
    ("InvalidParameter", Elsewhere),
];
