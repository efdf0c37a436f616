//! A request as a definition describes it.

mod json;
mod signing;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use austin_adapter_api::{Call, HttpRequest, Item};
use austin_domain::Verdict;
use austin_domain::verdict::Cause;
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use serde_json::Value;
use url::Url;

use super::template::{Escape, Name, Names, Place, Scope, Template, TemplateField, Unfilled};
use crate::form;
use crate::node::Node;
use json::Json;
use signing::Signing;

/// The fields of a request, wherever one stands in a definition.
pub(super) const FIELDS: &[&str] = &[
    "method",
    "url",
    "query",
    "headers",
    "body",
    "let",
    "sign",
    "deadline_ms",
    "max_reply_bytes",
];

/// A request.
#[derive(Clone, Debug)]
pub(super) struct Request {
    method: Method,
    url: Template,
    query: Vec<Pair>,
    headers: Vec<Pair>,
    body: Body,
    lets: Vec<(String, Template)>,
    signing: Option<Signing>,
    deadline: Duration,
    max_reply_bytes: usize,
}

/// A name and its value; left out when it is empty and its name ends in `?`.
#[derive(Clone, Debug)]
struct Pair {
    name: String,
    optional: bool,
    value: Template,
}

#[derive(Clone, Debug)]
enum Body {
    None,
    Json(Json),
    Form(Vec<Pair>),
    Raw {
        text: Template,
        each: Option<Template>,
        escape: Escape,
        content_type: String,
    },
}

/// A request being made, before it is signed.
struct Made {
    url: Url,
    query: Vec<(String, String)>,
    headers: Vec<(String, String)>,
    content: Content,
    content_type: Option<String>,
}

enum Content {
    None,
    Json(Value),
    Form(Vec<(String, String)>),
    Raw(String),
}

impl Made {
    fn body(&self) -> String {
        match &self.content {
            Content::None => String::new(),
            Content::Json(value) => value.to_string(),
            Content::Form(pairs) => built(pairs),
            Content::Raw(text) => text.clone(),
        }
    }
}

fn built(pairs: &[(String, String)]) -> String {
    form::build(
        pairs
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str())),
    )
}

impl Request {
    /// Reads a request; `None` when a fault was noted.
    pub(super) fn read(node: &Node<'_>, names: &Names<'_>, place: Place) -> Option<Self> {
        let (lets, known) = lets(node, names, place);
        let names = &Names {
            lets: &known,
            ..*names
        };
        let method = node.get("method").map_or(Some(Method::POST), |node| {
            let word = node.choice(&["GET", "POST", "PUT", "PATCH", "DELETE"])?;
            Method::from_bytes(word.as_bytes()).ok()
        });
        let url = node
            .need("url")
            .and_then(|node| Template::read(&node, names, place));
        let query = pairs(node.get("query"), names, place);
        let headers = pairs(node.get("headers"), names, place);
        let body = node
            .get("body")
            .map_or(Some(Body::None), |node| Body::read(&node, names, place));
        let signing = node.get("sign");
        let signed = signing.is_some();
        let signing = signing.and_then(|node| Signing::read(&node, names));
        let deadline = node
            .get("deadline_ms")
            .map_or(Some(10_000), |node| node.integer(1, 60_000));
        let max_reply_bytes = node
            .get("max_reply_bytes")
            .map_or(Some(262_144), |node| node.integer(1, 8_388_608));
        if signed && signing.is_none() {
            return None;
        }
        Some(Self {
            method: method?,
            url: url?,
            query,
            headers,
            body: body?,
            lets,
            signing,
            deadline: Duration::from_millis(u64::try_from(deadline?).ok()?),
            max_reply_bytes: usize::try_from(max_reply_bytes?).ok()?,
        })
    }

    /// The token it needs.
    pub(super) fn token(&self) -> Option<&str> {
        self.templates()
            .iter()
            .flat_map(|template| template.names())
            .find_map(|name| match name {
                Name::Token(name) => Some(name.as_str()),
                _ => None,
            })
    }

    /// Names that differ between the items of a call, used where one value stands for all.
    pub(super) fn per_item(&self, same_content: bool) -> bool {
        self.templates()
            .iter()
            .flat_map(|template| template.names())
            .any(|name| match name {
                Name::Item(field) => !(same_content && field.is_content()),
                Name::Template(field) => !same_content && matches!(field, TemplateField::Params),
                _ => false,
            })
    }

