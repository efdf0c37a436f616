//! The portable codes of rules and what they are called at each vendor.
//!
//! Invariant: a code that is not portable passes through unchanged.

use std::borrow::Cow;

use super::Vendor;

/// portable, Tencent per receiver, Tencent per call, Aliyun, YunPian, Volcengine, Twilio, SNS,
/// SendGrid (status and field), SES, words. SNS tells by its words what an invalid parameter is about.
type Row = [&'static str; 11];

const TABLE: [Row; 8] = [
    [
        "bad_recipient",
        "InvalidParameterValue.IncorrectPhoneNumber",
        "InvalidParameterValue.IncorrectPhoneNumber",
        "isv.MOBILE_NUMBER_ILLEGAL",
        "2",
        "RE:0006",
        "21211",
        "InvalidParameter PhoneNumber",
        "400 personalizations.0.to.0.email",
        "BadRequestException",
        "the recipient is not a valid number",
    ],
    [
        "bad_content",
        "FailedOperation.ContainSensitiveWord",
        "FailedOperation.ContainSensitiveWord",
        "isv.SMS_CONTENT_ILLEGAL",
        "4",
        "CR:0200",
        "21617",
        "InvalidParameter Message",
        "400 content.0.value",
        "MessageRejected",
        "the content is not allowed",
    ],
    [
        "blocked",
        "FailedOperation.PhoneNumberInBlacklist",
        "FailedOperation.PhoneNumberInBlacklist",
        "isv.BLACK_KEY_CONTROL_LIMIT",
        "10",
        "CR:0201",
        "21610",
        "OptedOut",
        "400 personalizations.0.to.0.email",
        "MessageRejected",
        "the recipient is on a block list",
    ],
    [
        "later",
        "InternalError.Timeout",
        "InternalError.Timeout",
        "isp.SYSTEM_ERROR",
        "-51",
        "RE:0500",
        "20503",
        "InternalError",
        "500",
        "InternalFailure",
        "the system is busy, try again later",
    ],
    [
        "throttled",
        "LimitExceeded.DeliveryFrequencyLimit",
        "RequestLimitExceeded",
        "Throttling.User",
        "-5",
        "FlowLimitExceeded",
        "20429",
        "Throttling",
        "429",
        "TooManyRequestsException",
        "too many requests",
    ],
    [
        "elsewhere",
        "FailedOperation.InsufficientBalanceInSmsPackage",
        "FailedOperation.InsufficientBalanceInSmsPackage",
        "isv.AMOUNT_NOT_ENOUGH",
        "3",
        "RE:0010",
        "63038",
        "ServiceQuotaExceededException",
        "401",
        "LimitExceededException",
        "the balance is used up",
    ],
    [
        "number_limit",
        "LimitExceeded.PhoneNumberDailyLimit",
        "LimitExceeded.PhoneNumberDailyLimit",
        "isv.BUSINESS_LIMIT_CONTROL",
        "17",
        "CR:0202",
        "21612",
        "number_limit",
        "400",
        "MessageRejected",
        "this number has had enough for now",
    ],
    [
        "account_suspended",
        "UnauthorizedOperation.ServiceSuspendDueToArrears",
        "UnauthorizedOperation.ServiceSuspendDueToArrears",
        "isv.OUT_OF_SERVICE",
        "-2",
        "RE:0002",
        "20005",
        "AuthorizationError",
        "403",
        "AccountSuspendedException",
        "the account is suspended",
    ],
];

/// The vendor's own code for one message.
pub(crate) fn message_code(vendor: Vendor, code: &str) -> Cow<'_, str> {
    translate(code, |row| match vendor {
        Vendor::Tencent => row[1],
        Vendor::Aliyun => row[3],
        Vendor::Yunpian => row[4],
        Vendor::Volcengine => row[5],
        Vendor::Twilio => row[6],
        Vendor::AwsSns => row[7],
        Vendor::Sendgrid => row[8],
        Vendor::AwsSes => row[9],
        Vendor::Own | Vendor::Webhook | Vendor::Smtp | Vendor::Smpp => row[0],
    })
}

/// The vendor's own code for a whole call.
pub(crate) fn call_code(vendor: Vendor, code: &str) -> Cow<'_, str> {
    translate(code, |row| match vendor {
        Vendor::Tencent => row[2],
        Vendor::Aliyun => row[3],
        Vendor::Yunpian => row[4],
        Vendor::Volcengine => row[5],
        Vendor::Twilio => row[6],
        Vendor::AwsSns => row[7],
        Vendor::Sendgrid => row[8],
        Vendor::AwsSes => row[9],
        Vendor::Own | Vendor::Webhook | Vendor::Smtp | Vendor::Smpp => row[0],
    })
}

/// A fitting sentence for a code of any vendor.
pub(crate) fn words(code: &str) -> &'static str {
    TABLE
        .iter()
        .find(|row| row[..10].contains(&code))
        .map_or("refused by a rule of the simulator", |row| row[10])
}

fn translate(code: &str, column: impl Fn(&Row) -> &'static str) -> Cow<'_, str> {
    TABLE
        .iter()
        .find(|row| row[0] == code)
        .map_or(Cow::Borrowed(code), |row| Cow::Borrowed(column(row)))
}
