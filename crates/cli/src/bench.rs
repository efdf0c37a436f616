//! `austin bench`: a client-side load on a running server, and what it measured.

mod latency;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use clap::Args;
use http::Method;
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Map, Value, json};
use tokio_util::sync::CancellationToken;

use crate::api::Target;
use crate::args::ServerArgs;
use crate::bench::latency::Latencies;
use crate::exit::Failure;
use crate::{print, signals};

const EXAMPLES: &str = "\
Example, against `austin demo`:
  austin bench --key KEY --template welcome-sms --connections 64 --recipients 100 --duration 10

Recipients are made up from --recipient, where {n} becomes a running number of eight digits.
Against a server on another machine --confirm is needed: it really sends.";

/// Load a running server and measure it
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(crate) struct BenchArgs {
    /// Key of the template to send
    #[arg(long)]
    template: String,
    /// Requests at a time, each on a connection of its own
    #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(u16).range(1..=4096))]
    connections: u16,
    /// Recipients of each message
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=1000))]
    recipients: u16,
    /// Seconds to run
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u16).range(1..=3600))]
    duration: u16,
    /// How recipients are made; {n} becomes a running number of eight digits
    #[arg(long, default_value = "+86137{n}")]
    recipient: String,
    /// Value of a variable, for all recipients; may be repeated
    #[arg(long = "var", value_name = "NAME=VALUE", value_parser = crate::send::variable)]
    vars: Vec<(String, String)>,
    /// Yes, send to those recipients through a server on another machine
    #[arg(long)]
    confirm: bool,
    /// Print the figures as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    server: ServerArgs,
}

/// Runs `austin bench`. Refused requests and broken connections are counted, not hidden; they
/// make it end with exit code 3.
///
/// # Errors
/// When the server cannot be reached, or not every request was answered with 202.
pub(crate) async fn run(args: BenchArgs) -> Result<(), Failure> {
    let target = Target::parse(&args.server)?;
    if !target.is_local() && !args.confirm {
        return Err(Failure::usage(
            "the server is on another machine and would really send; add --confirm if it may",
        ));
    }
    if !args.recipient.contains("{n}") {
        return Err(Failure::usage(
            "--recipient needs {n}, or everybody is the same person",
        ));
    }
    let load = Arc::new(Load::new(&args));
    let stop = signals::stop_on_signal()?;
    let started = Instant::now();
    let mut workers = Vec::new();
    for _ in 0..args.connections {
        let api = target.connect().await?;
        workers.push(tokio::spawn(worker(load.clone(), api, stop.clone())));
    }
    watch(&load, &stop, Duration::from_secs(args.duration.into())).await;
    stop.cancel();
    let mut figures = Figures::default();
    for worker in workers {
        match worker.await {
            Ok(part) => figures.merge(&part),
            Err(error) => return Err(Failure::failed(format!("a connection failed: {error}"))),
        }
    }
    figures.report(started.elapsed(), args.json)
}

/// What all connections share.
struct Load {
    before: String,
    recipient: (String, String),
    per_request: u64,
    next: AtomicU64,
    accepted: AtomicU64,
}

impl Load {
    fn new(args: &BenchArgs) -> Self {
        let vars: Map<String, Value> = args
            .vars
            .iter()
            .map(|(name, value)| (name.clone(), json!(value)))
            .collect();
        let (head, tail) = args.recipient.split_once("{n}").unwrap_or_default();
        let quoted = |text: &str| json!(text).to_string().trim_matches('"').to_owned();
        // A run begins where the clock stands, so that two runs do not meet the same people.
        let begin = std::process::id().wrapping_mul(7_919) % 90_000_000;
        Self {
            before: format!(
                "{{\"template\":{},\"vars\":{},\"to\":[",
                json!(args.template),
                Value::Object(vars)
            ),
            recipient: (quoted(head), quoted(tail)),
            per_request: args.recipients.into(),
            next: AtomicU64::new(begin.into()),
            accepted: AtomicU64::new(0),
        }
    }

    fn body(&self) -> Bytes {
        use std::fmt::Write as _;
        let first = self.next.fetch_add(self.per_request, Ordering::Relaxed);
        let (head, tail) = &self.recipient;
        let mut body = String::with_capacity(self.before.len() + 24 * 100);
        body.push_str(&self.before);
        for n in first..first + self.per_request {
            let comma = if n == first { "" } else { "," };
            let _ = write!(body, "{comma}\"{head}{:08}{tail}\"", n % 100_000_000);
        }
        body.push_str("]}");
        Bytes::from(body)
    }
}

