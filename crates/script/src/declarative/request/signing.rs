//! Signing recipes.

use std::collections::BTreeMap;

use austin_domain::Verdict;
use http::Method;
use serde_json::Value;

use super::super::template::{Escape, Names, Place, Scope, Template};
use super::{Content, Made, bad, built};
use crate::digest::{Algorithm, Encoding};
use crate::node::Node;

/// How a request proves where it comes from.
#[derive(Clone, Debug)]
pub(super) enum Signing {
    /// HTTP Basic.
    Basic { user: Template, password: Template },
    /// A digest of the parameters, sorted by name, put beside them.
    Sorted {
        of: Parameters,
        pair: String,
        join: String,
        prefix: Option<Template>,
        suffix: Option<Template>,
        skip_empty: bool,
        digest: Digest,
        into: String,
    },
    /// A digest of a text, put into a header.
    Text {
        text: Template,
        digest: Digest,
        header: String,
        value: Option<Template>,
    },
}

/// Where the parameters stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Parameters {
    Query,
    Form,
    Json,
}

/// A digest or, with a key, an HMAC.
#[derive(Clone, Debug)]
pub(super) struct Digest {
    algorithm: Algorithm,
    key: Option<Template>,
    encoding: Encoding,
    upper: bool,
}

const DIGEST_FIELDS: [&str; 3] = ["digest", "key", "encoding"];

impl Signing {
    /// Reads a recipe; `None` when a fault was noted.
    pub(super) fn read(node: &Node<'_>, names: &Names<'_>) -> Option<Self> {
        let object = node.object(&["basic", "sorted", "text"])?;
        if object.len() != 1 {
            node.fault("not_one", "must have exactly one of basic, sorted and text");
            return None;
        }
        let template = |node: Option<Node<'_>>| {
            node.and_then(|node| Template::read(&node, names, Place::Sign))
        };
        if let Some(basic) = node.get("basic") {
            basic.object(&["user", "password"])?;
            let user = template(basic.need("user"));
            let password = template(basic.need("password"));
            return Some(Self::Basic {
                user: user?,
                password: password?,
            });
        }
        if let Some(text) = node.get("text") {
            text.object(&[&["text", "header", "value"][..], &DIGEST_FIELDS[..]].concat())?;
            let signed = template(text.need("text"));
            let header = text
                .need("header")
                .and_then(|node| node.text().map(str::to_owned));
            let digest = Digest::read(&text, names);
            return Some(Self::Text {
                text: signed?,
                digest: digest?,
                header: header?,
                value: template(text.get("value")),
            });
        }
        Self::sorted(&node.get("sorted")?, names)
    }

    fn sorted(node: &Node<'_>, names: &Names<'_>) -> Option<Self> {
        const FIELDS: &[&str] = &[
            "of",
            "pair",
            "join",
            "prefix",
            "suffix",
            "skip_empty",
            "into",
        ];
        node.object(&[FIELDS, &DIGEST_FIELDS[..]].concat())?;
        let template = |node: Option<Node<'_>>| {
            node.and_then(|node| Template::read(&node, names, Place::Sign))
        };
        let separator = |name: &str, standard: &str| {
            node.get(name).map_or(Some(standard.to_owned()), |node| {
                node.any_text().map(str::to_owned)
            })
        };
        let of = node
            .need("of")
            .and_then(|node| node.choice(&["query", "form", "json"]))
            .map(|word| match word {
                "query" => Parameters::Query,
                "form" => Parameters::Form,
                _ => Parameters::Json,
            });
        let into = node
            .need("into")
            .and_then(|node| node.text().map(str::to_owned));
        let digest = Digest::read(node, names);
        Some(Self::Sorted {
            of: of?,
            pair: separator("pair", "=")?,
            join: separator("join", "&")?,
            prefix: template(node.get("prefix")),
            suffix: template(node.get("suffix")),
            skip_empty: node
                .get("skip_empty")
                .is_some_and(|node| node.flag() == Some(true)),
            digest: digest?,
            into: into?,
        })
    }

    /// Its templates.
    pub(super) fn templates(&self) -> Vec<&Template> {
        match self {
            Self::Basic { user, password } => vec![user, password],
            Self::Sorted {
                prefix,
                suffix,
                digest,
                ..
            } => prefix.iter().chain(suffix).chain(&digest.key).collect(),
            Self::Text {
                text,
                digest,
                value,
                ..
            } => std::iter::once(text)
                .chain(value)
                .chain(&digest.key)
                .collect(),
        }
    }

    /// Signs the request.
    pub(super) fn sign(
        &self,
        method: &Method,
        made: &mut Made,
        scope: &Scope<'_>,
    ) -> Result<(), Verdict> {
        match self {
            Self::Basic { user, password } => {
                let pair = format!("{}:{}", text(user, scope)?, text(password, scope)?);
                let value = format!("Basic {}", Encoding::Base64.encode(pair.as_bytes()));
                made.headers.push(("authorization".into(), value));
                Ok(())
            }
            Self::Text {
                text: signed,
                digest,
                header,
                value,
            } => {
                let mut parts = BTreeMap::from([
                    ("request.method", method.as_str().to_owned()),
                    ("request.path", made.url.path().to_owned()),
                    ("request.query", built(&made.query)),
                    ("request.body", made.body()),
                ]);
                let signature = {
                    let scope = Scope {
                        made: Some(&parts),
                        ..*scope
                    };
                    digest.of(&text(signed, &scope)?, &scope)?
                };
                let value = match value {
                    None => signature,
                    Some(value) => {
                        parts.insert("signature", signature);
                        text(
                            value,
                            &Scope {
                                made: Some(&parts),
                                ..*scope
                            },
                        )?
                    }
                };
                made.headers.push((header.clone(), value));
                Ok(())
            }
            Self::Sorted {
                of,
                pair,
                join,
                prefix,
                suffix,
                skip_empty,
                digest,
                into,
            } => {
                let mut pairs = parameters(*of, made)?;
                pairs.retain(|(_, value)| !(*skip_empty && value.is_empty()));
                pairs.sort();
                let side = |template: &Option<Template>| {
                    template
                        .as_ref()
                        .map_or(Ok(String::new()), |template| text(template, scope))
                };
                let middle: Vec<String> = pairs
                    .iter()
                    .map(|(name, value)| format!("{name}{pair}{value}"))
                    .collect();
                let signed = format!("{}{}{}", side(prefix)?, middle.join(join), side(suffix)?);
                let signature = digest.of(&signed, scope)?;
                put(*of, made, into, signature);
                Ok(())
            }
        }
    }
}

