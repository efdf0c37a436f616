//! Where a call goes: an absolute URL taken apart once.
//!
//! Path and query are sent byte for byte as the adapter wrote them, because signatures cover
//! them. The host is normalised (case, internationalised names, `0x7f.1`, `2130706433`), so that
//! what the guard judges is what is connected to.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr};

use bytes::Bytes;
use http::Uri;
use http::uri::{PathAndQuery, Scheme};
use url::Url;

/// Whose connections a call uses.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Origin {
    /// Whether TLS is used.
    pub(crate) secure: bool,
    /// The host.
    pub(crate) host: Host,
    /// The port.
    pub(crate) port: u16,
}

/// A host, normalised.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Host {
    /// To be looked up.
    Name(Box<str>),
    /// A literal address.
    Address(IpAddr),
}

/// An absolute http or https URL.
#[derive(Debug)]
pub(crate) struct Target {
    /// Whose connections to use.
    pub(crate) origin: Origin,
    /// What to ask for.
    pub(crate) path: PathAndQuery,
}

impl Target {
    /// Takes `url` apart.
    ///
    /// # Errors
    /// What is wrong with it, without its text: it may hold secrets.
    pub(crate) fn parse(url: &str) -> Result<Self, &'static str> {
        if url.bytes().any(|byte| byte.is_ascii_control()) {
            return Err("the URL holds a control character");
        }
        // Spaces and letters outside ASCII are encoded as browsers do; anything else stays.
        let uri = match Uri::from_maybe_shared(Bytes::copy_from_slice(url.as_bytes())) {
            Ok(uri) if url.is_ascii() => uri,
            _ => {
                let url = Url::parse(url).map_err(|_| "not an absolute URL")?;
                Uri::try_from(url.as_str()).map_err(|_| "not an absolute URL")?
            }
        };
        let parts = uri.into_parts();
        let secure = match parts.scheme {
            Some(scheme) if scheme == Scheme::HTTPS => true,
            Some(scheme) if scheme == Scheme::HTTP => false,
            Some(_) => return Err("the URL is neither http nor https"),
            None => return Err("not an absolute URL"),
        };
        let authority = parts.authority.ok_or("the URL has no host")?;
        if authority.as_str().contains('@') {
            return Err("the URL holds a user name or password");
        }
        let port = match port_of(authority.as_str()) {
            "" if secure => 443,
            "" => 80,
            digits => digits.parse().map_err(|_| "the URL's port is no port")?,
        };
        if port == 0 {
            return Err("the URL's port is no port");
        }
        let host = Host::parse(authority.host())?;
        let path = parts
            .path_and_query
            .unwrap_or_else(|| PathAndQuery::from_static("/"));
        let origin = Origin { secure, host, port };
        Ok(Self { origin, path })
    }
}

/// The digits behind the host, if any.
fn port_of(authority: &str) -> &str {
    let behind_address = authority
        .rsplit_once(']')
        .map_or(authority, |(_, rest)| rest);
    behind_address.rsplit_once(':').map_or("", |(_, port)| port)
}

impl Origin {
    /// The value of the `host` header.
    pub(crate) fn authority(&self) -> String {
        let default = if self.secure { 443 } else { 80 };
        if self.port == default {
            self.host.to_string()
        } else {
            format!("{}:{}", self.host, self.port)
        }
    }
}

impl Host {
    /// Normalises a host as the URL standard does; addresses of IPv6 stand in brackets.
    ///
    /// # Errors
    /// That it is no host.
    pub(crate) fn parse(text: &str) -> Result<Self, &'static str> {
        if is_plain(text) {
            return Ok(Self::Name(text.into()));
        }
        // Strict dotted decimal; other spellings are the URL standard's business.
        if let Ok(address) = text.parse::<Ipv4Addr>() {
            return Ok(Self::Address(address.into()));
        }
        match url::Host::parse(text) {
            Ok(url::Host::Domain(name)) => Ok(Self::Name(name.into())),
            Ok(url::Host::Ipv4(address)) => Ok(Self::Address(address.into())),
            Ok(url::Host::Ipv6(address)) => Ok(Self::Address(address.into())),
            Err(_) => Err("not a valid host name"),
        }
    }
}

/// Whether `text` is a name that normalising leaves as it is: the common case, and cheap.
fn is_plain(text: &str) -> bool {
    let last_label = text.rsplit('.').next().unwrap_or_default();
    last_label.starts_with(|first: char| first.is_ascii_lowercase())
        && !text.contains("xn--")
        && text
            .bytes()
            .all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.'))
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => f.write_str(name),
            Self::Address(IpAddr::V4(address)) => address.fmt(f),
            Self::Address(IpAddr::V6(address)) => write!(f, "[{address}]"),
        }
    }
}

#[cfg(test)]
mod tests;
