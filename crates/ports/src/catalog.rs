//! Templates, accounts, routes, apps and keys: what people configure.
//!
//! Readers take an immutable [`Snapshot`]; a change is durable before it shows in one, and shows
//! in the next one on every node within a second.

pub mod adapter;
pub mod lists;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use austin_domain::calendar::Calendar;
use austin_domain::policy::Document;
use austin_domain::quota::{NumberRule, Quota};
use austin_domain::route::plan::{Plan, Shift};
use austin_domain::template::{Life, Step, Template, Version};
use austin_domain::{AccountId, AppId, Channel, KeyId, Lane, TemplateId, Timestamp};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::sync::watch;

use crate::BoxFuture;

pub use adapter::{AdapterEntry, AdapterMove, AdapterVersion, Canary, VersionState};
pub use lists::{CalendarEntry, Named, WordListEntry, Words};

/// What people configure. One writer at a time; every change is audited with its author.
pub trait Catalog: Send + Sync {
    /// Everything as it is now. Cheap.
    fn snapshot(&self) -> Arc<Snapshot>;

    /// Changes its value whenever the snapshot does.
    fn changed(&self) -> watch::Receiver<u64>;

    /// Makes a change durable, then visible. Answers the number the store gave to what was
    /// created (template, account, app, key id, number of an adapter's version), else 0.
    fn change<'a>(
        &'a self,
        change: CatalogChange,
        author: &'a str,
        now: Timestamp,
    ) -> BoxFuture<'a, Result<u64, CatalogError>>;

    /// Past changes, newest first, of one subject (`template/order-shipped`, `route/sms.marketing`,
    /// `account/tencent-1`, `app/shop`, `adapter/acme`, `policy/night`, `word-list/finance`,
    /// `calendar/cn-2026`) or of everything.
    fn history<'a>(
        &'a self,
        subject: Option<&'a str>,
        limit: usize,
    ) -> BoxFuture<'a, Result<Vec<AuditEntry>, CatalogError>>;

    /// The versions of a lane's route, newest first, at most `limit`, from `before` (exclusive)
    /// down.
    fn route_versions(
        &self,
        lane: Lane,
        before: Option<u32>,
        limit: usize,
    ) -> BoxFuture<'_, Result<Vec<Route>, CatalogError>>;

    /// The versions of a policy, newest first, at most `limit`, from `before` (exclusive) down; of a
    /// deleted one too.
    fn policy_versions<'a>(
        &'a self,
        name: &'a str,
        before: Option<u32>,
        limit: usize,
    ) -> BoxFuture<'a, Result<Vec<Policy>, CatalogError>>;

    /// What a part of austin wrote down for itself under `name` (a cursor, a mark); not audited.
    fn remembered<'a>(
        &'a self,
        name: &'a str,
    ) -> BoxFuture<'a, Result<Option<Value>, CatalogError>>;

    /// Writes down `value` under `name`, durably; `None` forgets it.
    fn remember<'a>(
        &'a self,
        name: &'a str,
        value: Option<Value>,
    ) -> BoxFuture<'a, Result<(), CatalogError>>;

    /// Everything written down under names that begin with `prefix`, by name.
    fn remembered_all<'a>(
        &'a self,
        prefix: &'a str,
    ) -> BoxFuture<'a, Result<Vec<(String, Value)>, CatalogError>>;

    /// As [`Catalog::remember`], for many names in one commit.
    fn remember_all(&self, values: Vec<(String, Value)>)
    -> BoxFuture<'_, Result<(), CatalogError>>;

    /// The answer kept for an app's request with this key, where it is from `since` or later.
    fn kept_answer<'a>(
        &'a self,
        app: AppId,
        key: &'a str,
        since: Timestamp,
    ) -> BoxFuture<'a, Result<Option<KeptAnswer>, CatalogError>>;

    /// Keeps the answer of an app's request, sealed at rest; those from before `since` go.
    fn keep_answer<'a>(
        &'a self,
        app: AppId,
        key: &'a str,
        answer: KeptAnswer,
        since: Timestamp,
    ) -> BoxFuture<'a, Result<(), CatalogError>>;
}

