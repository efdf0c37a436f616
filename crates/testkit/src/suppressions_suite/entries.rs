//! Entries: put, found, changed, lifted, over, and what is told of them.

use austin_domain::suppression::{Reason, Reasons, Source};
use austin_domain::{Channel, DeliveryId, SuppressionId, Timestamp};
use austin_ports::Suppressions;
use austin_ports::suppressions::{EventStep, Fate, Filter, NewSuppression, Put, Strike};

use super::{NOW, Open, TO, after, lift, sms};
use crate::cases;
use crate::suite::Case;

pub(super) fn cases() -> Vec<Case<Open>> {
    cases![
        what_was_put_is_found_also_after_a_crash,
        channels_reasons_and_addresses_are_kept_apart,
        exempt_reasons_are_passed_over,
        an_end_comes_by_itself,
        the_same_again_is_one_entry,
        what_comes_by_itself_never_shortens,
        lifting_ends_an_entry_once,
        after_its_end_the_same_is_a_new_entry,
        many_are_put_together_in_order,
        the_case_of_an_email_address_makes_no_difference,
        lists_are_filtered_and_come_in_pages,
        history_tells_all_about_an_address,
        strikes_count_in_a_row,
        lifting_a_block_forgets_the_strikes,
        link_keys_stay_the_same,
        concurrent_puts_make_one_entry,
    ]
}

async fn put(store: &dyn Suppressions, new: NewSuppression) -> Put {
    store.put(vec![new], NOW).await.unwrap()[0]
}

fn found(store: &dyn Suppressions, channel: Channel, to: &str) -> Option<SuppressionId> {
    store.check(channel, to, NOW).map(|found| found.id)
}

async fn what_was_put_is_found_also_after_a_crash(open: Open) {
    let store = open();
    let cause = Some(DeliveryId::from_u64(77));
    let until = Some(after(3_600));
    let new = NewSuppression {
        cause,
        until,
        note: Some("asked by phone".into()),
        ..sms(TO, Reason::OptOut)
    };
    assert_eq!(store.check(Channel::Sms, TO, NOW), None);
    let made = put(&*store, new.clone()).await;
    assert_eq!(made.fate, Fate::Created);
    drop(store);
    for _ in 0..2 {
        let store = open();
        let hit = store.check(Channel::Sms, TO, NOW).unwrap();
        assert_eq!(hit.id, made.id);
        assert_eq!(
            (hit.reason, hit.channel, hit.until, hit.cause),
            (Reason::OptOut, Some(Channel::Sms), until, cause)
        );
        let entry = store.get(made.id).await.unwrap().unwrap();
        assert_eq!(
            (entry.to.as_str(), entry.author.as_str(), entry.created_at),
            (TO, "app/shop", NOW)
        );
        assert_eq!(entry.note, new.note);
        assert_eq!(store.size().entries, 1);
    }
    let store = open();
    // Later ids are above it.
    let other = put(&*store, sms("+8613711112201", Reason::OptOut)).await;
    assert!(other.id > made.id);
}

async fn channels_reasons_and_addresses_are_kept_apart(open: Open) {
    let store = open();
    let one = put(&*store, sms(TO, Reason::OptOut)).await.id;
    assert_eq!(found(&*store, Channel::Sms, TO), Some(one));
    assert_eq!(found(&*store, Channel::Email, TO), None);
    assert_eq!(found(&*store, Channel::Sms, "+8613711112201"), None);
    let all = NewSuppression {
        channel: None,
        ..sms(TO, Reason::Manual)
    };
    let all = put(&*store, all).await;
    assert_eq!(all.fate, Fate::Created);
    assert_eq!(found(&*store, Channel::Email, TO), Some(all.id));
    assert_eq!(found(&*store, Channel::Webhook, TO), Some(all.id));
    // The person's own word is named first.
    assert_eq!(found(&*store, Channel::Sms, TO), Some(one));
    let blocked = put(&*store, sms(TO, Reason::Blocked)).await;
    assert_eq!(blocked.fate, Fate::Created);
    assert_eq!(store.size().entries, 3);
}

async fn exempt_reasons_are_passed_over(open: Open) {
    let store = open();
    put(&*store, sms(TO, Reason::OptOut)).await;
    let exempt = Reasons::NONE.with(Reason::OptOut);
    assert_eq!(store.check_but(Channel::Sms, TO, exempt, NOW), None);
    let bad = put(&*store, sms(TO, Reason::HardBounce)).await.id;
    let hit = store.check_but(Channel::Sms, TO, exempt, NOW);
    assert_eq!(hit.map(|hit| hit.id), Some(bad));
    assert_eq!(store.check_but(Channel::Sms, TO, Reasons::ALL, NOW), None);
}

