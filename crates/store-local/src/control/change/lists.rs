//! Changes of word lists and calendars. The audit trail says how many words or days, not which.

use std::sync::Arc;

use austin_domain::calendar::Calendar;
use austin_ports::catalog::{CalendarEntry, CatalogError, Named, WordListEntry, Words};
use rusqlite::OptionalExtension as _;
use serde_json::json as value;

use super::{Done, Result, Step, done, failed, json};

impl Step<'_> {
    pub(super) fn put_word_list(
        &mut self,
        name: String,
        team: Option<String>,
        words: Words,
        reason: Option<String>,
    ) -> Result<Done> {
        let version = 1 + self.last_version("word_lists", &name)?;
        self.execute(
            "INSERT OR REPLACE INTO word_lists
                 (name, version, team, words, reason, author, updated_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
            (
                &name,
                version,
                &team,
                words.text(),
                &reason,
                self.author,
                self.now.millis(),
            ),
        )?;
        let subject = format!("word-list/{name}");
        let count = words.list().len();
        let detail = value!({ "version": version, "team": team, "words": count, "reason": reason });
        let entry = WordListEntry {
            name: name.clone(),
            team,
            version,
            words,
            author: self.author.to_owned(),
            reason,
            updated_at: self.now,
        };
        self.next().word_lists.insert(name, Arc::new(entry));
        done(0, subject, "put", detail)
    }

    pub(super) fn delete_word_list(&mut self, name: &str, reason: Option<String>) -> Result<Done> {
        let subject = format!("word-list/{name}");
        if !self.next.word_lists.contains_key(name) {
            return Err(CatalogError::Missing(subject));
        }
        self.unused(&subject, Named::WordList(name))?;
        let version = 1 + self.last_version("word_lists", name)?;
        self.execute(
            "UPDATE word_lists SET version = ?2, team = NULL, words = NULL, reason = ?3,
                 author = ?4, updated_at = ?5
             WHERE name = ?1",
            (name, version, &reason, self.author, self.now.millis()),
        )?;
        self.next().word_lists.remove(name);
        let detail = value!({ "version": version, "reason": reason });
        done(0, subject, "delete", detail)
    }

    pub(super) fn put_calendar(
        &mut self,
        name: String,
        calendar: Arc<Calendar>,
        reason: Option<String>,
    ) -> Result<Done> {
        let version = 1 + self.last_version("calendars", &name)?;
        self.execute(
            "INSERT OR REPLACE INTO calendars (name, version, days, reason, author, updated_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            (
                &name,
                version,
                json(&calendar.to_json())?,
                &reason,
                self.author,
                self.now.millis(),
            ),
        )?;
        let subject = format!("calendar/{name}");
        let (days, last) = (calendar.len(), calendar.last());
        let detail = value!({ "version": version, "days": days, "last": last, "reason": reason });
        let entry = CalendarEntry {
            name: name.clone(),
            version,
            calendar,
            author: self.author.to_owned(),
            reason,
            updated_at: self.now,
        };
        self.next().calendars.insert(name, Arc::new(entry));
        done(0, subject, "put", detail)
    }

    pub(super) fn delete_calendar(&mut self, name: &str, reason: Option<String>) -> Result<Done> {
        let subject = format!("calendar/{name}");
        if !self.next.calendars.contains_key(name) {
            return Err(CatalogError::Missing(subject));
        }
        self.unused(&subject, Named::Calendar(name))?;
        let version = 1 + self.last_version("calendars", name)?;
        self.execute(
            "UPDATE calendars SET version = ?2, days = NULL, reason = ?3, author = ?4,
                 updated_at = ?5
             WHERE name = ?1",
            (name, version, &reason, self.author, self.now.millis()),
        )?;
        self.next().calendars.remove(name);
        let detail = value!({ "version": version, "reason": reason });
        done(0, subject, "delete", detail)
    }

    fn unused(&self, subject: &str, named: Named<'_>) -> Result<()> {
        let users = named.users(&self.next);
        if users.is_empty() {
            return Ok(());
        }
        // A sentence, not a register.
        let told: Vec<&str> = users.iter().take(MOST_USERS).map(String::as_str).collect();
        let more = match users.len() - told.len() {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        let told = told.join(", ");
        let detail = format!("{subject} is named by {told}{more}; change them first");
        Err(CatalogError::InUse(detail))
    }

    /// The number of the last version; 0 where there never was one.
    fn last_version(&self, table: &'static str, name: &str) -> Result<u32> {
        let sql = format!("SELECT version FROM {table} WHERE name = ?1");
        let version = self
            .transaction
            .query_row(&sql, [name], |row| row.get(0))
            .optional();
        Ok(version.map_err(failed)?.unwrap_or(0))
    }
}

/// Users that a refusal names.
const MOST_USERS: usize = 5;