/// What was answered to a request that may come again. May hold secrets.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptAnswer {
    /// Digest of what was asked.
    pub request: [u8; 32],
    /// HTTP status.
    pub status: u16,
    /// Media type of the body; empty where there is none.
    pub media_type: String,
    /// The body.
    pub body: Vec<u8>,
    /// When.
    pub at: Timestamp,
}

impl std::fmt::Debug for KeptAnswer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("KeptAnswer")
            .field("status", &self.status)
            .field("at", &self.at)
            .finish_non_exhaustive()
    }
}

/// Whose quota.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum QuotaOf {
    /// An app's.
    App(AppId),
    /// A template's.
    Template(TemplateId),
}

/// What is paused.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PauseOf {
    /// A template's deliveries.
    Template(TemplateId),
    /// The deliveries of a team's templates.
    Team(String),
    /// A lane, and with it its route: nothing is taken from it.
    Lane(Lane),
}

/// Since when something is paused, by whom and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pause {
    /// Since when.
    pub at: Timestamp,
    /// When it ends by itself.
    pub until: Option<Timestamp>,
    /// By whom.
    pub author: String,
    /// Why, for people.
    pub reason: Option<String>,
}

/// Why a change was not made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CatalogError {
    /// Something else has that key.
    #[error("{0} exists already")]
    Exists(String),
    /// There is nothing by that key.
    #[error("{0} does not exist")]
    Missing(String),
    /// It is in use, or not in the state for this.
    #[error("{0}")]
    InUse(String),
    /// The store failed; nothing was changed.
    #[error("the control store failed: {0}")]
    Store(String),
}