async fn an_end_comes_by_itself(open: Open) {
    let store = open();
    let new = NewSuppression {
        until: Some(after(60)),
        ..sms(TO, Reason::Manual)
    };
    put(&*store, new).await;
    let almost = Timestamp::from_millis(after(60).millis() - 1);
    assert!(store.check(Channel::Sms, TO, almost).is_some());
    assert_eq!(store.check(Channel::Sms, TO, after(60)), None);
    drop(store);
    let store = open();
    assert!(store.check(Channel::Sms, TO, almost).is_some());
    assert_eq!(store.check(Channel::Sms, TO, after(60)), None);
}

async fn the_same_again_is_one_entry(open: Open) {
    let store = open();
    let first = put(&*store, sms(TO, Reason::OptOut)).await;
    let again = put(&*store, sms(TO, Reason::OptOut)).await;
    assert_eq!((again.id, again.fate), (first.id, Fate::Unchanged));
    let ends = NewSuppression {
        until: Some(after(60)),
        note: Some("for a while".into()),
        ..sms(TO, Reason::OptOut)
    };
    let changed = put(&*store, ends.clone()).await;
    assert_eq!((changed.id, changed.fate), (first.id, Fate::Changed));
    assert_eq!(store.check(Channel::Sms, TO, after(60)), None);
    let again = put(&*store, ends).await;
    assert_eq!((again.id, again.fate), (first.id, Fate::Unchanged));
    // A note that is not given stays.
    let for_ever = put(&*store, sms(TO, Reason::OptOut)).await;
    assert_eq!((for_ever.id, for_ever.fate), (first.id, Fate::Changed));
    let entry = store.get(first.id).await.unwrap().unwrap();
    assert_eq!(
        (entry.until, entry.note.as_deref()),
        (None, Some("for a while"))
    );
    assert!(store.check(Channel::Sms, TO, after(60)).is_some());
    assert_eq!(store.size().entries, 1);
}

async fn what_comes_by_itself_never_shortens(open: Open) {
    let store = open();
    let by = |source, until| NewSuppression {
        source,
        until,
        note: Some("by itself".into()),
        ..sms(TO, Reason::OptOut)
    };
    let first = put(&*store, by(Source::Api, Some(after(60)))).await;
    let shorter = put(&*store, by(Source::Reply, Some(after(30)))).await;
    assert_eq!((shorter.id, shorter.fate), (first.id, Fate::Unchanged));
    let longer = put(&*store, by(Source::Unsubscribe, None)).await;
    assert_eq!((longer.id, longer.fate), (first.id, Fate::Changed));
    let again = put(&*store, by(Source::Receipt, Some(after(90)))).await;
    assert_eq!((again.id, again.fate), (first.id, Fate::Unchanged));
    let entry = store.get(first.id).await.unwrap().unwrap();
    assert_eq!((entry.until, entry.source), (None, Source::Api));
}

async fn lifting_ends_an_entry_once(open: Open) {
    let store = open();
    let id = put(&*store, sms(TO, Reason::OptOut)).await.id;
    let (entry, ended) = store.lift(id, lift(), after(1)).await.unwrap().unwrap();
    assert!(ended);
    assert_eq!(entry.lifted_at, Some(after(1)));
    assert_eq!(store.check(Channel::Sms, TO, after(1)), None);
    let (entry, ended) = store.lift(id, lift(), after(2)).await.unwrap().unwrap();
    assert!(!ended);
    assert_eq!(entry.lifted_at, Some(after(1)));
    let nobody = SuppressionId::from_u64(id.as_u64() + 1_000);
    assert_eq!(store.lift(nobody, lift(), NOW).await.unwrap(), None);
    assert_eq!(store.get(nobody).await.unwrap(), None);
    drop(store);
    let store = open();
    assert_eq!(store.check(Channel::Sms, TO, NOW), None);
    assert_eq!(store.size().entries, 0);
}

async fn after_its_end_the_same_is_a_new_entry(open: Open) {
    let store = open();
    let ends = NewSuppression {
        until: Some(after(60)),
        ..sms(TO, Reason::Manual)
    };
    let first = put(&*store, ends).await.id;
    let later = after(61);
    let second = store.put(vec![sms(TO, Reason::Manual)], later).await;
    let second = second.unwrap()[0];
    assert_eq!(second.fate, Fate::Created);
    assert_ne!(second.id, first);
    let hit = store.check(Channel::Sms, TO, later).unwrap();
    assert_eq!(hit.id, second.id);
    store.lift(second.id, lift(), later).await.unwrap();
    let third = store.put(vec![sms(TO, Reason::Manual)], later).await;
    let third = third.unwrap()[0];
    assert_eq!(third.fate, Fate::Created);
    assert!(third.id > second.id);
    drop(store);
    let store = open();
    let hit = store.check(Channel::Sms, TO, later).unwrap();
    assert_eq!(hit.id, third.id);
}

