//! `austin demo`: a server, a simulated vendor, a first SMS and a first e-mail, and what became
//! of them. Everything is set up through the API, by the same checks that anybody meets.

mod seed;

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use austin_simulator::{Behaviour, Options, ReceiptPlan, Secret, Simulator, Span};
use clap::Args;
use http::Method;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

use crate::api::{Api, Target};
use crate::args::ServerArgs;
use crate::deliveries::story;
use crate::exit::Failure;
use crate::node::Node;
use crate::{logging, print, settings, signals};

/// How long the first messages may take; they take milliseconds.
const DELIVERED_WITHIN: Duration = Duration::from_secs(30);

const EXAMPLES: &str = "\
Nothing leaves this machine: the vendor is simulated and listens on a free loopback port. Without
--data everything is kept in a temporary directory and removed at the end. Ctrl-C ends it.

Example:
  austin demo --listen 127.0.0.1:7070";

/// Run a server with a simulated vendor and send a first SMS and e-mail
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(crate) struct DemoArgs {
    /// Where the API listens; port 0 takes a free one and says which
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:7070")]
    listen: SocketAddr,
    /// Keep the data in this directory instead of a temporary one
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
}

/// Runs `austin demo`.
///
/// # Errors
/// When it cannot start, or the first messages do not arrive.
pub(crate) async fn run(args: DemoArgs) -> Result<(), Failure> {
    let mut settings = settings::load(None)?;
    settings.http.listen = args.listen;
    settings.wire.allow_private_targets = true;
    settings.log.level = "warn".into();
    logging::start(&settings.log)?;
    let stop = signals::stop_on_signal()?;
    let (data, temporary) = directory(args.data)?;

    let simulator = Simulator::start(Options {
        smtp: Some((Ipv4Addr::LOCALHOST, 0).into()),
        ..Options::default()
    })
    .await
    .map_err(|error| Failure::failed(error.to_string()))?;
    let node = Node::start(&data, &settings).await?;
    let token = node.secret();
    for account in [seed::SMS, seed::MAIL] {
        let behaviour = receipts(&node, account, &token);
        simulator
            .set_behaviour(account, behaviour)
            .map_err(|error| Failure::failed(error.to_string()))?;
    }
    let key = node.admin_key().await?;
    let url = format!("http://{}", node.address);
    let target = Target::parse(&ServerArgs {
        url: url.clone(),
        key: key.clone(),
    })?;
    let mut api = target.connect().await?;
    let vendor = seed::Vendor {
        url: simulator.url(),
        smtp: simulator.smtp_addr,
        token,
    };
    seed::seed(&mut api, &vendor).await?;
    let shown = first_messages(&mut api, &stop).await;
    if let Ok(()) = &shown {
        guide(&url, &vendor.url, &key);
        print::line(&format!("listening on {url} until Ctrl-C"));
        stop.cancelled().await;
    }
    drop(api);
    node.stop().await;
    simulator.shutdown().await;
    if let Some(temporary) = temporary {
        temporary
            .close()
            .map_err(|error| Failure::failed(format!("cannot remove the data: {error}")))?;
    }
    shown
}

fn directory(wanted: Option<PathBuf>) -> Result<(PathBuf, Option<TempDir>), Failure> {
    if let Some(path) = wanted {
        return Ok((path, None));
    }
    let temporary = tempfile::Builder::new()
        .prefix("austin-demo-")
        .tempdir()
        .map_err(|error| Failure::failed(format!("cannot make a temporary directory: {error}")))?;
    // A directory of its own in it, so that the store makes it with the rights it wants.
    Ok((temporary.path().join("data"), Some(temporary)))
}

/// The simulated vendor reports to this server what became of the account's messages.
fn receipts(node: &Node, account: &str, token: &str) -> Behaviour {
    Behaviour {
        receipts: Some(ReceiptPlan {
            url: format!("http://{}/v1/receipts/{account}", node.address),
            token: Some(Secret::new(token)),
            pull: false,
            delay_ms: Span::range(50, 250),
            early: false,
            fail: None,
            lose: 0.0,
            duplicate: 0.0,
            contradict: 0.0,
            reorder_ms: 0,
            across_midnight: false,
            batch: 100,
            retry: austin_simulator::Retry::default(),
        }),
        ..Behaviour::default()
    }
}

async fn first_messages(api: &mut Api, stop: &CancellationToken) -> Result<(), Failure> {
    for (what, body) in [
        ("A first SMS", seed::first_sms()),
        ("A first e-mail", seed::first_mail()),
    ] {
        let answer = api.send(Method::POST, "/v1/messages", &body).await?;
        let id = answer["deliveries"][0]["id"]
            .as_str()
            .ok_or_else(|| Failure::failed(format!("the message was not accepted: {answer}")))?;
        let delivery = delivered(api, id, stop).await?;
        print::line(&format!("{what}\n{}", story(&delivery)));
    }
    Ok(())
}

async fn delivered(api: &mut Api, id: &str, stop: &CancellationToken) -> Result<Value, Failure> {
    let path = format!("/v1/deliveries/{id}");
    let wait = async {
        loop {
            let delivery: Value = api.get(&path).await?;
            if matches!(
                delivery["state"].as_str(),
                Some("delivered" | "undelivered" | "failed" | "unknown" | "expired")
            ) {
                return Ok(delivery);
            }
            tokio::time::sleep(Duration::from_millis(30)).await;
        }
    };
    tokio::select! {
        delivery = tokio::time::timeout(DELIVERED_WITHIN, wait) => delivery
            .map_err(|_| Failure::failed(format!("{id} was not delivered within 30 s")))?,
        () = stop.cancelled() => Err(Failure::failed("stopped before the first messages arrived")),
    }
}

fn guide(url: &str, vendor: &str, key: &str) {
    let body = json!({
        "template": seed::SMS_TEMPLATE, "to": ["+8613711112203"], "vars": {"name": "Wang"},
    });
    let program = std::env::args().next().unwrap_or_else(|| "austin".into());
    print::line(&format!(
        "Send another:\n  curl -s {url}/v1/messages -H 'Authorization: Bearer {key}' \\\n       \
         -H 'Content-Type: application/json' -d '{body}'\n\n\
         Look at:\n  \
         {url}/docs (the API)\n  \
         {url}/metrics (figures)\n  \
         {vendor}/control/ledger (what the simulated vendor accepted)\n  \
         {program} deliveries --url {url} --key {key}\n"
    ));
}
