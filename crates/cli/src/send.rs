//! `austin send`: one template to people on the command line or in a CSV file.

mod people;

use std::path::PathBuf;

use bytes::Bytes;
use clap::Args;
use http::Method;
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Map, Value, json};

use crate::api::{Api, Target};
use crate::args::ServerArgs;
use crate::exit::Failure;
use crate::print;
use crate::send::people::Person;

/// Most recipients in one request; the API's own limit is 1,000.
const PER_REQUEST: usize = 500;
/// How often a request is made again after 429 or 503.
const PATIENCE: u32 = 20;

const EXAMPLES: &str = "\
Examples:
  austin send order-shipped +8613711112201 --var order=A1
  austin send spring-sale --vars-file people.csv --json > answers.ndjson

The file has a heading: `to`, optionally `ref`, and the names of variables:
  to,ref,name,order
  +8613711112201,row-1,Li,A1";

/// Send a template to one person or to a file of people
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(crate) struct SendArgs {
    /// Key of the template
    template: String,
    /// Recipients: phones, e-mail addresses, … as the template's channel takes
    #[arg(required_unless_present = "vars_file", conflicts_with = "vars_file")]
    to: Vec<String>,
    /// Value of a variable, for all recipients; may be repeated
    #[arg(long = "var", value_name = "NAME=VALUE", value_parser = variable)]
    vars: Vec<(String, String)>,
    /// CSV file of recipients and their variables
    #[arg(long, value_name = "FILE")]
    vars_file: Option<PathBuf>,
    /// Your own name for the message, to find it again
    #[arg(long = "ref", value_name = "TEXT")]
    reference: Option<String>,
    /// Not before this instant (RFC 3339)
    #[arg(long, value_name = "TIME")]
    send_at: Option<String>,
    /// Not after this instant (RFC 3339)
    #[arg(long, value_name = "TIME")]
    expires_at: Option<String>,
    /// Key of the only account that may send it
    #[arg(long)]
    account: Option<String>,
    /// Print the server's answers as JSON, one a line
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    server: ServerArgs,
}

/// `NAME=VALUE` of a flag.
pub(crate) fn variable(text: &str) -> Result<(String, String), String> {
    text.split_once('=')
        .filter(|(name, _)| !name.is_empty())
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .ok_or_else(|| "expected NAME=VALUE".into())
}

/// Runs `austin send`. Refused recipients are told on stderr and end it with exit code 3, after
/// everybody else was sent to.
///
/// # Errors
/// When the file cannot be read, or the server refuses or breaks off.
pub(crate) async fn run(args: SendArgs) -> Result<(), Failure> {
    let target = Target::parse(&args.server)?;
    let people = match &args.vars_file {
        Some(path) => {
            let text = std::fs::read_to_string(path).map_err(|error| {
                Failure::usage(format!("cannot read {}: {error}", path.display()))
            })?;
            people::parse(&text)
                .map_err(|why| Failure::usage(format!("{}: {why}", path.display())))?
        }
        None => args.to.iter().map(|to| Person::new(to)).collect(),
    };
    let mut api = target.connect().await?;
    let bar = progress(people.len());
    let mut totals = Totals::default();
    for (index, chunk) in people.chunks(PER_REQUEST).enumerate() {
        let first = index * PER_REQUEST;
        let answer = post(&mut api, &request(&args, chunk))
            .await
            .map_err(|failure| {
                Failure::refused(format!(
                    "{}\nrecipients {} to {} were not confirmed; {first} before them were",
                    failure.message(),
                    first + 1,
                    first + chunk.len(),
                ))
            })?;
        totals.add(&answer, first, args.json);
        bar.inc(chunk.len() as u64);
    }
    bar.finish_and_clear();
    totals.report(people.len(), args.json)
}

fn request(args: &SendArgs, people: &[Person]) -> Value {
    let shared: Map<String, Value> = args
        .vars
        .iter()
        .map(|(name, value)| (name.clone(), Value::String(value.clone())))
        .collect();
    let mut body = json!({
        "template": args.template,
        "to": people.iter().map(Person::json).collect::<Vec<_>>(),
        "vars": shared,
    });
    let optional = [
        ("ref", &args.reference),
        ("send_at", &args.send_at),
        ("expires_at", &args.expires_at),
        ("account", &args.account),
    ];
    for (name, value) in optional {
        if let Some(value) = value {
            body[name] = Value::String(value.clone());
        }
    }
    body
}

/// Posts a message; a server that is full is asked again when it says, since it took nothing.
async fn post(api: &mut Api, body: &Value) -> Result<Value, Failure> {
    let body = Bytes::from(body.to_string());
    for _ in 0..PATIENCE {
        let answer = api
            .call(Method::POST, "/v1/messages", Some(body.clone()))
            .await?;
        if !matches!(answer.status.as_u16(), 429 | 503) {
            return answer.json();
        }
        let seconds = answer.retry_after.unwrap_or(1).clamp(1, 30);
        tokio::time::sleep(std::time::Duration::from_secs(seconds)).await;
    }
    Err(Failure::refused("the server stayed full"))
}

fn progress(people: usize) -> ProgressBar {
    if people <= PER_REQUEST {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new(people as u64);
    if let Ok(style) =
        ProgressStyle::with_template("{bar:40} {pos}/{len} recipients, {per_sec}, {eta} left")
    {
        bar.set_style(style);
    }
    bar
}

#[derive(Debug, Default)]
struct Totals {
    accepted: u64,
    rejected: u64,
}

impl Totals {
    fn add(&mut self, answer: &Value, first: usize, json: bool) {
        if json {
            print::line(&answer.to_string());
        }
        self.accepted += answer["accepted"].as_u64().unwrap_or(0);
        for rejected in answer["rejected"].as_array().into_iter().flatten() {
            self.rejected += 1;
            let index = rejected["index"].as_u64().unwrap_or(0) + first as u64 + 1;
            let word = |name: &str| rejected[name].as_str().unwrap_or_default().to_owned();
            print::error(&format!(
                "recipient {index}: {}: {}",
                word("code"),
                word("detail")
            ));
        }
        if json {
            return;
        }
        let id = answer["id"].as_str().unwrap_or_default();
        let deliveries = answer["deliveries"]
            .as_array()
            .map_or(&[][..], Vec::as_slice);
        match deliveries {
            [one] => print::line(&format!(
                "{id}  {}  {}",
                one["id"].as_str().unwrap_or_default(),
                one["state"].as_str().unwrap_or_default()
            )),
            many => print::line(&format!("{id}  {} deliveries", many.len())),
        }
    }

    fn report(&self, people: usize, json: bool) -> Result<(), Failure> {
        if people > 1 && !json {
            print::line(&format!(
                "{} accepted, {} refused",
                self.accepted, self.rejected
            ));
        }
        if self.rejected > 0 {
            return Err(Failure::refused(format!(
                "{} of {people} recipients were refused",
                self.rejected
            )));
        }
        Ok(())
    }
}