async fn worker(load: Arc<Load>, mut api: crate::api::Api, stop: CancellationToken) -> Figures {
    let mut figures = Figures::default();
    while !stop.is_cancelled() {
        let body = load.body();
        let began = Instant::now();
        match api.call(Method::POST, "/v1/messages", Some(body)).await {
            Ok(answer) => {
                figures.latencies.record(began.elapsed());
                figures.take(&answer, &load.accepted);
                if let Some(seconds) = answer.retry_after {
                    let pause = Duration::from_secs(seconds.min(5));
                    let _ = tokio::time::timeout(pause, stop.cancelled()).await;
                }
            }
            Err(failure) => {
                figures.broken += 1;
                figures
                    .why
                    .get_or_insert_with(|| failure.message().to_owned());
                let _ = tokio::time::timeout(Duration::from_millis(200), stop.cancelled()).await;
            }
        }
    }
    figures
}

/// Shows progress until the time is over or somebody stops it.
async fn watch(load: &Load, stop: &CancellationToken, length: Duration) {
    let bar = ProgressBar::new(length.as_secs());
    if let Ok(style) = ProgressStyle::with_template("{bar:40} {pos}/{len} s  {msg}") {
        bar.set_style(style);
    }
    let began = Instant::now();
    let mut before = 0;
    while began.elapsed() < length && !stop.is_cancelled() {
        let left = length.saturating_sub(began.elapsed());
        let _ = tokio::time::timeout(left.min(Duration::from_secs(1)), stop.cancelled()).await;
        let now = load.accepted.load(Ordering::Relaxed);
        bar.set_position(began.elapsed().as_secs());
        bar.set_message(format!("{} deliveries/s", now - before));
        before = now;
    }
    bar.finish_and_clear();
}

/// What one connection, or all of them, saw.
#[derive(Debug, Default)]
struct Figures {
    requests: u64,
    deliveries: u64,
    refused: u64,
    broken: u64,
    why: Option<String>,
    latencies: Latencies,
}

impl Figures {
    fn take(&mut self, answer: &crate::api::Answer, accepted: &AtomicU64) {
        self.requests += 1;
        match answer.json::<Value>() {
            Ok(body) => {
                let count = body["accepted"].as_u64().unwrap_or(0);
                self.deliveries += count;
                accepted.fetch_add(count, Ordering::Relaxed);
            }
            Err(failure) => {
                self.refused += 1;
                self.why.get_or_insert_with(|| failure.message().to_owned());
            }
        }
    }

    fn merge(&mut self, other: &Self) {
        self.requests += other.requests;
        self.deliveries += other.deliveries;
        self.refused += other.refused;
        self.broken += other.broken;
        if self.why.is_none() {
            self.why.clone_from(&other.why);
        }
        self.latencies.merge(&other.latencies);
    }

    fn report(&self, took: Duration, json: bool) -> Result<(), Failure> {
        let seconds = took.as_secs_f64().max(0.001);
        #[expect(clippy::cast_precision_loss, reason = "rates for people")]
        let rate = |count: u64| (count as f64 / seconds).round();
        let millis = |share: f64| self.latencies.quantile(share).as_secs_f64() * 1_000.0;
        if json {
            print::line(
                &json!({
                    "seconds": seconds,
                    "requests": self.requests, "requests_per_second": rate(self.requests),
                    "deliveries": self.deliveries, "deliveries_per_second": rate(self.deliveries),
                    "refused": self.refused, "broken": self.broken,
                    "latency_ms": {"p50": millis(0.5), "p90": millis(0.9), "p99": millis(0.99),
                        "p999": millis(0.999), "max": millis(1.0)},
                })
                .to_string(),
            );
        } else {
            print::line(&format!(
                "{} requests in {seconds:.1} s: {}/s, {} deliveries: {}/s",
                self.requests,
                rate(self.requests),
                self.deliveries,
                rate(self.deliveries)
            ));
            print::line(&format!(
                "latency: p50 {:.2} ms, p90 {:.2} ms, p99 {:.2} ms, p99.9 {:.2} ms, max {:.2} ms",
                millis(0.5),
                millis(0.9),
                millis(0.99),
                millis(0.999),
                millis(1.0)
            ));
        }
        match &self.why {
            None => Ok(()),
            Some(why) => Err(Failure::refused(format!(
                "{} requests were refused and {} broke off; the first: {why}",
                self.refused, self.broken
            ))),
        }
    }
}
