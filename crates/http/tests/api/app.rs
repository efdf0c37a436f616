//! A server under test, its keys and its vendor.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use austin_adapter_api::{Call, Fault, HttpReply, Reply};
use austin_engine::{Adapters, Config, Engine, Parts};
use austin_http::{Options, Server};
use austin_ports::blobs::BlobError;
use austin_ports::catalog::Role;
use austin_ports::clock::SystemClock;
use austin_ports::wire::{Exchange, Fetched, Outgoing};
use austin_ports::{Blobs, BoxFuture, Wire};
use austin_store_local::{ControlStore, DataDir, LocalBlobs, LocalMeter, LocalSuppressions, Vault};
use austin_testkit::{MemoryLedger, SeededEntropy};
use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE, HOST};
use http::{HeaderMap, Request, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::handshake;
use hyper_util::rt::TokioIo;
use prometheus_client::registry::Registry;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::workshop::workshop;

/// A server under test. Stops when dropped.
pub(crate) struct App {
    pub(crate) address: SocketAddr,
    pub(crate) admin: String,
    pub(crate) engine: Engine,
    pub(crate) ledger: Arc<MemoryLedger>,
    stop: CancellationToken,
    pub(crate) server: Option<JoinHandle<usize>>,
    _dir: TempDir,
}

/// An answer.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|_| panic!("no JSON: {self:?}"))
    }

    #[track_caller]
    pub(crate) fn expect(self, status: u16) -> Value {
        assert_eq!(self.status.as_u16(), status, "{}", self.text);
        if self.text.is_empty() {
            Value::Null
        } else {
            self.json()
        }
    }

    /// The problem it must be; checks what all problems have in common.
    #[track_caller]
    pub(crate) fn problem(self, status: u16, code: &str) -> Value {
        assert_eq!(self.status.as_u16(), status, "{}", self.text);
        assert_eq!(
            self.headers[CONTENT_TYPE], "application/problem+json",
            "{}",
            self.text
        );
        let document = self.json();
        assert_eq!(document["code"], code, "{document}");
        assert_eq!(document["status"], status, "{document}");
        assert_eq!(document["type"], format!("/problems/{code}"), "{document}");
        assert!(
            document["title"]
                .as_str()
                .is_some_and(|title| !title.is_empty())
        );
        assert!(
            document["detail"]
                .as_str()
                .is_some_and(|detail| !detail.is_empty())
        );
        assert!(document["errors"].is_array());
        let request_id = self.headers["x-request-id"].to_str().unwrap();
        assert_eq!(document["request_id"], request_id, "{document}");
        document
    }

    /// The problem it must be, naming exactly these fields.
    #[track_caller]
    pub(crate) fn fields(self, wanted: &[(&str, &str)]) -> Value {
        let document = self.problem(422, "invalid_request");
        let mut named: Vec<(&str, &str)> = document["errors"]
            .as_array()
            .unwrap()
            .iter()
            .map(|error| {
                let text = |name: &str| error[name].as_str().unwrap();
                (text("pointer"), text("code"))
            })
            .collect();
        let mut wanted = wanted.to_vec();
        named.sort_unstable();
        wanted.sort_unstable();
        assert_eq!(named, wanted, "{document:#}");
        document
    }
}

impl App {
    pub(crate) async fn start() -> Self {
        Self::with(Options::default(), Config::default()).await
    }

