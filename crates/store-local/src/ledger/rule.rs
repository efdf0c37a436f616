//! The part of a reason that names rules, as a column of its own: most reasons have none.

use austin_domain::{DeliveryId, Reason, RuleRef};

use super::apply::decode;
use super::op;

type Stored = (Option<RuleRef>, Option<DeliveryId>);

/// Rule and cause of `reason`; `None` where it has neither.
pub(super) fn encode(reason: &Reason) -> Option<Vec<u8>> {
    (reason.rule.is_some() || reason.cause.is_some())
        .then(|| op::encode(&(&reason.rule, &reason.cause)))
}

/// The reason behind its columns; `rule` is what stands in number `column`.
pub(super) fn reason(
    code: String,
    detail: String,
    (column, rule): (usize, Option<&[u8]>),
) -> rusqlite::Result<Reason> {
    let (rule, cause): Stored = rule.map_or(Ok((None, None)), |bytes| decode(column, bytes))?;
    Ok(Reason {
        code,
        detail,
        rule,
        cause,
    })
}