async fn many_are_put_together_in_order(open: Open) {
    let store = open();
    let to = |n: u32| format!("+86137111{n:05}");
    let mut new: Vec<_> = (0..500).map(|n| sms(&to(n), Reason::OptOut)).collect();
    // The same twice within one call.
    new.push(sms(&to(3), Reason::OptOut));
    let puts = store.put(new, NOW).await.unwrap();
    assert_eq!(puts.len(), 501);
    assert_eq!(
        (puts[500].id, puts[500].fate),
        (puts[3].id, Fate::Unchanged)
    );
    assert!(puts[..500].iter().all(|put| put.fate == Fate::Created));
    for n in 0..500 {
        let at = usize::try_from(n).unwrap();
        assert_eq!(found(&*store, Channel::Sms, &to(n)), Some(puts[at].id));
    }
    assert_eq!(found(&*store, Channel::Sms, &to(500)), None);
    for put in &puts[100..400] {
        store.lift(put.id, lift(), NOW).await.unwrap();
    }
    for n in 0..500 {
        let lifted = (100..400).contains(&n);
        assert_eq!(
            found(&*store, Channel::Sms, &to(n)).is_none(),
            lifted,
            "{n}"
        );
    }
}

async fn the_case_of_an_email_address_makes_no_difference(open: Open) {
    let store = open();
    let new = NewSuppression {
        channel: Some(Channel::Email),
        ..sms("li.lei@corp.example", Reason::OptOut)
    };
    let id = put(&*store, new).await.id;
    assert_eq!(
        found(&*store, Channel::Email, "Li.Lei@corp.example"),
        Some(id)
    );
    assert_eq!(found(&*store, Channel::Email, "li.lei@other.example"), None);
}

fn nth(n: u32) -> String {
    format!("+86137111{n:05}")
}

/// The numbers of [`nth`] that fit, page by page.
async fn listed(store: &dyn Suppressions, filter: &Filter, limit: usize) -> Vec<u32> {
    let mut seen = Vec::new();
    let mut before = None;
    loop {
        let filter = Filter {
            before,
            limit,
            ..filter.clone()
        };
        let page = store.list(filter, after(20)).await.unwrap();
        assert!(page.items.len() <= limit);
        seen.extend(page.items.iter().map(|entry| {
            let digits = entry.to.trim_start_matches("+86137111");
            digits.parse::<u32>().unwrap()
        }));
        before = page.next;
        if before.is_none() {
            return seen;
        }
    }
}

async fn lists_are_filtered_and_come_in_pages(open: Open) {
    let store = open();
    for n in 0..9 {
        let new = NewSuppression {
            channel: (n % 3 > 0).then_some(Channel::Sms),
            source: [Source::Api, Source::Import][usize::from(n % 2 == 1)],
            until: (n == 8).then_some(after(10)),
            ..sms(
                &nth(n),
                [Reason::OptOut, Reason::Manual][usize::from(n >= 5)],
            )
        };
        let id = put(&*store, new).await.id;
        if n == 7 {
            store.lift(id, lift(), NOW).await.unwrap();
        }
    }
    for limit in [1, 2, 9, 100] {
        let all = listed(&*store, &Filter::default(), limit).await;
        assert_eq!(all, [8, 7, 6, 5, 4, 3, 2, 1, 0]);
    }
    let filter = |change: &dyn Fn(&mut Filter)| {
        let mut filter = Filter::default();
        change(&mut filter);
        filter
    };
    let sms = Some(Some(Channel::Sms));
    for (wanted, numbers) in [
        (filter(&|f| f.channel = Some(None)), vec![6, 3, 0]),
        (filter(&|f| f.channel = sms), vec![8, 7, 5, 4, 2, 1]),
        (filter(&|f| f.channel = Some(Some(Channel::Email))), vec![]),
        (
            filter(&|f| f.reason = Some(Reason::Manual)),
            vec![8, 7, 6, 5],
        ),
        (
            filter(&|f| f.source = Some(Source::Import)),
            vec![7, 5, 3, 1],
        ),
        (filter(&|f| f.active = Some(false)), vec![8, 7]),
        (
            filter(&|f| f.active = Some(true)),
            vec![6, 5, 4, 3, 2, 1, 0],
        ),
        (filter(&|f| f.to = Some(nth(4))), vec![4]),
        (filter(&|f| f.to = Some("+8613711112200".into())), vec![]),
    ] {
        assert_eq!(listed(&*store, &wanted, 2).await, numbers, "{wanted:?}");
    }
}

