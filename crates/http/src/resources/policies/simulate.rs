//! Simulations as clients ask for and see them.

use austin_engine::simulate::{Looked, Simulated, Simulation};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use crate::instant::Instant;
use crate::reason::{ReasonView, RuleView};

/// What is tried out. Nothing is sent.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Simulation, example = json!({"template": "order-shipped", "to": "+8613711112201"}))]
pub(super) struct SimulateBody {
    /// The template's key.
    template: String,
    /// The recipient.
    to: String,
    /// Values; the template's examples when not given.
    #[schema(value_type = Option<std::collections::HashMap<String, Value>>)]
    vars: Option<Map<String, Value>>,
    /// When: for hours and calendars. What the person was sent is always as of now.
    at: Option<Instant>,
    /// BCP 47 language of the recipient.
    locale: Option<String>,
    /// IANA time zone of the recipient.
    #[schema(example = "Asia/Shanghai")]
    time_zone: Option<String>,
}

impl SimulateBody {
    pub(super) fn into_request(self) -> Simulation {
        Simulation {
            template: self.template,
            to: self.to,
            vars: self.vars,
            at: self.at.map(|at| at.0),
            locale: self.locale,
            time_zone: self.time_zone,
        }
    }
}

/// What would happen, and why.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Simulated)]
pub(super) struct SimulatedView {
    at: Instant,
    /// What the clock shows where the recipient is.
    #[schema(example = "2026-11-25 23:10 Asia/Shanghai")]
    local: String,
    /// `accepted`, `held` or `suppressed`.
    state: &'static str,
    /// When it would go out, where it would be held.
    due_at: Option<Instant>,
    reason: Option<ReasonView>,
    /// Every rule that was looked at.
    steps: Vec<StepView>,
}

/// A rule that was looked at.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SimulatedStep)]
struct StepView {
    /// `template`, `allow_list`, `suppression`, `content`, `quiet_hours`, `dedup`, `repeat` or `cap`.
    about: &'static str,
    rule: RuleView,
    /// `passes`, `off`, `suppresses` or `holds`.
    outcome: &'static str,
    detail: String,
    /// The earlier delivery that stands in the way.
    cause: Option<String>,
}

impl SimulatedView {
    pub(super) fn of(simulated: Simulated) -> Self {
        Self {
            at: simulated.at.into(),
            local: simulated.local,
            state: simulated.state.as_str(),
            due_at: simulated.due_at.map(Instant::from),
            reason: simulated.reason.as_ref().map(ReasonView::from),
            steps: simulated.steps.into_iter().map(StepView::of).collect(),
        }
    }
}

impl StepView {
    fn of(step: Looked) -> Self {
        Self {
            about: step.about,
            rule: RuleView::from(&step.rule),
            outcome: step.outcome,
            detail: step.detail,
            cause: step.cause.map(|cause| cause.to_string()),
        }
    }
}
