//! Answers of requests that may come again, sealed: one of them may have shown a key.

use austin_domain::{AppId, Timestamp};
use austin_ports::catalog::{CatalogError, KeptAnswer};
use rusqlite::{Connection, OptionalExtension, params};
use zeroize::Zeroizing;

use super::failed;
use crate::Vault;

/// The answer of `app`'s request with `key`, where it is from `since` or later.
pub(super) fn read(
    connection: &Connection,
    vault: &Vault,
    (app, key): (AppId, &str),
    since: Timestamp,
) -> Result<Option<KeptAnswer>, CatalogError> {
    let sealed: Option<Vec<u8>> = connection
        .prepare_cached("SELECT sealed FROM answers WHERE app = ?1 AND key = ?2 AND at >= ?3")
        .and_then(|mut select| {
            let given = params![app.as_i64(), key, since.millis()];
            select.query_row(given, |row| row.get(0)).optional()
        })
        .map_err(failed)?;
    sealed
        .map(|sealed| {
            let plain = vault.open(&sealed, &place(app, key)).map_err(failed)?;
            postcard::from_bytes(&plain).map_err(failed)
        })
        .transpose()
}

/// Keeps an answer; those from before `since` go.
pub(super) fn write(
    connection: &mut Connection,
    vault: &Vault,
    (app, key): (AppId, &str),
    (answer, since): (&KeptAnswer, Timestamp),
) -> Result<(), CatalogError> {
    let plain = Zeroizing::new(postcard::to_allocvec(answer).map_err(failed)?);
    let sealed = vault.seal(&plain, &place(app, key));
    let transaction = connection.transaction().map_err(failed)?;
    transaction
        .execute("DELETE FROM answers WHERE at < ?1", [since.millis()])
        .and_then(|_| {
            transaction.execute(
                "INSERT INTO answers (app, key, at, sealed) VALUES (?1, ?2, ?3, ?4)
                 ON CONFLICT (app, key) DO UPDATE SET at = ?3, sealed = ?4",
                params![app.as_i64(), key, answer.at.millis(), sealed],
            )
        })
        .map_err(failed)?;
    transaction.commit().map_err(failed)
}

/// What an answer is bound to.
fn place(app: AppId, key: &str) -> Vec<u8> {
    [
        b"answer".as_slice(),
        &app.as_u64().to_le_bytes(),
        key.as_bytes(),
    ]
    .concat()
}
