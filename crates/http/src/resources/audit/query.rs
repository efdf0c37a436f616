//! Which changes are wanted.

use serde::Deserialize;
use utoipa::IntoParams;

/// Which changes are wanted.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct AuditQuery {
    /// Only of this subject, e.g. `template/order-shipped`, `route/sms.marketing`,
    /// `account/tencent-1`, `app/shop`.
    pub(super) subject: Option<String>,
    /// How many of the newest, 1 to 200; 50 when not given.
    #[param(value_type = Option<u32>)]
    pub(super) limit: Option<String>,
}
