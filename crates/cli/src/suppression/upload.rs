//! Posting a file of suppressions and watching it being read.

use std::io;
use std::path::PathBuf;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use clap::Args;
use http_body_util::BodyExt as _;
use hyper::body::{Body, Frame, SizeHint};
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::Value;
use tokio::fs::File;
use tokio::io::{AsyncRead, ReadBuf};

use crate::api::{Api, Target, encoded};
use crate::args::ServerArgs;
use crate::exit::Failure;
use crate::print;

/// Add everybody in a CSV file
#[derive(Args, Debug)]
pub(super) struct ImportArgs {
    /// The file
    file: PathBuf,
    /// The channel of rows that name none, or all
    #[arg(long)]
    channel: Option<String>,
    /// The reason of rows that name none: opt_out, complaint, hard_bounce, blocked, manual
    #[arg(long)]
    reason: Option<String>,
    #[command(flatten)]
    server: ServerArgs,
}

/// Posts the file and waits until it has been read.
pub(super) async fn run(args: ImportArgs) -> Result<(), Failure> {
    let shown = args.file.display().to_string();
    let unreadable = |error: io::Error| Failure::usage(format!("cannot read {shown}: {error}"));
    let file = File::open(&args.file).await.map_err(unreadable)?;
    let length = file.metadata().await.map_err(unreadable)?.len();
    let mut api = Target::parse(&args.server)?.connect().await?;
    let mut query = Vec::new();
    for (name, value) in [("channel", args.channel), ("reason", args.reason)] {
        if let Some(value) = value {
            query.push(format!("{name}={}", encoded(&value)));
        }
    }
    let path = format!("/v1/suppressions/import?{}", query.join("&"));
    let bar = bar(length, "{bytes} of {total_bytes} sent");
    let body = FileBody {
        file,
        left: length,
        bar: bar.clone(),
    };
    let posted = api.upload(&path, "text/csv", body.boxed_unsync()).await;
    bar.finish_and_clear();
    let import: Value = posted?.json()?;
    let id = import["id"].as_str().unwrap_or_default().to_owned();
    let import = watch(&mut api, &id).await?;
    tell(&shown, &import)
}

/// Waits until the import has ended.
async fn watch(api: &mut Api, id: &str) -> Result<Value, Failure> {
    let bar = bar(0, "{pos} rows read");
    loop {
        let path = format!("/v1/suppressions/imports/{}", encoded(id));
        let import: Value = api.get(&path).await?;
        bar.set_position(import["rows"]["read"].as_u64().unwrap_or_default());
        if matches!(
            import["state"].as_str(),
            Some("done" | "failed" | "interrupted")
        ) {
            bar.finish_and_clear();
            return Ok(import);
        }
        tokio::time::sleep(AGAIN).await;
    }
}

fn tell(file: &str, import: &Value) -> Result<(), Failure> {
    for error in import["errors"].as_array().into_iter().flatten() {
        print::error(&format!("{file}:{}", told(error)));
    }
    let count = |name: &str| import["rows"][name].as_u64().unwrap_or_default();
    print::line(&format!(
        "{}: {} rows read, {} taken, {} in force already, {} rejected",
        import["id"].as_str().unwrap_or_default(),
        count("read"),
        count("taken"),
        count("unchanged"),
        count("rejected"),
    ));
    match import["state"].as_str() {
        Some("done") if count("rejected") == 0 => Ok(()),
        Some("done") => Err(Failure::failed("some rows were rejected")),
        Some("failed") => Err(Failure::failed(format!(
            "{file}:{}",
            told(&import["fault"])
        ))),
        _ => Err(Failure::failed(
            "the server stopped before the file was read; import it again",
        )),
    }
}

fn told(error: &Value) -> String {
    let text = |name: &str| error[name].as_str().unwrap_or_default();
    let column = match text("column") {
        "" => String::new(),
        column => format!(" {column}"),
    };
    format!("{}:{column} {}", error["line"], text("detail"))
}

fn bar(length: u64, template: &str) -> ProgressBar {
    let bar = ProgressBar::new(length);
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style);
    }
    bar
}

/// A file as it is read.
struct FileBody {
    file: File,
    left: u64,
    bar: ProgressBar,
}

impl Body for FileBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        if self.left == 0 {
            return Poll::Ready(None);
        }
        let mut piece = vec![0; PIECE];
        let mut buffer = ReadBuf::new(&mut piece);
        let read = ready!(Pin::new(&mut self.file).poll_read(context, &mut buffer));
        if let Err(error) = read {
            return Poll::Ready(Some(Err(error)));
        }
        let most = usize::try_from(self.left).unwrap_or(usize::MAX);
        let read = buffer.filled().len().min(most);
        if read == 0 {
            let error = io::Error::new(io::ErrorKind::UnexpectedEof, "the file became shorter");
            return Poll::Ready(Some(Err(error)));
        }
        piece.truncate(read);
        self.left -= read as u64;
        self.bar.inc(read as u64);
        Poll::Ready(Some(Ok(Frame::data(piece.into()))))
    }

    fn is_end_stream(&self) -> bool {
        self.left == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}

const PIECE: usize = 64 * 1024;
const AGAIN: Duration = Duration::from_millis(200);
