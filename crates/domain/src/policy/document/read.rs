//! From JSON to rules. Nothing is passed over: what cannot be read is named.

use std::str::FromStr;
use std::time::Duration;

use serde_json::{Map, Value};

use super::{AppliesTo, Document};
use crate::name::key_fault;
use crate::policy::rules::{
    Approval, Cap, Content, Exemption, OnFault, Over, Overdue, Pattern, Period, QuietAction,
    QuietHours, QuietWindow, Rules, SUPPRESSION_REASONS, Weekday, Window,
};
use crate::span;
use crate::template::check::Fault;

/// Most caps of one document.
pub(super) const MAX_CAPS: usize = 8;
/// Most entries of any other list.
const MAX_LIST: usize = 1_000;
/// Most quiet windows.
const MAX_WINDOWS: usize = 16;
/// Most characters of a text.
const MAX_TEXT: usize = 256;
/// Longest window: caps and dedup look no further back.
const LONGEST: Duration = Duration::from_secs(31 * 86_400);
/// Longest spread of held messages.
const LONGEST_SPREAD: Duration = Duration::from_secs(6 * 3_600);
/// Most billing parts that may be allowed.
const MAX_SEGMENTS: u64 = 255;

/// Every rule.
const RULES: [&str; 10] = [
    "dedup",
    "repeat",
    "cap",
    "quiet_hours",
    "content",
    "suppression",
    "allow_list",
    "overdue",
    "ref",
    "approval",
];

pub(super) fn document(value: &Value) -> (Document, Vec<Fault>) {
    let mut read = Read::default();
    let mut known = vec!["description", "applies_to"];
    known.extend(RULES);
    let Some(fields) = read.object("", value, &known) else {
        return (Document::default(), read.0);
    };
    let document = Document {
        description: given(fields, "description")
            .and_then(|value| read.text("/description", value)),
        applies_to: given(fields, "applies_to")
            .map(|value| read.applies_to(value))
            .unwrap_or_default(),
        rules: Rules {
            approval: given(fields, "approval").and_then(|value| read.approval(value)),
            ..read.rules(fields)
        },
    };
    (document, read.0)
}

pub(super) fn own_rules(value: &Value) -> (Rules, Vec<Fault>) {
    let mut read = Read::default();
    let Some(fields) = read.object("", value, &RULES) else {
        return (Rules::default(), read.0);
    };
    if given(fields, "approval").is_some() {
        let detail = "is for policies to say, not for the template itself";
        read.fault("/approval", "not_allowed", detail);
    }
    (read.rules(fields), read.0)
}

/// A field that is there and not null.
fn given<'a>(fields: &'a Map<String, Value>, name: &str) -> Option<&'a Value> {
    fields.get(name).filter(|value| !value.is_null())
}

#[derive(Default)]
struct Read(Vec<Fault>);

impl Read {
    fn fault(&mut self, pointer: &str, code: &'static str, detail: impl Into<String>) {
        self.0.push(Fault {
            pointer: pointer.to_owned(),
            code,
            detail: detail.into(),
        });
    }

    fn rules(&mut self, fields: &Map<String, Value>) -> Rules {
        Rules {
            dedup: given(fields, "dedup").and_then(|value| self.window("/dedup", value)),
            repeat: given(fields, "repeat").and_then(|value| self.window("/repeat", value)),
            caps: given(fields, "cap").map_or_else(Vec::new, |value| self.caps(value)),
            quiet_hours: given(fields, "quiet_hours").and_then(|value| self.quiet_hours(value)),
            content: given(fields, "content")
                .map(|value| self.content(value))
                .unwrap_or_default(),
            suppression: given(fields, "suppression").and_then(|value| self.exemption(value)),
            allow_list: given(fields, "allow_list").and_then(|value| {
                let texts = self.texts("/allow_list", value)?;
                Some(texts.into_iter().map(Pattern).collect())
            }),
            overdue: given(fields, "overdue").and_then(|value| {
                let words = [Overdue::Send, Overdue::Expire].map(|word| (word.as_str(), word));
                self.word("/overdue", value, &words)
            }),
            ref_unique: given(fields, "ref").and_then(|value| {
                let fields = self.object("/ref", value, &["unique"])?;
                let unique = fields.get("unique").unwrap_or(&Value::Null);
                if unique.as_str() == Some("off") {
                    return Some(Window::Off);
                }
                self.span("/ref/unique", unique, LONGEST).map(Window::Last)
            }),
            approval: None,
        }
    }

    fn applies_to(&mut self, value: &Value) -> AppliesTo {
        let known = ["channels", "classes", "teams", "templates"];
        let Some(fields) = self.object("/applies_to", value, &known) else {
            return AppliesTo::default();
        };
        AppliesTo {
            channels: self.parsed(fields, "channels"),
            classes: self.parsed(fields, "classes"),
            teams: self.list_of(fields, "teams"),
            templates: self.list_of(fields, "templates"),
        }
    }