    /// Every template outside of `each`.
    fn templates(&self) -> Vec<&Template> {
        let mut all = vec![&self.url];
        all.extend(
            self.query
                .iter()
                .chain(&self.headers)
                .map(|pair| &pair.value),
        );
        all.extend(self.lets.iter().map(|(_, template)| template));
        match &self.body {
            Body::None => {}
            Body::Json(json) => json.collect(&mut all),
            Body::Form(pairs) => all.extend(pairs.iter().map(|pair| &pair.value)),
            Body::Raw { text, .. } => all.push(text),
        }
        if let Some(signing) = &self.signing {
            all.extend(signing.templates());
        }
        all
    }

    /// The call for these values.
    ///
    /// # Errors
    /// The verdict when a value is missing, or the request cannot be made of them.
    pub(super) fn call(&self, scope: &Scope<'_>) -> Result<Call, Verdict> {
        let mut lets = BTreeMap::new();
        for (name, template) in &self.lets {
            let scope = Scope {
                lets: Some(&lets),
                ..*scope
            };
            let value = template
                .text(&scope, Escape::None)
                .map_err(|unfilled| unfilled.verdict())?;
            lets.insert(name.clone(), value);
        }
        let scope = &Scope {
            lets: Some(&lets),
            ..*scope
        };
        let mut made = self.made(scope)?;
        if let Some(signing) = &self.signing {
            signing.sign(&self.method, &mut made, scope)?;
        }
        self.finish(made)
    }

    fn made(&self, scope: &Scope<'_>) -> Result<Made, Verdict> {
        let unfilled = |unfilled: Unfilled| unfilled.verdict();
        let url = self.url.text(scope, Escape::None).map_err(unfilled)?;
        let url = Url::parse(&url).map_err(|error| bad(&format!("the URL: {error}")))?;
        let (content, content_type) = match &self.body {
            Body::None => (Content::None, None),
            Body::Json(json) => (
                Content::Json(json.filled(scope).map_err(unfilled)?),
                Some("application/json; charset=utf-8".to_owned()),
            ),
            Body::Form(pairs) => (
                Content::Form(fill(pairs, scope).map_err(unfilled)?),
                Some("application/x-www-form-urlencoded; charset=utf-8".to_owned()),
            ),
            Body::Raw {
                text,
                each,
                escape,
                content_type,
            } => {
                let mut parts = BTreeMap::new();
                if let Some(each) = each {
                    parts.insert("each", joined(each, *escape, scope).map_err(unfilled)?);
                }
                let scope = Scope {
                    made: Some(&parts),
                    ..*scope
                };
                (
                    Content::Raw(text.text(&scope, *escape).map_err(unfilled)?),
                    Some(content_type.clone()),
                )
            }
        };
        Ok(Made {
            url,
            query: fill(&self.query, scope).map_err(unfilled)?,
            headers: fill(&self.headers, scope).map_err(unfilled)?,
            content,
            content_type,
        })
    }

    fn finish(&self, mut made: Made) -> Result<Call, Verdict> {
        if !made.query.is_empty() {
            let mut query = built(&made.query);
            if let Some(own) = made.url.query().filter(|own| !own.is_empty()) {
                query = format!("{own}&{query}");
            }
            made.url.set_query(Some(&query));
        }
        let mut request = HttpRequest::new(self.method.clone(), made.url.as_str(), made.body());
        let mut headers = HeaderMap::new();
        if let Some(content_type) = &made.content_type {
            made.headers
                .insert(0, ("content-type".into(), content_type.clone()));
        }
        for (name, value) in &made.headers {
            let header = HeaderName::from_bytes(name.as_bytes())
                .map_err(|_| bad("a header has no valid name"))?;
            let value = HeaderValue::from_str(value)
                .map_err(|_| bad(&format!("the value of the header {header} cannot be sent")))?;
            headers.insert(header, value);
        }
        request.headers = headers;
        request.deadline = self.deadline;
        request.max_reply_bytes = self.max_reply_bytes;
        Ok(Call::Http(request))
    }
}

