//! Word lists as clients send and see them.

use austin_domain::content_check::Found;
use austin_engine::manage::{WordListDraft, WordsDraft};
use austin_ports::catalog::{Role, WordListEntry};
use axum::extract::Request;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::super::audit::AuditView;
use crate::app::App;
use crate::body;
use crate::faults::Faults;
use crate::instant::Instant;
use crate::json;
use crate::problem::{Code, Problem};

/// Parameters beside a list that is sent as text.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct PutQuery {
    /// The team it belongs to; with a text body only.
    team: Option<String>,
    /// Why, for people who read the audit trail; with a text body only.
    reason: Option<String>,
}

/// A word list.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"words": ["发票", "free money", "*coin*"], "team": "risk"}))]
pub(super) struct WordListBody {
    /// All its words, at most 200,000.
    words: Vec<String>,
    /// The team it belongs to; not given: everybody's.
    team: Option<String>,
    /// Why, for people who read the audit trail; at most 128 characters.
    reason: Option<String>,
}

/// Why, for people who read the audit trail.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = WordListDeletion)]
pub(super) struct Why {
    /// At most 128 characters.
    pub(super) reason: Option<String>,
}

/// A text to try a list on.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = WordListSample, example = json!({"text": "代开發.票"}))]
pub(super) struct SampleBody {
    /// At most 100,000 characters.
    pub(super) text: String,
}

/// What a list finds.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = WordListFindings)]
pub(super) struct SampleView {
    /// In the order in which they begin; at most 100.
    findings: Vec<FoundView>,
}

/// A word that was found.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = WordListFinding)]
struct FoundView {
    /// As the list has it.
    word: String,
    /// Its first character in the text, from 0.
    at: u32,
}

impl FromIterator<Found> for SampleView {
    fn from_iter<I: IntoIterator<Item = Found>>(found: I) -> Self {
        let found = found.into_iter().map(|found| FoundView {
            word: found.word,
            at: found.at,
        });
        Self {
            findings: found.collect(),
        }
    }
}

/// A word list without its words.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = WordList)]
pub(super) struct WordListView {
    #[schema(example = "finance")]
    name: String,
    /// The team it belongs to; `null`: everybody's.
    team: Option<String>,
    /// Counts its changes, from 1.
    version: u32,
    /// How many different words it has.
    count: usize,
    /// Memory that it takes, about.
    bytes: usize,
    author: String,
    reason: Option<String>,
    updated_at: Instant,
}

/// All word lists.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct WordListList {
    pub(super) items: Vec<WordListView>,
}

/// A word list with its words and its past.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct WordListWithWords {
    #[serde(flatten)]
    list: WordListView,
    /// One a line, as they were sent, comments included; for admins only.
    #[serde(skip_serializing_if = "Option::is_none")]
    words: Option<String>,
    /// Past changes, newest first.
    history: Vec<AuditView>,
}

impl WordListView {
    pub(super) fn of(entry: &WordListEntry) -> Self {
        Self {
            name: entry.name.clone(),
            team: entry.team.clone(),
            version: entry.version,
            count: entry.words.list().len(),
            bytes: entry.words.list().bytes(),
            author: entry.author.clone(),
            reason: entry.reason.clone(),
            updated_at: entry.updated_at.into(),
        }
    }
}

impl WordListWithWords {
    pub(super) fn of(entry: &WordListEntry, role: Role, history: Vec<AuditView>) -> Self {
        Self {
            list: WordListView::of(entry),
            words: (role == Role::Admin).then(|| entry.words.text().to_owned()),
            history,
        }
    }
}

/// The list in a request, in either form.
pub(super) async fn read(
    app: &App,
    query: PutQuery,
    request: Request,
) -> Result<WordListDraft, Problem> {
    let (parts, body) = request.into_parts();
    let bytes = body::collect(&parts.headers, body, &app.options).await?;
    if body::media_type(&parts.headers) == "text/plain" {
        let text = text(&bytes)?.to_owned();
        return Ok(WordListDraft {
            words: WordsDraft::Lines(text),
            team: query.team,
            reason: query.reason,
        });
    }
    body::require_json(&parts.headers).map_err(|_| {
        let detail = "send the words as text/plain, one a line, or as application/json";
        Problem::new(Code::UnsupportedMediaType, detail)
    })?;
    let mut faults = Faults::default();
    for (pointer, given) in [("/team", &query.team), ("/reason", &query.reason)] {
        if given.is_some() {
            faults.add(pointer, "misplaced", "belongs into the JSON body");
        }
    }
    faults.into_result()?;
    let body: WordListBody = json::parse(&bytes)?;
    Ok(WordListDraft {
        words: WordsDraft::Each(body.words),
        team: body.team,
        reason: body.reason,
    })
}

/// A body as text.
///
/// # Errors
/// Where it is not UTF-8, with the place.
pub(in super::super) fn text(bytes: &[u8]) -> Result<&str, Problem> {
    std::str::from_utf8(bytes).map_err(|error| {
        let detail = format!("is not UTF-8 from byte {} on", error.valid_up_to());
        Problem::field("", "not_utf8", detail)
    })
}
