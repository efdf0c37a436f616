//! What all policies together say about one template.
//!
//! Weakest first: the defaults of the class, then the policies that apply by how narrowly they
//! name it (all, channel, class, team, template; of equals by name), then the template version
//! itself. Caps of all layers count together, and a person must stand on every allow-list; of
//! everything else the strongest layer that states it holds.

use std::time::Duration;

use super::document::Document;
use super::rules::{
    Approval, Cap, Content, Exemption, OnFault, Over, Overdue, Pattern, QuietAction, QuietHours,
    Rules, Window,
};
use crate::channel::{Channel, Class};
use crate::delivery::RuleRef;

/// Rules from one place.
#[derive(Clone, Copy, Debug)]
pub struct Layer<'a> {
    /// Where they stand: `class/marketing`, `policy/night`, `template/order-shipped`.
    pub name: &'a str,
    /// The version of that; 0 where it has none.
    pub version: u32,
    /// What its caps count over where they do not say.
    pub over: Over,
    /// The rules.
    pub rules: &'a Rules,
}

/// A rule and where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ruled<T> {
    /// What it says.
    pub value: T,
    /// Where it stands.
    pub rule: RuleRef,
}

/// The rules that hold for a template version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Effective {
    /// The same words to the same person.
    pub dedup: Ruled<Window>,
    /// The same template to the same person.
    pub repeat: Ruled<Window>,
    /// All caps, `over` filled in.
    pub caps: Vec<Ruled<Cap>>,
    /// When nobody is to be disturbed.
    pub quiet_hours: Ruled<QuietHours>,
    /// Lists of words that must not occur.
    pub words: Option<Ruled<Vec<String>>>,
    /// Hosts that links may lead to.
    pub links: Option<Ruled<Vec<String>>>,
    /// Most billing parts.
    pub max_segments: Option<Ruled<u16>>,
    /// Words of which one must occur.
    pub opt_out: Option<Ruled<Vec<String>>>,
    /// What becomes of a message whose words are at fault.
    pub on_fault: Ruled<OnFault>,
    /// Suppressions that do not count.
    pub suppression: Ruled<Exemption>,
    /// Lists that a person must stand on, all of them.
    pub allow_lists: Vec<Ruled<Vec<Pattern>>>,
    /// What becomes of deliveries whose time passed while austin was down.
    pub overdue: Ruled<Overdue>,
    /// How long a `ref` stands for one delivery.
    pub ref_unique: Ruled<Window>,
    /// Who must agree before the template goes live.
    pub approval: Ruled<Approval>,
}

/// A policy that applies: its name, its version, what it says.
pub type Named<'a> = (&'a str, u32, &'a Document);

/// What identifies a template version for policies.
#[derive(Clone, Copy, Debug)]
pub struct Subject<'a> {
    /// Its channel.
    pub channel: Channel,
    /// Its class.
    pub class: Class,
    /// The team that owns it.
    pub team: &'a str,
    /// Its key.
    pub template: &'a str,
    /// The version.
    pub version: u32,
    /// The rules that the version carries itself.
    pub own: &'a Rules,
}