    fn list_of(&mut self, fields: &Map<String, Value>, name: &str) -> Vec<String> {
        let list = given(fields, name).and_then(|value| {
            let pointer = format!("/applies_to/{name}");
            self.texts(&pointer, value)
        });
        list.unwrap_or_default()
    }

    fn parsed<T: FromStr<Err: std::fmt::Display>>(
        &mut self,
        fields: &Map<String, Value>,
        name: &str,
    ) -> Vec<T> {
        let mut found = Vec::new();
        for (index, text) in self.list_of(fields, name).iter().enumerate() {
            match text.parse() {
                Ok(word) => found.push(word),
                Err::<T, T::Err>(error) => self.fault(
                    &format!("/applies_to/{name}/{index}"),
                    "unknown_value",
                    error.to_string(),
                ),
            }
        }
        found
    }

    fn window(&mut self, pointer: &str, value: &Value) -> Option<Window> {
        if let Some(word) = value.as_str() {
            if word == "off" {
                return Some(Window::Off);
            }
            let detail = "must be \"off\" or an object with a window";
            self.fault(pointer, "unknown_value", detail);
            return None;
        }
        let fields = self.object(pointer, value, &["window"])?;
        let window = fields.get("window").unwrap_or(&Value::Null);
        self.span(&format!("{pointer}/window"), window, LONGEST)
            .map(Window::Last)
    }

    fn caps(&mut self, value: &Value) -> Vec<Cap> {
        let Some(list) = value.as_array() else {
            self.fault("/cap", "wrong_type", "must be an array of caps");
            return Vec::new();
        };
        if list.len() > MAX_CAPS {
            let detail = format!("must have at most {MAX_CAPS} caps");
            self.fault("/cap", "too_many", detail);
        }
        let caps = list.iter().take(MAX_CAPS).enumerate();
        caps.filter_map(|(index, cap)| self.cap(&format!("/cap/{index}"), cap))
            .collect()
    }

    fn cap(&mut self, pointer: &str, value: &Value) -> Option<Cap> {
        let known = ["per", "count", "window", "calendar", "over"];
        let fields = self.object(pointer, value, &known)?;
        let before = self.0.len();
        if fields.get("per").and_then(Value::as_str) != Some("recipient") {
            let detail = "must be \"recipient\"";
            self.fault(&format!("{pointer}/per"), "unknown_value", detail);
        }
        let count = fields.get("count").unwrap_or(&Value::Null);
        let count = self.number(&format!("{pointer}/count"), count, 1_000_000);
        let calendar = given(fields, "calendar");
        let period = match (given(fields, "window"), calendar) {
            (Some(_), Some(_)) => {
                let detail = "is either a window or a calendar, not both";
                self.fault(&format!("{pointer}/calendar"), "conflict", detail);
                None
            }
            (None, Some(calendar)) => {
                let words = [
                    ("day", Period::Day),
                    ("week", Period::Week),
                    ("month", Period::Month),
                ];
                self.word(&format!("{pointer}/calendar"), calendar, &words)
            }
            (window, None) => {
                let window = window.unwrap_or(&Value::Null);
                self.span(&format!("{pointer}/window"), window, LONGEST)
                    .map(Period::Last)
            }
        };
        let over = given(fields, "over").and_then(|over| {
            let words = [
                Over::All,
                Over::Channel,
                Over::Class,
                Over::Team,
                Over::Template,
            ];
            let words = words.map(|word| (word.as_str(), word));
            self.word(&format!("{pointer}/over"), over, &words)
        });
        let (count, period) = (count?, period?);
        (self.0.len() == before).then_some(Cap {
            count: u32::try_from(count).unwrap_or(u32::MAX),
            period,
            over,
        })
    }

    fn quiet_hours(&mut self, value: &Value) -> Option<QuietHours> {
        let words = [QuietAction::None, QuietAction::Drop, QuietAction::Hold];
        let words = words.map(|word| (word.as_str(), word));
        if value.is_string() {
            let action = self.word("/quiet_hours", value, &words)?;
            return Some(QuietHours::usual(action));
        }
        let known = ["action", "windows", "calendar", "spread"];
        let fields = self.object("/quiet_hours", value, &known)?;
        let before = self.0.len();
        let action = fields.get("action").unwrap_or(&Value::Null);
        let action = self.word("/quiet_hours/action", action, &words);
        let windows = given(fields, "windows").map(|windows| self.windows(windows));
        let calendar = given(fields, "calendar").and_then(|calendar| {
            let name = self.text("/quiet_hours/calendar", calendar)?;
            self.key("/quiet_hours/calendar", &name);
            Some(name)
        });
        let spread = given(fields, "spread")
            .and_then(|spread| self.span("/quiet_hours/spread", spread, LONGEST_SPREAD));
        let action = action?;
        let usual = QuietHours::usual(action);
        (self.0.len() == before).then_some(QuietHours {
            action,
            // A calendar alone: its days and no hours.
            windows: match windows {
                Some(windows) => windows,
                None if calendar.is_some() => Vec::new(),
                None => usual.windows,
            },
            calendar,
            spread: spread.unwrap_or(usual.spread),
        })
    }

