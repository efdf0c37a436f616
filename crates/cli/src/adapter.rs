//! `austin adapter`: teach austin a vendor — a folder of files, checked here, uploaded there.

mod folder;
mod offline;
mod skeleton;

use std::path::PathBuf;

use clap::{Args, Subcommand};
use http::Method;
use serde_json::{Value, json};

use crate::api::{Api, Target, encoded};
use crate::args::ServerArgs;
use crate::exit::Failure;
use crate::print;

use folder::Folder;

const EXAMPLES: &str = "\
An adapter is a folder: definition.json says what it is and, without script.js, everything it does;
examples.json holds recorded requests and answers that every version is checked against. The guide
is docs/adding-a-vendor.md.

Examples:
  austin adapter new acme-sms
  austin adapter check ./acme-sms
  austin adapter push ./acme-sms --canary 10 --promote-after 10m
  austin adapter rollback acme-sms --reason \"wrong signature for long texts\"";

/// Teach austin a vendor
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(crate) struct AdapterArgs {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand, Debug)]
enum What {
    /// Write a folder to start from, with comments
    New(NewArgs),
    /// Load a folder and run its examples, here, without a server
    Check(CheckArgs),
    /// Upload a folder as a new version and check it there
    Push(PushArgs),
    /// Write a version from the server into a folder
    Pull(PullArgs),
    /// List adapters and their versions
    List(ListArgs),
    /// End a trial, or go back to the version before
    Rollback(RollbackArgs),
}

#[derive(Args, Debug)]
struct NewArgs {
    /// Its name, e.g. acme-sms; also the folder's
    name: String,
    /// With a script, for what a definition cannot say
    #[arg(long, conflicts_with = "declarative")]
    script: bool,
    /// Without code; what happens without a flag, too
    #[arg(long)]
    declarative: bool,
    /// One that comes with austin, by its name: huawei-sms, lintong-sms, vonage-sms
    #[arg(long, conflicts_with_all = ["declarative", "script"])]
    shipped: bool,
    /// Where to make the folder
    #[arg(long, value_name = "DIR", default_value = ".")]
    into: PathBuf,
}

#[derive(Args, Debug)]
struct CheckArgs {
    /// The folder
    dir: PathBuf,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Args, Debug)]
struct PushArgs {
    /// The folder
    dir: PathBuf,
    /// Use it at once, if it passes its check
    #[arg(long, conflicts_with = "canary")]
    activate: bool,
    /// Give it this share of the calls, 1 to 50 per cent, if it passes its check
    #[arg(long, value_name = "PERCENT")]
    canary: Option<u8>,
    /// With --canary: use it for everything after this time, if it does no worse, e.g. 10m
    #[arg(long, value_name = "TIME", requires = "canary")]
    promote_after: Option<String>,
    /// Send one message to a simulated vendor at this URL as part of the check
    #[arg(long, value_name = "URL")]
    live: Option<String>,
    /// Why, for people who read the history
    #[arg(long)]
    reason: Option<String>,
    #[command(flatten)]
    server: ServerArgs,
}

#[derive(Args, Debug)]
struct PullArgs {
    /// The adapter
    name: String,
    /// The folder to write; files in it are replaced
    dir: PathBuf,
    /// Which version; the one in use, else the newest, when not given
    #[arg(long)]
    version: Option<u32>,
    #[command(flatten)]
    server: ServerArgs,
}

#[derive(Args, Debug)]
struct ListArgs {
    /// Only this one, with its versions
    name: Option<String>,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    server: ServerArgs,
}

#[derive(Args, Debug)]
struct RollbackArgs {
    /// The adapter
    name: String,
    /// Why, for people who read the history
    #[arg(long)]
    reason: Option<String>,
    #[command(flatten)]
    server: ServerArgs,
}

