//! New messages and deliveries.

use austin_domain::MessageId;
use rusqlite::{Connection, params};

use crate::ledger::op::Accept;
use crate::ledger::rule;
use crate::ledger::schema;
use crate::ledger::segment::Head;

/// Inserts the messages of `op` with their deliveries.
pub(super) fn insert(
    connection: &Connection,
    head: &mut Head,
    op: &Accept,
) -> rusqlite::Result<()> {
    let mut insert_message = connection.prepare_cached(INSERT_MESSAGE)?;
    let mut insert_delivery = connection.prepare_cached(INSERT_DELIVERY)?;
    let now = op.now.millis();
    for message in &op.messages {
        let count = u32::try_from(message.deliveries.len()).unwrap_or(u32::MAX);
        insert_message.execute(params![
            message.id.as_i64(),
            message.app.as_i64(),
            message.template.as_i64(),
            message.version,
            message.lane.code(),
            message.request_id,
            message.reference,
            message.vars.0,
            message.attachments.as_ref().map(|bytes| &bytes.0),
            message.account.map(austin_domain::Id::as_i64),
            now,
            message.expires_at.millis(),
            count,
        ])?;
        for (place, delivery) in (0u32..).zip(&message.deliveries) {
            let (code, detail) = match &delivery.reason {
                Some(reason) => (Some(&reason.code), Some(&reason.detail)),
                None => (None, None),
            };
            insert_delivery.execute(params![
                message.id.delivery(place).as_i64(),
                schema::stored(delivery.state),
                schema::NO_ACCOUNT,
                schema::stored_due(delivery.due_at),
                now,
                place,
                message.lane.code(),
                message.expires_at.millis(),
                code,
                detail,
                delivery.to,
                delivery.reference,
                delivery.vars.as_ref().map(|bytes| &bytes.0),
                delivery.secret.as_ref().map(|bytes| &bytes.0),
                delivery.reason.as_ref().and_then(rule::encode),
                delivery.facts.as_ref().map(|bytes| &bytes.0),
            ])?;
            head.open += u64::from(delivery.state.is_open());
        }
        count_message(head, message.id, u64::from(count), now);
    }
    Ok(())
}

fn count_message(head: &mut Head, id: MessageId, deliveries: u64, now: i64) {
    head.deliveries += deliveries;
    head.last = head.last.max(id.as_u64() + deliveries);
    head.oldest_at = head.oldest_at.min(now);
    head.newest_at = head.newest_at.max(now);
    head.drift = head.drift.max(id.at().millis() - now);
}

const INSERT_MESSAGE: &str = "INSERT INTO message (id, app, template, version, lane, request_id,
    reference, vars, attachments, account, accepted_at, expires_at, recipients)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)";
const INSERT_DELIVERY: &str = "INSERT INTO delivery (id, state, attempts, account, due_at,
    updated_at, place, lane, expires_at, reason_code, reason_detail, address, reference, vars,
    secret, reason_rule, facts)
    VALUES (?1, ?2, 0, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16)";