    fn windows(&mut self, value: &Value) -> Vec<QuietWindow> {
        let pointer = "/quiet_hours/windows";
        let Some(list) = self.array(pointer, value, MAX_WINDOWS) else {
            return Vec::new();
        };
        if list.is_empty() {
            self.fault(pointer, "required", "must have at least one window");
        }
        let windows = list.iter().enumerate();
        windows
            .filter_map(|(index, window)| self.quiet_window(&format!("{pointer}/{index}"), window))
            .collect()
    }

    fn quiet_window(&mut self, pointer: &str, value: &Value) -> Option<QuietWindow> {
        let fields = self.object(pointer, value, &["from", "to", "days"])?;
        let from = self.clock(&format!("{pointer}/from"), fields.get("from"), 1_439);
        let to = self.clock(&format!("{pointer}/to"), fields.get("to"), 1_440);
        let mut days = Vec::new();
        if let Some(list) = given(fields, "days") {
            let pointer = format!("{pointer}/days");
            let words = Weekday::ALL.map(|day| (day.as_str(), day));
            for (index, day) in self.array(&pointer, list, 7)?.iter().enumerate() {
                days.extend(self.word(&format!("{pointer}/{index}"), day, &words));
            }
        }
        let (from, to) = (from?, to?);
        if from == to {
            let detail = "must differ from `from`; 00:00 to 24:00 is a whole day";
            self.fault(&format!("{pointer}/to"), "invalid", detail);
            return None;
        }
        Some(QuietWindow { from, to, days })
    }

    fn content(&mut self, value: &Value) -> Content {
        let known = ["words", "links", "max_segments", "opt_out", "on_fault"];
        let Some(fields) = self.object("/content", value, &known) else {
            return Content::default();
        };
        Content {
            words: given(fields, "words").and_then(|value| {
                let names = self.texts("/content/words", value)?;
                for (index, name) in names.iter().enumerate() {
                    self.key(&format!("/content/words/{index}"), name);
                }
                Some(names)
            }),
            links: given(fields, "links").and_then(|value| self.texts("/content/links", value)),
            max_segments: given(fields, "max_segments").and_then(|value| {
                let most = self.number("/content/max_segments", value, MAX_SEGMENTS)?;
                u16::try_from(most).ok()
            }),
            opt_out: given(fields, "opt_out").and_then(|value| {
                let fields = self.object("/content/opt_out", value, &["any_of"])?;
                let any_of = fields.get("any_of").unwrap_or(&Value::Null);
                self.texts("/content/opt_out/any_of", any_of)
            }),
            on_fault: given(fields, "on_fault").and_then(|value| {
                let words = [OnFault::Refuse, OnFault::Hold].map(|word| (word.as_str(), word));
                self.word("/content/on_fault", value, &words)
            }),
        }
    }

    fn exemption(&mut self, value: &Value) -> Option<Exemption> {
        let fields = self.object("/suppression", value, &["ignore"])?;
        let ignore = fields.get("ignore").unwrap_or(&Value::Null);
        if ignore.as_str() == Some("all") {
            return Some(Exemption::All);
        }
        let reasons = self.texts("/suppression/ignore", ignore)?;
        for (index, reason) in reasons.iter().enumerate() {
            if !SUPPRESSION_REASONS.contains(&reason.as_str()) {
                let detail = format!("unknown reason; known: {}", SUPPRESSION_REASONS.join(", "));
                let pointer = format!("/suppression/ignore/{index}");
                self.fault(&pointer, "unknown_value", detail);
            }
        }
        Some(Exemption::Reasons(reasons))
    }

    fn approval(&mut self, value: &Value) -> Option<Approval> {
        let fields = self.object("/approval", value, &["required", "self"])?;
        let required = self.flag("/approval/required", fields.get("required"), None);
        let by_author = self.flag("/approval/self", fields.get("self"), Some(false));
        Some(Approval {
            required: required?,
            by_author: by_author?,
        })
    }

    fn flag(&mut self, pointer: &str, value: Option<&Value>, usual: Option<bool>) -> Option<bool> {
        let found = match value {
            None => usual,
            Some(value) => value.as_bool(),
        };
        if found.is_none() {
            self.fault(pointer, "wrong_type", "must be true or false");
        }
        found
    }