/// Runs `austin adapter`.
///
/// # Errors
/// When files or examples are wrong, or the server refuses.
pub(crate) async fn run(args: AdapterArgs) -> Result<(), Failure> {
    match args.what {
        What::New(args) => {
            if args.shipped {
                let made = skeleton::write_shipped(&args.into, &args.name)?;
                let made = made.display();
                print::line(&format!(
                    "{made} is ready: austin adapter push {made} --activate"
                ));
                return Ok(());
            }
            let made = skeleton::write_folder(&args.into, &args.name, args.script)?;
            print::line(&format!(
                "{} is ready; its README says what to do",
                made.display()
            ));
            Ok(())
        }
        What::Check(args) => offline::check(&Folder::read(&args.dir)?, args.json).await,
        What::Push(args) => push(args).await,
        What::Pull(args) => pull(args).await,
        What::List(args) => list(args).await,
        What::Rollback(args) => {
            let mut api = Target::parse(&args.server)?.connect().await?;
            let path = format!("/v1/adapters/{}/rollback", encoded(&args.name));
            let body = json!({ "reason": args.reason });
            let adapter = api.send(Method::POST, &path, &body).await?;
            print::line(&in_use(&args.name, &adapter));
            Ok(())
        }
    }
}

async fn push(args: PushArgs) -> Result<(), Failure> {
    let folder = Folder::read(&args.dir)?;
    let mut api = Target::parse(&args.server)?.connect().await?;
    let path = format!("/v1/adapters/{}", encoded(&folder.name));
    let body = json!({
        "definition": folder.definition, "script": folder.script,
        "examples": folder.examples, "reason": args.reason,
    });
    let uploaded = api.send(Method::PUT, &path, &body).await?;
    let version = uploaded["version"].as_u64().unwrap_or_default();
    print::line(&format!("{} version {version} is uploaded", folder.name));
    checked(&mut api, &path, version, args.live.as_deref()).await?;
    let (word, body) = if args.activate {
        (
            "activate",
            json!({ "version": version, "reason": args.reason }),
        )
    } else if let Some(percent) = args.canary {
        let body = json!({
            "version": version, "percent": percent, "promote_after": args.promote_after,
            "reason": args.reason,
        });
        ("canary", body)
    } else {
        return Ok(());
    };
    let adapter = api
        .send(Method::POST, &format!("{path}/{word}"), &body)
        .await?;
    print::line(&in_use(&folder.name, &adapter));
    Ok(())
}

/// Checks a version on the server and prints what the check came to.
async fn checked(
    api: &mut Api,
    path: &str,
    version: u64,
    live: Option<&str>,
) -> Result<(), Failure> {
    let mut body = json!({ "version": version });
    if let Some(endpoint) = live {
        body["live"] = json!({ "endpoint": endpoint });
    }
    let check = api
        .send(Method::POST, &format!("{path}/check"), &body)
        .await?;
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    for failure in check["failures"].as_array().into_iter().flatten() {
        print::line(&format!(
            "  {} {}: {}",
            text(&failure["example"]),
            text(&failure["pointer"]),
            text(&failure["detail"])
        ));
    }
    let live = &check["live"];
    if live.is_object() {
        print::line(&format!(
            "  live: {} {} {}",
            text(&live["verdict"]),
            text(&live["code"]),
            text(&live["detail"])
        ));
    }
    if check["passed"] != true {
        return Err(Failure::failed(
            "the check failed; nothing in use has changed",
        ));
    }
    print::line(&format!(
        "{} examples came out as recorded",
        check["examples"]
    ));
    Ok(())
}

async fn pull(args: PullArgs) -> Result<(), Failure> {
    let mut api = Target::parse(&args.server)?.connect().await?;
    let path = format!("/v1/adapters/{}", encoded(&args.name));
    let number = match args.version {
        Some(number) => u64::from(number),
        None => {
            let adapter: Value = api.get(&path).await?;
            let uploaded = &adapter["uploaded"];
            let newest = &uploaded["versions"][0]["version"];
            let wanted = uploaded["active"].as_u64().or_else(|| newest.as_u64());
            wanted.ok_or_else(|| {
                Failure::refused(format!("{} is built in and has no source here", args.name))
            })?
        }
    };
    let version: Value = api.get(&format!("{path}/versions/{number}")).await?;
    let folder = Folder {
        name: args.name,
        definition: version["definition"].clone(),
        script: version["script"].as_str().map(ToOwned::to_owned),
        examples: version["examples"].clone(),
    };
    folder.write(&args.dir)?;
    print::line(&format!("version {number} is in {}", args.dir.display()));
    Ok(())
}

