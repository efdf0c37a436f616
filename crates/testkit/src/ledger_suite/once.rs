//! Requests that may come again.

use austin_domain::{AppId, MessageId};
use austin_ports::ledger::{Error, Filter, Mark, Remembered};

use super::*;
use crate::cases;

pub(super) fn cases() -> Vec<Case<Backend>> {
    cases![
        a_mark_and_its_messages_are_one,
        a_known_key_takes_nothing,
        a_mark_is_forgotten_after_a_day,
    ]
}

fn mark(app: u64, key: &str) -> Mark {
    Mark {
        app: AppId::from_u64(app),
        key: key.into(),
        request: [7; 32],
        answer: b"{\"template\":\"t\"}".to_vec(),
    }
}

async fn find(ledger: &dyn Ledger, app: u64, key: &str, seconds: u64) -> Option<Remembered> {
    ledger
        .remembered(AppId::from_u64(app), key, at(seconds))
        .await
        .unwrap()
}

async fn once(ledger: &dyn Ledger, app: u64, seconds: u64) -> Result<MessageId, Error> {
    let taken = ledger.accept_once(vec![message(&[1])], mark(app, "k"), at(seconds));
    Ok(taken.await?[0].message.id)
}

async fn a_mark_and_its_messages_are_one(mut backend: Backend) {
    assert_eq!(find(backend.ledger(), 1, "k", 0).await, None);
    let batch = vec![message(&[1, 2]), message(&[3])];
    let accepted = backend
        .ledger()
        .accept_once(batch, mark(1, "k"), NOW)
        .await
        .unwrap();
    assert_eq!(accepted[0].ready.len(), 2);
    for _ in 0..2 {
        let found = find(backend.ledger(), 1, "k", 60).await.unwrap();
        assert_eq!((found.request, found.at), (mark(1, "k").request, NOW));
        assert_eq!(found.answer, mark(1, "k").answer);
        let ids: Vec<_> = accepted.iter().map(|one| one.message.id).collect();
        assert_eq!(found.messages, ids);
        for id in ids {
            assert!(backend.ledger().message(id).await.unwrap().is_some());
        }
        assert_eq!(find(backend.ledger(), 2, "k", 60).await, None);
        assert_eq!(find(backend.ledger(), 1, "k2", 60).await, None);
        backend.restart().await;
    }
}

async fn a_known_key_takes_nothing(mut backend: Backend) {
    let first = once(backend.ledger(), 1, 1).await.unwrap();
    for _ in 0..2 {
        let again = once(backend.ledger(), 1, 2).await;
        assert_eq!(again, Err(Error::Repeated));
        backend.restart().await;
    }
    let other = once(backend.ledger(), 2, 2).await.unwrap();
    assert!(other > first);
    let found = backend
        .ledger()
        .find(Filter {
            to: Some(number(1)),
            limit: 9,
            ..Filter::default()
        })
        .await
        .unwrap();
    assert_eq!(found.rows.len(), 2);
}

async fn a_mark_is_forgotten_after_a_day(mut backend: Backend) {
    let day = 24 * 3600;
    once(backend.ledger(), 1, 0).await.unwrap();
    assert!(find(backend.ledger(), 1, "k", day).await.is_some());
    assert_eq!(find(backend.ledger(), 1, "k", day + 1).await, None);
    once(backend.ledger(), 1, day + 1).await.unwrap();
    backend.restart().await;
    let found = find(backend.ledger(), 1, "k", day + 2).await.unwrap();
    assert_eq!(found.at, at(day + 1));
}
