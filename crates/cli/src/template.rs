//! `austin template`: templates as code — a readable file each, checked here, pushed there.

mod files;
mod form;
mod toml_text;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use austin_domain::template::diff::{self, Difference};
use clap::{Args, Subcommand};
use http::{Method, StatusCode};
use serde_json::{Value, json};

use crate::api::{Api, Target, encoded};
use crate::args::ServerArgs;
use crate::exit::Failure;
use crate::print;

use files::Folder;

const EXAMPLES: &str = "\
A folder holds one file a template, KEY.toml; long texts and HTML may stand in files of their own
beside it. The format is described in docs/templates.md; examples/templates has some to copy.

Examples:
  austin template pull ./templates --team logistics
  austin template check ./templates
  austin template push ./templates --dry-run
  austin template push ./templates --submit --reason \"autumn wording\"";

/// Keep templates as files: pull, check, push
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(crate) struct TemplateArgs {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand, Debug)]
enum What {
    /// Write templates from the server into a folder
    Pull(PullArgs),
    /// Make the server say what a folder says
    Push(PushArgs),
    /// Check a folder, here, without a server
    Check(CheckArgs),
}

#[derive(Args, Debug)]
struct PullArgs {
    /// The folder; made when it is not there. Files that say the same already stay as they are
    dir: PathBuf,
    /// Only these templates, by key
    keys: Vec<String>,
    /// Only templates of this team
    #[arg(long)]
    team: Option<String>,
    /// Show what would change and write nothing
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    server: ServerArgs,
}

#[derive(Args, Debug)]
struct PushArgs {
    /// The folder
    dir: PathBuf,
    /// Only these templates, by key
    keys: Vec<String>,
    /// Show what would change and send nothing
    #[arg(long)]
    dry_run: bool,
    /// Submit what is new or changed; it goes live where its author may publish
    #[arg(long)]
    submit: bool,
    /// With --submit: why, for people who read the history
    #[arg(long, requires = "submit")]
    reason: Option<String>,
    #[command(flatten)]
    server: ServerArgs,
}

#[derive(Args, Debug)]
struct CheckArgs {
    /// The folder
    dir: PathBuf,
}

/// Runs `austin template`.
///
/// # Errors
/// When files are wrong, or the server refuses.
pub(crate) async fn run(args: TemplateArgs) -> Result<(), Failure> {
    match args.what {
        What::Pull(args) => pull(args).await,
        What::Push(args) => push(args).await,
        What::Check(args) => {
            let checked = checked(&Folder::read(&args.dir)?, &[])?;
            print::line(&format!("{}: all sound", many(checked.len(), "template")));
            Ok(())
        }
    }
}

/// The templates of a folder in their normal form, by key. What is wrong is printed, all of it.
fn checked(folder: &Folder, keys: &[String]) -> Result<BTreeMap<String, Checked>, Failure> {
    let (mut sound, mut wrong) = (BTreeMap::new(), 0);
    for key in keys.iter().filter(|key| !folder.has(key)) {
        wrong += 1;
        print::line(&format!("{key}: there is no {key}.toml"));
    }
    for file in folder.files() {
        if !keys.is_empty() && !keys.contains(&file.key) {
            continue;
        }
        let name = file.name();
        let body = match file.body() {
            Ok(body) => body,
            Err(detail) => {
                wrong += 1;
                print::line(&format!("{name}: {detail}"));
                continue;
            }
        };
        match austin_http::normal_template(&body) {
            Ok(normal) => drop(sound.insert(file.key.clone(), Checked { body, normal })),
            Err(faults) => {
                wrong += 1;
                for fault in faults {
                    let (place, code, detail) = (fault.pointer, fault.code, fault.detail);
                    print::line(&format!("{name}: {place} {code}: {detail}"));
                }
            }
        }
    }
    if wrong > 0 {
        return Err(Failure::failed(format!(
            "{} wrong",
            if wrong == 1 {
                "1 template is".to_owned()
            } else {
                format!("{wrong} templates are")
            }
        )));
    }
    Ok(sound)
}

