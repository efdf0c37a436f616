//! Who must not be messaged: the reasons, the one spelling an address is kept under, and what a
//! person's reply asks for.

mod reply;

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::address::{self, BadAddress};
use crate::channel::{Channel, Unknown, words};

pub use reply::{Wish, wish};

words! {
    /// Why somebody must not be messaged.
    Reason, "reason" {
        /// The person asked for it.
        OptOut = 1, "opt_out";
        /// The person called a message spam.
        Complaint = 2, "complaint";
        /// The mailbox does not exist.
        HardBounce = 3, "hard_bounce";
        /// The number or address was bad several times in a row.
        Blocked = 4, "blocked";
        /// Somebody here decided so.
        Manual = 5, "manual";
    }
}

words! {
    /// How a suppression came about.
    Source, "source" {
        /// A call of the API.
        Api = 1, "api";
        /// A row of a file.
        Import = 2, "import";
        /// A vendor's receipt or refusal.
        Receipt = 3, "receipt";
        /// The person's reply to a message.
        Reply = 4, "reply";
        /// The unsubscribe link of an e-mail.
        Unsubscribe = 5, "unsubscribe";
    }
}

impl Source {
    /// Whether what it says about an end and a note replaces what was said before. What comes by
    /// itself only ever makes a suppression last longer.
    pub const fn decides(self) -> bool {
        matches!(self, Self::Api | Self::Import)
    }
}

/// A set of reasons.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Reasons(u8);

impl Reasons {
    /// No reason.
    pub const NONE: Self = Self(0);
    /// Every reason.
    pub const ALL: Self = Self(u8::MAX);

    /// The same set and `reason`.
    #[must_use]
    pub const fn with(self, reason: Reason) -> Self {
        Self(self.0 | 1 << reason.code())
    }

    /// Whether `reason` is in it.
    pub const fn contains(self, reason: Reason) -> bool {
        self.0 & 1 << reason.code() != 0
    }
}

/// The spelling that `address` is kept and found under; `None` for the channel means all of them,
/// and the address then tells by its form which kind it is.
///
/// It is the canonical form of the channel, except that the part of an e-mail address before the
/// `@` is in lower case: who opted out as `Li@corp.example` must not be reached as
/// `li@corp.example`.
///
/// # Errors
/// [`BadAddress`] when it cannot be an address; its text does not repeat it.
pub fn canonical(
    channel: Option<Channel>,
    address: &str,
    default_region: Option<&str>,
) -> Result<String, BadAddress> {
    let kind = channel.unwrap_or_else(|| kind(address));
    let mut spelled = address::normalise(kind, address, default_region)?;
    if folds(&spelled) {
        spelled.make_ascii_lowercase();
    }
    Ok(spelled)
}

/// The spelling that a canonical address is found under.
pub fn folded(address: &str) -> Cow<'_, str> {
    if folds(address) && address.bytes().any(|byte| byte.is_ascii_uppercase()) {
        Cow::Owned(address.to_ascii_lowercase())
    } else {
        Cow::Borrowed(address)
    }
}

/// Whether upper and lower case make no difference.
fn folds(address: &str) -> bool {
    address.contains('@') && !address.contains("://")
}

/// A channel whose addresses look like this one.
fn kind(address: &str) -> Channel {
    let is_of_phone = |c: char| c.is_numeric() || c.is_whitespace() || "+＋-－.()（）".contains(c);
    if address.contains("://") {
        Channel::Webhook
    } else if address.contains('@') {
        Channel::Email
    } else if address.contains(char::is_numeric) && address.chars().all(is_of_phone) {
        Channel::Sms
    } else {
        Channel::Push
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn words_and_codes_round_trip() {
        for reason in Reason::ALL {
            assert_eq!(Reason::from_code(reason.code()), Some(*reason));
            assert_eq!(reason.as_str().parse(), Ok(*reason));
        }
        for source in Source::ALL {
            assert_eq!(Source::from_code(source.code()), Some(*source));
            assert_eq!(source.as_str().parse(), Ok(*source));
        }
    }

    #[test]
    fn sets_hold_what_was_put_in() {
        let set = Reasons::NONE.with(Reason::OptOut).with(Reason::Manual);
        for reason in Reason::ALL {
            let is_in = matches!(reason, Reason::OptOut | Reason::Manual);
            assert_eq!(set.contains(*reason), is_in, "{reason}");
            assert!(Reasons::ALL.contains(*reason));
        }
    }

    #[test]
    fn an_address_has_one_spelling() {
        for (channel, written, spelled) in [
            (Some(Channel::Sms), "137 1111 2200", "+8613711112200"),
            (None, "+86 137-1111-2200", "+8613711112200"),
            (None, "１３７１１１１２２００", "+8613711112200"),
            (
                Some(Channel::Email),
                "Li.Lei@Corp.Example",
                "li.lei@corp.example",
            ),
            (None, " Li.Lei@Corp.Example", "li.lei@corp.example"),
            (Some(Channel::Push), " Tok-En ", "Tok-En"),
            (None, "Tok-En", "Tok-En"),
        ] {
            let found = canonical(channel, written, Some("CN"));
            assert_eq!(found.as_deref(), Ok(spelled), "{written}");
        }
        let refused = canonical(None, "137", Some("CN")).unwrap_err().to_string();
        assert!(!refused.contains("137"), "{refused}");
    }

    proptest! {
        #[test]
        fn what_is_canonical_is_found_under_itself(
            local in "[A-Za-z]{1,8}(\\.[A-Za-z0-9]{1,4})?",
            domain in "[a-z]{1,8}\\.example",
        ) {
            let written = format!("{local}@{domain}");
            let spelled = canonical(Some(Channel::Email), &written, None).unwrap();
            let sent_to = address::normalise(Channel::Email, &written, None).unwrap();
            prop_assert_eq!(&*folded(&sent_to), &spelled);
            prop_assert_eq!(canonical(None, &spelled, None), Ok(spelled.clone()));
        }

        #[test]
        fn anything_is_read_without_harm(text in "\\PC{0,80}") {
            let _ = canonical(None, &text, Some("CN"));
            let _ = folded(&text);
        }
    }
}