    /// `HH:MM` as minutes from midnight.
    fn clock(&mut self, pointer: &str, value: Option<&Value>, most: u16) -> Option<u16> {
        let text = value.and_then(Value::as_str).unwrap_or_default();
        let part = |text: &str| {
            let digits = text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit());
            digits.then(|| text.parse::<u16>().ok()).flatten()
        };
        let minutes = text.split_once(':').and_then(|(hours, minutes)| {
            let (hours, minutes) = (part(hours)?, part(minutes)?);
            (minutes < 60).then_some(hours * 60 + minutes)
        });
        let minutes = minutes.filter(|minutes| *minutes <= most);
        if minutes.is_none() {
            let detail = format!(
                "must be a time of day such as 22:00, at most {:02}:{:02}",
                most / 60,
                most % 60
            );
            self.fault(pointer, "invalid", detail);
        }
        minutes
    }

    fn word<T: Copy>(&mut self, pointer: &str, value: &Value, words: &[(&str, T)]) -> Option<T> {
        let text = value.as_str();
        let found = words.iter().find(|(word, _)| text == Some(*word));
        if found.is_none() {
            let known: Vec<_> = words.iter().map(|(word, _)| *word).collect();
            let detail = format!("must be one of {}", known.join(", "));
            self.fault(pointer, "unknown_value", detail);
        }
        found.map(|(_, word)| *word)
    }

    fn span(&mut self, pointer: &str, value: &Value, most: Duration) -> Option<Duration> {
        let text = value.as_str().unwrap_or_default();
        let span = span::parse(text).filter(|span| !span.is_zero() && *span <= most);
        if span.is_none() {
            let detail = format!(
                "must be a duration such as \"30s\", \"5m\", \"12h\" or \"1d\", at most {}",
                span::text(most)
            );
            self.fault(pointer, "invalid_duration", detail);
        }
        span
    }

    fn number(&mut self, pointer: &str, value: &Value, most: u64) -> Option<u64> {
        let number = value.as_u64().filter(|number| (1..=most).contains(number));
        if number.is_none() {
            let detail = format!("must be a whole number from 1 to {most}");
            self.fault(pointer, "out_of_range", detail);
        }
        number
    }

    fn key(&mut self, pointer: &str, key: &str) {
        if let Some(detail) = key_fault(key) {
            self.fault(pointer, "invalid_key", detail);
        }
    }

    fn text(&mut self, pointer: &str, value: &Value) -> Option<String> {
        let Some(text) = value.as_str() else {
            self.fault(pointer, "wrong_type", "must be a text");
            return None;
        };
        let length = text.chars().count();
        if text.trim().is_empty() || length > MAX_TEXT || text.chars().any(char::is_control) {
            let detail = format!("must be one line of 1 to {MAX_TEXT} characters");
            self.fault(pointer, "invalid", detail);
            return None;
        }
        Some(text.to_owned())
    }

    fn texts(&mut self, pointer: &str, value: &Value) -> Option<Vec<String>> {
        let list = self.array(pointer, value, MAX_LIST)?;
        let texts = list.iter().enumerate();
        Some(
            texts
                .filter_map(|(index, text)| self.text(&format!("{pointer}/{index}"), text))
                .collect(),
        )
    }

    fn array<'a>(
        &mut self,
        pointer: &str,
        value: &'a Value,
        most: usize,
    ) -> Option<&'a Vec<Value>> {
        let Some(list) = value.as_array() else {
            self.fault(pointer, "wrong_type", "must be an array");
            return None;
        };
        if list.len() > most {
            let detail = format!("must have at most {most} entries");
            self.fault(pointer, "too_many", detail);
            return None;
        }
        Some(list)
    }

    fn object<'a>(
        &mut self,
        pointer: &str,
        value: &'a Value,
        known: &[&str],
    ) -> Option<&'a Map<String, Value>> {
        let Some(fields) = value.as_object() else {
            self.fault(pointer, "wrong_type", "must be an object");
            return None;
        };
        for name in fields.keys().filter(|name| !known.contains(&name.as_str())) {
            let name = name.replace('~', "~0").replace('/', "~1");
            let detail = format!("is not known here; known: {}", known.join(", "));
            self.fault(&format!("{pointer}/{name}"), "unknown_field", detail);
        }
        Some(fields)
    }
}

impl QuietHours {
    /// The hours that a word alone stands for: 22:00 to 08:00, let out over ten minutes.
    pub fn usual(action: QuietAction) -> Self {
        let night = QuietWindow {
            from: 22 * 60,
            to: 8 * 60,
            days: Vec::new(),
        };
        Self {
            action,
            windows: if action == QuietAction::None {
                Vec::new()
            } else {
                vec![night]
            },
            calendar: None,
            spread: Duration::from_secs(600),
        }
    }
}