impl Effective {
    /// What `policies` say about `subject`.
    pub fn of<'a>(subject: &Subject<'_>, policies: impl Iterator<Item = Named<'a>>) -> Self {
        let mut found: Vec<Named<'_>> = policies
            .filter(|(_, _, document)| {
                let Subject {
                    channel,
                    class,
                    team,
                    template,
                    ..
                } = *subject;
                document.applies_to.fits(channel, class, team, template)
            })
            .collect();
        found.sort_by_key(|(name, _, document)| (document.applies_to.narrowest(), *name));
        let mut effective = Self::of_class(subject.class);
        for (name, version, document) in found {
            effective.add(&Layer {
                name: &format!("policy/{name}"),
                version,
                over: document.applies_to.narrowest(),
                rules: &document.rules,
            });
        }
        effective.add(&Layer {
            name: &format!("template/{}", subject.template),
            version: subject.version,
            over: Over::Template,
            rules: subject.own,
        });
        effective
    }

    /// The defaults of a class.
    pub fn of_class(class: Class) -> Self {
        let minutes = |minutes: u64| Window::Last(Duration::from_secs(minutes * 60));
        let (dedup, quiet, ignore, approval) = match class {
            Class::Verification => (Window::Off, QuietAction::None, &["opt_out"][..], false),
            Class::Notification => (minutes(5), QuietAction::None, &[][..], false),
            Class::Marketing => (minutes(5), QuietAction::Hold, &[][..], true),
        };
        let place = Place {
            name: &format!("class/{class}"),
            version: 0,
        };
        let ignore = ignore.iter().map(|reason| (*reason).to_owned()).collect();
        Self {
            dedup: place.rule("dedup", dedup),
            repeat: place.rule("repeat", Window::Off),
            caps: Vec::new(),
            quiet_hours: place.rule("quiet_hours", QuietHours::usual(quiet)),
            words: None,
            links: None,
            max_segments: None,
            opt_out: None,
            on_fault: place.rule("content/on_fault", OnFault::Refuse),
            suppression: place.rule("suppression", Exemption::Reasons(ignore)),
            allow_lists: Vec::new(),
            overdue: place.rule("overdue", Overdue::Send),
            ref_unique: place.rule("ref", Window::Off),
            approval: place.rule(
                "approval",
                Approval {
                    required: approval,
                    by_author: false,
                },
            ),
        }
    }

    /// How far back the meter must look for this template.
    pub fn longest(&self) -> Duration {
        let windows = [&self.dedup, &self.repeat];
        let windows = windows.into_iter().filter_map(|one| one.value.length());
        let caps = self.caps.iter().map(|cap| cap.value.period.longest());
        windows.chain(caps).max().unwrap_or_default()
    }

    /// Puts a stronger layer on top.
    pub fn add(&mut self, layer: &Layer<'_>) {
        let rules = layer.rules;
        let place = Place {
            name: layer.name,
            version: layer.version,
        };
        place.over(&mut self.dedup, "dedup", rules.dedup.as_ref());
        place.over(&mut self.repeat, "repeat", rules.repeat.as_ref());
        place.over(
            &mut self.quiet_hours,
            "quiet_hours",
            rules.quiet_hours.as_ref(),
        );
        place.over(
            &mut self.suppression,
            "suppression",
            rules.suppression.as_ref(),
        );
        place.over(&mut self.overdue, "overdue", rules.overdue.as_ref());
        place.over(&mut self.ref_unique, "ref", rules.ref_unique.as_ref());
        place.over(&mut self.approval, "approval", rules.approval.as_ref());
        self.add_content(&rules.content, &place);
        for (index, cap) in rules.caps.iter().enumerate() {
            let over = cap.over.unwrap_or(layer.over);
            let cap = Cap {
                over: Some(over),
                ..*cap
            };
            self.caps.push(place.rule(&format!("cap/{index}"), cap));
        }
        if let Some(list) = &rules.allow_list {
            self.allow_lists
                .push(place.rule("allow_list", list.clone()));
        }
    }

    fn add_content(&mut self, content: &Content, place: &Place<'_>) {
        place.over(
            &mut self.on_fault,
            "content/on_fault",
            content.on_fault.as_ref(),
        );
        place.over_open(&mut self.words, "content/words", content.words.as_ref());
        place.over_open(&mut self.links, "content/links", content.links.as_ref());
        place.over_open(
            &mut self.max_segments,
            "content/max_segments",
            content.max_segments.as_ref(),
        );
        place.over_open(
            &mut self.opt_out,
            "content/opt_out",
            content.opt_out.as_ref(),
        );
    }
}

/// Where the rules of a layer stand.
struct Place<'a> {
    name: &'a str,
    version: u32,
}

