//! The resources of the API, one file each: request, answer, handlers.

pub(crate) mod accounts;
pub(crate) mod adapters;
pub(crate) mod apps;
pub(crate) mod audit;
pub(crate) mod calendars;
pub(crate) mod deliveries;
pub(crate) mod health;
pub(crate) mod lanes;
pub(crate) mod messages;
pub(crate) mod pauses;
pub(crate) mod policies;
pub(crate) mod problems;
mod quota;
pub(crate) mod recall;
pub(crate) mod receipts;
pub(crate) mod routes;
pub(crate) mod suppressions;
pub(crate) mod templates;
pub(crate) mod unsubscribe;
pub(crate) mod uploads;
pub(crate) mod word_lists;
