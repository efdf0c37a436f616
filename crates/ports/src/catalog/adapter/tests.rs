use super::*;

const NOW: Timestamp = Timestamp::from_millis(1_700_000_000_000);

fn draft() -> AdapterVersion {
    AdapterVersion {
        number: 0,
        definition: json!({}),
        script: None,
        examples: json!([]),
        state: VersionState::Active,
        author: "local".into(),
        reason: None,
        created_at: NOW,
        checked_at: Some(NOW),
        note: None,
    }
}

/// An adapter with three checked versions, the first of them active.
fn entry() -> AdapterEntry {
    let mut entry = AdapterEntry::new("acme", NOW);
    for number in 1..=3 {
        assert_eq!(entry.add(draft()), number);
        assert_eq!(entry.versions[&number].state, VersionState::Draft);
        step(
            &mut entry,
            AdapterMove::Check {
                version: number,
                passed: true,
            },
        )
        .unwrap();
    }
    step(&mut entry, AdapterMove::Activate { version: 1 }).unwrap();
    entry
}

fn step(entry: &mut AdapterEntry, step: AdapterMove) -> Result<Value, CatalogError> {
    let before = entry.clone();
    let made = entry.make(&step, Some("said so".into()), NOW);
    if made.is_err() {
        assert_eq!(*entry, before, "a refused move changes nothing");
    }
    made
}

fn states(entry: &AdapterEntry) -> Vec<&'static str> {
    entry.versions.values().map(|v| v.state.as_str()).collect()
}

const fn canary(version: u32) -> AdapterMove {
    AdapterMove::Canary {
        version,
        percent: 10,
        promote_after: None,
    }
}

#[test]
fn a_version_goes_from_draft_to_active_and_back() {
    let mut entry = entry();
    step(&mut entry, canary(2)).unwrap();
    assert_eq!(states(&entry), ["active", "canary", "checked"]);
    step(&mut entry, AdapterMove::Activate { version: 2 }).unwrap();
    assert_eq!(states(&entry), ["retired", "active", "checked"]);
    assert_eq!(
        (entry.active, entry.former, &entry.canary),
        (Some(2), Some(1), &None)
    );
    let detail = step(&mut entry, AdapterMove::Rollback { of: None }).unwrap();
    assert_eq!(detail, json!({"version": 2, "to": 1}));
    assert_eq!(states(&entry), ["active", "retired", "checked"]);
    assert_eq!(entry.versions[&2].note.as_deref(), Some("said so"));
    let again = step(&mut entry, AdapterMove::Rollback { of: None }).unwrap_err();
    assert!(again.to_string().contains("no former version"), "{again}");
}

#[test]
fn a_rollback_ends_a_canary_first() {
    let mut entry = entry();
    step(&mut entry, AdapterMove::Activate { version: 2 }).unwrap();
    step(&mut entry, canary(3)).unwrap();
    assert!(step(&mut entry, AdapterMove::Rollback { of: Some(2) }).is_err());
    step(&mut entry, AdapterMove::Rollback { of: Some(3) }).unwrap();
    assert_eq!(states(&entry), ["retired", "active", "retired"]);
    assert_eq!((entry.active, entry.former), (Some(2), Some(1)));
}

#[test]
fn only_checked_versions_carry_traffic() {
    let mut entry = entry();
    let number = entry.add(draft());
    for refused in [canary(number), AdapterMove::Activate { version: number }] {
        let error = step(&mut entry, refused).unwrap_err();
        assert!(
            error.to_string().contains("not passed its check"),
            "{error}"
        );
    }
    step(
        &mut entry,
        AdapterMove::Check {
            version: 2,
            passed: false,
        },
    )
    .unwrap();
    let error = step(&mut entry, AdapterMove::Activate { version: 2 }).unwrap_err();
    assert!(
        error.to_string().contains("not passed its check"),
        "{error}"
    );
    let error = step(&mut entry, AdapterMove::Activate { version: 9 }).unwrap_err();
    assert!(matches!(error, CatalogError::Missing(_)), "{error}");
    // A failed check of what carries traffic takes it off nobody's hands.
    step(
        &mut entry,
        AdapterMove::Check {
            version: 1,
            passed: false,
        },
    )
    .unwrap();
    assert_eq!(states(&entry)[0], "active");
}

#[test]
fn a_canary_needs_something_to_be_compared_with() {
    let mut entry = entry();
    for percent in [0, 51, 100] {
        let step_ = AdapterMove::Canary {
            version: 2,
            percent,
            promote_after: None,
        };
        assert!(step(&mut entry, step_).is_err());
    }
    assert!(step(&mut entry, canary(1)).is_err());
    step(&mut entry, canary(2)).unwrap();
    assert!(step(&mut entry, canary(3)).is_err());
    let mut fresh = AdapterEntry::new("acme", NOW);
    fresh.add(draft());
    step(
        &mut fresh,
        AdapterMove::Check {
            version: 1,
            passed: true,
        },
    )
    .unwrap();
    assert!(step(&mut fresh, canary(1)).is_err());
}

#[test]
fn a_quarantined_version_makes_way_for_the_former_one() {
    let mut entry = entry();
    step(&mut entry, AdapterMove::Activate { version: 2 }).unwrap();
    let detail = step(&mut entry, AdapterMove::Quarantine { version: 2 }).unwrap();
    assert_eq!(detail, json!({"version": 2, "to": 1}));
    assert_eq!(states(&entry), ["active", "quarantined", "checked"]);
    assert!(step(&mut entry, AdapterMove::Activate { version: 2 }).is_err());
    step(&mut entry, AdapterMove::Quarantine { version: 1 }).unwrap();
    assert_eq!((entry.active, entry.former), (None, None));
    step(&mut entry, AdapterMove::Activate { version: 3 }).unwrap();
    assert_eq!(states(&entry), ["quarantined", "quarantined", "active"]);
}

#[test]
fn what_is_needed_is_not_removed_and_numbers_do_not_come_back() {
    let mut entry = entry();
    step(&mut entry, AdapterMove::Activate { version: 2 }).unwrap();
    step(&mut entry, canary(3)).unwrap();
    for number in [1, 2, 3] {
        assert!(matches!(entry.remove(number), Err(CatalogError::InUse(_))));
    }
    step(&mut entry, AdapterMove::Rollback { of: None }).unwrap();
    entry.remove(3).unwrap();
    assert!(matches!(entry.remove(3), Err(CatalogError::Missing(_))));
    assert_eq!(entry.add(draft()), 4);
}
