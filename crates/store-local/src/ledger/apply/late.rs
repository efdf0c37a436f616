//! When deliveries that had waited for a time went out: what limits count them by.
//!
//! Most deliveries never wait, and go out at once: for them nothing is read or written here.

use austin_domain::{State, Timestamp};
use austin_ports::ledger::counted::AT_ONCE;
use austin_ports::ledger::{AttemptStart, Change};
use rusqlite::{Connection, params};

/// Notes a first attempt of what had waited, before it begins.
pub(super) fn begins(
    connection: &Connection,
    start: &AttemptStart,
    now: Timestamp,
) -> rusqlite::Result<()> {
    // An id's time is never before the acceptance.
    if start.attempt != 1 || now.since(start.delivery.at()) < AT_ONCE {
        return Ok(());
    }
    connection
        .prepare_cached(NOTE)?
        .execute(params![start.delivery.as_i64(), now.millis()])?;
    Ok(())
}

/// Notes the release of what had waited, before it moves.
pub(super) fn moves(
    connection: &Connection,
    change: &Change,
    from: State,
    now: Timestamp,
) -> rusqlite::Result<()> {
    if matches!(from, State::Scheduled | State::Held) && change.to == State::Queued {
        connection
            .prepare_cached(NOTE)?
            .execute(params![change.delivery.as_i64(), now.millis()])?;
    }
    Ok(())
}

// Stored states: 18 is `scheduled`, 19 `held`.
const NOTE: &str = "INSERT OR REPLACE INTO late (delivery, at)
    SELECT id, ?2 FROM delivery WHERE id = ?1 AND attempts = 0 AND state IN (18, 19)";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::schema::stored;

    #[test]
    fn the_numbers_in_the_statement_are_those_of_the_states() {
        assert_eq!((stored(State::Scheduled), stored(State::Held)), (18, 19));
    }
}
