//! Pauses of templates, teams and lanes.

use austin_ports::catalog::{CatalogError, Pause, PauseOf};
use serde_json::json as value;

use super::{Done, Result, Step, done, json};

impl Step<'_> {
    pub(super) fn pause(&mut self, of: PauseOf, pause: Option<Pause>) -> Result<Done> {
        let subject = self.paused_subject(&of)?;
        let Some(pause) = pause else {
            let was = self.next().pauses.remove(&of);
            let entry = was.map(|was| (subject.clone(), "resume", value!({ "was": was })));
            self.execute("DELETE FROM pauses WHERE subject = ?1", [subject])?;
            return Ok(Done { id: 0, entry });
        };
        self.execute(
            "INSERT INTO pauses (subject, paused, pause) VALUES (?1, ?2, ?3)
             ON CONFLICT (subject) DO UPDATE SET pause = ?3",
            (&subject, json(&of)?, json(&pause)?),
        )?;
        let detail = value!({ "until": pause.until, "reason": pause.reason });
        self.next().pauses.insert(of, pause);
        done(0, subject, "pause", detail)
    }

    fn paused_subject(&self, of: &PauseOf) -> Result<String> {
        match of {
            PauseOf::Team(team) => Ok(format!("team/{team}")),
            PauseOf::Lane(lane) => Ok(format!("lane/{lane}")),
            PauseOf::Template(id) => {
                let entry = self.next.templates.get(id);
                let entry = entry.ok_or_else(|| CatalogError::Missing("the template".into()))?;
                Ok(format!("template/{}", entry.template.key))
            }
        }
    }
}
