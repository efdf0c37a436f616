//! Who asks.

use austin_domain::{AppId, KeyId};
use austin_ports::catalog::Role;

/// An authenticated caller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// Its app.
    pub app: AppId,
    /// The app's name.
    pub name: String,
    /// The app's team.
    pub team: String,
    /// The key it used; `None` for a command on this machine.
    pub key: Option<KeyId>,
    /// What it may do.
    pub role: Role,
    /// The request it is making, for logs and evidence.
    pub request_id: String,
}

impl Caller {
    /// How audit entries name it: `app/name`, or `local` for a command on this machine.
    pub fn author(&self) -> String {
        match self.key {
            Some(_) => author_of(&self.name),
            None => "local".to_owned(),
        }
    }
}

/// How audit entries name the app `name`.
pub(crate) fn author_of(name: &str) -> String {
    format!("app/{name}")
}
