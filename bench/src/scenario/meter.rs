//! Dedup and caps with ten million people in memory: bytes a place, and what it costs to claim one,
//! to bind it, to refuse and to forget.

use std::time::Duration;

use anyhow::{Result, bail, ensure};
use austin_domain::id::Sequence;
use austin_domain::{Channel, Class, DeliveryId, Lane, TemplateId, Timestamp};
use austin_ports::Meter;
use austin_ports::meter::{Claim, Limit, Over, Reserved, Window};
use austin_store_local::LocalMeter;

use crate::process::usage;
use crate::report::Figure;

const SCENARIO: &str = "meter";
const PEOPLE: u64 = 10_000_000;
const TEMPLATES: u64 = 500;
/// Claims of a call.
const BATCH: u64 = 100;
/// People claimed for together while it fills.
const LOT: usize = 10_000;
/// Claims prepared and measured together.
const MEASURED: u64 = 1_000_000;
const BEGIN: Timestamp = Timestamp::from_seconds(1_767_323_045);

pub(crate) async fn run() -> Result<Vec<Figure>> {
    let meter = LocalMeter::new([7; 32], 0);
    let mut ids = Sequence::new(0, 0);
    let before = usage(std::process::id())?.resident_bytes;
    let worst = fill(&meter, &mut ids, before).await?;
    let resident = usage(std::process::id())?
        .resident_bytes
        .saturating_sub(before);
    let size = meter.size();
    ensure!(size.keys == PEOPLE, "{size:?}");
    let batches = claim_all(&meter, &mut ids, PEOPLE..PEOPLE + MEASURED, BATCH).await?;
    let single = PEOPLE + MEASURED..PEOPLE + 2 * MEASURED;
    let singly = claim_all(&meter, &mut ids, single, 1).await?;
    let refused = refuse(&meter).await?;
    let (dropped, forgetting) = forget(&meter).await?;
    ensure!(dropped == PEOPLE, "{dropped} places were dropped");
    let figure = |what, value, unit, note| Figure::new(SCENARIO, what, value, unit, note);
    Ok(vec![
        figure(
            "memory, ten million people with a place each",
            per(resident, PEOPLE),
            "B a place",
            "resident; goal ≤ 25",
        ),
        figure(
            "the same, worst while the last million came",
            per(worst, PEOPLE),
            "B a place",
            "resident, by ten million",
        ),
        figure(
            "the same by its own count",
            per(size.bytes, PEOPLE),
            "B a place",
            "",
        ),
        figure(
            "reserve + bind, 100 a call",
            nanos(batches, MEASURED),
            "ns",
            "dedup and a cap each; processor time, as below; goal ≤ 1,000",
        ),
        figure(
            "reserve + bind, one a call",
            nanos(singly, MEASURED),
            "ns",
            "",
        ),
        figure(
            "refused, 100 a call",
            nanos(refused, MEASURED),
            "ns",
            "people in no order",
        ),
        figure(
            "forgetting ten million places",
            forgetting.as_secs_f64() * 1000.0,
            "ms",
            "1,024 locks, one after the other",
        ),
    ])
}

/// Gives everybody a place; the most memory seen above `before` while the last million came.
///
/// In small lots, so that what is prepared does not show. Shards grow as it fills, and one look at
/// the end could fall into any moment of that.
async fn fill(meter: &LocalMeter, ids: &mut Sequence, before: u64) -> Result<u64> {
    let mut worst = 0;
    for first in (0..PEOPLE).step_by(LOT) {
        claim_all(meter, ids, first..first + LOT as u64, BATCH).await?;
        if first >= PEOPLE / 10 * 9 {
            let resident = usage(std::process::id())?.resident_bytes;
            worst = worst.max(resident.saturating_sub(before));
        }
    }
    Ok(worst)
}

fn phone(number: u64) -> String {
    // Scattered; a bijection.
    let number = number.wrapping_mul(7_368_787) % 10_000_000_000;
    format!("+861{number:010}")
}

fn moment(number: u64) -> Timestamp {
    BEGIN.plus(Duration::from_millis(number / 100))
}