impl Place<'_> {
    fn rule<T>(&self, part: &str, value: T) -> Ruled<T> {
        let rule = RuleRef {
            name: self.name.to_owned(),
            version: self.version,
            part: part.to_owned(),
        };
        Ruled { value, rule }
    }

    fn over<T: Clone>(&self, below: &mut Ruled<T>, part: &str, stated: Option<&T>) {
        if let Some(value) = stated {
            *below = self.rule(part, value.clone());
        }
    }

    fn over_open<T: Clone>(&self, below: &mut Option<Ruled<T>>, part: &str, stated: Option<&T>) {
        if let Some(value) = stated {
            *below = Some(self.rule(part, value.clone()));
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn document(value: serde_json::Value) -> Document {
        let (document, faults) = Document::read(&value);
        assert_eq!(faults, []);
        document
    }

    fn subject(own: &Rules) -> Subject<'_> {
        Subject {
            channel: Channel::Sms,
            class: Class::Notification,
            team: "growth",
            template: "sale",
            version: 3,
            own,
        }
    }

    #[test]
    fn the_narrowest_statement_holds_and_caps_add_up() {
        let cap = json!({"per": "recipient", "count": 5, "window": "1d"});
        let policies = [
            (
                "z-all",
                1,
                document(
                    json!({"dedup": {"window": "1m"}, "cap": [cap], "repeat": {"window": "9s"}}),
                ),
            ),
            (
                "b-channel",
                2,
                document(json!({"applies_to": {"channels": ["sms"]}, "dedup": {"window": "2m"}})),
            ),
            (
                "a-channel",
                2,
                document(json!({"applies_to": {"channels": ["sms"]}, "dedup": {"window": "7m"}})),
            ),
            (
                "a-team",
                7,
                document(
                    json!({"applies_to": {"teams": ["growth"]}, "cap": [cap], "overdue": "expire"}),
                ),
            ),
            (
                "other",
                1,
                document(json!({"applies_to": {"teams": ["else"]}, "dedup": "off", "cap": [cap]})),
            ),
        ];
        let named = || {
            policies
                .iter()
                .map(|(name, version, d)| (*name, *version, d))
        };
        let (own, _) = Rules::read(&json!({"cap": [cap], "repeat": "off"}));
        let all = Effective::of(&subject(&own), named());
        assert_eq!(all.dedup.rule.name, "policy/b-channel");
        assert_eq!(all.dedup.value, Window::Last(Duration::from_secs(120)));
        assert_eq!(all.repeat.rule.name, "template/sale");
        assert_eq!(all.repeat.rule.version, 3);
        let caps: Vec<_> = all
            .caps
            .iter()
            .map(|cap| {
                (
                    cap.rule.name.as_str(),
                    cap.rule.part.as_str(),
                    cap.value.over,
                )
            })
            .collect();
        assert_eq!(
            caps,
            [
                ("policy/z-all", "cap/0", Some(Over::All)),
                ("policy/a-team", "cap/0", Some(Over::Team)),
                ("template/sale", "cap/0", Some(Over::Template)),
            ]
        );
        assert_eq!(all.overdue.rule.name, "policy/a-team");
        assert_eq!(all.quiet_hours.rule.name, "class/notification");
        assert_eq!(all.longest(), Duration::from_secs(86_400));
    }

    #[test]
    fn the_parts_of_content_are_stated_one_by_one() {
        let policies = [
            (
                "words",
                1,
                document(json!({"content": {"words": ["politics"], "on_fault": "hold"}})),
            ),
            (
                "wording",
                4,
                document(json!({"applies_to": {"channels": ["sms"]},
                    "content": {"opt_out": {"any_of": ["R"]}}})),
            ),
        ];
        let named = policies
            .iter()
            .map(|(name, version, d)| (*name, *version, d));
        let all = Effective::of(&subject(&Rules::default()), named);
        assert_eq!(all.words.unwrap().rule.name, "policy/words");
        assert_eq!(all.opt_out.unwrap().rule.name, "policy/wording");
        assert_eq!(all.on_fault.value, OnFault::Hold);
    }

    #[test]
    fn every_allow_list_counts() {
        let policies = [(
            "test",
            1,
            document(json!({"allow_list": ["*@test.example"]})),
        )];
        let named = policies
            .iter()
            .map(|(name, version, d)| (*name, *version, d));
        let (own, _) = Rules::read(&json!({"allow_list": ["*"]}));
        let all = Effective::of(&subject(&own), named);
        assert_eq!(all.allow_lists.len(), 2);
    }

    #[test]
    fn classes_differ_in_what_they_do_by_themselves() {
        let of = Effective::of_class;
        assert_eq!(of(Class::Verification).dedup.value, Window::Off);
        assert!(of(Class::Verification).suppression.value.covers("opt_out"));
        assert!(
            !of(Class::Verification)
                .suppression
                .value
                .covers("complaint")
        );
        assert!(!of(Class::Marketing).suppression.value.covers("opt_out"));
        assert!(of(Class::Marketing).approval.value.required);
        let quiet = of(Class::Marketing).quiet_hours;
        assert_eq!(quiet.value.action, QuietAction::Hold);
        assert_eq!(quiet.rule.name, "class/marketing");
        assert_eq!(
            of(Class::Notification).quiet_hours.value.action,
            QuietAction::None
        );
    }
}
