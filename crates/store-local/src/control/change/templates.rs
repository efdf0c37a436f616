//! Changes of templates. Versions are only ever added; of a version only its standing changes.

use std::collections::BTreeSet;
use std::sync::Arc;

use austin_domain::TemplateId;
use austin_domain::template::{
    Mark, Ownership, Standing, Step as LifeStep, Template, Version, VersionState,
};
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
                 created_at, updated_at, since)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
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
                template.since.as_ref().map(json).transpose()?,
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
        let mut life = entry.life();
        let number = life.add().map_err(|barred| CatalogError::InUse(barred.0))?;
        let version = Version {
            standing: Standing::default(),
            ..version
        };
        let version = self.insert_version(entry.template.id, number, version)?;
        entry.versions.push(version);
        entry.template.state = life.state;
        entry.template.current = life.current;
        self.update(entry)?;
        done(
            u64::from(number),
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

    pub(super) fn transfer_template(
        &mut self,
        key: &str,
        owner: Ownership,
        reason: &str,
    ) -> Result<Done> {
        let mut entry = self.entry(key)?;
        let detail = value!({ "was": entry.template.owner, "owner": owner, "reason": reason });
        entry.template.owner = owner;
        self.update(entry)?;
        done(0, subject(key), "transfer", detail)
    }

    pub(super) fn move_template(
        &mut self,
        key: &str,
        steps: &[LifeStep],
        reason: Option<String>,
    ) -> Result<Done> {
        let mut entry = self.entry(key)?;
        let before = entry.life();
        let mut life = before.clone();
        for step in steps {
            let taken = life.take(*step);
            taken.map_err(|barred| CatalogError::InUse(barred.0))?;
        }
        let mark = Mark {
            at: self.now,
            by: self.author.to_owned(),
            reason: reason.clone(),
        };
        let mut changed = Vec::new();
        for (version, state) in entry.versions.iter_mut().zip(&life.versions) {
            if let Some(standing) = stands(version, *state, steps, &mark) {
                changed.push(version.number);
                Arc::make_mut(version).standing = standing;
            }
        }
        for number in changed {
            let version = entry.version(number);
            let standing = json(&version.map(|version| &version.standing))?;
            self.execute(
                "UPDATE template_versions SET standing = ?3 WHERE template = ?1 AND number = ?2",
                (entry.template.id.as_i64(), number, standing),
            )?;
        }
        let words: Vec<_> = steps.iter().map(|step| step.as_str()).collect();
        let detail = value!({
            "steps": words,
            "version": steps.iter().find_map(|step| step.version()),
            "was": before.state,
            "state": life.state,
            "current": life.current,
            "reason": reason,
        });
        entry.template.state = life.state;
        entry.template.current = life.current;
        entry.template.since = Some(mark);
        self.update(entry)?;
        let action = words.last().copied().unwrap_or("move");
        done(0, subject(key), action, detail)
    }

    pub(super) fn put_test_people(
        &mut self,
        team: String,
        people: BTreeSet<String>,
        reason: Option<String>,
    ) -> Result<Done> {
        // Who they are stays out of the trail.
        let detail = value!({ "people": people.len(), "reason": reason });
        let subject = format!("test-people/{team}");
        if people.is_empty() {
            self.execute("DELETE FROM test_people WHERE team = ?1", [&team])?;
            self.next().test_people.remove(&team);
        } else {
            self.execute(
                "INSERT INTO test_people (team, people) VALUES (?1, ?2)
                 ON CONFLICT (team) DO UPDATE SET people = ?2",
                (&team, json(&people)?),
            )?;
            self.next().test_people.insert(team, Arc::new(people));
        }
        done(0, subject, "put", detail)
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
                 vendor_templates, policies, author, created_at, locales, standing)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
            (
                template.as_i64(),
                version.number,
                json(&version.content)?,
                json(&version.variables)?,
                json(&version.vendor_templates)?,
                version.policies.as_ref().map(json).transpose()?,
                &version.author,
                version.created_at.millis(),
                json(&version.locales)?,
                json(&version.standing)?,
            ),
        )?;
        Ok(Arc::new(version))
    }

    fn update(&mut self, mut entry: TemplateEntry) -> Result<()> {
        entry.template.updated_at = self.now;
        let template = &entry.template;
        self.execute(
            "UPDATE templates SET name = ?2, owner = ?3, state = ?4, current = ?5,
                 updated_at = ?6, since = ?7
             WHERE id = ?1",
            (
                template.id.as_i64(),
                &template.name,
                json(&template.owner)?,
                template.state.as_str(),
                template.current,
                template.updated_at.millis(),
                template.since.as_ref().map(json).transpose()?,
            ),
        )?;
        let id = template.id;
        self.next().templates.insert(id, Arc::new(entry));
        Ok(())
    }
}

/// The standing of a version that `steps` moved to `state`; `None` when they left it alone.
fn stands(
    version: &Version,
    state: VersionState,
    steps: &[LifeStep],
    mark: &Mark,
) -> Option<Standing> {
    let of_it = || {
        let about = |step: &&LifeStep| step.version() == Some(version.number);
        steps.iter().filter(about)
    };
    let last = match of_it().next_back() {
        Some(step) => step.as_str(),
        None if version.standing.state != state => "retire",
        None => return None,
    };
    let approves = of_it().any(|step| matches!(step, LifeStep::Approve(_)));
    Some(Standing {
        state,
        last: Some((last.to_owned(), mark.clone())),
        approved: match state {
            // What is a draft again is not approved any more.
            VersionState::Draft => None,
            _ if approves => Some(mark.clone()),
            _ => version.standing.approved.clone(),
        },
    })
}

fn subject(key: &str) -> String {
    format!("template/{key}")
}
