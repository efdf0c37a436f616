//! Trying a version out on people who agreed to it, whether it is live or not.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use austin_domain::template::check;
use austin_domain::{Channel, address, locale};
use austin_ports::catalog::CatalogChange;
use serde_json::{Map, Value};

use super::faults::Faults;
use super::{Registrar, missing};
use crate::caller::Caller;
use crate::engine::Engine;
use crate::refusal::{FieldFault, Refusal, RefusalCode};
use crate::send::{Recipient, SendAnswer, SendRequest};

/// Most people of a team's list.
const MAX_PEOPLE: usize = 1_000;

/// What to try out, and on whom.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TestRequest {
    /// The person.
    pub to: String,
    /// Values; the examples of the template when not given.
    pub vars: Option<Map<String, Value>>,
    /// The version; the newest when not given.
    pub version: Option<u32>,
    /// The language, in any spelling.
    pub locale: Option<String>,
    /// The only account that may send it.
    pub account: Option<String>,
}

impl Registrar<'_> {
    /// Sets the people that a team's templates may be tried out on. A mail domain is `*@domain`.
    ///
    /// # Errors
    /// Every field at fault.
    pub async fn put_test_people(
        &self,
        caller: &Caller,
        (team, people): (&str, Vec<String>),
        default_region: Option<&str>,
        reason: Option<String>,
    ) -> Result<Arc<BTreeSet<String>>, Refusal> {
        let mut faults = Faults::default();
        faults.line("/team", team);
        if team.trim().is_empty() {
            faults.add("/team", "required", "must name the team");
        }
        faults.line("/reason", reason.as_deref().unwrap_or_default());
        if people.len() > MAX_PEOPLE {
            let detail = format!("at most {MAX_PEOPLE} people");
            faults.add("/people", "too_many", detail);
        }
        let mut written = BTreeSet::new();
        for (index, person) in people.iter().enumerate().take(MAX_PEOPLE) {
            match canonical(person, default_region) {
                Ok(person) => drop(written.insert(person)),
                Err(detail) => {
                    faults.add(&format!("/people/{index}"), "invalid_recipient", detail);
                }
            }
        }
        faults.into_result()?;
        let change = CatalogChange::PutTestPeople {
            team: team.to_owned(),
            people: written,
            reason,
        };
        self.catalog
            .change(change, &caller.author(), self.now())
            .await?;
        Ok(self.test_people(team))
    }

    /// The people that a team's templates may be tried out on.
    pub fn test_people(&self, team: &str) -> Arc<BTreeSet<String>> {
        let snapshot = self.catalog.snapshot();
        snapshot.test_people.get(team).cloned().unwrap_or_default()
    }

    /// Everybody's lists, by team.
    pub fn all_test_people(&self) -> BTreeMap<String, Arc<BTreeSet<String>>> {
        self.catalog.snapshot().test_people.clone()
    }

    /// The message that tries a version out, if the person is on the list of the template's team.
    fn test_message(
        &self,
        key: &str,
        request: TestRequest,
        default_region: Option<&str>,
    ) -> Result<SendRequest, Refusal> {
        let entry = self.template(key)?;
        let version = match request.version {
            Some(number) => entry.version(number),
            None => entry.newest(),
        };
        let version = version.ok_or_else(|| missing("such version of template", key))?;
        let team = &entry.template.owner.team;
        let mut faults = Faults::default();
        let to = address::normalise(entry.template.channel, &request.to, default_region);
        match &to {
            Err(bad) => faults.add("/to", "invalid_recipient", bad.0.clone()),
            Ok(to) if !listed(&self.test_people(team), to) => {
                let detail = format!(
                    "is not among the people that the team {team} tests on; put them on the list \
                     with PUT /v1/test-people"
                );
                faults.add("/to", "not_a_test_person", detail);
            }
            Ok(_) => {}
        }
        faults.into_result()?;
        let vars = request.vars.unwrap_or_else(|| {
            let examples = check::examples(version).into_iter();
            examples.map(|(name, text)| (name, text.into())).collect()
        });
        Ok(SendRequest {
            template: key.to_owned(),
            to: vec![Recipient {
                to: request.to,
                locale: request.locale,
                ..Recipient::default()
            }],
            vars,
            account: request.account,
            test: Some(version.number),
            ..SendRequest::default()
        })
    }
}

