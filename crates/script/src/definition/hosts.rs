//! Which hosts an adapter's calls may go to.

use austin_adapter_api::{Account, Call};
use austin_domain::Verdict;
use austin_domain::verdict::Cause;
use url::Url;

use crate::node::Node;

/// Host names, `*.` in front for all names below one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Hosts(Vec<String>);

impl Hosts {
    /// Reads the list; it may be empty where only the account's `endpoint` is called.
    pub(crate) fn read(node: &Node<'_>) -> Option<Self> {
        let mut hosts = Vec::new();
        for element in node.elements() {
            let text = element.text()?;
            let name = text.strip_prefix("*.").unwrap_or(text);
            let plain = Url::parse(&format!("https://{name}/"))
                .is_ok_and(|url| url.host_str() == Some(name) && url.port().is_none());
            // `*.com` would allow half of the world.
            if !plain || (text.len() != name.len() && !name.contains('.')) {
                element.fault(
                    "bad_host",
                    "must be a host name in lower case without scheme, port or path, or *.name.tld",
                );
                return None;
            }
            hosts.push(text.to_owned());
        }
        Some(Self(hosts))
    }

    /// Whether a call may be made: to a host of the list, or to the host and port of the
    /// account's `endpoint`.
    ///
    /// # Errors
    /// [`Verdict::Misconfigured`] naming the host.
    pub(crate) fn vet(&self, account: &Account, call: &Call) -> Result<(), Verdict> {
        let Call::Http(request) = call else {
            return Err(refused(
                "only HTTP calls can be made by adapters of this kind",
            ));
        };
        let url = Url::parse(&request.url)
            .map_err(|error| refused(&format!("the URL of the call cannot be read: {error}")))?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(refused("the URL of the call is neither http nor https"));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(refused("the URL of the call carries a user name"));
        }
        let host = url.host_str().unwrap_or_default();
        if self.knows(host) && url.port().is_none() {
            return Ok(());
        }
        let endpoint = account
            .text("endpoint")
            .and_then(|text| Url::parse(text).ok());
        if endpoint.is_some_and(|endpoint| endpoint.origin() == url.origin()) {
            return Ok(());
        }
        Err(refused(&format!(
            "{} is neither in the adapter's hosts nor the account's endpoint",
            match url.port() {
                Some(port) => format!("{host}:{port}"),
                None => host.to_owned(),
            }
        )))
    }

    fn knows(&self, host: &str) -> bool {
        self.0.iter().any(|known| match known.strip_prefix("*.") {
            Some(parent) => host
                .strip_suffix(parent)
                .is_some_and(|rest| rest.len() > 1 && rest.ends_with('.')),
            None => known == host,
        })
    }
}

fn refused(detail: &str) -> Verdict {
    Verdict::Misconfigured(Cause::new("foreign_host", detail))
}