/// One change.
#[derive(Clone, Debug)]
pub enum CatalogChange {
    /// A new template with its first version. The store sets its id.
    CreateTemplate {
        /// The template (its `id` is ignored).
        template: Template,
        /// Version 1.
        version: Box<Version>,
    },
    /// A further version, a draft. The store sets its number and answers it. Refused while the
    /// template is archived.
    AddVersion {
        /// The template's key.
        template: String,
        /// The version (its `number` and `standing` are ignored).
        version: Box<Version>,
    },
    /// Changed name or ownership.
    DescribeTemplate {
        /// The template's key.
        template: String,
        /// The new name.
        name: String,
        /// The new ownership.
        owner: austin_domain::template::Ownership,
    },
    /// Another owner, with a reason.
    TransferTemplate {
        /// The template's key.
        template: String,
        /// The new ownership.
        owner: austin_domain::template::Ownership,
        /// Why, for people.
        reason: String,
    },
    /// Steps of a template's life ([`austin_domain::template::Life`]), all or none, each guarded.
    MoveTemplate {
        /// The template's key.
        template: String,
        /// The steps, in order; at least one.
        steps: Vec<Step>,
        /// Why, for people.
        reason: Option<String>,
    },
    /// The people that a team's templates may be tried out on.
    PutTestPeople {
        /// The team.
        team: String,
        /// Addresses in canonical form, `*@domain` for a whole mail domain; none: the team tests
        /// on nobody.
        people: BTreeSet<String>,
        /// Why, for people.
        reason: Option<String>,
    },
    /// A new or changed account. The store sets the id of a new one.
    PutAccount(Box<AccountRecord>),
    /// An account that is no longer wanted. Refused while a route names it.
    DeleteAccount {
        /// Its key.
        account: String,
    },
    /// A new or changed route.
    PutRoute {
        /// What it is for.
        lane: Lane,
        /// How its traffic is shared out.
        plan: Plan,
        /// How it comes about, when not at once.
        shift: Option<Shift>,
        /// Why, for people.
        reason: Option<String>,
    },
    /// A new or changed policy. The store sets its version.
    PutPolicy(Box<NewPolicy>),
    /// A policy that is no longer wanted. Its versions are kept.
    DeletePolicy {
        /// Its name.
        name: String,
        /// Why, for people.
        reason: Option<String>,
    },
    /// A new or changed list of words. The store sets its version.
    PutWordList {
        /// Its name (key rules).
        name: String,
        /// The team it belongs to; `None`: everybody's.
        team: Option<String>,
        /// All its words.
        words: Words,
        /// Why, for people.
        reason: Option<String>,
    },
    /// A list of words that is no longer wanted. Refused while rules name it.
    DeleteWordList {
        /// Its name.
        name: String,
        /// Why, for people.
        reason: Option<String>,
    },
    /// A new or changed calendar. The store sets its version.
    PutCalendar {
        /// Its name (key rules).
        name: String,
        /// All its days.
        calendar: Arc<Calendar>,
        /// Why, for people.
        reason: Option<String>,
    },
    /// A calendar that is no longer wanted. Refused while rules name it.
    DeleteCalendar {
        /// Its name.
        name: String,
        /// Why, for people.
        reason: Option<String>,
    },
    /// How much an app or a template may send; [`Quota::default`] lifts the limit.
    PutQuota {
        /// Whose.
        of: QuotaOf,
        /// How much.
        quota: Quota,
        /// Why, for people.
        reason: Option<String>,
    },
    /// Nothing of it goes out until it is resumed; `None` resumes it.
    Pause {
        /// What is paused.
        of: PauseOf,
        /// Since when, by whom, why.
        pause: Option<Pause>,
    },
    /// An operator's word on an account's health, over what austin finds by itself.
    SteerAccount {
        /// The account's key.
        account: String,
        /// The word; `None` takes the last one back.
        steer: Option<Steer>,
    },
    /// What austin found or did by itself, for the audit trail only; subject, action, detail.
    Note {
        /// What it is about, e.g. `account/tencent-1`.
        subject: String,
        /// What happened, e.g. `breaker_opened`.
        action: &'static str,
        /// Why and with which figures; no secrets.
        detail: Value,
    },
    /// A further version of an adapter, or the first one of a new adapter: a draft. The store
    /// sets its number and answers it.
    AddAdapterVersion {
        /// The adapter's name.
        adapter: String,
        /// The version (its `number`, `state` and `checked_at` are ignored).
        version: Box<AdapterVersion>,
    },
    /// Versions of an adapter change what is done with them.
    MoveAdapter {
        /// The adapter's name.
        adapter: String,
        /// How.
        step: AdapterMove,
        /// What is found or wanted, for people; kept with the version and in the audit trail.
        note: Option<String>,
        /// Figures for the audit trail only.
        figures: Option<Value>,
    },
    /// A version that is no longer wanted. Refused while it is needed.
    DeleteAdapterVersion {
        /// The adapter's name.
        adapter: String,
        /// Its number.
        version: u32,
    },
    /// An adapter that is no longer wanted. Refused while an account uses it.
    DeleteAdapter {
        /// Its name.
        adapter: String,
    },
    /// A new app. The store sets its id.
    CreateApp {
        /// Its name (key rules).
        name: String,
        /// Its team.
        team: String,
    },
    /// A new key of an app. The store sets its id.
    CreateKey {
        /// The app's name.
        app: String,
        /// What it may do.
        role: Role,
        /// SHA-256 of the key.
        digest: [u8; 32],
        /// First characters, to tell keys apart.
        hint: String,
    },
    /// A key that no longer opens anything.
    RevokeKey {
        /// The key.
        key: KeyId,
    },
}