    pub(crate) async fn with(options: Options, config: Config) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let data = Arc::new(DataDir::open(dir.path()).unwrap());
        let entropy = Arc::new(SeededEntropy::new(7));
        let vault = Vault::open_dir(dir.path(), None, entropy.clone()).unwrap();
        let vault = Arc::new(vault);
        let catalog = ControlStore::open(Arc::clone(&data), Arc::clone(&vault)).unwrap();
        let ledger = Arc::new(MemoryLedger::default());
        let mut registry = Registry::default();
        let suppressions = LocalSuppressions::open(data.clone(), &vault, &*entropy).unwrap();
        let blobs = LocalBlobs::open(data, config.max_attachment_bytes).unwrap();
        let parts = Parts {
            ledger: ledger.clone(),
            catalog: Arc::new(catalog),
            blobs: Arc::new(Fragile(blobs)),
            suppressions: Arc::new(suppressions),
            meter: Arc::new(LocalMeter::new([7; 32], 0)),
            lists: Arc::default(),
            wire: Arc::new(Vendor),
            clock: Arc::new(SystemClock),
            entropy,
            adapters: Adapters::with_workshop(austin_adapters::registry(), workshop()),
            config,
        };
        let engine = Engine::new(parts, &mut registry);
        engine.start().await.unwrap();
        let admin = engine.parts().registrar().ensure_admin().await.unwrap();
        let server = Server::new(options, engine.clone(), registry).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let stop = CancellationToken::new();
        let server = tokio::spawn(server.run(listener, stop.clone()));
        Self {
            address,
            admin: admin.unwrap(),
            engine,
            ledger,
            stop,
            server: Some(server),
            _dir: dir,
        }
    }

    /// With an account, a route and an enabled template `greet` with one required variable.
    pub(crate) async fn ready() -> Self {
        let app = Self::start().await;
        app.set_up().await;
        app
    }

    pub(crate) async fn set_up(&self) {
        self.post("/v1/accounts", &account("sim-1"))
            .await
            .expect(201);
        let route = json!({"accounts": [{"account": "sim-1", "weight": 1}]});
        self.put("/v1/routes/sms/notification", &route)
            .await
            .expect(200);
        self.post("/v1/templates", &template("greet"))
            .await
            .expect(201);
        self.post("/v1/templates/greet/submit", &json!({}))
            .await
            .expect(200);
    }

    /// A key of a new or existing app.
    pub(crate) async fn key(&self, app: &str, role: &str) -> String {
        let made = self
            .post("/v1/apps", &json!({"name": app, "team": app}))
            .await;
        assert!(matches!(made.status.as_u16(), 201 | 409), "{}", made.text);
        let path = format!("/v1/apps/{app}/keys");
        let made = self.post(&path, &json!({"role": role})).await.expect(201);
        assert_eq!(Role::parse(role).unwrap().as_str(), made["role"]);
        made["key"].as_str().unwrap().to_owned()
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.call("GET", path, Some(&self.admin), &[], "").await
    }

    pub(crate) async fn get_as(&self, key: &str, path: &str) -> Answer {
        self.call("GET", path, Some(key), &[], "").await
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> Answer {
        self.post_as(&self.admin, path, body).await
    }

    pub(crate) async fn post_as(&self, key: &str, path: &str, body: &Value) -> Answer {
        let json = [("content-type", "application/json")];
        let body = body.to_string();
        self.call("POST", path, Some(key), &json, body).await
    }

    pub(crate) async fn put(&self, path: &str, body: &Value) -> Answer {
        let json = [("content-type", "application/json")];
        let body = body.to_string();
        self.call("PUT", path, Some(&self.admin), &json, body).await
    }

    pub(crate) async fn call(
        &self,
        method: &str,
        path: &str,
        key: Option<&str>,
        headers: &[(&str, &str)],
        body: impl Into<Bytes>,
    ) -> Answer {
        let stream = TcpStream::connect(self.address).await.unwrap();
        let (mut sender, connection) = handshake(TokioIo::new(stream)).await.unwrap();
        tokio::spawn(async move { drop(connection.await) });
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header(HOST, "austin.example");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if let Some(key) = key {
            request = request.header(AUTHORIZATION, format!("Bearer {key}"));
        }
        let request = request.body(Full::new(body.into())).unwrap();
        let (head, body) = sender.send_request(request).await.unwrap().into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        Answer {
            status: head.status,
            headers: head.headers,
            text: String::from_utf8(body.to_vec()).unwrap(),
        }
    }

    /// Ends the server; how many connections had to be cut.
    pub(crate) async fn stop(&mut self) -> usize {
        self.stop.cancel();
        self.server.take().unwrap().await.unwrap()
    }

    /// Waits until the delivery is in `state`; its evidence.
    pub(crate) async fn settled(&self, id: &str, state: &str) -> Value {
        let path = format!("/v1/deliveries/{id}");
        for _ in 0..2_000 {
            let delivery = self.get(&path).await.expect(200);
            if delivery["state"] == state {
                return delivery;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        panic!(
            "{id} did not become {state}: {}",
            self.get(&path).await.text
        );
    }
}

impl Drop for App {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

pub(crate) fn account(key: &str) -> Value {
    json!({
        "key": key, "channel": "sms", "adapter": "simulator",
        "settings": {"endpoint": "http://vendor.example"}, "secrets": {"token": "sim-secret"},
    })
}

pub(crate) fn template(key: &str) -> Value {
    json!({
        "key": key, "name": "Greeting", "channel": "sms", "class": "notification",
        "team": "care", "owner": "owner@corp.example", "contact": "care@corp.example",
        "business": "support",
        // Tests say the same to the same people again and again.
        "policies": {"dedup": "off"},
        "content": {"text": "Hello {{name}}"},
        "variables": {"name": {"type": "string", "max_length": 10, "example": "Li"}},
    })
}

pub(crate) fn message(to: &Value) -> Value {
    json!({"template": "greet", "to": to, "vars": {"name": "Li"}})
}

/// Takes whatever it is given.
struct Vendor;

impl Wire for Vendor {
    fn call(&self, outgoing: Outgoing) -> BoxFuture<'_, Exchange> {
        Box::pin(async move {
            let Call::Http(request) = &outgoing.call else {
                panic!("the simulator speaks HTTP")
            };
            let sent: Value = serde_json::from_slice(&request.body).unwrap();
            if request.url.ends_with("/sim/recall") {
                return answered(&request.body, json!({"code": "ok"}).to_string());
            }
            let results: Vec<Value> = sent["messages"]
                .as_array()
                .unwrap()
                .iter()
                .map(|message| {
                    let reference = message["reference"].as_str().unwrap();
                    json!({"reference": reference, "code": "ok", "id": format!("sim-{reference}")})
                })
                .collect();
            let answer = json!({"results": results}).to_string();
            answered(&request.body, answer)
        })
    }

    fn fetch<'a>(&'a self, _: &'a str, _: usize) -> BoxFuture<'a, Result<Fetched, Fault>> {
        Box::pin(async { panic!("nothing is fetched") })
    }
}

fn answered(body: &[u8], answer: String) -> Exchange {
    Exchange {
        took: Duration::ZERO,
        request: String::from_utf8_lossy(body).into_owned(),
        answer: answer.clone(),
        reply: Reply::Http(HttpReply {
            status: StatusCode::OK,
            headers: HeaderMap::new(),
            body: answer.into(),
        }),
    }
}

/// The real uploads, but for one content that makes them panic.
struct Fragile(LocalBlobs);

impl Blobs for Fragile {
    fn put(&self, data: Bytes) -> BoxFuture<'_, Result<String, BlobError>> {
        assert!(data != "panic: the password is hunter2", "as asked");
        self.0.put(data)
    }

    fn get(&self, name: &str) -> BoxFuture<'_, Result<Option<Bytes>, BlobError>> {
        self.0.get(name)
    }
}
