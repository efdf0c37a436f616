use serde_json::json;

use super::*;
use crate::policy::rules::{
    Approval, Cap, Exemption, OnFault, Overdue, Period, QuietAction, QuietHours, Weekday, Window,
};
use std::time::Duration;

fn pointers(value: &Value) -> Vec<String> {
    let (_, faults) = Document::read(value);
    faults.into_iter().map(|fault| fault.pointer).collect()
}

fn whole() -> Value {
    json!({
        "description": "nights are quiet",
        "applies_to": {"channels": ["sms"], "classes": ["marketing"], "teams": ["growth"],
            "templates": ["sale"]},
        "dedup": {"window": "5m"},
        "repeat": "off",
        "cap": [{"per": "recipient", "count": 5, "window": "1d"},
            {"per": "recipient", "count": 3, "calendar": "week", "over": "team"}],
        "quiet_hours": {"action": "hold", "calendar": "cn-2026", "spread": "15m",
            "windows": [{"from": "22:00", "to": "08:00", "days": ["mon", "sun"]},
                {"from": "00:00", "to": "24:00"}]},
        "content": {"words": ["politics"], "links": ["corp.example"], "max_segments": 3,
            "opt_out": {"any_of": ["拒收请回复R"]}, "on_fault": "hold"},
        "suppression": {"ignore": ["opt_out"]},
        "allow_list": ["+8613711112200", "*@test.example"],
        "overdue": "expire",
        "ref": {"unique": "1d"},
        "approval": {"required": true, "self": false},
    })
}

#[test]
fn a_whole_document_is_read() {
    let (document, faults) = Document::read(&whole());
    assert_eq!(faults, []);
    assert_eq!(document.applies_to.narrowest(), Over::Template);
    let rules = document.rules;
    assert_eq!(rules.dedup, Some(Window::Last(Duration::from_secs(300))));
    assert_eq!(rules.repeat, Some(Window::Off));
    assert_eq!(
        rules.caps[1],
        Cap {
            count: 3,
            period: Period::Week,
            over: Some(Over::Team)
        }
    );
    let quiet = rules.quiet_hours.unwrap();
    assert_eq!(quiet.action, QuietAction::Hold);
    assert_eq!((quiet.windows[0].from, quiet.windows[0].to), (1_320, 480));
    assert_eq!(quiet.windows[0].days, [Weekday::Mon, Weekday::Sun]);
    assert_eq!(quiet.windows[1].to, 1_440);
    assert_eq!(quiet.spread, Duration::from_secs(900));
    assert_eq!(rules.content.on_fault, Some(OnFault::Hold));
    assert!(matches!(rules.suppression, Some(Exemption::Reasons(r)) if r == ["opt_out"]));
    assert_eq!(rules.overdue, Some(Overdue::Expire));
    let approval = Approval {
        required: true,
        by_author: false,
    };
    assert_eq!(rules.approval, Some(approval));
}

#[test]
fn what_is_not_stated_is_left_open() {
    assert_eq!(Document::read(&json!({})), (Document::default(), vec![]));
    let nulls = json!({"dedup": null, "cap": null, "applies_to": null, "content": null});
    assert_eq!(Document::read(&nulls), (Document::default(), vec![]));
    let (document, _) = Document::read(&json!({"quiet_hours": "hold"}));
    let night = QuietHours::usual(QuietAction::Hold);
    assert_eq!(document.rules.quiet_hours, Some(night));
}

