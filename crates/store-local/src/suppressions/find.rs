//! Reading entries and what happened to them.

use austin_domain::{SuppressionId, Timestamp};
use austin_ports::suppressions::{Event, EventStep, Filter, Page, Suppression};
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::rows;

/// Entries looked at for one page.
const MOST_ROWS: usize = 50_000;

pub(super) fn get(
    connection: &Connection,
    id: SuppressionId,
) -> rusqlite::Result<Option<Suppression>> {
    let sql = format!("SELECT {} FROM suppressions WHERE id = ?1", rows::COLUMNS);
    connection
        .prepare_cached(&sql)?
        .query_row([id.as_i64()], rows::suppression)
        .optional()
}

pub(super) fn list(
    connection: &Connection,
    filter: &Filter,
    now: Timestamp,
) -> rusqlite::Result<Page> {
    // `+id` keeps SQLite from walking all ids where the address leads to a few.
    let sql = match filter.to {
        Some(_) => "WHERE address = ?2 AND id < ?1 ORDER BY +id DESC",
        None => "WHERE id < ?1 AND ?2 IS NULL ORDER BY id DESC",
    };
    let sql = format!("SELECT {} FROM suppressions {sql}", rows::COLUMNS);
    let before = filter.before.map_or(i64::MAX, SuppressionId::as_i64);
    let mut select = connection.prepare_cached(&sql)?;
    let mut found = select.query(params![before, filter.to])?;
    let mut page = Page::default();
    let mut seen = 0;
    let mut last = None;
    while let Some(row) = found.next()? {
        if page.items.len() == filter.limit || seen == MOST_ROWS {
            page.next = last;
            break;
        }
        seen += 1;
        let entry = rows::suppression(row)?;
        last = Some(entry.id);
        if fits(&entry, filter, now) {
            page.items.push(entry);
        }
    }
    Ok(page)
}

fn fits(entry: &Suppression, filter: &Filter, now: Timestamp) -> bool {
    filter
        .channel
        .is_none_or(|channel| channel == entry.channel)
        && filter.reason.is_none_or(|reason| reason == entry.reason)
        && filter.source.is_none_or(|source| source == entry.source)
        && filter
            .active
            .is_none_or(|active| active == entry.is_active(now))
}

/// All that happened to the address of an entry, oldest first.
pub(super) fn history(connection: &Connection, id: SuppressionId) -> rusqlite::Result<Vec<Event>> {
    let mut events = Vec::new();
    let mut select = connection.prepare_cached(
        "SELECT id, created_at, 'created', author, source, until, note, cause FROM suppressions \
         WHERE address = (SELECT address FROM suppressions WHERE id = ?1) \
         AND id NOT IN (SELECT suppression FROM changes WHERE suppression = id) \
         UNION ALL \
         SELECT suppression, at, step, author, source, until, note, cause FROM changes \
         WHERE suppression IN (SELECT id FROM suppressions WHERE address = \
         (SELECT address FROM suppressions WHERE id = ?1)) ORDER BY 2, 1",
    )?;
    let mut found = select.query([id.as_i64()])?;
    while let Some(row) = found.next()? {
        events.push(event(row)?);
    }
    Ok(events)
}

fn event(row: &Row<'_>) -> rusqlite::Result<Event> {
    let step: String = row.get(2)?;
    let step = [EventStep::Created, EventStep::Changed, EventStep::Lifted]
        .into_iter()
        .find(|known| known.as_str() == step)
        .ok_or_else(|| rows::unknown(2, "step"))?;
    Ok(Event {
        id: SuppressionId::from_i64(row.get(0)?),
        at: Timestamp::from_millis(row.get(1)?),
        step,
        author: row.get(3)?,
        source: rows::source(row, 4)?,
        until: rows::instant(row, 5)?,
        note: row.get(6)?,
        cause: rows::delivery(row, 7)?,
    })
}
