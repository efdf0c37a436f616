//! Mailboxes of the world.

use std::sync::Arc;

use austin_domain::DeliveryId;
use austin_ports::Mailboxes;
use austin_testkit::MemoryMailboxes;

use super::World;

impl World {
    /// Mailboxes that the engine reads from now on.
    pub(crate) fn mailboxes(&self) -> Arc<MemoryMailboxes> {
        let mailboxes = Arc::new(MemoryMailboxes::default());
        let _entered = self.runtime.as_ref().unwrap().enter();
        self.engine
            .read_mailboxes(Arc::clone(&mailboxes) as Arc<dyn Mailboxes>);
        mailboxes
    }

    /// How many receipts a delivery has.
    pub(crate) fn receipts(&self, id: DeliveryId) -> usize {
        self.evidence(id).receipts.len()
    }
}