fn limits(at: Timestamp) -> [Limit; 2] {
    [
        Limit::Content(Window::sliding(at, Duration::from_secs(300))),
        Limit::Cap {
            over: Over::All,
            window: Window::sliding(at, Duration::from_secs(86_400)),
            most: 5,
        },
    ]
}

fn claim<'a>(number: u64, to: &'a str, limits: &'a [Limit]) -> Claim<'a> {
    Claim {
        to,
        at: moment(number),
        template: TemplateId::from_u64(number % TEMPLATES),
        lane: Lane {
            channel: Channel::Sms,
            class: Class::Notification,
        },
        team: "shop",
        content: Some(number.wrapping_mul(0x9e37_79b9_7f4a_7c15)),
        counts: true,
        limits,
    }
}

/// Claims and binds for people who have no place yet; processor time, with everything else
/// prepared where it is measured.
async fn claim_all(
    meter: &LocalMeter,
    ids: &mut Sequence,
    people: std::ops::Range<u64>,
    batch: u64,
) -> Result<Duration> {
    let mut taken = Duration::ZERO;
    for first in people.clone().step_by(usize::try_from(MEASURED)?) {
        let numbers: Vec<u64> = (first..people.end.min(first + MEASURED)).collect();
        let given = Given::new(&numbers);
        let claims = given.claims();
        let before = usage(std::process::id())?.cpu;
        for claims in claims.chunks(usize::try_from(batch)?) {
            let mut bound = Vec::with_capacity(claims.len());
            for (reserved, claim) in meter.reserve(claims).await?.into_iter().zip(claims) {
                let Reserved::Taken(slot) = reserved else {
                    bail!("a stranger stood in the way");
                };
                let id = DeliveryId::from_u64(ids.block(claim.at, 2) + 1);
                bound.push((slot, id));
            }
            meter.bind(bound).await?;
        }
        taken += usage(std::process::id())?.cpu.saturating_sub(before);
    }
    Ok(taken)
}

/// What claims borrow from.
struct Given {
    numbers: Vec<u64>,
    to: Vec<String>,
    limits: Vec<[Limit; 2]>,
}

impl Given {
    fn new(numbers: &[u64]) -> Self {
        Self {
            numbers: numbers.to_vec(),
            to: numbers.iter().map(|number| phone(*number)).collect(),
            limits: numbers
                .iter()
                .map(|number| limits(moment(*number)))
                .collect(),
        }
    }

    fn claims(&self) -> Vec<Claim<'_>> {
        let borrowed = self.numbers.iter().zip(&self.to).zip(&self.limits);
        borrowed
            .map(|((number, to), limits)| claim(*number, to, limits))
            .collect()
    }
}

/// Claims that meet what is there.
async fn refuse(meter: &LocalMeter) -> Result<Duration> {
    let numbers: Vec<u64> = (0..MEASURED)
        .map(|number| number.wrapping_mul(2_654_435_761) % PEOPLE)
        .collect();
    let given = Given::new(&numbers);
    let claims = given.claims();
    let before = usage(std::process::id())?.cpu;
    for claims in claims.chunks(usize::try_from(BATCH)?) {
        for reserved in meter.reserve(claims).await? {
            ensure!(matches!(reserved, Reserved::Refused(_)), "taken twice");
        }
    }
    Ok(usage(std::process::id())?.cpu.saturating_sub(before))
}

async fn forget(meter: &LocalMeter) -> Result<(u64, Duration)> {
    let start = usage(std::process::id())?.cpu;
    let before = moment(PEOPLE);
    let dropped = meter.forget(&|_| before).await?;
    let taken = usage(std::process::id())?.cpu.saturating_sub(start);
    Ok((dropped, taken))
}

#[expect(clippy::cast_precision_loss, reason = "a figure for people")]
fn per(bytes: u64, places: u64) -> f64 {
    bytes as f64 / places as f64
}

#[expect(clippy::cast_precision_loss, reason = "a figure for people")]
fn nanos(taken: Duration, count: u64) -> f64 {
    taken.as_nanos() as f64 / count as f64
}
