//! Who must agree before a version goes live.
//!
//! The built-in rule goes by class; the one place where documents of rules may say otherwise is
//! [`approval`]. A template's own rules have no say in it: its author writes them.

use austin_domain::RuleRef;
use austin_domain::policy::Ruled;
use austin_domain::template::{Template, Version};
use austin_ports::catalog::{Role, Snapshot};

use crate::caller::author_of;
use crate::rulebook;

/// What a version needs before it may go live.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Approval {
    /// Whether somebody must approve it.
    pub required: bool,
    /// Whether that may be its author.
    pub self_allowed: bool,
    /// The rule that says so.
    pub rule: RuleRef,
}

impl Approval {
    /// Whether submitting is all it takes.
    pub const fn in_one_step(&self) -> bool {
        !self.required || self.self_allowed
    }
}

/// What `version` of `template` needs. Verification and notification go live when they are
/// submitted. Marketing needs an approver other than its author, as soon as there is one: an
/// app other than the author's with an admin key. Policies may say otherwise.
pub fn approval(snapshot: &Snapshot, template: &Template, version: &Version) -> Approval {
    let Ruled { value, rule } = rulebook::effective(snapshot, template, version).approval;
    // Where a policy says so it is meant, even if nobody else is there yet.
    let stated = rule.version > 0;
    let alone = !stated && !others(snapshot, &version.author);
    Approval {
        required: value.required,
        self_allowed: !value.required || value.by_author || alone,
        rule,
    }
}

/// Whether anybody but `author` could approve.
fn others(snapshot: &Snapshot, author: &str) -> bool {
    let mut admins = snapshot.keys.values().filter(|key| key.role == Role::Admin);
    admins.any(|key| {
        let app = snapshot.apps.get(&key.app);
        app.is_some_and(|app| author_of(&app.name) != author)
    })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use austin_domain::{AppId, Class, KeyId};
    use austin_ports::catalog::{AppRecord, KeyRecord};
    use austin_testkit::builders::{self, NOW};

    use super::*;

    fn with_admins(names: &[&str]) -> Snapshot {
        let mut snapshot = Snapshot::default();
        for (number, name) in (1u64..).zip(names) {
            let app = AppRecord {
                id: AppId::from_u64(number),
                name: (*name).to_owned(),
                team: "team".into(),
                created_at: NOW,
            };
            let key = KeyRecord {
                id: KeyId::from_u64(number),
                app: app.id,
                role: Role::Admin,
                hint: String::new(),
                created_at: NOW,
                revoked_at: None,
            };
            snapshot.apps.insert(app.id, Arc::new(app));
            let digest = [u8::try_from(number).unwrap(); 32];
            snapshot.keys.insert(digest, Arc::new(key));
        }
        snapshot
    }

    #[test]
    fn marketing_needs_another_approver_where_there_is_one() {
        let version = builders::version("x");
        let of = |class, admins: &[&str]| {
            let mut template = builders::template("t");
            template.class = class;
            approval(&with_admins(admins), &template, &version)
        };
        // The author is app/tests.
        for class in [Class::Verification, Class::Notification] {
            assert!(of(class, &["tests", "other"]).in_one_step(), "{class}");
        }
        assert!(of(Class::Marketing, &["tests"]).in_one_step());
        let needed = of(Class::Marketing, &["tests", "other"]);
        assert!(needed.required && !needed.self_allowed && !needed.in_one_step());
        assert_eq!(needed.rule.name, "class/marketing");
    }
}
