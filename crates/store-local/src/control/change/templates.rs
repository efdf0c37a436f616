//! Changes of templates. Versions are only ever added.

use std::sync::Arc;

use austin_domain::TemplateId;
use austin_domain::template::{Ownership, Template, TemplateState, Version};
use austin_ports::catalog::{CatalogError, TemplateEntry};
use serde_json::json as value;

use super::{Done, Result, Step, done, json};

impl Step<'_> {
    pub(super) fn create_template(
        &mut self,
        mut template: Template,
        version: Version,
    ) -> Result<Done> {
        if self.next.template_ids.contains_key(&template.key) {
            return Err(CatalogError::Exists(subject(&template.key)));
        }
        template.id = TemplateId::from_u64(self.id());
        template.current = 1;
        template.created_at = self.now;
        template.updated_at = self.now;
        self.execute(
            "INSERT INTO templates (id, key, name, channel, class, owner, state, current,
                 created_at, updated_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
            (
                template.id.as_i64(),
                &template.key,
                &template.name,
                template.channel.code(),
                template.class.code(),
                json(&template.owner)?,
                template.state.as_str(),
                template.current,
                template.created_at.millis(),
                template.updated_at.millis(),
            ),
        )?;
        let version = self.insert_version(template.id, 1, version)?;
        let detail = value!({
            "name": template.name,
            "channel": template.channel,
            "class": template.class,
            "owner": template.owner,
            "state": template.state,
            "version": 1,
        });
        let (id, key) = (template.id, template.key.clone());
        let entry = TemplateEntry {
            template,
            versions: vec![version],
        };
        let next = self.next();
        next.template_ids.insert(key.clone(), id);
        next.templates.insert(id, Arc::new(entry));
        done(id.as_u64(), subject(&key), "create", detail)
    }

    pub(super) fn add_version(&mut self, key: &str, version: Version) -> Result<Done> {
        let mut entry = self.entry(key)?;
        let number = u32::try_from(entry.versions.len() + 1).unwrap_or(u32::MAX);
        let version = self.insert_version(entry.template.id, number, version)?;
        entry.versions.push(version);
        entry.template.current = number;
        self.update(entry)?;
        done(
            0,
            subject(key),
            "add_version",
            value!({ "version": number }),
        )
    }

    pub(super) fn describe_template(
        &mut self,
        key: &str,
        name: String,
        owner: Ownership,
    ) -> Result<Done> {
        let mut entry = self.entry(key)?;
        let detail = value!({ "name": name, "owner": owner });
        entry.template.name = name;
        entry.template.owner = owner;
        self.update(entry)?;
        done(0, subject(key), "describe", detail)
    }

    pub(super) fn set_template_state(
        &mut self,
        key: &str,
        state: TemplateState,
        reason: Option<String>,
    ) -> Result<Done> {
        let mut entry = self.entry(key)?;
        let detail = value!({ "was": entry.template.state, "state": state, "reason": reason });
        entry.template.state = state;
        self.update(entry)?;
        let action = match state {
            TemplateState::Draft => "draft",
            TemplateState::Enabled => "enable",
            TemplateState::Disabled => "disable",
        };
        done(0, subject(key), action, detail)
    }

    fn entry(&self, key: &str) -> Result<TemplateEntry> {
        self.next
            .template(key)
            .map(|entry| TemplateEntry::clone(entry))
            .ok_or_else(|| CatalogError::Missing(subject(key)))
    }

    fn insert_version(
        &self,
        template: TemplateId,
        number: u32,
        version: Version,
    ) -> Result<Arc<Version>> {
        let version = Version { number, ..version };
        self.execute(
            "INSERT INTO template_versions (template, number, content, variables,
                 vendor_templates, policies, author, created_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
            (
                template.as_i64(),
                version.number,
                json(&version.content)?,
                json(&version.variables)?,
                json(&version.vendor_templates)?,
                version.policies.as_ref().map(json).transpose()?,
                &version.author,
                version.created_at.millis(),
            ),
        )?;
        Ok(Arc::new(version))
    }

    fn update(&mut self, mut entry: TemplateEntry) -> Result<()> {
        entry.template.updated_at = self.now;
        let template = &entry.template;
        self.execute(
            "UPDATE templates SET name = ?2, owner = ?3, state = ?4, current = ?5,
                 updated_at = ?6
             WHERE id = ?1",
            (
                template.id.as_i64(),
                &template.name,
                json(&template.owner)?,
                template.state.as_str(),
                template.current,
                template.updated_at.millis(),
            ),
        )?;
        let id = template.id;
        self.next().templates.insert(id, Arc::new(entry));
        Ok(())
    }
}

fn subject(key: &str) -> String {
    format!("template/{key}")
}
