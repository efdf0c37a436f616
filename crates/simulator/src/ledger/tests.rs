use std::collections::HashMap as Model;

use proptest::prelude::*;

use super::*;

fn accept(ledger: &Ledger, reference: &str, to: &str, shared: bool) -> Mark {
    ledger.record(&Accepted {
        behaviour: &Arc::from("default"),
        vendor: Vendor::Own,
        reference,
        shared,
        to,
        text: "hello",
        at_ms: 1_767_323_045_000,
        count_by: CountBy::Reference,
    })
}

fn full(details: usize) -> Ledger {
    Ledger::new(Mode::Full, details, 1_767_323_045_000)
}

proptest! {
    #[test]
    fn doubles_agree_with_a_plain_count(references in prop::collection::vec(0_u8..40, 0..200)) {
        let ledger = full(64);
        let mut model: Model<u8, u64> = Model::new();
        for reference in &references {
            accept(&ledger, &format!("dlv_{reference}"), "+8613711112222", false);
            *model.entry(*reference).or_default() += 1;
        }
        let summary = ledger.summary(1_000);
        prop_assert_eq!(summary.distinct_references, model.len() as u64);
        prop_assert_eq!(summary.doubled_count, model.values().filter(|n| **n > 1).count() as u64);
        prop_assert_eq!(summary.extra_count, model.values().map(|n| n - 1).sum::<u64>());
        for doubled in &summary.doubled {
            let reference: u8 = doubled.reference["dlv_".len()..].parse().unwrap();
            prop_assert_eq!(model[&reference], doubled.count);
        }
        for (reference, count) in model {
            let known = ledger.known(&format!("dlv_{reference}"), None).unwrap();
            prop_assert_eq!(known.count, count);
        }
    }
}

#[test]
fn a_call_reference_is_counted_per_recipient() {
    let ledger = full(64);
    accept(&ledger, "call-1", "+8613711112222", true);
    accept(&ledger, "call-1", "+8613711112223", true);
    assert_eq!(ledger.summary(10).doubled_count, 0);
    accept(&ledger, "call-1", "+8613711112223", true);
    let summary = ledger.summary(10);
    assert_eq!(summary.doubled_count, 1);
    assert_eq!(summary.doubled[0].to, "+8613711112223");
    assert!(ledger.known("call-1", None).is_none());
    assert_eq!(
        ledger
            .known("call-1", Some("+8613711112223"))
            .unwrap()
            .count,
        2
    );
}

#[test]
fn messages_without_reference_are_no_doubles_unless_counted_by_content() {
    let ledger = full(64);
    accept(&ledger, "", "+8613711112222", false);
    accept(&ledger, "", "+8613711112222", false);
    let summary = ledger.summary(10);
    assert_eq!((summary.without_reference, summary.doubled_count), (2, 0));
    for text in ["1234", "5678", "1234"] {
        ledger.record(&Accepted {
            behaviour: &Arc::from("default"),
            vendor: Vendor::Aliyun,
            reference: "",
            shared: false,
            to: "+8613711112222",
            text,
            at_ms: 0,
            count_by: CountBy::Content,
        });
    }
    assert_eq!(ledger.summary(10).doubled_count, 1);
}

#[test]
fn counts_outlive_particulars() {
    let ledger = full(64);
    let first = accept(&ledger, "dlv_first", "+8613711112222", false);
    for n in 0..1_000 {
        accept(&ledger, &format!("dlv_{n}"), "+8613711112222", false);
    }
    let known = ledger.known("dlv_first", None).unwrap();
    assert_eq!((known.count, known.number), (1, first.number));
    assert!(ledger.newest(10_000).len() <= 64);
}

#[test]
fn receipts_are_noted_and_numbers_survive_clearing() {
    let ledger = full(6_400);
    let mark = accept(&ledger, "dlv_1", "+8613711112222", false);
    ledger.note_receipt(mark, false);
    let entry = ledger.known("dlv_1", None).unwrap().entries.remove(0);
    assert_eq!(entry.status, Some("undelivered"));
    ledger.clear();
    assert!(ledger.known("dlv_1", None).is_none());
    let again = accept(&ledger, "dlv_1", "+8613711112222", false);
    assert!(again.number > mark.number);
}
