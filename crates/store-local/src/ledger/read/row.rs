//! Rows of a segment and what they mean.

use std::sync::Arc;

use austin_domain::{
    AccountId, AppId, DeliveryId, Lane, MessageId, Reason, State, TemplateId, Timestamp, Vars,
    Verdict,
};
use austin_ports::ledger::{DeliveryRow, Facts, MessageHead, NewReceipt, RELEASED, WorkItem};
use hashbrown::HashMap;
use rusqlite::{Connection, OptionalExtension, Row};

use crate::Vault;
use crate::ledger::apply::{decode, state_of};
use crate::ledger::prepare::with_secrets;
use crate::ledger::rule;
use crate::ledger::schema;

/// A delivery's row.
#[derive(Debug)]
pub(super) struct Raw {
    pub(super) id: DeliveryId,
    pub(super) state: State,
    pub(super) attempts: u16,
    pub(super) account: Option<AccountId>,
    pub(super) due_at: Option<Timestamp>,
    pub(super) updated_at: Timestamp,
    pub(super) place: u32,
    pub(super) reason: Option<Reason>,
    pub(super) address: String,
    pub(super) reference: Option<String>,
    pub(super) vars: Option<Vec<u8>>,
    pub(super) secret: Option<Vec<u8>>,
    pub(super) facts: Option<Box<Facts>>,
}

/// The columns [`Raw::of`] wants.
pub(super) const COLUMNS: &str = "id, state, attempts, account, due_at, updated_at, place, \
     reason_code, reason_detail, address, reference, vars, secret, reason_rule, facts";

impl Raw {
    /// Reads a row of [`COLUMNS`].
    pub(super) fn of(row: &Row<'_>) -> rusqlite::Result<Self> {
        let account: i64 = row.get(3)?;
        let (code, detail): (Option<String>, Option<String>) = (row.get(7)?, row.get(8)?);
        Ok(Self {
            id: DeliveryId::from_i64(row.get(0)?),
            state: state_of(row, 1)?,
            attempts: row.get(2)?,
            account: (account != schema::NO_ACCOUNT).then(|| AccountId::from_i64(account)),
            due_at: schema::due(row.get(4)?),
            updated_at: Timestamp::from_millis(row.get(5)?),
            place: row.get(6)?,
            reason: code
                .zip(detail)
                .map(|(code, detail)| rule::reason(code, detail, (13, blob(row, 13)?)))
                .transpose()?,
            address: row.get(9)?,
            reference: row.get(10)?,
            vars: row.get(11)?,
            secret: row.get(12)?,
            facts: blob(row, 14)?.map(|bytes| decode(14, bytes)).transpose()?,
        })
    }

    /// Its message.
    pub(super) fn message(&self) -> MessageId {
        self.id.message(self.place)
    }
}

/// A column of bytes, where it has any.
pub(super) fn blob<'a>(row: &'a Row<'_>, column: usize) -> rusqlite::Result<Option<&'a [u8]>> {
    Ok(row.get_ref(column)?.as_blob_or_null()?)
}

/// One delivery's row.
pub(super) fn read(connection: &Connection, id: DeliveryId) -> rusqlite::Result<Option<Raw>> {
    connection
        .prepare_cached(&format!("SELECT {COLUMNS} FROM delivery WHERE id = ?1"))?
        .query_row([id.as_i64()], Raw::of)
        .optional()
}

/// How many deliveries of a message are in each state.
pub(super) fn states(
    connection: &Connection,
    message: MessageId,
    recipients: u32,
) -> rusqlite::Result<Vec<(State, u32)>> {
    let mut select = connection.prepare_cached(
        "SELECT state, count(*) FROM delivery WHERE id > ?1 AND id <= ?1 + ?2
         GROUP BY state ORDER BY state",
    )?;
    let rows = select.query_map([message.as_i64(), i64::from(recipients)], |row| {
        Ok((state_of(row, 0)?, row.get(1)?))
    })?;
    rows.collect()
}