fn bad(detail: &str) -> Verdict {
    Verdict::Misconfigured(Cause::new("bad_request_template", detail))
}

fn joined(each: &Template, escape: Escape, scope: &Scope<'_>) -> Result<String, Unfilled> {
    items(scope)
        .iter()
        .map(|item| {
            let scope = Scope {
                item: Some(item),
                ..*scope
            };
            each.text(&scope, escape)
        })
        .collect()
}

fn items<'a>(scope: &Scope<'a>) -> &'a [Item] {
    scope.batch.map_or(&[], |batch| &batch.items)
}

fn fill(pairs: &[Pair], scope: &Scope<'_>) -> Result<Vec<(String, String)>, Unfilled> {
    let mut filled = Vec::with_capacity(pairs.len());
    for pair in pairs {
        let value = match pair.value.text(scope, Escape::None) {
            Err(_) if pair.optional => continue,
            other => other?,
        };
        if !(pair.optional && value.is_empty()) {
            filled.push((pair.name.clone(), value));
        }
    }
    Ok(filled)
}

/// Reads `let`: each may use those before it, whatever order the file has them in.
fn lets(
    node: &Node<'_>,
    names: &Names<'_>,
    place: Place,
) -> (Vec<(String, Template)>, BTreeSet<String>) {
    let mut known = BTreeSet::new();
    let mut lets = Vec::new();
    let Some(node) = node.get("let") else {
        return (lets, known);
    };
    let mut open = node.fields();
    // A round that finds nothing new leaves only those with faults, or in a circle.
    while !open.is_empty() {
        let ready = |text: &str| {
            let waits =
                |name: &&str| text.contains(&format!("let.{name}")) && !known.contains(*name);
            !node.fields().iter().any(|(name, _)| waits(name))
        };
        let (now, later): (Vec<_>, Vec<_>) = open
            .into_iter()
            .partition(|(_, node)| node.value().as_str().is_none_or(ready));
        if now.is_empty() {
            for (_, node) in later {
                node.fault("circle", "the values of let name each other in a circle");
            }
            return (lets, known);
        }
        for (name, node) in now {
            let names = Names {
                lets: &known,
                ..*names
            };
            let template = Template::read(&node, &names, place);
            known.insert(name.to_owned());
            if let Some(template) = template {
                lets.push((name.to_owned(), template));
            }
        }
        open = later;
    }
    (lets, known)
}

fn pairs(node: Option<Node<'_>>, names: &Names<'_>, place: Place) -> Vec<Pair> {
    node.map_or_else(Vec::new, |node| {
        node.fields()
            .into_iter()
            .filter_map(|(name, node)| {
                let value = Template::read(&node, names, place)?;
                let (name, optional) = optional(name);
                Some(Pair {
                    name,
                    optional,
                    value,
                })
            })
            .collect()
    })
}

fn optional(name: &str) -> (String, bool) {
    match name.strip_suffix('?') {
        Some(name) => (name.to_owned(), true),
        None => (name.to_owned(), false),
    }
}

impl Body {
    fn read(node: &Node<'_>, names: &Names<'_>, place: Place) -> Option<Self> {
        let object = node.object(&["json", "form", "raw"])?;
        if object.len() != 1 {
            node.fault("not_one", "must have exactly one of json, form and raw");
            return None;
        }
        if let Some(json) = node.get("json") {
            return Json::read(&json, names, place).map(Self::Json);
        }
        if let Some(form) = node.get("form") {
            return Some(Self::Form(pairs(Some(form), names, place)));
        }
        let raw = node.get("raw")?;
        raw.object(&["text", "each", "escape", "content_type"])?;
        let text = raw
            .need("text")
            .and_then(|node| Template::read(&node, names, place));
        let each = raw
            .get("each")
            .and_then(|node| Template::read(&node, names, place));
        let escape = raw
            .need("escape")
            .and_then(|node| node.choice(&["xml", "url", "none"]))
            .map(|word| match word {
                "xml" => Escape::Xml,
                "url" => Escape::Url,
                _ => Escape::None,
            });
        let content_type = raw
            .need("content_type")
            .and_then(|node| node.text().map(str::to_owned));
        Some(Self::Raw {
            text: text?,
            each,
            escape: escape?,
            content_type: content_type?,
        })
    }
}
