//! What people configure: every change is checked here, whoever asks for it.
//!
//! Owns the rules of templates, accounts, routes, quotas, apps and keys. The one invariant: nothing
//! reaches the catalog that the delivery path could stumble over, and a refusal names every
//! field at fault at once.

mod accounts;
mod adapters;
mod approval;
mod apps;
mod faults;
mod lists;
mod page;
mod policies;
mod preview;
mod quotas;
mod routes;
mod templates;
mod testing;

use austin_domain::Timestamp;
use austin_ports::{Catalog, Clock, Entropy};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

pub use accounts::{AccountDraft, AccountList, LimitsDraft, NumberRuleDraft, SteerDraft};
pub use adapters::{AdapterUpload, CanaryDraft};
pub use approval::{Approval, approval};
pub use apps::{Admitted, NewKey, authenticate};
pub use lists::{WordListDraft, WordsDraft};
pub use page::Page;
pub use preview::{Preview, PreviewRequest, PriceQuote, SegmentCount};
pub use routes::{
    Effective, EffectiveShares, Expected, PassedOver, RouteDraft, RouteGroup, RoutePreview,
    RoutePreviewRequest, RouteSample, RuleDraft, ShareDraft, ShiftDraft, TimeoutDraft, WhenDraft,
};
pub use templates::{
    Comparison, ContentDraft, LocaleDraft, TemplateDraft, TemplateList, Transfer, VariableDraft,
    VersionDraft, check_offline,
};

pub use testing::TestRequest;

pub(crate) use testing::language;

use crate::adapters::Adapters;
use crate::engine::Parts;
use crate::refusal::{Refusal, RefusalCode};
use crate::rulebook::CurrentLists;

/// Checks and makes changes of what people configure. Borrowed from an engine
/// ([`Parts::registrar`]) or put together by a command that needs no engine.
#[derive(Clone, Copy)]
#[expect(missing_debug_implementations, reason = "holds trait objects")]
pub struct Registrar<'a> {
    /// Where changes go.
    pub catalog: &'a dyn Catalog,
    /// What accounts are checked against.
    pub adapters: &'a Adapters,
    /// When changes are made.
    pub clock: &'a dyn Clock,
    /// Where keys and tokens come from.
    pub entropy: &'a dyn Entropy,
    /// Lists and calendars that rules may name; `None` where they are not at hand.
    pub lists: Option<&'a CurrentLists>,
}

impl Parts {
    /// Checks and makes changes of what people configure.
    pub fn registrar(&self) -> Registrar<'_> {
        Registrar {
            catalog: &*self.catalog,
            adapters: &self.adapters,
            clock: &*self.clock,
            entropy: &*self.entropy,
            lists: Some(&self.lists),
        }
    }
}

impl Registrar<'_> {
    fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// 256 random bits as 43 URL-safe characters.
    fn token(&self) -> String {
        let mut bytes = [0u8; 32];
        bytes[..16].copy_from_slice(&self.entropy.next().to_le_bytes());
        bytes[16..].copy_from_slice(&self.entropy.next().to_le_bytes());
        URL_SAFE_NO_PAD.encode(bytes)
    }
}

fn missing(what: &str, key: &str) -> Refusal {
    // A key from a URL may be anything: only what can be a key is repeated.
    if austin_domain::name::key_fault(key).is_none() {
        Refusal::new(RefusalCode::NotFound, format!("there is no {what} {key}"))
    } else {
        Refusal::new(RefusalCode::NotFound, format!("there is no such {what}"))
    }
}

/// There is no such policy.
pub(crate) fn missing_policy(name: &str) -> Refusal {
    missing("policy", name)
}

fn exists(what: &str, key: &str) -> Refusal {
    Refusal::new(
        RefusalCode::Exists,
        format!("{what} {key} exists already; change it instead"),
    )
}

/// What was just written is not to be seen: the store broke its contract.
fn vanished(what: &str) -> Refusal {
    Refusal::new(
        RefusalCode::Unavailable,
        format!("the {what} was stored but cannot be read back"),
    )
}
