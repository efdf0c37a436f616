//! Reading a file of suppressions in the background, a thousand rows at a time.
//!
//! Rows and their count are one commit, so that the figures say what is in force whenever the
//! process ends; the rest is taken by posting the file again.

use std::sync::Arc;

use austin_domain::ImportId;
use austin_ports::catalog::CatalogChange;
use austin_ports::suppressions::{ImportState, NewImport, RowFault};
use serde_json::json;

use super::csv::Rows;
use super::fields::Ground;
use crate::shared::Shared;

/// Rows of one commit.
const AT_A_TIME: usize = 1_000;

/// What ends an import before its file does.
enum Broken {
    /// austin stops: the next start finds it interrupted.
    Stopping,
    /// The file cannot be read further.
    File(RowFault),
    /// The store fails.
    Store(String),
}

impl From<austin_ports::suppressions::Error> for Broken {
    fn from(error: austin_ports::suppressions::Error) -> Self {
        Self::Store(error.to_string())
    }
}

/// Reads an import whose file is complete, when its turn has come.
pub(super) async fn run(shared: Arc<Shared>, id: ImportId, asked: NewImport) {
    let turn = tokio::select! {
        () = shared.stopping.cancelled() => return,
        turn = shared.suppressing.turn.acquire() => turn,
    };
    if turn.is_err() {
        return;
    }
    let (state, fault) = match read(&shared, id, &asked).await {
        Ok(()) => (ImportState::Done, None),
        Err(Broken::Stopping) => return,
        Err(Broken::File(fault)) => (ImportState::Failed, Some(fault)),
        Err(Broken::Store(why)) => {
            tracing::error!(%id, why, "an import of suppressions broke off");
            let fault = RowFault {
                line: 0,
                column: String::new(),
                code: "unavailable".into(),
                detail: "the store failed; post the file again".into(),
            };
            (ImportState::Failed, Some(fault))
        }
    };
    let now = shared.clock.now();
    let store = &shared.suppressing.store;
    if let Err(error) = store.move_import(id, state, fault, now).await {
        tracing::error!(%id, %error, "the end of an import could not be recorded");
    }
    note(&shared, id, &asked, state).await;
}

async fn read(shared: &Arc<Shared>, id: ImportId, asked: &NewImport) -> Result<(), Broken> {
    let store = &shared.suppressing.store;
    let now = shared.clock.now();
    store
        .move_import(id, ImportState::Running, None, now)
        .await?;
    let (probe, content) = (store.read_import(id).await?, store.read_import(id).await?);
    let mut rows = blocking(move || Rows::open(probe, content)).await??;
    loop {
        if shared.stopping.is_cancelled() {
            return Err(Broken::Stopping);
        }
        let (region, asked) = (shared.config.default_region.clone(), asked.clone());
        let now = shared.clock.now();
        let (read, batch) = blocking(move || {
            let ground = Ground {
                channel: asked.channel,
                reason: asked.reason,
                region: region.as_deref(),
                now,
            };
            let batch = rows.next(AT_A_TIME, &asked, &ground);
            (rows, batch)
        })
        .await?;
        rows = read;
        let batch = batch?;
        if batch.entries.is_empty() && batch.rejected == 0 {
            return Ok(());
        }
        store.import_rows(id, batch, now).await?;
    }
}

impl From<RowFault> for Broken {
    fn from(fault: RowFault) -> Self {
        Self::File(fault)
    }
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Broken> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|error| Broken::Store(error.to_string()))
}

/// What came of it, in the audit trail.
async fn note(shared: &Shared, id: ImportId, asked: &NewImport, state: ImportState) {
    let row = shared.suppressing.store.import(id).await.ok().flatten();
    let tally = row.map(|row| row.tally).unwrap_or_default();
    let change = CatalogChange::Note {
        subject: format!("suppression/{id}"),
        action: "import",
        detail: json!({
            "state": state.as_str(), "rows": tally.read, "taken": tally.taken,
            "unchanged": tally.unchanged, "rejected": tally.rejected,
        }),
    };
    let now = shared.clock.now();
    if let Err(error) = shared.catalog.change(change, &asked.author, now).await {
        tracing::warn!(%id, %error, "an import is not in the audit trail");
    }
}