async fn list(args: ListArgs) -> Result<(), Failure> {
    let mut api = Target::parse(&args.server)?.connect().await?;
    if let Some(name) = &args.name {
        let adapter: Value = api.get(&format!("/v1/adapters/{}", encoded(name))).await?;
        if args.json {
            print::line(&adapter.to_string());
            return Ok(());
        }
        print::line(&in_use(name, &adapter));
        let versions = adapter["uploaded"]["versions"].as_array();
        let rows: Vec<Vec<String>> = versions.into_iter().flatten().map(version_row).collect();
        if !rows.is_empty() {
            let heading = ["version", "state", "author", "uploaded", "failed", "note"];
            print::table(&heading, &rows);
        }
        return Ok(());
    }
    let adapters: Value = api.get("/v1/adapters").await?;
    let items = adapters["items"].as_array().into_iter().flatten();
    if args.json {
        items.for_each(|item| print::line(&item.to_string()));
        return Ok(());
    }
    let rows: Vec<Vec<String>> = items.map(row).collect();
    print::table(
        &["adapter", "title", "channels", "in use", "on trial"],
        &rows,
    );
    Ok(())
}

fn row(adapter: &Value) -> Vec<String> {
    let uploaded = &adapter["uploaded"];
    let channels = adapter["channels"].as_array().into_iter().flatten();
    let channels: Vec<&str> = channels.filter_map(Value::as_str).collect();
    let active = match uploaded["active"].as_u64() {
        Some(version) => format!("version {version}"),
        None if adapter["built_in"] == true => "built in".into(),
        None => "none".into(),
    };
    let canary = &uploaded["canary"];
    let trial = canary["version"]
        .as_u64()
        .map(|version| format!("version {version}, {} %", canary["percent"]));
    vec![
        text(&adapter["name"]),
        text(&adapter["title"]),
        match channels.len() {
            0..=3 => channels.join(", "),
            many => format!("{many} channels"),
        },
        active,
        trial.unwrap_or_default(),
    ]
}

fn version_row(version: &Value) -> Vec<String> {
    let recent = &version["recent"];
    let failed = recent["attempts"]
        .as_u64()
        .map(|attempts| format!("{} of {attempts}", recent["errors"]));
    vec![
        version["version"].to_string(),
        text(&version["state"]),
        text(&version["author"]),
        text(&version["created_at"]),
        failed.unwrap_or_default(),
        text(&version["note"]),
    ]
}

/// Which version is in use, in one sentence.
fn in_use(name: &str, adapter: &Value) -> String {
    let uploaded = &adapter["uploaded"];
    let mut said = match uploaded["active"].as_u64() {
        Some(version) => format!("{name}: version {version} is in use"),
        None if adapter["built_in"] == true => format!("{name} is built in"),
        None => format!("{name}: no version is in use"),
    };
    let canary = &uploaded["canary"];
    if let Some(version) = canary["version"].as_u64() {
        said.push_str(&format!(
            ", version {version} is on trial with {} % of the calls",
            canary["percent"]
        ));
    }
    if let Some(fault) = uploaded["fault"].as_str() {
        said.push_str(&format!("\n{fault}"));
    }
    said
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_in_use_is_said_in_one_sentence() {
        let adapter = json!({"built_in": false, "uploaded": {
            "active": 2, "canary": {"version": 3, "percent": 10}, "fault": null}});
        assert_eq!(
            in_use("acme", &adapter),
            "acme: version 2 is in use, version 3 is on trial with 10 % of the calls"
        );
        let none = json!({"built_in": false, "uploaded": {"active": null, "fault": "it broke"}});
        assert_eq!(
            in_use("acme", &none),
            "acme: no version is in use\nit broke"
        );
        assert_eq!(
            in_use("webhook", &json!({"built_in": true})),
            "webhook is built in"
        );
    }
}