type Head = (Arc<MessageHead>, Arc<Vars>);

/// Turns rows into what the port gives; reads each message once.
pub(super) struct Heads<'a> {
    connection: &'a Connection,
    vault: &'a Vault,
    known: HashMap<u64, Head>,
    nothing: Arc<[String]>,
}

impl<'a> Heads<'a> {
    pub(super) fn new(connection: &'a Connection, vault: &'a Vault) -> Self {
        Self {
            connection,
            vault,
            known: HashMap::new(),
            nothing: Arc::new([]),
        }
    }

    /// A message and its shared values.
    pub(super) fn get(&mut self, id: MessageId) -> rusqlite::Result<Option<Head>> {
        if let Some(known) = self.known.get(&id.as_u64()) {
            return Ok(Some(known.clone()));
        }
        let found = self
            .connection
            .prepare_cached(
                "SELECT app, template, version, lane, request_id, reference, vars, attachments,
                 account, accepted_at, expires_at, recipients FROM message WHERE id = ?1",
            )?
            .query_row([id.as_i64()], |row| read_head(id, row))
            .optional()?;
        if let Some(found) = &found {
            if self.known.len() >= MOST_KNOWN {
                self.known.clear();
            }
            self.known.insert(id.as_u64(), found.clone());
        }
        Ok(found)
    }

    /// The row as a work item, with its secrets.
    pub(super) fn work_item(&mut self, raw: Raw) -> rusqlite::Result<WorkItem> {
        let (message, shared) = self.of(&raw)?;
        let vars = own_or(raw.vars.as_deref(), shared)?;
        let secrets = raw
            .secret
            .as_deref()
            .map(|sealed| {
                let plain = self
                    .vault
                    .open(sealed, &raw.id.as_u64().to_le_bytes())
                    .map_err(|error| conversion(12, error))?;
                decode::<Vars>(12, &plain)
            })
            .transpose()?;
        let (vars, secret_names) = with_secrets(vars, secrets, &self.nothing);
        let spent = if raw.attempts > 0 {
            spent(self.connection, raw.id)?
        } else {
            Arc::from([])
        };
        Ok(WorkItem {
            spent,
            id: raw.id,
            message,
            to: raw.address,
            vars,
            secret_names,
            state: raw.state,
            attempts: raw.attempts,
            last_account: raw.account,
            moves: false,
            facts: raw.facts,
            released: raw.state == State::Queued
                && raw.reason.is_some_and(|reason| reason.code == RELEASED),
        })
    }

    /// The row as people see it.
    pub(super) fn delivery(&mut self, raw: Raw) -> rusqlite::Result<DeliveryRow> {
        let (message, shared) = self.of(&raw)?;
        let vars = own_or(raw.vars.as_deref(), shared)?;
        let vendor = Vendor::of(self.connection, raw.id)?;
        Ok(DeliveryRow {
            id: raw.id,
            reference: raw.reference.or_else(|| message.reference.clone()),
            message,
            to: raw.address,
            vars,
            state: raw.state,
            reason: raw.reason,
            due_at: raw.due_at.filter(|_| raw.state.is_waiting()),
            attempts: raw.attempts,
            account: raw.account,
            vendor_id: vendor.id,
            segments: vendor.segments.or(vendor.own_segments),
            cost: vendor.cost,
            updated_at: raw.updated_at,
            secrets_kept: raw.secret.is_some(),
            facts: raw.facts,
        })
    }

    fn of(&mut self, raw: &Raw) -> rusqlite::Result<Head> {
        // They are written together; one without the other is damage.
        self.get(raw.message())?
            .ok_or_else(|| conversion(0, std::io::Error::other("a delivery has no message")))
    }
}

/// What vendors said of a delivery.
#[derive(Debug, Default)]
struct Vendor {
    id: Option<String>,
    segments: Option<u16>,
    own_segments: Option<u16>,
    cost: Option<i64>,
}

