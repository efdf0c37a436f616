//! Templates and their versions.

mod compare;
mod draft;
mod life;

use std::collections::HashSet;
use std::sync::Arc;

use austin_domain::template::{Ownership, Template, TemplateState, Version};
use austin_domain::{Channel, Class, TemplateId, Timestamp};
use austin_ports::catalog::{CatalogChange, TemplateEntry};

pub use compare::Comparison;
pub use draft::{ContentDraft, LocaleDraft, VariableDraft, VersionDraft};
pub use life::Transfer;

use super::faults::Faults;
use super::{Page, Registrar, exists, missing, vanished};
use crate::caller::Caller;
use crate::refusal::Refusal;

/// A template as its author wrote it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TemplateDraft {
    /// Its key.
    pub key: String,
    /// For people; the key when empty.
    pub name: String,
    /// Channel word.
    pub channel: String,
    /// Class word.
    pub class: String,
    /// Who answers for it; the caller's team when the team is empty.
    pub owner: Ownership,
    /// Version 1.
    pub version: VersionDraft,
}

/// Which templates are wanted; every given field must fit.
#[derive(Clone, Debug, Default)]
pub struct TemplateList {
    /// The channel.
    pub channel: Option<Channel>,
    /// The class.
    pub class: Option<Class>,
    /// The team.
    pub team: Option<String>,
    /// The state.
    pub state: Option<TemplateState>,
    /// How the key begins.
    pub prefix: Option<String>,
    /// Only these; those that were not used, say.
    pub among: Option<HashSet<TemplateId>>,
    /// Only keys above this.
    pub after: Option<String>,
    /// Most items wanted.
    pub limit: usize,
}

impl Registrar<'_> {
    /// Makes a template with its first version, as a draft.
    ///
    /// # Errors
    /// Every field at fault; `exists` when the key is taken.
    pub async fn create_template(
        &self,
        caller: &Caller,
        draft: TemplateDraft,
    ) -> Result<Arc<TemplateEntry>, Refusal> {
        let snapshot = self.catalog.snapshot();
        let now = self.now();
        let mut faults = Faults::default();
        faults.key("/key", &draft.key);
        let channel: Option<Channel> = faults.word("/channel", &draft.channel);
        let class: Option<Class> = faults.word("/class", &draft.class);
        let (name, owner) = described(&mut faults, caller, &draft.key, draft.name, draft.owner);
        let version = draft.version.build(
            &mut faults,
            Some(&snapshot),
            channel,
            (caller.author(), now),
        );
        faults.into_result()?;
        let (Some(channel), Some(class), Some(version)) = (channel, class, version) else {
            return Err(vanished("template"));
        };
        if snapshot.template(&draft.key).is_some() {
            return Err(exists("template", &draft.key));
        }
        let template = Template {
            id: TemplateId::from_u64(0),
            key: draft.key.clone(),
            name,
            channel,
            class,
            owner,
            state: TemplateState::Draft,
            current: 1,
            since: None,
            created_at: now,
            updated_at: now,
        };
        self.catalog
            .change(
                CatalogChange::CreateTemplate {
                    template,
                    version: Box::new(version),
                },
                &caller.author(),
                now,
            )
            .await?;
        self.template(&draft.key)
    }

    /// Adds a version, a draft that waits beside the live one. What is already accepted keeps the
    /// version it was accepted with for ever.
    ///
    /// # Errors
    /// Every field at fault; `not_found`; `conflict` while the template is archived.
    pub async fn add_version(
        &self,
        caller: &Caller,
        key: &str,
        draft: VersionDraft,
    ) -> Result<Arc<TemplateEntry>, Refusal> {
        let snapshot = self.catalog.snapshot();
        let entry = snapshot
            .template(key)
            .ok_or_else(|| missing("template", key))?;
        let now = self.now();
        let mut faults = Faults::default();
        let version = draft.build(
            &mut faults,
            Some(&snapshot),
            Some(entry.template.channel),
            (caller.author(), now),
        );
        faults.into_result()?;
        let change = CatalogChange::AddVersion {
            template: key.to_owned(),
            version: Box::new(version.ok_or_else(|| vanished("version"))?),
        };
        self.catalog.change(change, &caller.author(), now).await?;
        self.template(key)
    }

    /// Makes these words the newest version: adds one only when they differ from the newest there
    /// is, so that templates kept as files can be pushed again and again.
    ///
    /// # Errors
    /// Every field at fault; `not_found`; `conflict` while the template is archived.
    pub async fn put_version(
        &self,
        caller: &Caller,
        key: &str,
        draft: VersionDraft,
    ) -> Result<Arc<TemplateEntry>, Refusal> {
        let snapshot = self.catalog.snapshot();
        let entry = self.template(key)?;
        let mut faults = Faults::default();
        let channel = Some(entry.template.channel);
        let by = (caller.author(), self.now());
        let version = draft
            .clone()
            .build(&mut faults, Some(&snapshot), channel, by);
        faults.into_result()?;
        let newest = entry.newest().zip(version.as_ref());
        if newest.is_some_and(|(old, new)| old.says_the_same(new)) {
            return Ok(entry);
        }
        self.add_version(caller, key, draft).await
    }

    /// Changes name and ownership. Channel and class are for life.
    ///
    /// # Errors
    /// Every field at fault; `not_found`.
    pub async fn describe_template(
        &self,
        caller: &Caller,
        key: &str,
        name: String,
        owner: Ownership,
    ) -> Result<Arc<TemplateEntry>, Refusal> {
        self.template(key)?;
        let mut faults = Faults::default();
        let (name, owner) = described(&mut faults, caller, key, name, owner);
        faults.into_result()?;
        let change = CatalogChange::DescribeTemplate {
            template: key.to_owned(),
            name,
            owner,
        };
        self.catalog
            .change(change, &caller.author(), self.now())
            .await?;
        self.template(key)
    }

    /// A template and its versions.
    ///
    /// # Errors
    /// `not_found`.
    pub fn template(&self, key: &str) -> Result<Arc<TemplateEntry>, Refusal> {
        self.catalog
            .snapshot()
            .template(key)
            .cloned()
            .ok_or_else(|| missing("template", key))
    }

    /// Templates that fit, by key.
    pub fn templates(&self, list: &TemplateList) -> Page<Arc<TemplateEntry>> {
        let snapshot = self.catalog.snapshot();
        let fits = snapshot
            .templates
            .values()
            .filter(|entry| list.fits(&entry.template))
            .map(Arc::clone);
        Page::cut(
            fits,
            |entry| &entry.template.key,
            list.after.as_deref(),
            list.limit,
        )
    }
}