/// Everything configured, as of one moment.
#[derive(Clone, Debug, Default)]
pub struct Snapshot {
    /// Templates by id.
    pub templates: HashMap<TemplateId, Arc<TemplateEntry>>,
    /// Template ids by key.
    pub template_ids: HashMap<String, TemplateId>,
    /// Accounts by id. Deleted accounts stay, disabled, so that evidence can name them.
    pub accounts: HashMap<AccountId, Arc<AccountRecord>>,
    /// Ids of accounts that are not deleted, by key.
    pub account_ids: HashMap<String, AccountId>,
    /// Routes by lane.
    pub routes: HashMap<Lane, Arc<Route>>,
    /// How much apps and templates may send; who has no limit is not in it.
    pub quotas: HashMap<QuotaOf, Quota>,
    /// The people that templates may be tried out on, by team.
    pub test_people: BTreeMap<String, Arc<BTreeSet<String>>>,
    /// What is paused; what ended by itself may still be in it.
    pub pauses: HashMap<PauseOf, Pause>,
    /// Policies that are in force, by name.
    pub policies: BTreeMap<String, Arc<Policy>>,
    /// Lists of words that policies name, compiled.
    pub word_lists: BTreeMap<String, Arc<WordListEntry>>,
    /// Calendars that policies name.
    pub calendars: BTreeMap<String, Arc<CalendarEntry>>,
    /// Uploaded adapters by name.
    pub adapters: BTreeMap<String, Arc<AdapterEntry>>,
    /// Apps by id.
    pub apps: HashMap<AppId, Arc<AppRecord>>,
    /// Keys that open something, by digest.
    pub keys: HashMap<[u8; 32], Arc<KeyRecord>>,
    /// All keys, revoked ones too, by id.
    pub all_keys: BTreeMap<KeyId, Arc<KeyRecord>>,
}

impl Snapshot {
    /// A template by its key.
    pub fn template(&self, key: &str) -> Option<&Arc<TemplateEntry>> {
        self.templates.get(self.template_ids.get(key)?)
    }

    /// What keeps a template's deliveries from going out at `now`, apart from their lane.
    pub fn paused(&self, template: &Template, now: Timestamp) -> Option<(PauseOf, &Pause)> {
        if self.pauses.is_empty() {
            return None;
        }
        let own = PauseOf::Template(template.id);
        let team = PauseOf::Team(template.owner.team.clone());
        [own, team]
            .into_iter()
            .find_map(|of| Some((of.clone(), self.pause(&of, now)?)))
    }

    /// The pause of this very thing, while it lasts.
    pub fn pause(&self, of: &PauseOf, now: Timestamp) -> Option<&Pause> {
        let pause = self.pauses.get(of)?;
        pause.until.is_none_or(|until| until > now).then_some(pause)
    }

    /// An account by its key.
    pub fn account(&self, key: &str) -> Option<&Arc<AccountRecord>> {
        self.accounts.get(self.account_ids.get(key)?)
    }
}

/// A template and all its versions.
#[derive(Clone, Debug, PartialEq)]
pub struct TemplateEntry {
    /// The template.
    pub template: Template,
    /// Its versions; number `n` stands at index `n - 1`.
    pub versions: Vec<Arc<Version>>,
}

impl TemplateEntry {
    /// The version with this number.
    pub fn version(&self, number: u32) -> Option<&Arc<Version>> {
        self.versions
            .get(usize::try_from(number).ok()?.checked_sub(1)?)
    }

    /// Where the template and its versions stand.
    pub fn life(&self) -> Life {
        Life {
            state: self.template.state,
            current: self.template.current,
            versions: self.versions.iter().map(|one| one.standing.state).collect(),
        }
    }

    /// The newest version.
    pub fn newest(&self) -> Option<&Arc<Version>> {
        self.versions.last()
    }

    /// The version new messages use.
    pub fn current(&self) -> Option<&Arc<Version>> {
        self.version(self.template.current)
    }
}

/// A vendor account. Its `Debug` shows no secret.
#[derive(Clone, Debug)]
pub struct AccountRecord {
    /// Number for stores.
    pub id: AccountId,
    /// What people name it by.
    pub key: String,
    /// What it carries.
    pub channel: Channel,
    /// The adapter that speaks for it.
    pub adapter: String,
    /// Settings by name.
    pub settings: BTreeMap<String, Value>,
    /// Secrets by name; encrypted at rest.
    pub secrets: BTreeMap<String, SecretString>,
    /// Words that routes may name it by.
    pub tags: BTreeSet<String>,
    /// Its limits.
    pub limits: Limits,
    /// Whether it may be used.
    pub enabled: bool,
    /// An operator's word on its health.
    pub steer: Option<Steer>,
    /// Part of its receipt URL, for vendors whose receipts prove nothing; encrypted at rest.
    pub receipt_token: SecretString,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
    /// When it was deleted.
    pub deleted_at: Option<Timestamp>,
}