impl Vendor {
    fn of(connection: &Connection, id: DeliveryId) -> rusqlite::Result<Self> {
        let mut vendor = Self::default();
        let mut select = connection.prepare_cached(
            "SELECT verdict, segments FROM attempt
             WHERE delivery = ?1 AND verdict IS NOT NULL ORDER BY n",
        )?;
        let mut rows = select.query([id.as_i64()])?;
        while let Some(row) = rows.next()? {
            let own: Option<u16> = row.get(1)?;
            vendor.own_segments = own.or(vendor.own_segments);
            if let Verdict::Accepted(acceptance) = decode(0, row.get_ref(0)?.as_blob()?)? {
                vendor.id = acceptance.vendor_id.or(vendor.id);
                vendor.segments = acceptance.segments.or(vendor.segments);
                vendor.cost = acceptance.cost.or(vendor.cost);
            }
        }
        let mut select =
            connection.prepare_cached("SELECT body FROM receipt WHERE delivery = ?1 ORDER BY n")?;
        let mut rows = select.query([id.as_i64()])?;
        while let Some(row) = rows.next()? {
            let receipt: NewReceipt = decode(0, row.get_ref(0)?.as_blob()?)?;
            vendor.segments = receipt.segments.or(vendor.segments);
        }
        Ok(vendor)
    }
}

/// Accounts that took a delivery which waits again: no receipt came.
fn spent(connection: &Connection, id: DeliveryId) -> rusqlite::Result<Arc<[AccountId]>> {
    let mut select = connection.prepare_cached(
        "SELECT a.account, a.verdict FROM reopened r JOIN attempt a ON a.delivery = r.delivery
         WHERE r.delivery = ?1 AND a.verdict IS NOT NULL ORDER BY a.n",
    )?;
    let mut rows = select.query([id.as_i64()])?;
    let mut spent = Vec::new();
    while let Some(row) = rows.next()? {
        if let Verdict::Accepted(_) = decode(1, row.get_ref(1)?.as_blob()?)? {
            spent.push(AccountId::from_i64(row.get(0)?));
        }
    }
    Ok(spent.into())
}

fn read_head(id: MessageId, row: &Row<'_>) -> rusqlite::Result<Head> {
    let lane: u16 = row.get(3)?;
    let vars: Vars = decode(6, row.get_ref(6)?.as_blob()?)?;
    let attachments: Option<Vec<u8>> = row.get(7)?;
    let account: Option<i64> = row.get(8)?;
    let head = MessageHead {
        id,
        app: AppId::from_i64(row.get(0)?),
        template: TemplateId::from_i64(row.get(1)?),
        version: row.get(2)?,
        lane: lane_of(3, lane)?,
        request_id: row.get(4)?,
        reference: row.get(5)?,
        attachments: attachments
            .map(|bytes| decode(7, &bytes))
            .transpose()?
            .unwrap_or_default(),
        account: account.map(AccountId::from_i64),
        accepted_at: Timestamp::from_millis(row.get(9)?),
        expires_at: Timestamp::from_millis(row.get(10)?),
        recipients: row.get(11)?,
    };
    Ok((Arc::new(head), Arc::new(vars)))
}

fn own_or(own: Option<&[u8]>, shared: Arc<Vars>) -> rusqlite::Result<Arc<Vars>> {
    own.map_or(Ok(shared), |bytes| decode(11, bytes).map(Arc::new))
}

/// The lane behind a stored number.
pub(super) fn lane_of(column: usize, code: u16) -> rusqlite::Result<Lane> {
    Lane::from_code(code).ok_or(rusqlite::Error::IntegralValueOutOfRange(
        column,
        i64::from(code),
    ))
}

fn conversion(
    column: usize,
    error: impl std::error::Error + Send + Sync + 'static,
) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(column, rusqlite::types::Type::Blob, Box::new(error))
}

const MOST_KNOWN: usize = 10_000;
