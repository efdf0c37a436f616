//! `/v1/lanes`: how the queues are doing.

use austin_engine::status::LaneStatus;
use axum::Json as Answer;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::access::ToRead;
use crate::app::App;
use crate::instant::Instant;
use crate::resources::messages::WaitView;

pub(crate) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list))
}

/// How one lane is doing.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Lane)]
struct LaneView {
    channel: &'static str,
    class: &'static str,
    /// Deliveries ready and waiting.
    waiting: u64,
    /// Deliveries waiting for a time of their own.
    later: u64,
    /// Deliveries in the hands of vendors now.
    in_flight: u32,
    /// When the oldest ready one was accepted.
    oldest: Option<Instant>,
    /// Deliveries settled a second, over the last seconds.
    rate: f64,
    /// Why it stands, when it does.
    blocked: Option<String>,
    /// The accounts whose limits hold it back.
    limits: Vec<LimitView>,
    /// What stands before a new delivery.
    wait: WaitView,
}

/// A limit that holds a lane back.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = LaneLimit)]
struct LimitView {
    /// The account whose limit it is.
    #[schema(example = "tencent-1")]
    account: String,
    /// `calls_per_second`, `recipients_per_second`, `recipients_per_day` or `concurrency`.
    limit: &'static str,
    /// How many, as of now: a vendor may have asked for less than is configured.
    most: f64,
    /// Since when it has held back without a break.
    since: Instant,
}

impl From<LaneStatus> for LaneView {
    fn from(status: LaneStatus) -> Self {
        Self {
            channel: status.lane.channel.as_str(),
            class: status.lane.class.as_str(),
            waiting: status.waiting,
            later: status.later,
            in_flight: status.in_flight,
            oldest: status.oldest.map(Into::into),
            rate: status.rate,
            blocked: status.blocked,
            limits: status
                .limits
                .into_iter()
                .map(|limit| LimitView {
                    account: limit.account,
                    limit: limit.limit,
                    most: limit.most,
                    since: limit.since.into(),
                })
                .collect(),
            wait: status.wait.into(),
        }
    }
}

/// All lanes that have or had traffic.
#[derive(Debug, Serialize, ToSchema)]
struct LaneList {
    items: Vec<LaneView>,
}

/// List lanes
#[utoipa::path(
    get, path = "/v1/lanes", tag = "lanes",
    responses((status = 200, description = "Those that have or had traffic", body = LaneList)),
    security(("bearer" = ["admin", "reader"])),
)]
async fn list(State(app): State<App>, _: ToRead) -> Answer<LaneList> {
    Answer(LaneList {
        items: app.engine.lanes().into_iter().map(Into::into).collect(),
    })
}
