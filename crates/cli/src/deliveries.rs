//! `austin deliveries`: look up deliveries, or one with everything known about it.

mod story;

use clap::Args;
use serde_json::Value;

use crate::api::{Target, encoded};
use crate::args::ServerArgs;
use crate::exit::Failure;
use crate::print;

pub(crate) use story::story;

const EXAMPLES: &str = "\
Examples:
  austin deliveries --to +8613711112201
  austin deliveries --state failed --from 2026-01-01T00:00:00Z --json
  austin deliveries dlv_04hmasw9nf6yg";

/// List deliveries, or show one with its timeline
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(crate) struct DeliveriesArgs {
    /// Show this delivery with its timeline, attempts and receipts
    id: Option<String>,
    #[command(flatten)]
    filter: Filter,
    /// Print JSON: one delivery a line, or the whole delivery
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    server: ServerArgs,
}

#[derive(Args, Debug)]
struct Filter {
    /// Recipient
    #[arg(long, conflicts_with = "id")]
    to: Option<String>,
    /// Your own name for the message or delivery
    #[arg(long = "ref", conflicts_with = "id")]
    reference: Option<String>,
    /// Message id
    #[arg(long, conflicts_with = "id")]
    message: Option<String>,
    /// Template key
    #[arg(long, conflicts_with = "id")]
    template: Option<String>,
    /// Account key
    #[arg(long, conflicts_with = "id")]
    account: Option<String>,
    /// The vendor's id
    #[arg(long, conflicts_with = "id")]
    vendor_id: Option<String>,
    /// State, e.g. delivered, failed, held
    #[arg(long, conflicts_with = "id")]
    state: Option<String>,
    /// Channel, e.g. sms, email
    #[arg(long, conflicts_with = "id")]
    channel: Option<String>,
    /// Accepted at or after this instant (RFC 3339)
    #[arg(long, conflicts_with = "id")]
    from: Option<String>,
    /// Accepted before this instant (RFC 3339)
    #[arg(long, conflicts_with = "id")]
    until: Option<String>,
    /// Most deliveries to list
    #[arg(long, default_value_t = 50)]
    limit: usize,
}

impl Filter {
    fn query(&self) -> String {
        let fields = [
            ("to", &self.to),
            ("ref", &self.reference),
            ("message", &self.message),
            ("template", &self.template),
            ("account", &self.account),
            ("vendor_id", &self.vendor_id),
            ("state", &self.state),
            ("channel", &self.channel),
            ("from", &self.from),
            ("until", &self.until),
        ];
        fields
            .into_iter()
            .filter_map(|(name, value)| Some(format!("{name}={}", encoded(value.as_ref()?))))
            .collect::<Vec<_>>()
            .join("&")
    }
}

/// Runs `austin deliveries`.
///
/// # Errors
/// When the server refuses or cannot be reached.
pub(crate) async fn run(args: DeliveriesArgs) -> Result<(), Failure> {
    let mut api = Target::parse(&args.server)?.connect().await?;
    if let Some(id) = &args.id {
        let delivery: Value = api.get(&format!("/v1/deliveries/{}", encoded(id))).await?;
        if args.json {
            print::line(&delivery.to_string());
        } else {
            print::line(story(&delivery).trim_end());
            print::line(story::attempts(&delivery).trim_end());
        }
        return Ok(());
    }
    let query = args.filter.query();
    let mut rows = Vec::new();
    let mut cursor: Option<String> = None;
    while rows.len() < args.filter.limit {
        let page = (args.filter.limit - rows.len()).min(200);
        let mut path = format!("/v1/deliveries?limit={page}&{query}");
        if let Some(cursor) = &cursor {
            path = format!("{path}&cursor={}", encoded(cursor));
        }
        let mut answer: Value = api.get(path.trim_end_matches('&')).await?;
        if let Value::Array(found) = answer["items"].take() {
            rows.extend(found);
        }
        cursor = answer["cursor"].as_str().map(ToOwned::to_owned);
        if cursor.is_none() {
            break;
        }
    }
    list(&rows, args.json, cursor.is_some());
    Ok(())
}

fn list(rows: &[Value], json: bool, more: bool) {
    if json {
        for row in rows {
            print::line(&row.to_string());
        }
        return;
    }
    let text = |row: &Value, name: &str| match &row[name] {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    };
    let cells: Vec<Vec<String>> = rows
        .iter()
        .map(|row| {
            let template = match &row["template"] {
                Value::Object(template) => template["key"].as_str().unwrap_or_default().to_owned(),
                _ => text(row, "template"),
            };
            vec![
                text(row, "id"),
                text(row, "state"),
                text(row, "to"),
                template,
                text(row, "account"),
                text(row, "accepted_at"),
                story::reason(&row["reason"]),
            ]
        })
        .collect();
    let heading = [
        "delivery", "state", "to", "template", "account", "accepted", "reason",
    ];
    print::table(&heading, &cells);
    if more {
        print::error("there are more; raise --limit or narrow the filter");
    }
}
