//! Apps and their keys.
//!
//! A key is 256 random bits, so its plain SHA-256 digest can be kept and looked up: nothing can
//! be guessed from the digest, and the time a look-up takes says nothing about other keys.

use std::sync::Arc;

use austin_domain::{AppId, KeyId};
use austin_ports::catalog::{AppRecord, CatalogChange, CatalogError, KeyRecord, Role, Snapshot};
use aws_lc_rs::digest;

use super::faults::Faults;
use super::{Registrar, exists, missing, vanished};
use crate::caller::Caller;
use crate::refusal::{Refusal, RefusalCode};

const KEY_PREFIX: &str = "ak_";
/// Prefix and 43 characters of base64url.
const KEY_LEN: usize = 46;
const HINT_LEN: usize = 8;
/// The app that the first start makes.
const FIRST_APP: &str = "admin";

/// A key that was just made.
#[derive(Clone)]
pub struct NewKey {
    /// What is kept of it.
    pub record: Arc<KeyRecord>,
    /// The key itself; this is the only time it is shown.
    pub text: String,
}

impl std::fmt::Debug for NewKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NewKey")
            .field("record", &self.record)
            .finish_non_exhaustive()
    }
}

/// Who a key belongs to.
#[derive(Clone, Debug)]
pub struct Admitted {
    /// The key.
    pub key: Arc<KeyRecord>,
    /// Its app.
    pub app: Arc<AppRecord>,
}

impl Admitted {
    /// The caller of a request.
    pub fn caller(&self, request_id: &str) -> Caller {
        Caller {
            app: self.app.id,
            name: self.app.name.clone(),
            team: self.app.team.clone(),
            key: Some(self.key.id),
            role: self.key.role,
            request_id: request_id.to_owned(),
        }
    }
}

/// Whose key `bearer` is; `None` when it opens nothing.
pub fn authenticate(snapshot: &Snapshot, bearer: &str) -> Option<Admitted> {
    if bearer.len() != KEY_LEN {
        return None;
    }
    let key = snapshot.keys.get(&sha256(bearer))?;
    let app = snapshot.apps.get(&key.app)?;
    Some(Admitted {
        key: Arc::clone(key),
        app: Arc::clone(app),
    })
}

impl Registrar<'_> {
    /// Makes an app.
    ///
    /// # Errors
    /// Every field at fault; `exists` when the name is taken.
    pub async fn create_app(
        &self,
        caller: &Caller,
        name: &str,
        team: &str,
    ) -> Result<Arc<AppRecord>, Refusal> {
        let mut faults = Faults::default();
        faults.key("/name", name);
        faults.line("/team", team);
        if team.is_empty() {
            faults.add("/team", "required", "must name the team the app belongs to");
        }
        faults.into_result()?;
        if self.app(name).is_ok() {
            return Err(exists("app", name));
        }
        let change = CatalogChange::CreateApp {
            name: name.to_owned(),
            team: team.to_owned(),
        };
        self.catalog
            .change(change, &caller.author(), self.now())
            .await?;
        self.app(name)
    }

    /// Makes a key of an app. It is shown in the answer and never again.
    ///
    /// # Errors
    /// `not_found`.
    pub async fn create_key(
        &self,
        caller: &Caller,
        app: &str,
        role: Role,
    ) -> Result<NewKey, Refusal> {
        self.app(app)?;
        let text = format!("{KEY_PREFIX}{}", self.token());
        let change = CatalogChange::CreateKey {
            app: app.to_owned(),
            role,
            digest: sha256(&text),
            hint: text[..HINT_LEN].to_owned(),
        };
        let id = self
            .catalog
            .change(change, &caller.author(), self.now())
            .await?;
        let record = self
            .catalog
            .snapshot()
            .all_keys
            .get(&KeyId::from_u64(id))
            .cloned()
            .ok_or_else(|| vanished("key"))?;
        Ok(NewKey { record, text })
    }

    /// Revokes a key of an app; doing it twice changes nothing.
    ///
    /// # Errors
    /// `not_found`; `conflict` for the last admin key, which would lock everybody out.
    pub async fn revoke_key(
        &self,
        caller: &Caller,
        app: &str,
        key: KeyId,
    ) -> Result<Arc<KeyRecord>, Refusal> {
        let app = self.app(app)?;
        let snapshot = self.catalog.snapshot();
        let record = snapshot
            .all_keys
            .get(&key)
            .filter(|record| record.app == app.id)
            .ok_or_else(|| missing("key", ""))?;
        if record.revoked_at.is_some() {
            return Ok(Arc::clone(record));
        }
        let mut admins = snapshot
            .keys
            .values()
            .filter(|other| other.role == Role::Admin);
        if record.role == Role::Admin && admins.all(|other| other.id == key) {
            let detail = "this is the last admin key; make another one first";
            return Err(Refusal::new(RefusalCode::Conflict, detail));
        }
        self.catalog
            .change(
                CatalogChange::RevokeKey { key },
                &caller.author(),
                self.now(),
            )
            .await?;
        let snapshot = self.catalog.snapshot();
        snapshot
            .all_keys
            .get(&key)
            .cloned()
            .ok_or_else(|| vanished("key"))
    }

    /// An app by its name.
    ///
    /// # Errors
    /// `not_found`.
    pub fn app(&self, name: &str) -> Result<Arc<AppRecord>, Refusal> {
        self.catalog
            .snapshot()
            .apps
            .values()
            .find(|app| app.name == name)
            .cloned()
            .ok_or_else(|| missing("app", name))
    }

    /// All apps, by name.
    pub fn apps(&self) -> Vec<Arc<AppRecord>> {
        let mut apps: Vec<_> = self.catalog.snapshot().apps.values().cloned().collect();
        apps.sort_by(|a, b| a.name.cmp(&b.name));
        apps
    }

    /// The keys of an app, revoked ones too, oldest first.
    pub fn keys(&self, app: AppId) -> Vec<Arc<KeyRecord>> {
        self.catalog
            .snapshot()
            .all_keys
            .values()
            .filter(|key| key.app == app)
            .cloned()
            .collect()
    }

    /// On a store without any key: makes the app `admin` and an admin key, and returns the key.
    /// `None` when there is a key, revoked or not.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn ensure_admin(&self) -> Result<Option<String>, Refusal> {
        if !self.catalog.snapshot().all_keys.is_empty() {
            return Ok(None);
        }
        let change = CatalogChange::CreateApp {
            name: FIRST_APP.to_owned(),
            team: FIRST_APP.to_owned(),
        };
        // A crash between app and key leaves the app.
        match self.catalog.change(change, LOCAL, self.now()).await {
            Ok(_) | Err(CatalogError::Exists(_)) => {}
            Err(error) => return Err(error.into()),
        }
        let key = self
            .create_key(&Caller::local(), FIRST_APP, Role::Admin)
            .await?;
        Ok(Some(key.text))
    }
}

/// How audit entries name a command on this machine.
const LOCAL: &str = "local";

impl Caller {
    /// A command on this machine, which may do everything.
    pub fn local() -> Self {
        Self {
            app: AppId::from_u64(0),
            name: LOCAL.to_owned(),
            team: String::new(),
            key: None,
            role: Role::Admin,
            request_id: LOCAL.to_owned(),
        }
    }
}

fn sha256(text: &str) -> [u8; 32] {
    let digest = digest::digest(&digest::SHA256, text.as_bytes());
    let mut bytes = [0u8; 32];
    bytes.copy_from_slice(digest.as_ref());
    bytes
}