/// Limits of an account. `None` means the adapter's own or none.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Limits {
    /// Most calls a second.
    pub per_second: Option<u32>,
    /// Most recipients a second, whatever the number of calls.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recipients_per_second: Option<u32>,
    /// Most recipients a call.
    pub recipients_per_call: Option<u16>,
    /// Most recipients a day (UTC+8 midnight to midnight, as the Chinese vendors count).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recipients_per_day: Option<u64>,
    /// Most calls at a time.
    pub concurrency: Option<u16>,
    /// The vendor's rules about one number, in place of the adapter's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub per_number: Option<Vec<NumberRule>>,
    /// How long its vendor's receipts may take before they count as missing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub receipt_deadline: Option<Duration>,
}

/// An operator's word on an account's health.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Steer {
    /// What it says.
    pub mode: SteerMode,
    /// When it ends by itself.
    pub until: Option<Timestamp>,
    /// Why, for people.
    pub reason: Option<String>,
    /// Who.
    pub author: String,
    /// When it was given.
    pub at: Timestamp,
}

/// What an operator's word says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SteerMode {
    /// Use it as configured, whatever austin finds.
    Open,
    /// Give it nothing new, whatever austin finds.
    Closed,
}

/// The traffic plan of a lane.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// The lane.
    pub lane: Lane,
    /// How its traffic is shared out.
    pub plan: Plan,
    /// How the plan comes about, when not at once.
    pub shift: Option<Shift>,
    /// Counts its changes, from 1.
    pub version: u32,
    /// Who changed it last.
    pub author: String,
    /// Why.
    pub reason: Option<String>,
    /// When.
    pub updated_at: Timestamp,
}

/// A policy as it is put.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewPolicy {
    /// Its name (key rules).
    pub name: String,
    /// The document as it was written.
    pub json: Value,
    /// The document as it is read.
    pub document: Document,
    /// Why, for people.
    pub reason: Option<String>,
}

/// A version of a policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// Its name.
    pub name: String,
    /// Counts its changes, from 1.
    pub version: u32,
    /// The document as it was written; `None`: with this version it was deleted.
    pub json: Option<Value>,
    /// The document as it is read.
    pub document: Document,
    /// Who changed it.
    pub author: String,
    /// Why.
    pub reason: Option<String>,
    /// When.
    pub updated_at: Timestamp,
}

/// A calling system.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AppRecord {
    /// Number for stores.
    pub id: AppId,
    /// Its name.
    pub name: String,
    /// Its team.
    pub team: String,
    /// When it was made.
    pub created_at: Timestamp,
}

/// An API key; the key itself is never kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyRecord {
    /// Number for stores.
    pub id: KeyId,
    /// Its app.
    pub app: AppId,
    /// What it may do.
    pub role: Role,
    /// First characters, to tell keys apart.
    pub hint: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was revoked.
    pub revoked_at: Option<Timestamp>,
}

/// What a key may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Everything.
    Admin,
    /// Send messages, and read what its own app sent.
    Sender,
    /// Read everything; change nothing.
    Reader,
}

impl Role {
    /// The word used in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Admin => "admin",
            Self::Sender => "sender",
            Self::Reader => "reader",
        }
    }

    /// The role with this word.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Admin, Self::Sender, Self::Reader]
            .into_iter()
            .find(|role| role.as_str() == text)
    }
}

/// One past change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditEntry {
    /// When.
    pub at: Timestamp,
    /// Who: `app/name` or `local`.
    pub author: String,
    /// What was changed, e.g. `template/order-shipped`.
    pub subject: String,
    /// The kind of change, e.g. `create`, `enable`, `put`.
    pub action: String,
    /// What it came to, as JSON without secrets.
    pub detail: Value,
}
