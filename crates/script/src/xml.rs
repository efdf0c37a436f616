//! XML as vendors write it: elements, attributes, text, CDATA, the five entities and character
//! references. No DTD, no other entities: nothing that expands or reaches out.

use serde::Serialize;
use std::collections::BTreeMap;

/// Deepest nesting.
const MAX_DEPTH: usize = 64;

/// An element.
#[derive(Debug, Default, PartialEq, Serialize)]
pub(crate) struct Element {
    pub(crate) name: String,
    pub(crate) attributes: BTreeMap<String, String>,
    /// The text directly inside.
    pub(crate) text: String,
    pub(crate) children: Vec<Element>,
}

/// Text with the characters that mean something in XML replaced; control characters that XML
/// cannot hold become spaces.
pub(crate) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&apos;"),
            '\t' | '\n' | '\r' => out.push(c),
            c if c.is_control() => out.push(' '),
            c => out.push(c),
        }
    }
    out
}

/// The root element.
///
/// # Errors
/// What is not well-formed.
pub(crate) fn parse(text: &str) -> Result<Element, String> {
    let mut reader = Reader {
        rest: text.trim_start_matches('\u{feff}'),
    };
    reader.skip_misc()?;
    let root = reader.element(0)?;
    reader.skip_misc()?;
    if reader.rest.is_empty() {
        Ok(root)
    } else {
        Err("there is something after the root element".into())
    }
}

struct Reader<'a> {
    rest: &'a str,
}

impl<'a> Reader<'a> {
    fn take(&mut self, token: &str) -> bool {
        match self.rest.strip_prefix(token) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    fn until(&mut self, token: &str) -> Result<&'a str, String> {
        let (found, rest) = self
            .rest
            .split_once(token)
            .ok_or_else(|| format!("{token} is missing"))?;
        self.rest = rest;
        Ok(found)
    }

    fn space(&mut self) {
        self.rest = self.rest.trim_start();
    }

    /// Declaration, comments and space around the root.
    fn skip_misc(&mut self) -> Result<(), String> {
        loop {
            self.space();
            if self.take("<?") {
                self.until("?>")?;
            } else if self.take("<!--") {
                self.until("-->")?;
            } else if self.rest.starts_with("<!") {
                return Err("a DTD is not taken".into());
            } else {
                return Ok(());
            }
        }
    }

    fn name(&mut self) -> Result<&'a str, String> {
        let end = self
            .rest
            .find(|c: char| c.is_whitespace() || matches!(c, '>' | '/' | '=' | '<' | '"' | '\''))
            .unwrap_or(self.rest.len());
        if end == 0 {
            return Err("a name is missing".into());
        }
        let (name, rest) = self.rest.split_at(end);
        self.rest = rest;
        Ok(name)
    }

    fn element(&mut self, depth: usize) -> Result<Element, String> {
        if depth > MAX_DEPTH {
            return Err(format!("elements are nested deeper than {MAX_DEPTH}"));
        }
        if !self.take("<") {
            return Err("an element is missing".into());
        }
        let mut element = Element {
            name: self.name()?.to_owned(),
            ..Element::default()
        };
        loop {
            self.space();
            if self.take("/>") {
                return Ok(element);
            }
            if self.take(">") {
                self.content(&mut element, depth)?;
                return Ok(element);
            }
            let name = self.name()?;
            self.space();
            if !self.take("=") {
                return Err(format!("the attribute {name} has no value"));
            }
            self.space();
            let quote = if self.take("\"") {
                "\""
            } else if self.take("'") {
                "'"
            } else {
                return Err(format!("the value of the attribute {name} is not quoted"));
            };
            let value = unescape(self.until(quote)?)?;
            element.attributes.insert(name.to_owned(), value);
        }
    }

    fn content(&mut self, element: &mut Element, depth: usize) -> Result<(), String> {
        loop {
            let end = self
                .rest
                .find('<')
                .ok_or_else(|| format!("</{}> is missing", element.name))?;
            let (text, rest) = self.rest.split_at(end);
            element.text.push_str(&unescape(text)?);
            self.rest = rest;
            if self.take("</") {
                let name = self.name()?;
                self.space();
                if name != element.name || !self.take(">") {
                    return Err(format!("</{}> is missing", element.name));
                }
                if !element.children.is_empty() && element.text.trim().is_empty() {
                    element.text.clear();
                }
                return Ok(());
            }
            if self.take("<!--") {
                self.until("-->")?;
            } else if self.take("<![CDATA[") {
                element.text.push_str(self.until("]]>")?);
            } else if self.take("<?") {
                self.until("?>")?;
            } else {
                let child = self.element(depth + 1)?;
                element.children.push(child);
            }
        }
    }
}

fn unescape(text: &str) -> Result<String, String> {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('&') {
        out.push_str(before);
        let (entity, after) = after.split_once(';').ok_or("an & stands alone")?;
        out.push(match entity {
            "amp" => '&',
            "lt" => '<',
            "gt" => '>',
            "quot" => '"',
            "apos" => '\'',
            _ => character(entity).ok_or("an entity is unknown")?,
        });
        rest = after;
    }
    out.push_str(rest);
    Ok(out)
}

fn character(entity: &str) -> Option<char> {
    let number = entity.strip_prefix('#')?;
    let code = match number.strip_prefix('x') {
        Some(hex) => u32::from_str_radix(hex, 16).ok()?,
        None => number.parse().ok()?,
    };
    char::from_u32(code)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_ordinary_document() {
        let root = parse(
            "<?xml version=\"1.0\"?>\n<!-- x --><r a='1'>\n <s>a&amp;b &#x4f60;</s><s/><c><![CDATA[<x>]]></c>\n</r>\n",
        )
        .unwrap();
        assert_eq!(root.attributes["a"], "1");
        assert_eq!(root.children.len(), 3);
        assert_eq!(root.children[0].text, "a&b 你");
        assert_eq!(root.children[2].text, "<x>");
        assert_eq!(root.text, "");
    }

    #[test]
    fn what_is_not_well_formed_or_dangerous_is_refused() {
        let deep = "<a>".repeat(100_000);
        for wrong in [
            "",
            "x",
            "<a>",
            "<a></b>",
            "<a b></a>",
            "<a b=1></a>",
            "<a>&x;</a>",
            "<a>&</a>",
            "<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>",
            "<a/><b/>",
            "<a><!ENTITY></a>",
            &deep,
        ] {
            assert!(parse(wrong).is_err(), "{}", &wrong[..wrong.len().min(40)]);
        }
    }

    proptest! {
        #[test]
        fn what_is_escaped_is_read_again(text in "[^\\p{Cc}]{0,40}") {
            let root = parse(&format!("<a b=\"{0}\">{0}</a>", escape(&text))).unwrap();
            prop_assert_eq!(&root.text, &text);
            prop_assert_eq!(&root.attributes["b"], &text);
        }

        #[test]
        fn any_text_passes(text in "[<>/a&;!\\-\\[\\]?= '\"]{0,60}") {
            let _ = parse(&text);
        }
    }
}