#[test]
fn every_fault_is_named_by_its_place() {
    for (document, pointer) in [
        (json!([]), ""),
        (json!({"dedupe": {}}), "/dedupe"),
        (json!({"a/b": 1}), "/a~1b"),
        (json!({"description": ""}), "/description"),
        (
            json!({"applies_to": {"channels": ["fax"]}}),
            "/applies_to/channels/0",
        ),
        (
            json!({"applies_to": {"classes": "sms"}}),
            "/applies_to/classes",
        ),
        (json!({"dedup": {}}), "/dedup/window"),
        (json!({"dedup": "on"}), "/dedup"),
        (json!({"dedup": {"window": "5"}}), "/dedup/window"),
        (json!({"dedup": {"window": "0s"}}), "/dedup/window"),
        (json!({"repeat": {"window": "32d"}}), "/repeat/window"),
        (
            json!({"repeat": {"window": "99999999999999999999d"}}),
            "/repeat/window",
        ),
        (json!({"cap": {}}), "/cap"),
        (
            json!({"cap": [{"per": "house", "count": 1, "window": "1d"}]}),
            "/cap/0/per",
        ),
        (
            json!({"cap": [{"per": "recipient", "count": 0, "window": "1d"}]}),
            "/cap/0/count",
        ),
        (
            json!({"cap": [{"per": "recipient", "count": 1}]}),
            "/cap/0/window",
        ),
        (
            json!({"cap": [{"per": "recipient", "count": 1, "window": "1d", "calendar": "day"}]}),
            "/cap/0/calendar",
        ),
        (
            json!({"cap": [{"per": "recipient", "count": 1, "calendar": "year"}]}),
            "/cap/0/calendar",
        ),
        (
            json!({"cap": [{"per": "recipient", "count": 1, "window": "1d", "over": "us"}]}),
            "/cap/0/over",
        ),
        (
            json!({"cap": vec![json!({"per": "recipient", "count": 1, "window": "1d"}); 9]}),
            "/cap",
        ),
        (json!({"quiet_hours": "night"}), "/quiet_hours"),
        (json!({"quiet_hours": {}}), "/quiet_hours/action"),
        (
            json!({"quiet_hours": {"action": "hold", "windows": [{"from": "24:00", "to": "08:00"}]}}),
            "/quiet_hours/windows/0/from",
        ),
        (
            json!({"quiet_hours": {"action": "hold", "windows": [{"from": "8:00", "to": "09:00"}]}}),
            "/quiet_hours/windows/0/from",
        ),
        (
            json!({"quiet_hours": {"action": "hold", "windows": [{"from": "08:00", "to": "08:00"}]}}),
            "/quiet_hours/windows/0/to",
        ),
        (
            json!({"quiet_hours": {"action": "hold", "windows": []}}),
            "/quiet_hours/windows",
        ),
        (
            json!({"quiet_hours": {"action": "hold", "spread": "7h"}}),
            "/quiet_hours/spread",
        ),
        (
            json!({"content": {"max_segments": 0}}),
            "/content/max_segments",
        ),
        (json!({"content": {"words": ["A"]}}), "/content/words/0"),
        (
            json!({"content": {"opt_out": {}}}),
            "/content/opt_out/any_of",
        ),
        (json!({"content": {"on_fault": "cry"}}), "/content/on_fault"),
        (
            json!({"suppression": {"ignore": ["mood"]}}),
            "/suppression/ignore/0",
        ),
        (json!({"allow_list": "+86"}), "/allow_list"),
        (json!({"overdue": "later"}), "/overdue"),
        (json!({"ref": {"unique": "x"}}), "/ref/unique"),
        (json!({"approval": {}}), "/approval/required"),
        (
            json!({"approval": {"required": true, "self": 1}}),
            "/approval/self",
        ),
    ] {
        assert_eq!(pointers(&document), [pointer], "{document}");
    }
}

#[test]
fn a_template_carries_the_same_rules_but_no_word_on_approval_or_reach() {
    let (rules, faults) = Rules::read(&json!({
        "dedup": {"window": "5m"},
        "cap": [{"per": "recipient", "count": 5, "window": "1d"}],
        "quiet_hours": "hold",
    }));
    assert_eq!(faults, []);
    assert_eq!(rules.caps.len(), 1);
    for (value, pointer) in [
        (json!({"approval": {"required": false}}), "/approval"),
        (json!({"applies_to": {}}), "/applies_to"),
        (json!({"description": "x"}), "/description"),
    ] {
        let (_, faults) = Rules::read(&value);
        assert_eq!(faults.len(), 1, "{value}");
        assert_eq!(faults[0].pointer, pointer);
    }
}

#[test]
fn what_cannot_be_read_leaves_the_rest_standing() {
    let (document, faults) = Document::read(&json!({
        "dedup": {"window": "soon"}, "repeat": {"window": "30s"},
        "cap": [{"per": "recipient", "count": 1, "window": "1d"}, 7],
    }));
    assert_eq!(faults.len(), 2);
    assert_eq!(document.rules.dedup, None);
    assert!(document.rules.repeat.is_some());
    assert_eq!(document.rules.caps.len(), 1);
}