/// A template of a folder.
struct Checked {
    /// As it is sent.
    body: Value,
    /// As it is compared.
    normal: Value,
}

async fn push(args: PushArgs) -> Result<(), Failure> {
    // Nothing is sent while anything is wrong.
    let templates = checked(&Folder::read(&args.dir)?, &args.keys)?;
    let mut api = Target::parse(&args.server)?.connect().await?;
    let mut plans = Vec::new();
    for (key, template) in &templates {
        let there = there(&mut api, key).await?;
        plans.push((key, template, plan(key, &template.normal, there.as_ref())?));
    }
    let (mut changed, mut same) = (0, 0);
    for (key, template, plan) in plans {
        if plan == Plan::Same {
            same += 1;
            if !args.submit || args.dry_run {
                continue;
            }
        } else {
            changed += 1;
            show(key, &plan);
        }
        if !args.dry_run {
            carry_out(&mut api, key, (template, &plan), &args).await?;
        }
    }
    let done = if args.dry_run { "to push" } else { "pushed" };
    print::line(&format!(
        "{} {done}, {same} the same",
        many(changed, "template")
    ));
    Ok(())
}

/// What pushing a template comes to.
#[derive(Debug, PartialEq)]
enum Plan {
    New,
    Same,
    Changed {
        /// Name or ownership.
        described: bool,
        /// Anything that makes a version.
        words: bool,
        differences: Vec<Difference>,
    },
}

/// Fields of a template that make no version.
const DESCRIPTION: [&str; 5] = ["/name", "/team", "/owner", "/contact", "/business"];

fn plan(key: &str, here: &Value, there: Option<&Value>) -> Result<Plan, Failure> {
    let Some(there) = there else {
        return Ok(Plan::New);
    };
    let differences = diff::differences(there, here);
    if differences.is_empty() {
        return Ok(Plan::Same);
    }
    let for_life = |one: &&Difference| matches!(one.field.as_str(), "/channel" | "/class");
    if let Some(one) = differences.iter().find(for_life) {
        return Err(Failure::failed(format!(
            "{key}: the {} of a template is for life; make one with another key",
            one.field.trim_start_matches('/')
        )));
    }
    let describes = |one: &Difference| DESCRIPTION.contains(&one.field.as_str());
    Ok(Plan::Changed {
        described: differences.iter().any(describes),
        words: !differences.iter().all(describes),
        differences,
    })
}

async fn carry_out(
    api: &mut Api,
    key: &str,
    (template, plan): (&Checked, &Plan),
    args: &PushArgs,
) -> Result<(), Failure> {
    let path = format!("/v1/templates/{}", encoded(key));
    match plan {
        Plan::Same => {}
        Plan::New => drop(
            api.send(Method::POST, "/v1/templates", &template.body)
                .await?,
        ),
        Plan::Changed {
            described, words, ..
        } => {
            if *described {
                let body = form::description(&template.normal);
                api.send(Method::PUT, &path, &body).await?;
            }
            if *words {
                let body = form::words(&template.body);
                let versions = format!("{path}/versions");
                api.send(Method::PUT, &versions, &body).await?;
            }
        }
    }
    if args.submit {
        let now: Value = api.get(&path).await?;
        if now["waiting"]["state"] == "draft" || now["state"] == "draft" {
            let body = json!({ "reason": args.reason });
            let submitted = api
                .send(Method::POST, &format!("{path}/submit"), &body)
                .await?;
            print::line(&format!("{key}: {}", standing(&submitted)));
        }
    }
    Ok(())
}

/// Where a template stands, in a few words.
fn standing(template: &Value) -> String {
    let state = template["state"].as_str().unwrap_or_default();
    let version = &template["version"];
    match template["waiting"].as_object() {
        Some(waiting) => format!(
            "{state}, version {version}; version {} is {} and waits",
            waiting["version"],
            waiting["state"].as_str().unwrap_or_default()
        ),
        None => format!("{state}, version {version}"),
    }
}

