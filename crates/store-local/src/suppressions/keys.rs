//! The keys of unsubscribe links, sealed by the vault and bound to their version.

use austin_ports::Entropy;
use austin_ports::suppressions::LinkKey;
use rusqlite::{Connection, params};
use zeroize::Zeroizing;

use crate::Vault;

/// All keys, newest first; makes the first one. A key that a former master key sealed is sealed
/// anew.
///
/// # Errors
/// Why not, in words.
pub(super) fn open(
    connection: &Connection,
    vault: &Vault,
    entropy: &dyn Entropy,
) -> Result<Vec<LinkKey>, String> {
    let said = |error: rusqlite::Error| error.to_string();
    let mut found = stored(connection).map_err(said)?;
    if found.is_empty() {
        let mut key = Zeroizing::new([0; 32]);
        key[..16].copy_from_slice(&entropy.next().to_le_bytes());
        key[16..].copy_from_slice(&entropy.next().to_le_bytes());
        let sealed = vault.seal(&*key, &place(1));
        connection
            .execute(
                "INSERT INTO link_keys (version, sealed) VALUES (1, ?1)",
                [&sealed],
            )
            .map_err(said)?;
        found.push((1, sealed));
    }
    let mut keys = Vec::with_capacity(found.len());
    for (version, sealed) in found {
        let secret = vault
            .open(&sealed, &place(version))
            .map_err(|error| format!("the key of unsubscribe links does not open: {error}"))?;
        if !vault.is_current(&sealed) {
            let sealed = vault.seal(&secret, &place(version));
            connection
                .execute(
                    "UPDATE link_keys SET sealed = ?2 WHERE version = ?1",
                    params![version, sealed],
                )
                .map_err(said)?;
        }
        keys.push(LinkKey {
            version,
            secret: secret.to_vec().into(),
        });
    }
    Ok(keys)
}

fn stored(connection: &Connection) -> rusqlite::Result<Vec<(u8, Vec<u8>)>> {
    connection
        .prepare("SELECT version, sealed FROM link_keys ORDER BY version DESC")?
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect()
}

fn place(version: u8) -> Vec<u8> {
    format!("austin unsubscribe links {version}").into_bytes()
}
