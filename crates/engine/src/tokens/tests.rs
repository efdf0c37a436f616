use std::sync::atomic::{AtomicU32, Ordering};

use austin_adapter_api::{
    Adapter, Asking, Batch, Context, Descriptor, Reply, Speaker, State, Step,
};
use austin_ports::Clock;
use austin_ports::wire::{Exchange, Fetched as File, Outgoing};
use austin_testkit::{ManualClock, SeededEntropy};

use super::*;
use crate::samples;

/// Gives out numbered tokens, or fails.
struct Teller {
    descriptor: Descriptor,
    asked: AtomicU32,
    failing: Mutex<bool>,
    same: Mutex<Option<String>>,
}

impl Adapter for Teller {
    fn descriptor(&self) -> &Descriptor {
        &self.descriptor
    }

    fn start(&self, _: &Account, _: &Batch, _: &Context) -> Step {
        panic!("nothing is sent")
    }

    fn resume(&self, _: &Account, _: &Batch, _: State, _: Reply, _: &Context) -> Step {
        panic!("nothing is sent")
    }

    fn ask(&self, _: &Account, question: &Question, _: &Context) -> Asking {
        assert!(matches!(question, Question::Token { name } if name == "access"));
        let number = self.asked.fetch_add(1, Ordering::SeqCst) + 1;
        if *self.failing.lock() {
            let verdict = Verdict::Unknown(Cause::new("down", "no answer"));
            return Asking::Done(Answer::Failed(verdict));
        }
        let value = self.same.lock().clone();
        Asking::Done(Answer::Token(Token {
            value: value.unwrap_or_else(|| format!("token-{number}")).into(),
            expires_in: Some(Duration::from_secs(100)),
        }))
    }
}

struct NoWire;

impl austin_ports::Wire for NoWire {
    fn call(&self, _: Outgoing) -> BoxFuture<'_, Exchange> {
        panic!("no call is made")
    }

    fn fetch<'a>(
        &'a self,
        _: &'a str,
        _: usize,
    ) -> BoxFuture<'a, Result<File, austin_adapter_api::Fault>> {
        panic!("nothing is fetched")
    }
}

struct Rig {
    desk: Arc<Desk>,
    clock: Arc<ManualClock>,
    teller: Arc<Teller>,
    party: Arc<Party>,
}

impl Rig {
    fn new() -> Self {
        let clock = Arc::new(ManualClock::default());
        let teller = Arc::new(Teller {
            descriptor: samples::descriptor("teller"),
            asked: AtomicU32::new(0),
            failing: Mutex::new(false),
            same: Mutex::new(None),
        });
        let desk = Desk {
            wire: Arc::new(NoWire),
            clock: Arc::clone(&clock) as Arc<dyn Clock>,
            entropy: Arc::new(SeededEntropy::new(1)),
            tokens: Tokens::default(),
            lease: Duration::from_secs(10),
        };
        let party = Party {
            account: Account {
                id: AccountId::from_u64(7),
                key: "acme".into(),
                settings: Default::default(),
                secrets: Default::default(),
            },
            adapter: Speaker::Here(Arc::clone(&teller) as Arc<dyn Adapter>),
            key: Arc::from("acme"),
            secrets: Vec::new(),
        };
        Self {
            desk: Arc::new(desk),
            clock,
            teller,
            party: Arc::new(party),
        }
    }

    async fn want(&self, refused: Option<&str>) -> Result<String, Verdict> {
        self.want_as(&self.party, refused).await
    }

    async fn want_as(&self, party: &Arc<Party>, refused: Option<&str>) -> Result<String, Verdict> {
        let want = TokenWant {
            name: "access".into(),
            refused: refused.map(SecretString::from),
        };
        let token = self
            .desk
            .token(&party.account, &want, || Arc::clone(party))
            .await;
        token.map(|token| token.expose_secret().to_owned())
    }

    fn asked(&self) -> u32 {
        self.teller.asked.load(Ordering::SeqCst)
    }

    /// Until the fetches that were begun have landed.
    async fn breathe() {
        for _ in 0..20 {
            tokio::task::yield_now().await;
        }
    }
}

#[tokio::test]
async fn a_thousand_wants_make_one_fetch() {
    let rig = Rig::new();
    let wants = (0..1_000).map(|_| rig.want(None));
    let got = futures_util::future::join_all(wants).await;
    assert!(got.iter().all(|token| *token == Ok("token-1".into())));
    assert_eq!(rig.asked(), 1);
}

#[tokio::test]
async fn it_is_renewed_early_while_the_old_one_still_serves() {
    let rig = Rig::new();
    assert_eq!(rig.want(None).await, Ok("token-1".into()));
    rig.clock.advance(Duration::from_secs(79));
    assert_eq!(rig.want(None).await, Ok("token-1".into()));
    assert_eq!(rig.asked(), 1);
    rig.clock.advance(Duration::from_secs(1));
    assert_eq!(
        rig.want(None).await,
        Ok("token-1".into()),
        "served meanwhile"
    );
    Rig::breathe().await;
    assert_eq!(rig.want(None).await, Ok("token-2".into()));
    rig.clock.advance(Duration::from_secs(100));
    assert_eq!(
        rig.want(None).await,
        Ok("token-3".into()),
        "one that ran out is not"
    );
}

#[tokio::test]
async fn the_vendors_word_drops_only_what_it_is_about() {
    let rig = Rig::new();
    assert_eq!(rig.want(None).await, Ok("token-1".into()));
    let wants = (0..100).map(|_| rig.want(Some("token-1")));
    let got = futures_util::future::join_all(wants).await;
    assert!(got.iter().all(|token| *token == Ok("token-2".into())));
    assert_eq!(rig.want(Some("token-1")).await, Ok("token-2".into()));
    assert_eq!(rig.asked(), 2);
}

#[tokio::test]
async fn a_failure_is_shared_and_not_repeated_within_a_second() {
    let rig = Rig::new();
    *rig.teller.failing.lock() = true;
    let wants = (0..100).map(|_| rig.want(None));
    let got = futures_util::future::join_all(wants).await;
    assert!(
        got.iter()
            .all(|token| matches!(token, Err(Verdict::Elsewhere(_)))),
        "nothing was sent: {:?}",
        got[0]
    );
    assert!(rig.want(None).await.is_err());
    assert_eq!(rig.asked(), 1);
    *rig.teller.failing.lock() = false;
    rig.clock.advance(Duration::from_secs(1));
    assert_eq!(rig.want(None).await, Ok("token-2".into()));
}

#[tokio::test]
async fn a_vendor_that_gives_out_what_it_refuses_is_not_asked_in_circles() {
    let rig = Rig::new();
    *rig.teller.same.lock() = Some("stale".into());
    assert_eq!(rig.want(None).await, Ok("stale".into()));
    assert!(rig.want(Some("stale")).await.is_err());
    assert!(rig.want(Some("stale")).await.is_err());
    assert_eq!(rig.asked(), 2);
}

#[tokio::test]
async fn other_settings_mean_another_token() {
    let rig = Rig::new();
    assert_eq!(rig.want(None).await, Ok("token-1".into()));
    let mut account = rig.party.account.clone();
    account.secrets.insert("key".into(), "new".into());
    let changed = Arc::new(Party {
        account,
        adapter: rig.party.adapter.clone(),
        key: Arc::clone(&rig.party.key),
        secrets: Vec::new(),
    });
    assert_eq!(rig.want_as(&changed, None).await, Ok("token-2".into()));
}