async fn history_tells_all_about_an_address(open: Open) {
    let store = open();
    let cause = Some(DeliveryId::from_u64(9));
    let first = NewSuppression {
        source: Source::Reply,
        author: "reply".into(),
        cause,
        note: Some("TD".into()),
        ..sms(TO, Reason::OptOut)
    };
    let first = put(&*store, first).await.id;
    let ends = NewSuppression {
        until: Some(after(60)),
        ..sms(TO, Reason::OptOut)
    };
    store.put(vec![ends], after(1)).await.unwrap();
    store.lift(first, lift(), after(2)).await.unwrap();
    let second = store.put(vec![sms(TO, Reason::Manual)], after(3)).await;
    let second = second.unwrap()[0].id;
    put(&*store, sms("+8613711112201", Reason::OptOut)).await;
    drop(store);
    let store = open();
    for id in [first, second] {
        let events = store.history(id).await.unwrap();
        let told: Vec<_> = events
            .iter()
            .map(|event| {
                let (author, note) = (event.author.as_str(), event.note.as_deref());
                (event.id, event.at, event.step, author, event.until, note)
            })
            .collect();
        let (end, created) = (Some(after(60)), EventStep::Created);
        let why = Some("asked by phone");
        assert_eq!(
            told,
            [
                (first, NOW, created, "reply", None, Some("TD")),
                (
                    first,
                    after(1),
                    EventStep::Changed,
                    "app/shop",
                    end,
                    Some("TD")
                ),
                (first, after(2), EventStep::Lifted, "app/desk", end, why),
                (second, after(3), created, "app/shop", None, None),
            ]
        );
        assert_eq!((events[0].cause, events[0].source), (cause, Source::Reply));
    }
    let nobody = SuppressionId::from_u64(1);
    assert_eq!(store.history(nobody).await.unwrap(), []);
}

fn strike(delivery: u64, first: bool) -> Strike {
    Strike {
        channel: Channel::Sms,
        to: TO.into(),
        delivery: DeliveryId::from_u64(delivery),
        first,
    }
}

async fn strikes_count_in_a_row(open: Open) {
    let store = open();
    let key = || {
        vec![
            (Channel::Sms, TO.to_owned()),
            (Channel::Email, TO.to_owned()),
        ]
    };
    assert_eq!(store.strikes(key()).await.unwrap(), [None, None]);
    let counts = store.strike(vec![strike(1, false), strike(2, false)]).await;
    assert_eq!(counts.unwrap(), [1, 2]);
    // The same once more, as after a crash.
    assert_eq!(store.strike(vec![strike(2, false)]).await.unwrap(), [2]);
    drop(store);
    let store = open();
    let held = store.strikes(key()).await.unwrap();
    let last = held[0].unwrap();
    assert_eq!((last.count, last.last.as_u64()), (2, 2));
    assert_eq!(held[1], None);
    assert_eq!(store.strike(vec![strike(3, true)]).await.unwrap(), [1]);
    assert_eq!(store.strike(vec![strike(4, false)]).await.unwrap(), [2]);
}

async fn lifting_a_block_forgets_the_strikes(open: Open) {
    let store = open();
    store
        .strike(vec![strike(1, false), strike(2, false)])
        .await
        .unwrap();
    let manual = put(&*store, sms(TO, Reason::Manual)).await.id;
    store.lift(manual, lift(), NOW).await.unwrap();
    assert_eq!(store.strike(vec![strike(3, false)]).await.unwrap(), [3]);
    let blocked = put(&*store, sms(TO, Reason::Blocked)).await.id;
    store.lift(blocked, lift(), NOW).await.unwrap();
    assert_eq!(store.strike(vec![strike(4, false)]).await.unwrap(), [1]);
}

async fn link_keys_stay_the_same(open: Open) {
    use secrecy::ExposeSecret;
    let keys = || {
        let store = open();
        let keys = store.link_keys().iter();
        let keys: Vec<_> = keys
            .map(|key| (key.version, key.secret.expose_secret().to_vec()))
            .collect();
        keys
    };
    let before = keys();
    assert!(!before.is_empty());
    assert!(before.iter().all(|(_, secret)| secret.len() == 32));
    assert_eq!(keys(), before);
}

async fn concurrent_puts_make_one_entry(open: Open) {
    let store = open();
    let puts: Vec<_> = (0..50)
        .map(|_| {
            let store = std::sync::Arc::clone(&store);
            tokio::spawn(async move { put(&*store, sms(TO, Reason::OptOut)).await })
        })
        .collect();
    let mut ids = Vec::new();
    let mut created = 0;
    for put in puts {
        let put = put.await.unwrap();
        ids.push(put.id);
        created += usize::from(put.fate == Fate::Created);
    }
    ids.dedup();
    assert_eq!((created, ids.len()), (1, 1));
}
