//! Templates and their versions.

mod draft;

use std::sync::Arc;

use austin_domain::template::{Ownership, Template, TemplateState};
use austin_domain::{Channel, Class, TemplateId};
use austin_ports::catalog::{CatalogChange, TemplateEntry};

pub use draft::{ContentDraft, VariableDraft, VersionDraft};

use super::faults::Faults;
use super::{Page, Registrar, exists, missing, vanished};
use crate::caller::Caller;
use crate::refusal::{Refusal, RefusalCode};

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
        let version = draft
            .version
            .build(&mut faults, &snapshot, channel, (caller.author(), now));
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
            created_at: now,
            updated_at: now,
        };
        self.catalog
            .change(
                CatalogChange::CreateTemplate { template, version },
                &caller.author(),
                now,
            )
            .await?;
        self.template(&draft.key)
    }

    /// Adds a version, which new messages use from now on. What is already accepted keeps the
    /// version it was accepted with.
    ///
    /// # Errors
    /// Every field at fault; `not_found`.
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
            &snapshot,
            Some(entry.template.channel),
            (caller.author(), now),
        );
        faults.into_result()?;
        let change = CatalogChange::AddVersion {
            template: key.to_owned(),
            version: version.ok_or_else(|| vanished("version"))?,
        };
        self.catalog.change(change, &caller.author(), now).await?;
        self.template(key)
    }

    /// Makes these words the current version: adds one only when they differ from the current
    /// one, so that templates kept as files can be pushed again and again.
    ///
    /// # Errors
    /// Every field at fault; `not_found`.
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
        let version = draft.clone().build(&mut faults, &snapshot, channel, by);
        faults.into_result()?;
        let same = entry
            .current()
            .zip(version.as_ref())
            .is_some_and(|(old, new)| {
                old.content == new.content
                    && old.variables == new.variables
                    && old.policies == new.policies
                    && old.vendor_templates == new.vendor_templates
            });
        if same {
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

    /// Enables or disables a template; doing it twice changes nothing. A draft that was enabled
    /// never becomes a draft again.
    ///
    /// # Errors
    /// `not_found`; a reason that is too long.
    pub async fn set_template_state(
        &self,
        caller: &Caller,
        key: &str,
        state: TemplateState,
        reason: Option<String>,
    ) -> Result<Arc<TemplateEntry>, Refusal> {
        let entry = self.template(key)?;
        let mut faults = Faults::default();
        faults.line("/reason", reason.as_deref().unwrap_or_default());
        faults.into_result()?;
        if state == TemplateState::Draft && entry.template.state != TemplateState::Draft {
            let detail = "a template that was in use cannot become a draft; disable it";
            return Err(Refusal::new(RefusalCode::Conflict, detail));
        }
        if entry.template.state == state {
            return Ok(entry);
        }
        let change = CatalogChange::SetTemplateState {
            template: key.to_owned(),
            state,
            reason,
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
    for (pointer, text) in [
        ("/name", &name),
        ("/team", &owner.team),
        ("/owner", &owner.owner),
        ("/contact", &owner.contact),
        ("/business", &owner.business),
    ] {
        faults.line(pointer, text);
    }
    (name, owner)
}
