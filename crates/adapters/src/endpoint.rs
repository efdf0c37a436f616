//! Where an account's requests go.

use austin_adapter_api::Account;
use austin_domain::Verdict;
use austin_domain::verdict::Cause;
use url::Url;

/// A base URL taken apart once, so that the signed host is the host of the URL that is called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Endpoint {
    base: String,
    host: String,
    path: String,
}

impl Endpoint {
    /// The account's `endpoint` setting, else the vendor's own.
    ///
    /// # Errors
    /// [`Verdict::Misconfigured`] when the setting is no base URL.
    pub(crate) fn of(account: &Account, default: &str) -> Result<Self, Verdict> {
        Self::parse(account.text("endpoint").unwrap_or(default)).map_err(|detail| {
            Verdict::Misconfigured(Cause::new("bad_endpoint", &format!("endpoint {detail}")))
        })
    }

    fn parse(text: &str) -> Result<Self, String> {
        let url = Url::parse(text).map_err(|error| format!("is not an absolute URL: {error}"))?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err("must start with http:// or https://".into());
        }
        let clean = url.username().is_empty() && url.password().is_none();
        if !clean || url.query().is_some() || url.fragment().is_some() {
            return Err("must have no user, query or fragment".into());
        }
        let host = url.host_str().ok_or("has no host")?;
        let host = match url.port() {
            Some(port) => format!("{host}:{port}"),
            None => host.to_owned(),
        };
        let path = url.path().trim_end_matches('/');
        Ok(Self {
            base: format!("{}://{host}{path}", url.scheme()),
            path: path.to_owned(),
            host,
        })
    }

    /// The URL of `path`, which starts with `/`, below the base.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }

    /// The path of [`Endpoint::url`], for signatures that cover it.
    pub(crate) fn path_of(&self, path: &str) -> String {
        format!("{}{path}", self.path)
    }

    /// The value of the `Host` header: with the port unless it is the scheme's own.
    pub(crate) fn host(&self) -> &str {
        &self.host
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn host_and_url_agree() {
        for (base, host, url) in [
            (
                "https://SMS.Example.com",
                "sms.example.com",
                "https://sms.example.com/x",
            ),
            (
                "https://sms.example.com:443/",
                "sms.example.com",
                "https://sms.example.com/x",
            ),
            (
                "http://127.0.0.1:8080/a/b/",
                "127.0.0.1:8080",
                "http://127.0.0.1:8080/a/b/x",
            ),
            ("http://[::1]:80", "[::1]", "http://[::1]/x"),
        ] {
            let endpoint = Endpoint::parse(base).unwrap();
            assert_eq!(
                (endpoint.host(), endpoint.url("/x").as_str()),
                (host, url),
                "{base}"
            );
        }
    }

    #[test]
    fn what_is_no_base_url_is_refused() {
        for base in [
            "",
            "x",
            "/a",
            "ftp://a.example",
            "https://u@a.example",
            "https://a.example/?q",
            "https://a.example/#f",
        ] {
            assert!(Endpoint::parse(base).is_err(), "{base}");
        }
    }
}