impl Engine {
    /// Sends a version of a template to somebody who agreed to be tested on; marked as a test.
    ///
    /// # Errors
    /// `not_found`; every field at fault; what any message may be refused for.
    pub async fn test(
        &self,
        caller: &Caller,
        key: &str,
        request: TestRequest,
    ) -> Result<SendAnswer, Refusal> {
        let parts = self.parts();
        let region = parts.config.default_region.as_deref();
        let message = parts.registrar().test_message(key, request, region)?;
        let mut answers = self.send(caller, vec![message]).await;
        let answer = answers.pop().unwrap_or_else(|| {
            let detail = "the engine did not answer for the message";
            Err(Refusal::new(RefusalCode::Unavailable, detail))
        });
        // There is one recipient, and it stands in a field of its own.
        answer.map_err(|mut refusal| {
            for fault in &mut refusal.errors {
                *fault = FieldFault {
                    pointer: fault.pointer.replacen("/to/0", "/to", 1),
                    ..fault.clone()
                };
            }
            refusal
        })
    }
}

/// Whether the canonical address `to` is on a list.
fn listed(people: &BTreeSet<String>, to: &str) -> bool {
    if people.contains(to) {
        return true;
    }
    let domain = to.rsplit_once('@').map(|(_, domain)| format!("*@{domain}"));
    domain.is_some_and(|pattern| people.contains(&pattern))
}

/// A person of a list as messages name them: a phone number, an e-mail address, a mail domain, or
/// an address of another channel as it is.
fn canonical(person: &str, default_region: Option<&str>) -> Result<String, String> {
    let person = person.trim();
    if let Some(domain) = person.strip_prefix("*@") {
        // A domain is one that an address can have.
        let sample = address::normalise(Channel::Email, &format!("a@{domain}"), None);
        let sample = sample.map_err(|_| "must be *@ and a mail domain".to_owned())?;
        return Ok(sample.replacen('a', "*", 1));
    }
    if person.is_empty() || person.contains(char::is_control) {
        return Err("must be an address".to_owned());
    }
    let phone = person.starts_with('+') || person.bytes().all(|byte| byte.is_ascii_digit());
    let channel = match (person.contains('@'), phone) {
        (true, _) => Channel::Email,
        (false, true) => Channel::Sms,
        (false, false) => return Ok(person.to_owned()),
    };
    let written = address::normalise(channel, person, default_region);
    written.map_err(|bad| bad.0)
}

/// The canonical form of a language that a caller gave.
///
/// # Errors
/// What is wrong with it.
pub(crate) fn language(given: Option<&str>) -> Result<Option<String>, &'static str> {
    given.map(locale::canonical).transpose()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_are_written_as_messages_name_them() {
        let written = |person| canonical(person, Some("CN"));
        assert_eq!(written(" 13711112201 ").unwrap(), "+8613711112201");
        assert_eq!(written("*@Test.Example").unwrap(), "*@test.example");
        assert_eq!(written("oABC123openid").unwrap(), "oABC123openid");
        for bad in ["", "*@", "*@a b", "+1", "a\nb"] {
            assert!(written(bad).is_err(), "{bad}");
        }
        let people = BTreeSet::from(["+8613711112201".to_owned(), "*@test.example".to_owned()]);
        assert!(listed(&people, "+8613711112201"));
        assert!(listed(&people, "li@test.example"));
        for stranger in ["+8613711112202", "li@corp.example", "test.example"] {
            assert!(!listed(&people, stranger), "{stranger}");
        }
    }
}
