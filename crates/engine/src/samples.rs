//! A small catalog and an adapter that is never called, for tests of the pure steps.

use std::sync::Arc;

use austin_adapter_api::{
    Account, Adapter, Batch, Batching, Capabilities, Context, Descriptor, Reply, State, Step,
};
use austin_domain::route::plan::Plan;
use austin_domain::template::{Template, Version};
use austin_domain::{AccountId, AppId, Channel, DeliveryId, Lane, TemplateId, Vars};
use austin_ports::catalog::{AccountRecord, Role, Route, Snapshot, TemplateEntry};
use austin_ports::ledger::{MessageHead, WorkItem};
use austin_testkit::GivenCatalog;
use austin_testkit::builders::{self, NOW};

use crate::adapters::Adapters;
use crate::caller::Caller;
use crate::directory::{Directories, Directory};

/// An adapter by name with a batching rule; it is only asked for its descriptor.
struct Described(Descriptor);

impl Adapter for Described {
    fn descriptor(&self) -> &Descriptor {
        &self.0
    }

    fn start(&self, _: &Account, batch: &Batch, _: &Context) -> Step {
        Step::all(batch, &austin_domain::Verdict::Accepted(Default::default()))
    }

    fn resume(&self, _: &Account, batch: &Batch, _: State, _: Reply, context: &Context) -> Step {
        self.start(
            &Account {
                id: AccountId::from_u64(0),
                key: String::new(),
                settings: Default::default(),
                secrets: Default::default(),
            },
            batch,
            context,
        )
    }
}

/// What an adapter of this name says of itself.
pub(crate) fn descriptor(name: &str) -> Descriptor {
    Descriptor {
        name: name.into(),
        title: name.into(),
        channels: vec![Channel::Sms],
        documentation: String::new(),
        settings: Vec::new(),
        secrets: Vec::new(),
        limits: austin_adapter_api::VendorLimits::default(),
        price: None,
        codes: Vec::new(),
        batching: Batching {
            max_recipients: 1,
            same_content: false,
        },
        capabilities: Capabilities::default(),
    }
}

fn adapter(name: &str, max_recipients: u16, same_content: bool) -> Arc<dyn Adapter> {
    Arc::new(Described(Descriptor {
        batching: Batching {
            max_recipients,
            same_content,
        },
        ..descriptor(name)
    }))
}

/// A snapshot under construction.
#[derive(Default)]
pub(crate) struct Sample(pub(crate) Snapshot);

pub(crate) const TEMPLATE: TemplateId = TemplateId::from_u64(1);

impl Sample {
    /// One enabled SMS template `shipped`.
    pub(crate) fn new(text: &str) -> Self {
        let mut sample = Self::default();
        let template = Template {
            id: TEMPLATE,
            ..builders::template("shipped")
        };
        sample.put_template(template, builders::version(text));
        sample
    }

    pub(crate) fn put_template(&mut self, template: Template, version: Version) {
        self.0
            .template_ids
            .insert(template.key.clone(), template.id);
        let entry = TemplateEntry {
            template,
            versions: vec![Arc::new(version)],
        };
        self.0.templates.insert(entry.template.id, Arc::new(entry));
    }

    /// An account of the adapter `one` (a recipient a call), `many` (100 a call) or `same` (100 a
    /// call with the same content).
    pub(crate) fn account(
        mut self,
        id: u64,
        adapter: &str,
        change: impl FnOnce(&mut AccountRecord),
    ) -> Self {
        let key = format!("account-{id}");
        let mut record = builders::account(&key);
        record.id = AccountId::from_u64(id);
        record.adapter = adapter.into();
        change(&mut record);
        self.0.account_ids.insert(key, record.id);
        self.0.accounts.insert(record.id, Arc::new(record));
        self
    }

    /// The route of the template's lane.
    pub(crate) fn route(self, shares: &[(u64, u32)]) -> Self {
        self.planned(builders::plan(shares))
    }

    /// The route of the template's lane, as a plan.
    pub(crate) fn planned(mut self, plan: Plan) -> Self {
        let lane = lane();
        let route = Route {
            lane,
            plan,
            shift: None,
            version: 1,
            author: "tests".into(),
            reason: None,
            updated_at: NOW,
        };
        self.0.routes.insert(lane, Arc::new(route));
        self
    }

    pub(crate) fn directory(self) -> Arc<Directory> {
        let adapters = Adapters::new([
            adapter("one", 1, false),
            adapter("many", 100, false),
            adapter("same", 100, true),
        ]);
        let catalog = Arc::new(GivenCatalog::new(self.0));
        Directories::new(catalog, adapters).current()
    }
}

pub(crate) fn lane() -> Lane {
    builders::template("shipped").lane()
}

pub(crate) fn caller() -> Caller {
    Caller {
        app: AppId::from_u64(1),
        name: "shop".into(),
        team: "logistics".into(),
        key: None,
        role: Role::Sender,
        request_id: "req_1".into(),
    }
}

/// Ready deliveries with ids from 101 whose variable `order` has these values.
pub(crate) fn items(orders: &[&str]) -> Vec<WorkItem> {
    (101u64..)
        .zip(orders)
        .map(|(id, order)| {
            let id = DeliveryId::from_u64(id);
            WorkItem {
                id,
                message: Arc::new(MessageHead {
                    id: id.message(0),
                    app: AppId::from_u64(1),
                    template: TEMPLATE,
                    version: 1,
                    lane: lane(),
                    request_id: String::new(),
                    reference: None,
                    attachments: Vec::new(),
                    account: None,
                    accepted_at: NOW,
                    expires_at: NOW.plus(std::time::Duration::from_secs(60)),
                    recipients: 1,
                }),
                to: format!("+86137111122{:02}", id.as_u64() % 100),
                vars: Arc::new(Vars::from([("order".into(), (*order).into())])),
                secret_names: Arc::from([]),
                state: austin_domain::State::Accepted,
                attempts: 0,
                last_account: None,
                spent: Arc::from([]),
                moves: false,
                facts: None,
                released: false,
            }
        })
        .collect()
}
