use proptest::prelude::*;

use super::super::plan::Rule;
use super::*;

fn strings(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

fn rule(name: &str, when: When) -> Rule {
    Rule {
        name: name.into(),
        when,
        parts: Vec::new(),
    }
}

fn facts(to: &str) -> Facts<'_> {
    Facts {
        to,
        template: TemplateId::from_u64(1),
        team: "shop",
        app: AppId::from_u64(2),
    }
}

#[test]
fn the_first_rule_that_fits_decides() {
    let plan = Plan {
        rules: vec![
            rule(
                "17",
                When {
                    prefixes: strings(&["+8617"]),
                    ..When::default()
                },
            ),
            rule(
                "cn",
                When {
                    countries: strings(&["CN"]),
                    ..When::default()
                },
            ),
            rule(
                "abroad",
                When {
                    countries: strings(&["US", "GB"]),
                    prefixes: strings(&["+852"]),
                    teams: strings(&["shop"]),
                    ..When::default()
                },
            ),
            rule(
                "template",
                When {
                    templates: vec![TemplateId::from_u64(1)],
                    apps: vec![AppId::from_u64(3)],
                    ..When::default()
                },
            ),
        ],
        ..Plan::default()
    };
    for (to, name) in [
        ("+8617711112201", Some("17")),
        ("+8613711112201", Some("cn")),
        ("+12025550123", Some("abroad")),
        ("+85251112222", Some("abroad")),
        ("+16045550123", None),
        ("li@corp.example", None),
    ] {
        let found = plan.rule_for(&facts(to)).map(|rule| rule.name.as_str());
        assert_eq!(found, name, "{to}");
    }
    let other = Facts {
        team: "logistics",
        ..facts("+85251112222")
    };
    assert_eq!(plan.rule_index(&other), None);
    let other = Facts {
        app: AppId::from_u64(3),
        ..other
    };
    assert_eq!(plan.rule_index(&other), Some(3));
    let other = Facts {
        template: TemplateId::from_u64(9),
        ..other
    };
    assert_eq!(plan.rule_index(&other), None);
}

#[test]
fn what_covers_what() {
    let countries = |all: &[&str]| When {
        countries: strings(all),
        ..When::default()
    };
    let prefixes = |all: &[&str]| When {
        prefixes: strings(all),
        ..When::default()
    };
    let team = |when: When| When {
        teams: strings(&["shop"]),
        ..when
    };
    for (wider, narrower, covers) in [
        (When::default(), countries(&["CN"]), true),
        (countries(&["CN"]), When::default(), false),
        (countries(&["CN", "US"]), countries(&["US"]), true),
        (countries(&["US"]), countries(&["CN", "US"]), false),
        (prefixes(&["+86"]), prefixes(&["+8617"]), true),
        (prefixes(&["+8617"]), prefixes(&["+86"]), false),
        (countries(&["CN"]), prefixes(&["+8617"]), true),
        (prefixes(&["+8"]), countries(&["CN"]), true),
        (prefixes(&["+1"]), countries(&["CA"]), true),
        (countries(&["CA"]), prefixes(&["+1604"]), false),
        (countries(&["CN"]), team(countries(&["CN"])), true),
        (team(countries(&["CN"])), countries(&["CN"]), false),
    ] {
        assert_eq!(wider.covers(&narrower), covers, "{wider:?} {narrower:?}");
    }
}

fn when() -> impl Strategy<Value = When> {
    let of = |words: &'static [&'static str]| {
        prop::collection::vec(prop::sample::select(words), 0..3).prop_map(|all| strings(&all))
    };
    (
        of(&["CN", "HK", "US"]),
        of(&["+86", "+8617", "+852", "+1"]),
        of(&["shop", "logistics"]),
        prop::collection::vec((1u64..4).prop_map(TemplateId::from_u64), 0..3),
        prop::collection::vec((1u64..4).prop_map(AppId::from_u64), 0..3),
    )
        .prop_map(|(countries, prefixes, teams, templates, apps)| When {
            countries,
            prefixes,
            templates,
            teams,
            apps,
        })
}

proptest! {
    #[test]
    fn a_covered_condition_never_fits_where_its_cover_does_not(
        wider in when(),
        narrower in when(),
        to in prop::sample::select(vec![
            "+8617711112201", "+8613711112201", "+85251112222", "+12025550123", "x@corp.example",
        ]),
        team in prop::sample::select(vec!["shop", "logistics", "other"]),
        template in 1u64..4,
        app in 1u64..4,
    ) {
        let facts = Facts {
            to,
            template: TemplateId::from_u64(template),
            team,
            app: AppId::from_u64(app),
        };
        prop_assert!(narrower.covers(&narrower));
        if wider.covers(&narrower) && narrower.fits(&facts, &mut Asked::default()) {
            prop_assert!(wider.fits(&facts, &mut Asked::default()));
        }
    }
}
