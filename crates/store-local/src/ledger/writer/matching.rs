//! Bringing receipts and attempts together, whichever comes first.
//!
//! Invariant: whether a receipt is parked or matched is decided here, between writes, so that no
//! attempt can be recorded between the look-up and the parking.

use austin_domain::{AccountId, DeliveryId, Timestamp, Verdict};
use austin_ports::ledger::{NewReceipt, ReceiptFate, Settled};
use rusqlite::{Connection, OptionalExtension};

use super::Writer;
use super::group::Parked;
use crate::ledger::apply::{Outcome, decode};
use crate::ledger::command::Probed;
use crate::ledger::fault::Fault;
use crate::ledger::index::{attempt_keys, key};
use crate::ledger::op::Op;

impl Writer {
    /// Records settlements, and the parked receipts that waited for them.
    pub(super) fn settle(&mut self, op: Op, now: Timestamp) -> Result<Vec<Settled>, Fault> {
        let waiting = if self.machine.parked.len() > 0 {
            self.waited_for(&op)
        } else {
            Vec::new()
        };
        let Outcome::Settled(settled) = self.apply(op)? else {
            return Ok(Vec::new());
        };
        for (delivery, id) in waiting {
            self.unpark(id, delivery, now)?;
        }
        Ok(settled)
    }

    /// Records receipts, or parks them.
    pub(super) fn receive(
        &mut self,
        receipts: Vec<Probed>,
        now: Timestamp,
    ) -> Result<Vec<ReceiptFate>, Fault> {
        let mut fates = Vec::with_capacity(receipts.len());
        for probed in receipts {
            let op = match self.find(&probed)? {
                Some(delivery) => Op::Receive {
                    now,
                    receipts: vec![(delivery, probed.receipt)],
                },
                None if self.machine.parked.holds(&probed.receipt) => {
                    fates.push(ReceiptFate::Parked);
                    continue;
                }
                None => Op::Park {
                    now,
                    id: self.machine.parked.next(),
                    receipt: probed.receipt,
                },
            };
            match self.apply(op)? {
                Outcome::Received(new) => fates.extend(new),
                _ => fates.push(ReceiptFate::Parked),
            }
        }
        Ok(fates)
    }

    /// Tries parked receipts again; how many were matched.
    pub(super) fn rematch(&mut self, parked: Vec<Parked>, now: Timestamp) -> Result<usize, Fault> {
        let mut count = 0;
        for (id, probed) in parked {
            if let Some(delivery) = self.find(&probed)?
                && self.unpark(id, delivery, now)?
            {
                count += 1;
            }
        }
        Ok(count)
    }

    /// Moves a parked receipt to its delivery, if it is still parked and belongs there.
    fn unpark(&mut self, id: u64, delivery: DeliveryId, now: Timestamp) -> Result<bool, Fault> {
        let Some(parked) = self.machine.parked.get(id)? else {
            return Ok(false);
        };
        if !self.belongs(&parked.receipt, delivery)? {
            return Ok(false);
        }
        self.apply(Op::Unpark {
            now,
            id,
            received_at: parked.received_at,
            delivery,
            receipt: parked.receipt,
        })?;
        Ok(true)
    }

    /// The parked receipts that may have waited for what is about to be recorded.
    fn waited_for(&self, op: &Op) -> Vec<(DeliveryId, u64)> {
        let Op::Settle {
            calls, settlements, ..
        } = op
        else {
            return Vec::new();
        };
        let mut found = Vec::new();
        for settlement in settlements {
            let mut keys = vec![key::parked_delivery(settlement.delivery)];
            let call = settlement.call.and_then(|at| calls.get(at as usize));
            if let Some(call) = call {
                keys.extend(attempt_keys(call.account, &settlement.verdict));
            }
            let waiting = self.machine.parked.waiting_for(&keys);
            found.extend(waiting.into_iter().map(|id| (settlement.delivery, id)));
        }
        found
    }

    /// The delivery a receipt is about.
    fn find(&mut self, probed: &Probed) -> Result<Option<DeliveryId>, Fault> {
        let receipt = &probed.receipt;
        if let Some(named) = receipt.delivery
            && self.belongs(receipt, named)?
        {
            return Ok(Some(named));
        }
        let Some(text) = &receipt.key else {
            return Ok(None);
        };
        let key = key::receipt(receipt.account, text);
        let mut candidates = probed.candidates.clone();
        // What was added since the caller looked is still in memory, unless some of it has moved
        // to a file in between.
        let all_in_memory = self.core.index.moved() == probed.moved;
        let numbers: Vec<u32> = self.machine.segments.iter().map(|s| s.number).collect();
        for number in numbers.into_iter().rev() {
            let index = &self.core.index;
            let more = if all_in_memory {
                index.look_up_memory(number, key, u64::MAX, MOST_CANDIDATES)
            } else {
                index
                    .look_up(number, key, u64::MAX, MOST_CANDIDATES)
                    .unwrap_or_else(|fault| {
                        // Parked, and tried again when the index is built anew.
                        tracing::error!(%fault, "cannot look a receipt up");
                        Vec::new()
                    })
            };
            candidates.extend(more);
        }
        candidates.sort_unstable_by(|a, b| b.cmp(a));
        candidates.dedup();
        for id in candidates {
            let delivery = DeliveryId::from_u64(id);
            if self.belongs(receipt, delivery)? {
                return Ok(Some(delivery));
            }
        }
        Ok(None)
    }

    /// Whether a receipt is about an attempt of a delivery.
    fn belongs(&mut self, receipt: &NewReceipt, delivery: DeliveryId) -> Result<bool, Fault> {
        let Some(place) = self.machine.segments.place(delivery.as_u64()) else {
            return Ok(false);
        };
        let Some(segment) = self
            .machine
            .segments
            .at(place)
            .filter(|s| s.damage.is_none())
        else {
            return Ok(false);
        };
        let name = segment.name();
        let connection = segment.connected()?;
        is_about(connection, receipt, delivery).map_err(Fault::sqlite(name))
    }
}

fn is_about(
    connection: &Connection,
    receipt: &NewReceipt,
    delivery: DeliveryId,
) -> rusqlite::Result<bool> {
    let named = receipt.delivery == Some(delivery);
    if named {
        let last: Option<i64> = connection
            .prepare_cached("SELECT account FROM delivery WHERE id = ?1 AND attempts > 0")?
            .query_row([delivery.as_i64()], |row| row.get(0))
            .optional()?;
        if last == Some(receipt.account.as_i64()) {
            return Ok(true);
        }
    }
    let mut select =
        connection.prepare_cached("SELECT account, verdict FROM attempt WHERE delivery = ?1")?;
    let mut rows = select.query([delivery.as_i64()])?;
    while let Some(row) = rows.next()? {
        if AccountId::from_i64(row.get(0)?) != receipt.account {
            continue;
        }
        if named {
            return Ok(true);
        }
        let Some(bytes) = row.get::<_, Option<Vec<u8>>>(1)? else {
            continue;
        };
        if let Verdict::Accepted(acceptance) = decode(1, &bytes)? {
            let wanted = receipt.key.as_deref();
            if acceptance.receipt_keys().any(|key| Some(key) == wanted) {
                return Ok(true);
            }
        }
    }
    Ok(false)
}

/// A key belongs to one delivery; more candidates come from keys a vendor uses again.
const MOST_CANDIDATES: usize = 64;