async fn pull(args: PullArgs) -> Result<(), Failure> {
    let mut api = Target::parse(&args.server)?.connect().await?;
    let keys = if args.keys.is_empty() {
        keys(&mut api, args.team.as_deref()).await?
    } else {
        args.keys.clone()
    };
    let folder = Folder::read_or_new(&args.dir)?;
    let (mut changed, mut same) = (0, 0);
    for key in &keys {
        let there = there(&mut api, key)
            .await?
            .ok_or_else(|| Failure::refused(format!("there is no template {key}")))?;
        let here = local(&folder, key);
        let plan = match &here {
            None => Plan::New,
            Some(here) => Plan::Changed {
                described: false,
                words: true,
                differences: diff::differences(here, &there),
            },
        };
        if matches!(&plan, Plan::Changed { differences, .. } if differences.is_empty()) {
            same += 1;
            continue;
        }
        changed += 1;
        show(key, &plan);
        if !args.dry_run {
            write(&args.dir, key, &there)?;
        }
    }
    let done = if args.dry_run { "to write" } else { "written" };
    print::line(&format!(
        "{} {done}, {same} the same",
        many(changed, "template")
    ));
    Ok(())
}

fn write(dir: &Path, key: &str, template: &Value) -> Result<(), Failure> {
    let written = form::files(key, template)?;
    Folder::write(dir, key, &written)
}

/// A template of the folder in its normal form; what is wrong counts as not there.
fn local(folder: &Folder, key: &str) -> Option<Value> {
    let body = folder.file(key)?.body().ok()?;
    austin_http::normal_template(&body).ok()
}

/// A template of the server with its newest version, in its normal form.
async fn there(api: &mut Api, key: &str) -> Result<Option<Value>, Failure> {
    let path = format!("/v1/templates/{}", encoded(key));
    let answer = api.call(Method::GET, &path, None).await?;
    if answer.status == StatusCode::NOT_FOUND {
        return Ok(None);
    }
    let template: Value = answer.json()?;
    let versions: Value = api.get(&format!("{path}/versions")).await?;
    let body = form::body(&template, &versions["items"][0]);
    match austin_http::normal_template(&body) {
        Ok(normal) => Ok(Some(normal)),
        // Made by an earlier austin with fewer rules: as it is, so that a push can mend it.
        Err(_) => Ok(Some(body)),
    }
}

/// The keys of all templates, of one team where it is named.
async fn keys(api: &mut Api, team: Option<&str>) -> Result<Vec<String>, Failure> {
    let mut keys = Vec::new();
    let mut cursor = String::new();
    loop {
        let team = team.map_or_else(String::new, |team| format!("&team={}", encoded(team)));
        let path = format!("/v1/templates?limit=200{team}{cursor}");
        let page: Value = api.get(&path).await?;
        let items = page["items"].as_array().into_iter().flatten();
        keys.extend(items.filter_map(|one| Some(one["key"].as_str()?.to_owned())));
        match page["cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={}", encoded(next)),
            None => return Ok(keys),
        }
    }
}

fn show(key: &str, plan: &Plan) {
    match plan {
        Plan::Same => {}
        Plan::New => print::line(&format!("{key}: new")),
        Plan::Changed { differences, .. } => {
            print::line(&format!("{key}: changed"));
            for one in differences {
                tell(one);
            }
        }
    }
}

fn tell(one: &Difference) {
    let field = one.field.trim_start_matches('/').replace('/', ".");
    if one.lines.is_empty() {
        let word = |value: &Option<Value>| {
            value
                .as_ref()
                .map_or_else(|| "nothing".to_owned(), ToString::to_string)
        };
        let (before, after) = (word(&one.before), word(&one.after));
        print::line(&format!("  {field}: {before} -> {after}"));
        return;
    }
    print::line(&format!("  {field}:"));
    for line in &one.lines {
        print::line(&format!("    {line}"));
    }
}

fn many(count: usize, what: &str) -> String {
    match count {
        1 => format!("1 {what}"),
        _ => format!("{count} {what}s"),
    }
}
