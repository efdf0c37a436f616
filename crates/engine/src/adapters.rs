//! The adapters this process knows, by name.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use austin_adapter_api::{Adapter, Speaker};

/// The adapters this process knows.
#[derive(Clone, Default)]
pub struct Adapters(BTreeMap<String, Speaker>);

impl Adapters {
    /// These adapters, by the names in their descriptors.
    pub fn new(adapters: impl IntoIterator<Item = Arc<dyn Adapter>>) -> Self {
        Self(
            adapters
                .into_iter()
                .map(|adapter| (adapter.descriptor().name.clone(), Speaker::Here(adapter)))
                .collect(),
        )
    }

    /// The adapter with this name.
    pub fn get(&self, name: &str) -> Option<&Speaker> {
        self.0.get(name)
    }

    /// All of them, by name.
    pub fn iter(&self) -> impl Iterator<Item = &Speaker> {
        self.0.values()
    }
}

impl fmt::Debug for Adapters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.keys()).finish()
    }
}