fn text(template: &Template, scope: &Scope<'_>) -> Result<String, Verdict> {
    template
        .text(scope, Escape::None)
        .map_err(|unfilled| unfilled.verdict())
}

fn parameters(of: Parameters, made: &Made) -> Result<Vec<(String, String)>, Verdict> {
    match (of, &made.content) {
        (Parameters::Query, _) => Ok(made.query.clone()),
        (Parameters::Form, Content::Form(pairs)) => Ok(pairs.clone()),
        (Parameters::Json, Content::Json(Value::Object(object))) => Ok(object
            .iter()
            .map(|(name, value)| {
                let text = value
                    .as_str()
                    .map_or_else(|| value.to_string(), str::to_owned);
                (name.clone(), text)
            })
            .collect()),
        (Parameters::Form | Parameters::Json, _) => {
            Err(bad("what is to be signed is not what the body is made of"))
        }
    }
}

fn put(of: Parameters, made: &mut Made, name: &str, signature: String) {
    match (of, &mut made.content) {
        (Parameters::Form, Content::Form(pairs)) => pairs.push((name.to_owned(), signature)),
        (Parameters::Json, Content::Json(Value::Object(object))) => {
            object.insert(name.to_owned(), signature.into());
        }
        _ => made.query.push((name.to_owned(), signature)),
    }
}

impl Digest {
    fn read(node: &Node<'_>, names: &Names<'_>) -> Option<Self> {
        let word = node.need("digest")?;
        let known: Vec<String> = Algorithm::NAMES
            .iter()
            .flat_map(|name| [(*name).to_owned(), format!("hmac_{name}")])
            .collect();
        let known: Vec<&str> = known.iter().map(String::as_str).collect();
        let word = word.choice(&known)?;
        let key = node.get("key");
        let keyed = word.strip_prefix("hmac_");
        if keyed.is_some() != key.is_some() {
            node.fault(
                "contradiction",
                "a key is given with hmac_… digests, and only with them",
            );
            return None;
        }
        let (encoding, upper) = match node.get("encoding") {
            None => (Encoding::Hex, false),
            Some(node) => match node.choice(&["hex", "HEX", "base64", "base64url"])? {
                "HEX" => (Encoding::Hex, true),
                word => (Encoding::named(word)?, false),
            },
        };
        let key = match key {
            None => None,
            Some(node) => Some(Template::read(&node, names, Place::Sign)?),
        };
        Some(Self {
            algorithm: Algorithm::named(keyed.unwrap_or(word))?,
            key,
            encoding,
            upper,
        })
    }

    fn of(&self, signed: &str, scope: &Scope<'_>) -> Result<String, Verdict> {
        let bytes = match &self.key {
            None => self.algorithm.digest(signed.as_bytes()),
            Some(key) => {
                let key = text(key, scope)?;
                self.algorithm.hmac(key.as_bytes(), signed.as_bytes())
            }
        };
        let encoded = self.encoding.encode(&bytes);
        Ok(if self.upper {
            encoded.to_uppercase()
        } else {
            encoded
        })
    }
}
