//! Keeps the counts of the day across restarts: what accounts have sent and what quotas have
//! used. Written down every five seconds while they change and when the engine stops, so that a
//! crash forgets at most what five seconds brought.

use std::sync::Arc;
use std::time::Duration;

use austin_domain::AccountId;
use austin_domain::rate::Day;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::refusal::Refusal;
use crate::shared::Shared;

/// The counts of a day.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Book {
    accounts: Vec<(AccountId, Day)>,
    quotas: Vec<(String, Day)>,
}

/// Reads what was written down before the restart. What cannot be read counts as nothing.
pub(crate) async fn open(shared: &Shared) -> Result<(), Refusal> {
    let Some(value) = shared.catalog.remembered(NAME).await? else {
        return Ok(());
    };
    let book: Book = match serde_json::from_value(value) {
        Ok(book) => book,
        Err(error) => {
            tracing::warn!(%error, "the counts of the day cannot be read and start from nothing");
            return Ok(());
        }
    };
    let now = shared.clock.now();
    for (account, day) in book.accounts {
        shared.directories.pace(account).restore(day, now);
    }
    for (word, day) in book.quotas {
        shared.quotas.restore(&word, day, now);
    }
    Ok(())
}

/// Writes the counts down until the engine stops, and once more then.
pub(crate) async fn keep(shared: Arc<Shared>) {
    let mut written = Book::default();
    loop {
        let until = shared.clock.now().plus(EVERY);
        let stopping = tokio::select! {
            () = shared.stopping.cancelled() => true,
            () = shared.clock.sleep_until(until) => false,
        };
        let book = read(&shared);
        if book != written {
            match write(&shared, &book).await {
                Ok(()) => written = book,
                Err(error) => tracing::warn!(%error, "the counts of the day are not written down"),
            }
        }
        if stopping {
            return;
        }
    }
}

fn read(shared: &Shared) -> Book {
    let now = shared.clock.now();
    let directory = shared.directories.current();
    let mut accounts: Vec<_> = directory
        .all()
        .map(|usable| (usable.record.id, usable.pace.today()))
        .filter(|(_, day)| day.count(now) > 0)
        .collect();
    accounts.sort_by_key(|(id, _)| *id);
    Book {
        accounts,
        quotas: shared.quotas.days(),
    }
}

async fn write(shared: &Shared, book: &Book) -> Result<(), String> {
    let value: Value = serde_json::to_value(book).map_err(|error| error.to_string())?;
    shared
        .catalog
        .remember(NAME, Some(value))
        .await
        .map_err(|error| error.to_string())
}

const NAME: &str = "counts-of-the-day";
const EVERY: Duration = Duration::from_secs(5);
