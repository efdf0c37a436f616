//! Compiled template versions, kept by template and number.

use std::sync::Arc;

use austin_domain::TemplateId;
use austin_domain::template::render::Compiled;
use austin_ports::catalog::Snapshot;
use hashbrown::HashMap;
use parking_lot::RwLock;

/// Compiled versions. Versions never change, so an entry is never wrong.
#[derive(Default)]
pub(crate) struct Compilations(RwLock<HashMap<(TemplateId, u32), Arc<Compiled>>>);

impl Compilations {
    /// The compiled version; `None` when there is no such version or it does not parse (both
    /// are refused when a template is written).
    pub(crate) fn get(
        &self,
        catalog: &Snapshot,
        template: TemplateId,
        number: u32,
    ) -> Option<Arc<Compiled>> {
        if let Some(compiled) = self.0.read().get(&(template, number)) {
            return Some(Arc::clone(compiled));
        }
        let version = catalog.templates.get(&template)?.version(number)?;
        let compiled = Arc::new(Compiled::new(version).ok()?);
        self.0
            .write()
            .insert((template, number), Arc::clone(&compiled));
        Some(compiled)
    }
}
