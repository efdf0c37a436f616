//! `austin suppression`: who must not be messaged.

mod upload;

use clap::{Args, Subcommand};
use http::Method;
use serde_json::{Value, json};

use crate::api::{Api, Target, encoded};
use crate::args::ServerArgs;
use crate::exit::Failure;
use crate::print;

const EXAMPLES: &str = "\
A file is CSV in UTF-8 or GBK; its first row names the columns: to, and where wanted channel,
reason, until, note. Importing it again doubles nothing.

Examples:
  austin suppression import unsubscribed.csv --channel sms --reason opt_out
  austin suppression list --to +8613711112200
  austin suppression add li@corp.example --channel email --note \"asked by phone\"
  austin suppression lift +8613711112200 --reason \"asked for it at the shop\"";

/// Keep people from being messaged
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(crate) struct SuppressionArgs {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand, Debug)]
enum What {
    /// Add everybody in a CSV file
    Import(upload::ImportArgs),
    /// List suppressions, newest first
    List(ListArgs),
    /// Add one
    Add(AddArgs),
    /// Lift one, or all of an address
    Lift(LiftArgs),
}

#[derive(Args, Debug)]
struct ListArgs {
    /// Address
    #[arg(long)]
    to: Option<String>,
    /// Channel, or all
    #[arg(long)]
    channel: Option<String>,
    /// opt_out, complaint, hard_bounce, blocked, manual
    #[arg(long)]
    reason: Option<String>,
    /// api, import, receipt, reply, unsubscribe
    #[arg(long)]
    source: Option<String>,
    /// Also those that are lifted or over
    #[arg(long)]
    all: bool,
    /// Most to list
    #[arg(long, default_value_t = 50)]
    limit: usize,
    /// Print JSON, one a line
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    server: ServerArgs,
}

#[derive(Args, Debug)]
struct AddArgs {
    /// The address
    to: String,
    /// Channel, or all
    #[arg(long, default_value = "all")]
    channel: String,
    /// opt_out, complaint, hard_bounce, blocked, manual
    #[arg(long, default_value = "manual")]
    reason: String,
    /// When it ends, e.g. 2027-01-01T00:00:00Z
    #[arg(long, value_name = "TIME")]
    until: Option<String>,
    /// For people who read the history
    #[arg(long)]
    note: Option<String>,
    #[command(flatten)]
    server: ServerArgs,
}

#[derive(Args, Debug)]
struct LiftArgs {
    /// An id (sup_…), or an address: then everything in force for it
    what: String,
    /// Only those for this channel, or for all
    #[arg(long)]
    channel: Option<String>,
    /// Why, for people who read the history
    #[arg(long)]
    reason: String,
    #[command(flatten)]
    server: ServerArgs,
}

/// Runs `austin suppression`.
///
/// # Errors
/// When the server refuses, or rows of a file are wrong.
pub(crate) async fn run(args: SuppressionArgs) -> Result<(), Failure> {
    match args.what {
        What::Import(args) => upload::run(args).await,
        What::List(args) => list(args).await,
        What::Add(args) => add(args).await,
        What::Lift(args) => lift(args).await,
    }
}

async fn list(args: ListArgs) -> Result<(), Failure> {
    let mut api = Target::parse(&args.server)?.connect().await?;
    let active = (!args.all).then(|| "true".to_owned());
    let wanted = [
        ("to", args.to),
        ("channel", args.channel),
        ("reason", args.reason),
        ("source", args.source),
        ("active", active),
    ];
    let found = find(&mut api, &wanted, args.limit).await?;
    if args.json {
        found
            .iter()
            .for_each(|entry| print::line(&entry.to_string()));
        return Ok(());
    }
    let rows: Vec<Vec<String>> = found.iter().map(row).collect();
    let heading = [
        "id", "to", "channel", "reason", "source", "since", "until", "note",
    ];
    print::table(&heading, &rows);
    Ok(())
}

/// The newest that fit, at most `most`.
async fn find(
    api: &mut Api,
    wanted: &[(&str, Option<String>)],
    most: usize,
) -> Result<Vec<Value>, Failure> {
    let mut query = String::new();
    for (name, value) in wanted {
        if let Some(value) = value {
            query.push_str(&format!("&{name}={}", encoded(value)));
        }
    }
    let mut found = Vec::new();
    let mut cursor = String::new();
    loop {
        let page = (most - found.len()).clamp(1, 200);
        let path = format!("/v1/suppressions?limit={page}{query}{cursor}");
        let answer: Value = api.get(&path).await?;
        found.extend(answer["items"].as_array().into_iter().flatten().cloned());
        match answer["cursor"].as_str() {
            Some(next) if found.len() < most => cursor = format!("&cursor={}", encoded(next)),
            _ => {
                found.truncate(most);
                return Ok(found);
            }
        }
    }
}

fn row(entry: &Value) -> Vec<String> {
    let text = |name: &str| entry[name].as_str().unwrap_or_default().to_owned();
    let until = match entry["lifted_at"].as_str() {
        Some(at) => format!("lifted {at}"),
        None => text("until"),
    };
    vec![
        text("id"),
        text("to"),
        text("channel"),
        text("reason"),
        text("source"),
        text("created_at"),
        until,
        text("note"),
    ]
}

async fn add(args: AddArgs) -> Result<(), Failure> {
    let mut api = Target::parse(&args.server)?.connect().await?;
    let body = json!({
        "to": args.to, "channel": args.channel, "reason": args.reason, "until": args.until,
        "note": args.note,
    });
    let entry = api.send(Method::POST, "/v1/suppressions", &body).await?;
    let id = entry["id"].as_str().unwrap_or_default();
    print::line(&format!("{id} is in force"));
    Ok(())
}

async fn lift(args: LiftArgs) -> Result<(), Failure> {
    let mut api = Target::parse(&args.server)?.connect().await?;
    let ids = if args.what.starts_with("sup_") {
        vec![args.what.clone()]
    } else {
        let wanted = [
            ("to", Some(args.what)),
            ("channel", args.channel),
            ("active", Some("true".into())),
        ];
        let found = find(&mut api, &wanted, 1_000).await?;
        let ids = found.iter().filter_map(|entry| entry["id"].as_str());
        ids.map(ToOwned::to_owned).collect()
    };
    if ids.is_empty() {
        return Err(Failure::failed("nothing is in force for this address"));
    }
    let body = json!({ "reason": args.reason });
    for id in ids {
        let path = format!("/v1/suppressions/{}/lift", encoded(&id));
        let entry = api.send(Method::POST, &path, &body).await?;
        let reason = entry["reason"].as_str().unwrap_or_default();
        print::line(&format!("{id} ({reason}) is lifted"));
    }
    Ok(())
}