impl TemplateList {
    fn fits(&self, template: &Template) -> bool {
        self.channel.is_none_or(|wanted| template.channel == wanted)
            && self.class.is_none_or(|wanted| template.class == wanted)
            && self.state.is_none_or(|wanted| template.state == wanted)
            && self
                .among
                .as_ref()
                .is_none_or(|ids| ids.contains(&template.id))
            && self
                .team
                .as_deref()
                .is_none_or(|wanted| template.owner.team == wanted)
            && self
                .prefix
                .as_deref()
                .is_none_or(|wanted| template.key.starts_with(wanted))
    }
}

fn described(
    faults: &mut Faults,
    caller: &Caller,
    key: &str,
    name: String,
    mut owner: Ownership,
) -> (String, Ownership) {
    let name = if name.trim().is_empty() {
        key.to_owned()
    } else {
        name
    };
    if owner.team.is_empty() {
        owner.team.clone_from(&caller.team);
    }
    faults.line("/name", &name);
    owned(faults, &owner);
    (name, owner)
}

/// Somebody answers for it: all four are there and are a line each.
fn owned(faults: &mut Faults, owner: &Ownership) {
    for (pointer, text, what) in [
        (
            "/team",
            &owner.team,
            "must name the team that answers for it",
        ),
        (
            "/owner",
            &owner.owner,
            "must name the person who answers for it",
        ),
        (
            "/contact",
            &owner.contact,
            "must say how to reach them when it burns",
        ),
        (
            "/business",
            &owner.business,
            "must name the line of business it serves",
        ),
    ] {
        if text.trim().is_empty() {
            faults.add(pointer, "required", what);
        } else {
            faults.line(pointer, text);
        }
    }
}

/// What is wrong with a template, as far as that can be said without a server: all but whether
/// its key is free and its accounts exist.
///
/// # Errors
/// Every field at fault.
pub fn check_offline(draft: TemplateDraft) -> Result<Version, Refusal> {
    let mut faults = Faults::default();
    faults.key("/key", &draft.key);
    let channel: Option<Channel> = faults.word("/channel", &draft.channel);
    let _: Option<Class> = faults.word("/class", &draft.class);
    let caller = Caller::local();
    described(&mut faults, &caller, &draft.key, draft.name, draft.owner);
    let by = (caller.author(), Timestamp::default());
    let version = draft.version.build(&mut faults, None, channel, by);
    faults.into_result()?;
    version.ok_or_else(|| vanished("template"))
}
