//! Deliver now, later, or never: pure policies over a checked message.

use austin_domain::{Reason, State, Timestamp};

/// What is decided about a delivery before it is made durable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Decision {
    pub(crate) state: State,
    pub(crate) due_at: Option<Timestamp>,
    pub(crate) reason: Option<Reason>,
}

/// When a delivery goes out.
pub(crate) fn plan(send_at: Option<Timestamp>, now: Timestamp) -> Decision {
    match send_at.filter(|at| *at > now) {
        Some(at) => Decision {
            state: State::Scheduled,
            due_at: Some(at),
            reason: Some(Reason::new(
                "scheduled",
                format!("its sender asked for {at}"),
            )),
        },
        None => Decision {
            state: State::Accepted,
            due_at: None,
            reason: None,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_future_is_scheduled() {
        let at = Timestamp::from_seconds;
        assert_eq!(plan(None, at(10)).state, State::Accepted);
        assert_eq!(plan(Some(at(10)), at(10)).state, State::Accepted);
        assert_eq!(plan(Some(at(9)), at(10)).state, State::Accepted);
        let later = plan(Some(at(11)), at(10));
        assert_eq!(
            (later.state, later.due_at),
            (State::Scheduled, Some(at(11)))
        );
    }
}
