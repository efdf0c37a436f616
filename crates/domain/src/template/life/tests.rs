use proptest::prelude::*;

use super::*;

fn fresh() -> Life {
    Life {
        state: TemplateState::Draft,
        current: 1,
        versions: vec![VersionState::Draft],
    }
}

fn after(steps: &[Step]) -> Life {
    let mut life = fresh();
    for step in steps {
        life.take(*step).unwrap();
    }
    life
}

fn barred(life: &mut Life, step: Step) -> String {
    let before = life.clone();
    let why = life.take(step).unwrap_err().0;
    assert_eq!(*life, before, "{step:?} changed something");
    why
}

#[test]
fn a_first_version_leads_its_template_through_life() {
    use Step::*;
    let mut life = after(&[Submit(1)]);
    assert_eq!(life.state, TemplateState::Submitted);
    assert!(barred(&mut life, Publish(1)).contains("version 1 is submitted"));
    assert!(barred(&mut life, Enable).contains("the template is submitted"));
    life.take(Reject(1)).unwrap();
    assert_eq!(life.state, TemplateState::Draft);
    for step in [Submit(1), Approve(1)] {
        life.take(step).unwrap();
    }
    assert_eq!(life.state, TemplateState::Approved);
    life.take(Publish(1)).unwrap();
    assert_eq!((life.state, life.current), (TemplateState::Enabled, 1));
    assert!(barred(&mut life, Archive).contains("enabled"));
    for step in [Disable, Archive] {
        life.take(step).unwrap();
    }
    assert!(barred(&mut life, Enable).contains("archived"));
    assert!(life.clone().add().unwrap_err().0.contains("restore"));
    life.take(Restore).unwrap();
    assert_eq!(life.state, TemplateState::Disabled);
    life.take(Enable).unwrap();
    assert_eq!(life.state, TemplateState::Enabled);
}

#[test]
fn a_further_version_waits_beside_the_live_one() {
    use Step::*;
    let mut life = after(&[Submit(1), Approve(1), Publish(1)]);
    assert_eq!(life.add(), Ok(2));
    assert_eq!((life.state, life.current), (TemplateState::Enabled, 1));
    for step in [Submit(2), Withdraw(2), Submit(2), Approve(2)] {
        life.take(step).unwrap();
        assert_eq!((life.state, life.current), (TemplateState::Enabled, 1));
    }
    life.take(Publish(2)).unwrap();
    assert_eq!(life.current, 2);
    assert_eq!(life.versions, [VersionState::Retired, VersionState::Live]);
    assert!(barred(&mut life, Publish(2)).contains("version 2 is live"));
    assert!(barred(&mut life, Publish(3)).contains("no version 3"));
    assert!(barred(&mut life, Publish(0)).contains("no version 0"));
    life.take(Publish(1)).unwrap();
    assert_eq!(life.current, 1);
    assert_eq!(life.versions, [VersionState::Live, VersionState::Retired]);
}

#[test]
fn publishing_does_not_switch_on_what_was_switched_off() {
    use Step::*;
    let mut life = after(&[Submit(1), Approve(1), Publish(1), Disable]);
    life.add().unwrap();
    for step in [Submit(2), Approve(2), Publish(2)] {
        life.take(step).unwrap();
    }
    assert_eq!((life.state, life.current), (TemplateState::Disabled, 2));
}

#[test]
fn words_are_read_back() {
    for state in TemplateState::ALL {
        assert_eq!(TemplateState::parse(state.as_str()), Some(state));
    }
    for state in VersionState::ALL {
        assert_eq!(VersionState::parse(state.as_str()), Some(state));
    }
    assert_eq!(TemplateState::parse("live"), None);
}

fn steps() -> impl Strategy<Value = Vec<Option<Step>>> {
    use Step::*;
    let of_version = (0u8..5, 0u32..4).prop_map(|(kind, number)| match kind {
        0 => Submit(number),
        1 => Withdraw(number),
        2 => Reject(number),
        3 => Approve(number),
        _ => Publish(number),
    });
    let of_template = prop::sample::select(vec![Enable, Disable, Archive, Restore]);
    let one = prop_oneof![
        6 => of_version.prop_map(Some),
        2 => of_template.prop_map(Some),
        1 => Just(None),
    ];
    prop::collection::vec(one, 0..60)
}

proptest! {
    /// Whatever is tried: what is refused changes nothing, what is taken follows the table, and
    /// nothing goes live that was not approved.
    #[test]
    fn every_life_is_sound(steps in steps()) {
        let mut life = fresh();
        let mut approved = Vec::new();
        for step in steps {
            let before = life.clone();
            let taken = match step {
                None => life.add().is_ok(),
                Some(step) => life.take(step).is_ok(),
            };
            if !taken {
                prop_assert_eq!(&life, &before);
                continue;
            }
            match step {
                Some(Step::Approve(number)) => approved.push(number),
                Some(Step::Publish(number)) => {
                    prop_assert!(approved.contains(&number));
                    prop_assert_eq!(life.current, number);
                }
                Some(Step::Enable) => prop_assert!(life.was_live()),
                _ => {}
            }
            if before.state == TemplateState::Archived {
                prop_assert_eq!(step, Some(Step::Restore));
            }
            let live = life.versions.iter().filter(|v| **v == VersionState::Live).count();
            prop_assert!(live <= 1);
            prop_assert!(!before.was_live() || live == 1, "a live version was lost");
            if live == 1 {
                prop_assert_eq!(life.newest(|s| s == VersionState::Live), Some(life.current));
                prop_assert!(matches!(
                    life.state,
                    TemplateState::Enabled | TemplateState::Disabled | TemplateState::Archived
                ));
            } else {
                prop_assert!(life.state != TemplateState::Enabled);
                prop_assert!(!life.versions.contains(&VersionState::Retired));
                prop_assert_eq!(life.current as usize, life.versions.len());
            }
        }
    }
}
