//! The ledger alone, in this process, as it grows: cost of a delivery's whole life (accepted,
//! begun, settled with its evidence), then look-ups, with the page cache dropped and warm.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use austin_domain::verdict::Acceptance;
use austin_domain::{
    AccountId, AppId, Channel, Class, DeliveryId, Lane, State, TemplateId, Timestamp, Vars, Verdict,
};
use austin_ports::ledger::{
    AttemptStart, CallRecord, Filter, NewDelivery, NewMessage, Next, Settlement, WorkItem,
};
use austin_ports::{Clock, Ledger, SystemClock};
use austin_store_local::ledger::{LocalLedger, Options};
use austin_store_local::{OsEntropy, Vault};
use prometheus_client::registry::Registry;

use super::{Plan, say};
use crate::process::usage;
use crate::report::Figure;

const SCENARIO: &str = "growth";
const MILLION: u64 = 1_000_000;
const RECIPIENTS: u64 = 100;
/// Messages on their way at a time.
const ABREAST: usize = 32;
const SAMPLES: u64 = 50;

pub(crate) async fn run(plan: &Plan) -> Result<Vec<Figure>> {
    let data = tempfile::Builder::new().prefix("austin-bench-").tempdir()?;
    let vault = Vault::open_dir(data.path(), None, Arc::new(OsEntropy))
        .map_err(|error| anyhow::anyhow!("{error}"))?;
    let vault = Arc::new(vault);
    let open = || {
        LocalLedger::open(
            data.path(),
            Arc::clone(&vault),
            Options::default(),
            &mut Registry::default(),
        )
    };
    let ledger = Arc::new(open()?);
    let millions = (plan.rows / MILLION).max(2);
    let mut figures = Vec::new();
    let (mut first, mut last) = (0.0, 0.0);
    for million in 0..millions {
        let (cpu, elapsed) = fill(&ledger, million * MILLION).await?;
        say(&format!(
            "  million {}: {cpu:.1} s of processor time, {elapsed:.1} s",
            million + 1
        ));
        if million == 0 {
            first = cpu;
        }
        last = cpu;
    }
    figures.extend([
        Figure::new(
            SCENARIO,
            "processor time, first million",
            first,
            "s",
            "ledger alone, whole life",
        ),
        Figure::new(
            SCENARIO,
            format!("processor time, million {millions}"),
            last,
            "s",
            "",
        ),
        Figure::new(SCENARIO, "last to first", last / first, "×", "goal ≤ 1.3"),
        Figure::new(
            SCENARIO,
            "bytes on disk",
            bytes_per_row(data.path(), millions)?,
            "B a delivery",
            "",
        ),
    ]);
    figures.extend(look_ups(&ledger, millions * MILLION).await?);
    figures.push(counted(&ledger).await?);
    let closing = Arc::clone(&ledger);
    tokio::task::spawn_blocking(move || closing.close()).await?;
    drop(ledger);
    let start = Instant::now();
    let ledger = open()?;
    ledger.recover().await?;
    figures.push(Figure::new(
        SCENARIO,
        "opened again and recovered",
        start.elapsed().as_secs_f64(),
        "s",
        "",
    ));
    Ok(figures)
}

/// Reading all that counts against limits, as a start does for those of the longest window.
#[expect(clippy::cast_precision_loss, reason = "a figure for people")]
async fn counted(ledger: &LocalLedger) -> Result<Figure> {
    let start = Instant::now();
    let (mut rows, mut after) = (0, DeliveryId::from_u64(0));
    loop {
        let from = Timestamp::from_millis(0);
        let (page, stopped) = ledger.counted(from, after, 50_000).await?;
        rows += page.len();
        match stopped {
            Some(last) => after = last,
            None => break,
        }
    }
    Ok(Figure::new(
        SCENARIO,
        "read what counts against limits",
        rows as f64 / start.elapsed().as_secs_f64(),
        "rows/s",
        "goal ≥ 500,000",
    ))
}

