//! The part of a definition that declarative adapters and scripts share: descriptor and hosts.

mod descriptor;
pub(crate) mod hosts;

use austin_adapter_api::Descriptor;

use crate::node::Node;
use hosts::Hosts;

/// Descriptor and hosts.
#[derive(Clone, Debug)]
pub(crate) struct Head {
    pub(crate) descriptor: Descriptor,
    pub(crate) hosts: Hosts,
}

/// What a declarative definition declares by having the section; a script says it.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Kind {
    Declarative,
    Script,
}

/// Reads `descriptor` and `hosts` of a definition; `None` when a fault was noted.
pub(crate) fn head(name: &str, kind: Kind, root: &Node<'_>) -> Option<Head> {
    let descriptor = root.need("descriptor");
    let hosts = root.need("hosts");
    let descriptor = descriptor.and_then(|node| descriptor::read(name, kind, &node));
    let hosts = hosts.and_then(|node| Hosts::read(&node));
    Some(Head {
        descriptor: descriptor?,
        hosts: hosts?,
    })
}
