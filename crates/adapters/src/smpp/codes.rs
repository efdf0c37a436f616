//! Every `command_status` of SMPP 3.4 (section 5.1.3) and its treatment.
//!
//! A status that is about the request rather than the person or the account leaves it to another
//! account; so does a wrong type of number, which is a setting and says nothing of the person.

use austin_adapter_api::CodeMeaning;

use crate::treatment::Treatment;

/// Acceptance.
pub(super) const OK: u32 = 0;
/// Already bound: the centre has not noticed yet that the session before has ended.
const ALREADY_BOUND: u32 = 0x05;

/// What a status means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Meaning {
    pub(super) name: &'static str,
    pub(super) treatment: Treatment,
    words: &'static str,
}

type Row = (u32, &'static str, Treatment, &'static str);

#[rustfmt::skip]
const TABLE: &[Row] = &[
    (0x01, "ESME_RINVMSGLEN", Treatment::Elsewhere, "message length is invalid"),
    (0x02, "ESME_RINVCMDLEN", Treatment::Elsewhere, "command length is invalid"),
    (0x03, "ESME_RINVCMDID", Treatment::Elsewhere, "invalid command id"),
    (0x04, "ESME_RINVBNDSTS", Treatment::Elsewhere, "incorrect bind status for the command"),
    (ALREADY_BOUND, "ESME_RALYBND", Treatment::Elsewhere, "already bound"),
    (0x06, "ESME_RINVPRTFLG", Treatment::Elsewhere, "invalid priority flag"),
    (0x07, "ESME_RINVREGDLVFLG", Treatment::Misconfigured, "invalid registered delivery flag"),
    (0x08, "ESME_RSYSERR", Treatment::Later, "system error"),
    (0x0a, "ESME_RINVSRCADR", Treatment::Misconfigured, "invalid source address"),
    (0x0b, "ESME_RINVDSTADR", Treatment::BadRecipient, "invalid destination address"),
    (0x0c, "ESME_RINVMSGID", Treatment::Elsewhere, "message id is invalid"),
    (0x0d, "ESME_RBINDFAIL", Treatment::Misconfigured, "bind failed"),
    (0x0e, "ESME_RINVPASWD", Treatment::Misconfigured, "invalid password"),
    (0x0f, "ESME_RINVSYSID", Treatment::Misconfigured, "invalid system id"),
    (0x11, "ESME_RCANCELFAIL", Treatment::Elsewhere, "cancel failed"),
    (0x13, "ESME_RREPLACEFAIL", Treatment::Elsewhere, "replace failed"),
    (0x14, "ESME_RMSGQFUL", Treatment::Throttled, "message queue full"),
    (0x15, "ESME_RINVSERTYP", Treatment::Misconfigured, "invalid service type"),
    (0x33, "ESME_RINVNUMDESTS", Treatment::Elsewhere, "invalid number of destinations"),
    (0x34, "ESME_RINVDLNAME", Treatment::Elsewhere, "invalid distribution list name"),
    (0x40, "ESME_RINVDESTFLAG", Treatment::Elsewhere, "invalid destination flag"),
    (0x42, "ESME_RINVSUBREP", Treatment::Elsewhere, "submit with replace is not supported"),
    (0x43, "ESME_RINVESMCLASS", Treatment::Elsewhere, "invalid esm class"),
    (0x44, "ESME_RCNTSUBDL", Treatment::Elsewhere, "cannot submit to a distribution list"),
    (0x45, "ESME_RSUBMITFAIL", Treatment::Later, "submit failed"),
    (0x48, "ESME_RINVSRCTON", Treatment::Misconfigured, "invalid source type of number"),
    (0x49, "ESME_RINVSRCNPI", Treatment::Misconfigured, "invalid source numbering plan"),
    (0x50, "ESME_RINVDSTTON", Treatment::Elsewhere, "invalid destination type of number"),
    (0x51, "ESME_RINVDSTNPI", Treatment::Elsewhere, "invalid destination numbering plan"),
    (0x53, "ESME_RINVSYSTYP", Treatment::Misconfigured, "invalid system type"),
    (0x54, "ESME_RINVREPFLAG", Treatment::Elsewhere, "invalid replace flag"),
    (0x55, "ESME_RINVNUMMSGS", Treatment::Elsewhere, "invalid number of messages"),
    (0x58, "ESME_RTHROTTLED", Treatment::Throttled, "more messages than allowed"),
    (0x61, "ESME_RINVSCHED", Treatment::Elsewhere, "invalid scheduled delivery time"),
    (0x62, "ESME_RINVEXPIRY", Treatment::Elsewhere, "invalid validity period"),
    (0x63, "ESME_RINVDFTMSGID", Treatment::Elsewhere, "invalid predefined message"),
    (0x64, "ESME_RX_T_APPN", Treatment::Later, "temporary error of the receiver"),
    (0x65, "ESME_RX_P_APPN", Treatment::Elsewhere, "permanent error of the receiver"),
    (0x66, "ESME_RX_R_APPN", Treatment::Elsewhere, "the receiver rejects the message"),
    (0x67, "ESME_RQUERYFAIL", Treatment::Elsewhere, "query failed"),
    (0xc0, "ESME_RINVOPTPARSTREAM", Treatment::Elsewhere, "error in the optional parameters"),
    (0xc1, "ESME_ROPTPARNOTALLWD", Treatment::Elsewhere, "optional parameter not allowed"),
    (0xc2, "ESME_RINVPARLEN", Treatment::Elsewhere, "invalid parameter length"),
    (0xc3, "ESME_RMISSINGOPTPARAM", Treatment::Elsewhere, "an optional parameter is missing"),
    (0xc4, "ESME_RINVOPTPARAMVAL", Treatment::Elsewhere, "invalid optional parameter value"),
    (0xfe, "ESME_RDELIVERYFAILURE", Treatment::Elsewhere, "delivery failure"),
    (0xff, "ESME_RUNKNOWNERR", Treatment::Elsewhere, "unknown error"),
];

/// What an answer with `status` means. Statuses of the centre's own leave it to another account.
pub(super) fn of(status: u32) -> Meaning {
    let row = TABLE.iter().find(|(code, ..)| *code == status);
    let (_, name, treatment, words) = row.copied().unwrap_or((
        status,
        "",
        Treatment::Elsewhere,
        "a status of the centre's own",
    ));
    Meaning {
        name,
        treatment,
        words,
    }
}

/// The status as evidence names it.
pub(super) fn code(status: u32) -> String {
    format!("{status:#010x} {}", of(status).name)
        .trim_end()
        .to_owned()
}

/// What it says.
pub(super) fn words(status: u32) -> &'static str {
    of(status).words
}

/// The table for people.
pub(super) fn meanings() -> Vec<CodeMeaning> {
    TABLE
        .iter()
        .map(|(status, _, treatment, words)| CodeMeaning {
            code: code(*status),
            verdict: treatment.word().to_owned(),
            meaning: (*words).to_owned(),
        })
        .collect()
}
