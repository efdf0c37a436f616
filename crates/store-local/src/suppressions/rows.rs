//! Rows as they are stored.

use austin_domain::suppression::{Reason, Source};
use austin_domain::{Channel, DeliveryId, SuppressionId, Timestamp};
use austin_ports::suppressions::Suppression;
use rusqlite::Row;
use rusqlite::types::Type;

/// The columns of [`suppression`], in its order.
pub(super) const COLUMNS: &str = "id, channel, address, reason, source, until, cause, note, \
                                  author, created_at, lifted_at";

/// A row of [`COLUMNS`].
pub(super) fn suppression(row: &Row<'_>) -> rusqlite::Result<Suppression> {
    Ok(Suppression {
        id: SuppressionId::from_i64(row.get(0)?),
        channel: channel(row, 1)?,
        to: row.get(2)?,
        reason: reason(row, 3)?,
        source: source(row, 4)?,
        until: instant(row, 5)?,
        cause: delivery(row, 6)?,
        note: row.get(7)?,
        author: row.get(8)?,
        created_at: Timestamp::from_millis(row.get(9)?),
        lifted_at: instant(row, 10)?,
    })
}

pub(super) fn channel(row: &Row<'_>, at: usize) -> rusqlite::Result<Option<Channel>> {
    match row.get::<_, u8>(at)? {
        0 => Ok(None),
        code => Channel::from_code(code)
            .map(Some)
            .ok_or_else(|| unknown(at, "channel")),
    }
}

pub(super) fn reason(row: &Row<'_>, at: usize) -> rusqlite::Result<Reason> {
    Reason::from_code(row.get(at)?).ok_or_else(|| unknown(at, "reason"))
}

pub(super) fn source(row: &Row<'_>, at: usize) -> rusqlite::Result<Source> {
    Source::from_code(row.get(at)?).ok_or_else(|| unknown(at, "source"))
}

pub(super) fn instant(row: &Row<'_>, at: usize) -> rusqlite::Result<Option<Timestamp>> {
    Ok(row.get::<_, Option<i64>>(at)?.map(Timestamp::from_millis))
}

pub(super) fn delivery(row: &Row<'_>, at: usize) -> rusqlite::Result<Option<DeliveryId>> {
    Ok(row.get::<_, Option<i64>>(at)?.map(DeliveryId::from_i64))
}

/// A number that this austin has no word for.
pub(super) fn unknown(at: usize, what: &str) -> rusqlite::Error {
    let why = format!("it has a {what} that this austin does not know");
    rusqlite::Error::FromSqlConversionFailure(at, Type::Integer, why.into())
}
