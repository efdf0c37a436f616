//! The audit trail: who changed what, when, to what.
//!
//! Invariant: a row's `chain` is BLAKE3 over the `chain` before it and every field of the row, so
//! that a changed, removed, added or exchanged row breaks the chain from there on. This shows
//! tampering and decay; somebody who can rewrite the whole file can also rebuild the chain.

use austin_domain::Timestamp;
use austin_ports::catalog::AuditEntry;
use rusqlite::{Connection, Row, Transaction};
use serde_json::Value;

/// Appends an entry as part of `transaction`; answers its number.
pub(super) fn append(transaction: &Transaction<'_>, entry: &AuditEntry) -> rusqlite::Result<u64> {
    let (last, before): (i64, [u8; 32]) = transaction.query_row(
        "SELECT number, chain FROM audit_end WHERE only = 1",
        [],
        |row| Ok((row.get(0)?, row.get(1)?)),
    )?;
    let number = last + 1;
    let detail = entry.detail.to_string();
    let link = Link {
        number,
        at: entry.at.millis(),
        author: entry.author.as_bytes(),
        subject: entry.subject.as_bytes(),
        action: entry.action.as_bytes(),
        detail: detail.as_bytes(),
    };
    let chain = link.chain(&before);
    transaction
        .prepare_cached(
            "INSERT INTO audit (number, at, author, subject, action, detail, chain)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        )?
        .execute((
            number,
            entry.at.millis(),
            &entry.author,
            &entry.subject,
            &entry.action,
            &detail,
            chain,
        ))?;
    transaction
        .prepare_cached("UPDATE audit_end SET number = ?1, chain = ?2 WHERE only = 1")?
        .execute((number, chain))?;
    Ok(number.cast_unsigned())
}

/// The number of the last entry; 0 when there is none.
pub(super) fn last(connection: &Connection) -> rusqlite::Result<u64> {
    let number: i64 = connection.query_row("SELECT number FROM audit_end", [], |row| row.get(0))?;
    Ok(number.cast_unsigned())
}

/// At most `limit` entries, newest first, of one subject or of all.
pub(super) fn history(
    connection: &Connection,
    subject: Option<&str>,
    limit: usize,
) -> rusqlite::Result<Vec<AuditEntry>> {
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    match subject {
        Some(subject) => connection
            .prepare_cached(
                "SELECT at, author, subject, action, detail FROM audit
                 WHERE subject = ?1 ORDER BY number DESC LIMIT ?2",
            )?
            .query_map((subject, limit), entry)?
            .collect(),
        None => connection
            .prepare_cached(
                "SELECT at, author, subject, action, detail FROM audit
                 ORDER BY number DESC LIMIT ?1",
            )?
            .query_map([limit], entry)?
            .collect(),
    }
}

/// Walks the whole chain; answers how many entries it has.
///
/// # Errors
/// [`Broken`] at the first entry that does not fit.
pub(super) fn verify(connection: &Connection) -> Result<u64, Broken> {
    let mut statement = connection.prepare(
        // Fields as they are stored, whatever their type has become.
        "SELECT number, at, CAST(author AS BLOB), CAST(subject AS BLOB), CAST(action AS BLOB),
                CAST(detail AS BLOB), chain
         FROM audit ORDER BY number",
    )?;
    let mut rows = statement.query([])?;
    let (mut count, mut chain) = (0_i64, [0; 32]);
    while let Some(row) = rows.next()? {
        count += 1;
        let broken = |_| Broken::At {
            number: count.cast_unsigned(),
        };
        let link = Link {
            number: row.get(0).map_err(broken)?,
            at: row.get(1).map_err(broken)?,
            author: blob(row, 2).map_err(broken)?,
            subject: blob(row, 3).map_err(broken)?,
            action: blob(row, 4).map_err(broken)?,
            detail: blob(row, 5).map_err(broken)?,
        };
        chain = link.chain(&chain);
        let stored: [u8; 32] = row.get(6).map_err(broken)?;
        if link.number != count || stored != chain {
            return Err(Broken::At {
                number: count.cast_unsigned(),
            });
        }
    }
    let end: (i64, [u8; 32]) =
        connection.query_row("SELECT number, chain FROM audit_end", [], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })?;
    if end != (count, chain) {
        return Err(Broken::End {
            count: count.cast_unsigned(),
            stated: end.0.cast_unsigned(),
        });
    }
    Ok(count.cast_unsigned())
}

/// Where the audit trail does not hold together.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Broken {
    /// An entry was changed, removed or added.
    #[error("entry {number} was changed, removed or added")]
    At {
        /// Its place, counted from 1.
        number: u64,
    },
    /// The end is not where it is said to be.
    #[error("it has {count} entries where {stated} were written, or its end was changed")]
    End {
        /// How many are there.
        count: u64,
        /// How many should be.
        stated: u64,
    },
    /// It cannot be read.
    #[error("it cannot be read: {0}")]
    Unreadable(String),
}

impl From<rusqlite::Error> for Broken {
    fn from(error: rusqlite::Error) -> Self {
        Self::Unreadable(error.to_string())
    }
}

/// The fields of a row that its chain covers.
struct Link<'a> {
    number: i64,
    at: i64,
    author: &'a [u8],
    subject: &'a [u8],
    action: &'a [u8],
    detail: &'a [u8],
}

impl Link<'_> {
    fn chain(&self, before: &[u8; 32]) -> [u8; 32] {
        let mut hasher = blake3::Hasher::new_derive_key("austin 2026 audit chain v1");
        hasher.update(before);
        hasher.update(&self.number.to_be_bytes());
        hasher.update(&self.at.to_be_bytes());
        for text in [self.author, self.subject, self.action, self.detail] {
            // With its length, so that text cannot move from one field to the next.
            hasher.update(&(text.len() as u64).to_be_bytes());
            hasher.update(text);
        }
        *hasher.finalize().as_bytes()
    }
}

fn blob<'r>(row: &'r Row<'_>, at: usize) -> rusqlite::Result<&'r [u8]> {
    Ok(row.get_ref(at)?.as_blob()?)
}

fn entry(row: &Row<'_>) -> rusqlite::Result<AuditEntry> {
    let detail: String = row.get(4)?;
    Ok(AuditEntry {
        at: Timestamp::from_millis(row.get(0)?),
        author: row.get(1)?,
        subject: row.get(2)?,
        action: row.get(3)?,
        detail: serde_json::from_str(&detail).unwrap_or(Value::String(detail)),
    })
}

#[cfg(test)]
mod tests;
