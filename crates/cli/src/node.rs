//! A running server: store, engine and API as one thing that starts and stops.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use austin_engine::manage::Registrar;
use austin_engine::{Caller, CurrentLists, Engine};
use austin_ports::catalog::Role;
use austin_ports::clock::SystemClock;
use austin_store_local::ledger::LocalLedger;
use austin_store_local::{LocalLists, OsEntropy};
use prometheus_client::registry::Registry;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::composition::{self, Store};
use crate::exit::Failure;
use crate::settings::Settings;

/// A running server.
pub(crate) struct Node {
    /// Where the API is.
    pub(crate) address: SocketAddr,
    /// The key of the first start; there is none on later ones.
    pub(crate) first_key: Option<String>,
    engine: Engine,
    ledger: Arc<LocalLedger>,
    closing: CancellationToken,
    server: JoinHandle<usize>,
}

impl Node {
    /// Opens the store, recovers what was open, and serves. The address is taken before the
    /// data is touched, so that a second start fails early.
    ///
    /// # Errors
    /// When the address or the directory is taken, or stored data cannot be read.
    pub(crate) async fn start(data: &Path, settings: &Settings) -> Result<Self, Failure> {
        let listen = settings.http.listen;
        let listener = TcpListener::bind(listen)
            .await
            .map_err(|error| Failure::failed(format!("cannot listen on {listen}: {error}")))?;
        let address = listener
            .local_addr()
            .map_err(|error| Failure::failed(error.to_string()))?;
        let mailboxes = composition::mailboxes(settings)?;
        let (path, wanted) = (data.to_owned(), settings.clone());
        let (store, parts, ledger, mut registry) = tokio::task::spawn_blocking(move || {
            let mut registry = Registry::default();
            let store = composition::open(&path)?;
            let (parts, ledger) = composition::parts(&store, &wanted, &mut registry)?;
            Ok::<_, Failure>((store, parts, ledger, registry))
        })
        .await
        .map_err(|error| Failure::failed(format!("opening the store broke off: {error}")))??;
        let closing = CancellationToken::new();
        let files = composition::lists(&store);
        tokio::spawn(watch(files, Arc::clone(&parts.lists), closing.clone()));
        let engine = Engine::new(parts, &mut registry);
        let server = austin_http::Server::new(settings.http.clone(), engine.clone(), registry)
            .map_err(|error| Failure::usage(error.to_string()))?;
        let server = tokio::spawn(server.run(listener, closing.clone()));
        engine
            .start()
            .await
            .map_err(|refusal| Failure::failed(refusal.detail))?;
        if let Some(mailboxes) = mailboxes {
            engine.read_mailboxes(Arc::new(mailboxes));
        }
        // Last, so that a key is never made without being shown.
        let first_key = registrar(&store, &composition::adapters())
            .ensure_admin()
            .await
            .map_err(|refusal| Failure::failed(refusal.detail))?;
        tracing::info!(%address, data = %data.display(), "ready");
        Ok(Self {
            address,
            first_key,
            engine,
            ledger,
            closing,
            server,
        })
    }

    /// An admin key: the first one, or a further one on data that had one already.
    ///
    /// # Errors
    /// When the store fails.
    pub(crate) async fn admin_key(&self) -> Result<String, Failure> {
        if let Some(key) = &self.first_key {
            return Ok(key.clone());
        }
        self.engine
            .parts()
            .registrar()
            .create_key(&Caller::local(), "admin", Role::Admin)
            .await
            .map(|key| key.text)
            .map_err(|refusal| Failure::failed(refusal.detail))
    }

    /// 128 random bits as text.
    pub(crate) fn secret(&self) -> String {
        format!("{:032x}", self.engine.parts().entropy.next())
    }

    /// Stops: answers what was asked, finishes calls under way within their deadline, leaves the
    /// rest in the ledger.
    pub(crate) async fn stop(self) {
        self.closing.cancel();
        let cut = self.server.await.unwrap_or_default();
        let finished = self.engine.stop().await;
        let ledger = self.ledger;
        if tokio::task::spawn_blocking(move || ledger.close())
            .await
            .is_err()
        {
            tracing::error!("closing the ledger broke off; the next start recovers it");
        }
        tracing::info!(finished, cut, "stopped");
    }
}

/// Takes over what has changed in the files that policies name, until the server stops.
async fn watch(mut files: LocalLists, lists: CurrentLists, closing: CancellationToken) {
    loop {
        let looked = tokio::task::spawn_blocking(move || {
            let found = files.look();
            (files, found)
        });
        let Ok((back, found)) = looked.await else {
            tracing::error!("lists that policies name are not looked at any more");
            return;
        };
        files = back;
        if let Some(found) = found {
            let (words, calendars) = (found.words.len(), found.calendars.len());
            tracing::info!(words, calendars, "lists that policies may name were read");
            lists.store(Arc::new(composition::named(found)));
        }
        tokio::select! {
            () = closing.cancelled() => return,
            () = tokio::time::sleep(LOOK_EVERY) => {}
        }
    }
}

const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Checked changes of an opened store.
pub(crate) fn registrar<'a>(
    store: &'a Store,
    adapters: &'a austin_engine::Adapters,
) -> Registrar<'a> {
    Registrar {
        catalog: &store.catalog,
        adapters,
        clock: &SystemClock,
        entropy: &OsEntropy,
        lists: None,
    }
}
