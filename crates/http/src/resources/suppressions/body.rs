//! Suppressions as clients send and ask for them.

use austin_domain::Channel;
use austin_domain::suppression;
use austin_engine::SuppressionDraft;
use austin_ports::suppressions::Filter;
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

use crate::app::App;
use crate::cursor;
use crate::faults::Faults;
use crate::problem::Problem;

/// The word for all channels.
pub(super) const ALL: &str = "all";

/// A suppression to be added.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = SuppressionBody, example = json!({
    "channel": "sms", "to": "+8613711112200", "reason": "opt_out", "note": "asked by phone",
}))]
pub(super) struct SuppressionBody {
    /// A channel, or `all`.
    channel: String,
    /// The address. For `all` its form tells which kind it is.
    to: String,
    /// `opt_out`, `complaint`, `hard_bounce`, `blocked` or `manual`, which it is when not said.
    #[serde(default)]
    reason: Option<String>,
    /// When it ends; never, when not said.
    #[serde(default)]
    #[schema(format = DateTime)]
    until: Option<String>,
    /// For people; at most 500 characters.
    #[serde(default)]
    note: Option<String>,
}

impl SuppressionBody {
    pub(super) fn into_draft(self) -> SuppressionDraft {
        SuppressionDraft {
            channel: Some(self.channel),
            to: self.to,
            reason: self.reason,
            until: self.until,
            note: self.note,
        }
    }
}

/// Why a suppression is lifted.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = LiftBody, example = json!({"reason": "asked for it again at the shop"}))]
pub(super) struct LiftBody {
    /// For people who read the history; at most 500 characters.
    pub(super) reason: String,
}

/// Why a suppression is lifted.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct LiftQuery {
    /// For people who read the history; at most 500 characters. Required.
    pub(super) reason: Option<String>,
}

/// Which suppressions are wanted.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct SuppressionQuery {
    /// Those for this channel, or those for `all`.
    channel: Option<String>,
    /// The address.
    to: Option<String>,
    /// `opt_out`, `complaint`, `hard_bounce`, `blocked`, `manual`.
    reason: Option<String>,
    /// `api`, `import`, `receipt`, `reply`, `unsubscribe`.
    source: Option<String>,
    /// `true`: in force; `false`: lifted or over.
    active: Option<String>,
    /// Most items of the page, 1 to 200; 50 when not given.
    limit: Option<String>,
    /// Where the last page stopped.
    cursor: Option<String>,
}

impl SuppressionQuery {
    pub(super) fn filter(self, app: &App) -> Result<Filter, Problem> {
        let mut faults = Faults::default();
        let mut filter = Selection {
            channel: self.channel,
            to: self.to,
            reason: self.reason,
            source: self.source,
        }
        .filter(app, &mut faults);
        filter.active = faults.parse("active", self.active.as_deref());
        filter.limit = cursor::limit(&mut faults, self.limit.as_deref());
        let position = cursor::decode(&mut faults, super::CURSOR, self.cursor.as_deref());
        filter.before = faults.parse("cursor", position.as_deref());
        faults.into_result()?;
        Ok(filter)
    }
}

/// What holds for rows that do not say it.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct ImportQuery {
    /// The channel of rows that name none, or `all`.
    pub(super) channel: Option<String>,
    /// The reason of rows that name none; `manual` when not given.
    pub(super) reason: Option<String>,
}

/// Which suppressions are wanted.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct ExportQuery {
    /// Those for this channel, or those for `all`.
    pub(super) channel: Option<String>,
    /// `opt_out`, `complaint`, `hard_bounce`, `blocked`, `manual`.
    pub(super) reason: Option<String>,
    /// `api`, `import`, `receipt`, `reply`, `unsubscribe`.
    pub(super) source: Option<String>,
}

/// What a list and an export can be narrowed to.
pub(super) struct Selection {
    pub(super) channel: Option<String>,
    pub(super) to: Option<String>,
    pub(super) reason: Option<String>,
    pub(super) source: Option<String>,
}

impl Selection {
    pub(super) fn filter(self, app: &App, faults: &mut Faults) -> Filter {
        let channel: Option<Option<Channel>> = match self.channel.as_deref() {
            Some(ALL) => Some(None),
            other => faults.parse("channel", other).map(Some),
        };
        let region = app.engine.parts().config.default_region.as_deref();
        let to = self.to.and_then(|to| {
            suppression::canonical(channel.flatten(), &to, region)
                .map_err(|error| faults.add("/to", "invalid_recipient", error.to_string()))
                .ok()
        });
        Filter {
            channel,
            to,
            reason: faults.parse("reason", self.reason.as_deref()),
            source: faults.parse("source", self.source.as_deref()),
            ..Filter::default()
        }
    }
}
