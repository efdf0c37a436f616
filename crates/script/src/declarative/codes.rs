//! The vendor's codes and what each means.

use std::collections::BTreeMap;
use std::time::Duration;

use austin_adapter_api::CodeMeaning;
use austin_domain::Verdict;
use austin_domain::verdict::Cause;

use crate::node::Node;

/// Verdicts a code can give.
const WORDS: &[&str] = &[
    "bad_recipient",
    "bad_content",
    "elsewhere",
    "number_refused",
    "later",
    "throttled",
    "misconfigured",
    "unknown",
];

/// The table.
#[derive(Clone, Debug)]
pub(super) struct Codes {
    listed: BTreeMap<String, Treatment>,
    unlisted: Treatment,
}

#[derive(Clone, Debug)]
struct Treatment {
    word: &'static str,
    wait: Option<Duration>,
    meaning: String,
}

impl Codes {
    /// Reads `codes`; `None` when a fault was noted.
    pub(super) fn read(node: &Node<'_>) -> Option<Self> {
        node.object(&["listed", "unlisted"])?;
        let mut listed = BTreeMap::new();
        for (code, node) in node
            .get("listed")
            .map_or_else(Vec::new, |node| node.fields())
        {
            if let Some(treatment) = treatment(&node) {
                listed.insert(code.to_owned(), treatment);
            }
        }
        let word = node
            .need("unlisted")
            .and_then(|node| node.choice(WORDS).and_then(known));
        Some(Self {
            listed,
            unlisted: Treatment {
                word: word?,
                wait: None,
                meaning: String::new(),
            },
        })
    }

    /// Whether the table has it.
    pub(super) fn lists(&self, code: &str) -> bool {
        self.listed.contains_key(code)
    }

    /// The verdict of a code.
    pub(super) fn verdict(&self, code: &str, message: Option<&str>) -> Verdict {
        let treatment = self.listed.get(code).unwrap_or(&self.unlisted);
        let code: String = code.chars().take(64).collect();
        let cause = Cause::new(code, message.unwrap_or(&treatment.meaning));
        match treatment.word {
            "bad_recipient" => Verdict::BadRecipient(cause),
            "bad_content" => Verdict::BadContent(cause),
            "number_refused" => Verdict::NumberRefused {
                cause,
                after: treatment.wait,
            },
            "later" => Verdict::Later {
                cause,
                after: treatment.wait,
            },
            "throttled" => Verdict::Throttled {
                cause,
                pause: treatment.wait,
            },
            "misconfigured" => Verdict::Misconfigured(cause),
            "unknown" => Verdict::Unknown(cause),
            _ => Verdict::Elsewhere(cause),
        }
    }

    /// For the descriptor.
    pub(super) fn meanings(&self) -> impl Iterator<Item = CodeMeaning> {
        self.listed.iter().map(|(code, treatment)| CodeMeaning {
            code: code.clone(),
            verdict: treatment.word.to_owned(),
            meaning: treatment.meaning.clone(),
        })
    }
}

fn known(word: &str) -> Option<&'static str> {
    WORDS.iter().copied().find(|known| *known == word)
}

/// A verdict's word, or an object with its meaning and how long to wait.
fn treatment(node: &Node<'_>) -> Option<Treatment> {
    if node.value().is_string() {
        return Some(Treatment {
            word: node.choice(WORDS).and_then(known)?,
            wait: None,
            meaning: String::new(),
        });
    }
    node.object(&["verdict", "meaning", "seconds"])?;
    let word = node.need("verdict")?.choice(WORDS).and_then(known)?;
    let seconds = node.get("seconds").and_then(|node| node.integer(1, 86_400));
    if seconds.is_some() && !matches!(word, "later" | "throttled" | "number_refused") {
        let what = "seconds are for later, throttled and number_refused only";
        node.fault("contradiction", what);
    }
    Some(Treatment {
        word,
        wait: seconds
            .and_then(|seconds| u64::try_from(seconds).ok())
            .map(Duration::from_secs),
        meaning: node
            .get("meaning")
            .and_then(|node| node.text())
            .unwrap_or_default()
            .to_owned(),
    })
}
