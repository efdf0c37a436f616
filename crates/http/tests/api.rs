//! The API over real sockets, the real control store and the real adapters; the ledger is the
//! model in memory, and the vendor takes whatever it is given.

#![expect(clippy::unwrap_used, reason = "a failed expectation fails the test")]

#[path = "api/adapters.rs"]
mod adapters;
#[path = "api/app.rs"]
mod app;
#[path = "api/bad_input.rs"]
mod bad_input;
#[path = "api/configuration.rs"]
mod configuration;
#[path = "api/description.rs"]
mod description;
#[path = "api/edges.rs"]
mod edges;
#[path = "api/health.rs"]
mod health;
#[path = "api/lists.rs"]
mod lists;
#[path = "api/messages.rs"]
mod messages;
#[path = "api/once.rs"]
mod once;
#[path = "api/policies.rs"]
mod policies;
#[path = "api/recall.rs"]
mod recall;
#[path = "api/receipts.rs"]
mod receipts;
#[path = "api/roles.rs"]
mod roles;
#[path = "api/routes.rs"]
mod routes;
#[path = "api/suppressions.rs"]
mod suppressions;
#[path = "api/template_life.rs"]
mod template_life;
#[path = "api/templates.rs"]
mod templates;
#[path = "api/workshop.rs"]
mod workshop;
