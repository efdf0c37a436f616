//! What this edge counts about itself.

use std::borrow::Cow;
use std::time::Duration;

use http::{Method, StatusCode};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

/// From half a millisecond to a quarter of a minute.
const BUCKETS: [f64; 11] = [
    0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 2.5, 15.0,
];

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Answered {
    /// The route's pattern, never the path: its values are private and without end.
    route: Cow<'static, str>,
    method: Cow<'static, str>,
    status: u16,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Routed {
    route: Cow<'static, str>,
}

/// Counters of this edge.
#[derive(Debug)]
pub(crate) struct Metrics {
    answered: Family<Answered, Counter>,
    seconds: Family<Routed, Histogram>,
    pub(crate) connections: Gauge,
}

impl Metrics {
    pub(crate) fn register(registry: &mut Registry) -> Self {
        let metrics = Self {
            answered: Family::default(),
            seconds: Family::new_with_constructor(|| Histogram::new(BUCKETS)),
            connections: Gauge::default(),
        };
        let registry = registry.sub_registry_with_prefix("austin");
        registry.register(
            "http_requests",
            "Requests answered, by route, method and status",
            metrics.answered.clone(),
        );
        registry.register(
            "http_request_seconds",
            "From the request's headers to its answer, by route",
            metrics.seconds.clone(),
        );
        registry.register(
            "http_connections",
            "Connections open now",
            metrics.connections.clone(),
        );
        metrics
    }

    pub(crate) fn answered(
        &self,
        route: Cow<'static, str>,
        method: &Method,
        status: StatusCode,
        took: Duration,
    ) {
        let method = known(method);
        self.seconds
            .get_or_create(&Routed {
                route: route.clone(),
            })
            .observe(took.as_secs_f64());
        self.answered
            .get_or_create(&Answered {
                route,
                method: Cow::Borrowed(method),
                status: status.as_u16(),
            })
            .inc();
    }
}

/// Clients may invent methods; labels may not grow with them.
fn known(method: &Method) -> &'static str {
    match method.as_str() {
        "GET" => "GET",
        "HEAD" => "HEAD",
        "POST" => "POST",
        "PUT" => "PUT",
        "DELETE" => "DELETE",
        _ => "other",
    }
}
