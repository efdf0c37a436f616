//! How often in a row addresses were found bad.

use austin_domain::{Channel, DeliveryId};
use austin_ports::suppressions::{Strike, Strikes};
use rusqlite::{Connection, OptionalExtension, params};

pub(super) fn of(
    connection: &Connection,
    channel: Channel,
    address: &str,
) -> rusqlite::Result<Option<Strikes>> {
    connection
        .prepare_cached("SELECT count, last FROM strikes WHERE channel = ?1 AND address = ?2")?
        .query_row(params![channel.code(), address], |row| {
            Ok(Strikes {
                count: row.get(0)?,
                last: DeliveryId::from_i64(row.get(1)?),
            })
        })
        .optional()
}

/// Counts one; how often in a row it is then.
pub(super) fn count(connection: &Connection, strike: &Strike) -> rusqlite::Result<u32> {
    let before = of(connection, strike.channel, &strike.to)?;
    let count = match before {
        Some(before) if before.last == strike.delivery => return Ok(before.count),
        Some(before) if !strike.first => before.count.saturating_add(1),
        _ => 1,
    };
    connection
        .prepare_cached(
            "INSERT INTO strikes (channel, address, count, last) VALUES (?1, ?2, ?3, ?4) \
             ON CONFLICT (channel, address) DO UPDATE SET count = ?3, last = ?4",
        )?
        .execute(params![
            strike.channel.code(),
            strike.to,
            count,
            strike.delivery.as_i64()
        ])?;
    Ok(count)
}