/// A million deliveries from acceptance to settlement; processor and wall seconds.
async fn fill(ledger: &Arc<LocalLedger>, from: u64) -> Result<(f64, f64)> {
    let before = usage(std::process::id())?.cpu;
    let start = Instant::now();
    let mut tasks = tokio::task::JoinSet::new();
    for message in 0..MILLION / RECIPIENTS {
        if tasks.len() >= ABREAST {
            tasks.join_next().await.context("no task")???;
        }
        let ledger = Arc::clone(ledger);
        tasks.spawn(async move { live(&ledger, from + message * RECIPIENTS).await });
    }
    while let Some(done) = tasks.join_next().await {
        done??;
    }
    let cpu = usage(std::process::id())?.cpu.saturating_sub(before);
    Ok((cpu.as_secs_f64(), start.elapsed().as_secs_f64()))
}

/// One message of a hundred recipients, numbered from `first`, one vendor call each.
async fn live(ledger: &LocalLedger, first: u64) -> Result<()> {
    let now = SystemClock.now();
    let mut accepted = loop {
        match ledger.accept(vec![message(first, now)], now).await {
            Err(austin_ports::ledger::Error::Busy { .. }) => {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            other => break other?,
        }
    };
    let items = accepted.remove(0).ready;
    let starts = items
        .iter()
        .map(|item| AttemptStart {
            delivery: item.id,
            attempt: 1,
            account: ACCOUNT,
            lease_until: now.plus(Duration::from_secs(60)),
        })
        .collect();
    ledger.begin(starts, now).await?;
    let calls = items.iter().map(|item| call(item, now)).collect();
    let settlements = (0u32..)
        .zip(&items)
        .map(|(index, item)| settlement(index, item))
        .collect();
    ledger.settle(calls, settlements, now).await?;
    Ok(())
}

const ACCOUNT: AccountId = AccountId::from_u64(1);

fn phone(number: u64) -> String {
    // Scattered, so that neighbours in time are not neighbours in an index; a bijection.
    format!(
        "+861{:010}",
        number.wrapping_mul(7_368_787) % 10_000_000_000
    )
}

fn message(first: u64, now: Timestamp) -> NewMessage {
    NewMessage {
        app: AppId::from_u64(1),
        template: TemplateId::from_u64(1),
        version: 1,
        lane: Lane {
            channel: Channel::Sms,
            class: Class::Notification,
        },
        request_id: "req_bench".into(),
        reference: Some(format!("order-{first}")),
        vars: Vars::from([("order".into(), "A1".into())]),
        attachments: Vec::new(),
        account: None,
        expires_at: now.plus(Duration::from_secs(86_400)),
        deliveries: (first..first + RECIPIENTS)
            .map(|number| NewDelivery {
                to: phone(number),
                vars: None,
                secret_vars: None,
                reference: None,
                state: State::Accepted,
                due_at: None,
                reason: None,
                facts: None,
            })
            .collect(),
    }
}

fn call(item: &WorkItem, now: Timestamp) -> CallRecord {
    CallRecord {
        account: ACCOUNT,
        started_at: now,
        took: Duration::from_millis(3),
        recipients: 1,
        request: format!(
            "POST https://vendor.example/sim/send\n\n{{\"to\":\"{}\"}}{:120}",
            item.to, ""
        ),
        answer: format!(
            "200\n\n{{\"results\":[{{\"code\":\"ok\",\"id\":\"{}\"}}]}}",
            vendor_id(item.id)
        ),
    }
}

fn vendor_id(id: DeliveryId) -> String {
    format!("v-{:x}", id.as_u64().wrapping_mul(0x9e37_79b9_7f4a_7c15))
}

fn settlement(call: u32, item: &WorkItem) -> Settlement {
    Settlement {
        delivery: item.id,
        attempt: 1,
        call: Some(call),
        verdict: Verdict::Accepted(Acceptance {
            vendor_id: Some(vendor_id(item.id)),
            ..Acceptance::default()
        }),
        segments: Some(1),
        next: Next::End {
            state: State::Sent,
            reason: None,
        },
    }
}

/// A delivery to be looked up.
struct Known {
    number: u64,
    id: DeliveryId,
    vendor_id: String,
}

/// First pages by person, reference, vendor id and id.
async fn look_ups(ledger: &LocalLedger, rows: u64) -> Result<Vec<Figure>> {
    let mut known = Vec::new();
    for sample in 0..SAMPLES {
        let number = sample * (rows / SAMPLES);
        let filter = Filter {
            to: Some(phone(number)),
            limit: 1,
            ..Filter::default()
        };
        let row = ledger
            .find(filter)
            .await?
            .rows
            .into_iter()
            .next()
            .context("a row is missing")?;
        let vendor_id = row.vendor_id.context("no vendor id")?;
        known.push(Known {
            number,
            id: row.id,
            vendor_id,
        });
    }
    let cold = if drop_page_cache() {
        "page cache dropped"
    } else {
        "cache not dropped"
    };
    let mut figures = timed(ledger, &known, cold).await?;
    figures.extend(timed(ledger, &known, "warm").await?);
    Ok(figures)
}

/// Looks all of them up in each way; median and worst.
async fn timed(ledger: &LocalLedger, known: &[Known], how: &str) -> Result<Vec<Figure>> {
    let mut by_what: [Vec<f64>; 4] = Default::default();
    for Known {
        number,
        id,
        vendor_id,
    } in known
    {
        let to = Filter {
            to: Some(phone(*number)),
            ..Filter::default()
        };
        by_what[0].push(page(ledger, to, *id).await?);
        // A message of a hundred: its page begins with its last recipient.
        let order = format!("order-{}", number - number % RECIPIENTS);
        let reference = Filter {
            reference: Some(order),
            ..Filter::default()
        };
        let last = DeliveryId::from_u64(id.as_u64() + RECIPIENTS - 1 - number % RECIPIENTS);
        by_what[1].push(page(ledger, reference, last).await?);
        let vendor_id = Filter {
            vendor_id: Some(vendor_id.clone()),
            ..Filter::default()
        };
        by_what[2].push(page(ledger, vendor_id, *id).await?);
        let start = Instant::now();
        ledger.evidence(*id).await?.context("no evidence")?;
        by_what[3].push(start.elapsed().as_secs_f64() * 1000.0);
    }
    let mut figures = Vec::new();
    for (what, mut times) in ["person", "ref", "vendor id", "id"]
        .into_iter()
        .zip(by_what)
    {
        times.sort_by(f64::total_cmp);
        let middle = times.get(times.len() / 2).copied().unwrap_or_default();
        let worst = times.last().copied().unwrap_or_default();
        let what = |figure| format!("look-up by {what}, {figure}, {how}");
        figures.push(Figure::new(SCENARIO, what("median"), middle, "ms", ""));
        figures.push(Figure::new(
            SCENARIO,
            what("worst"),
            worst,
            "ms",
            "goal ≤ 50",
        ));
    }
    Ok(figures)
}

/// Milliseconds of a first page, which must hold `wanted`.
async fn page(ledger: &LocalLedger, filter: Filter, wanted: DeliveryId) -> Result<f64> {
    let start = Instant::now();
    let found = ledger
        .find(Filter {
            limit: 50,
            ..filter
        })
        .await?;
    let took = start.elapsed().as_secs_f64() * 1000.0;
    if !found.rows.iter().any(|row| row.id == wanted) {
        bail!("{wanted} was not found");
    }
    Ok(took)
}

/// Whether the kernel let us drop its page cache (root only).
fn drop_page_cache() -> bool {
    std::process::Command::new("sync")
        .status()
        .is_ok_and(|status| status.success())
        && std::fs::write("/proc/sys/vm/drop_caches", "3").is_ok()
}

#[expect(clippy::cast_precision_loss, reason = "a figure for people")]
fn bytes_per_row(data: &Path, millions: u64) -> Result<f64> {
    let mut bytes = 0;
    let mut folders = vec![data.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder)? {
            let entry = entry?;
            if entry.file_type()?.is_dir() {
                folders.push(entry.path());
            } else {
                bytes += entry.metadata()?.len();
            }
        }
    }
    Ok(bytes as f64 / (millions * MILLION) as f64)
}
