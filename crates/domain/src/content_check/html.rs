//! What a reader of an HTML mail sees and can follow: its words, and where its links lead.
//!
//! A reader, not a browser: tags are taken away (those that only style text without a trace, so
//! that a word cut up by them is whole again; the others leave a line end), entities are read,
//! comments, styles and scripts passed over. It takes any text and never fails.

/// The words and the links of an HTML document.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Page {
    /// Visible words, with alternative texts and titles.
    pub(super) text: String,
    /// Values of `href`, `action` and `formaction`, entities read.
    pub(super) links: Vec<String>,
}

/// Tags that style a part of a word or a line.
const INLINE: &[&str] = &[
    "a", "abbr", "acronym", "b", "bdi", "bdo", "big", "cite", "code", "del", "dfn", "em", "font",
    "i", "ins", "kbd", "label", "mark", "q", "s", "samp", "small", "span", "strike", "strong",
    "sub", "sup", "tt", "u", "var", "wbr",
];

pub(super) fn read(html: &str) -> Page {
    let mut page = Page::default();
    let mut rest = html;
    while let Some(at) = rest.find('<') {
        let (words, tag) = rest.split_at(at);
        entities(words, &mut page.text);
        rest = match element(tag, &mut page) {
            Some(rest) => rest,
            None => {
                page.text.push('<');
                tag.get(1..).unwrap_or_default()
            }
        };
    }
    entities(rest, &mut page.text);
    page
}

/// What follows the tag that `text` begins with; `None` when its `<` is only a sign.
fn element<'a>(text: &'a str, page: &mut Page) -> Option<&'a str> {
    let inner = text.get(1..)?;
    if let Some(comment) = inner.strip_prefix("!--") {
        return Some(comment.split_once("-->").map_or("", |(_, rest)| rest));
    }
    if inner.starts_with(['!', '?']) {
        return Some(inner.split_once('>').map_or("", |(_, rest)| rest));
    }
    let (closing, named) = match inner.strip_prefix('/') {
        Some(named) => (true, named),
        None => (false, inner),
    };
    if !named.starts_with(|c: char| c.is_ascii_alphabetic()) {
        return None;
    }
    let ends = |c: char| c.is_whitespace() || matches!(c, '/' | '>');
    let (name, mut rest) = named.split_at(named.find(ends).unwrap_or(named.len()));
    let name = name.to_ascii_lowercase();
    if !INLINE.contains(&name.as_str()) {
        page.text.push('\n');
    }
    rest = attributes(rest, page);
    let raw = matches!(name.as_str(), "script" | "style" | "template" | "noembed");
    if raw && !closing {
        rest = after_raw(rest, &name);
    }
    Some(rest)
}

/// Reads the attributes of a tag; what follows its `>`.
fn attributes<'a>(mut rest: &'a str, page: &mut Page) -> &'a str {
    loop {
        rest = rest.trim_start_matches(|c: char| c.is_whitespace() || c == '/');
        if let Some(after) = rest.strip_prefix('>') {
            return after;
        }
        if rest.is_empty() {
            return rest;
        }
        let ends = |c: char| c.is_whitespace() || matches!(c, '=' | '>' | '/');
        // A name has at least one character, whatever that is.
        let first = rest.chars().next().map_or(0, char::len_utf8);
        let tail = rest.get(first..).unwrap_or_default();
        let length = first + tail.find(ends).unwrap_or(tail.len());
        let (name, after) = rest.split_at(length);
        let Some(value) = after.trim_start().strip_prefix('=') else {
            rest = after;
            continue;
        };
        let (value, after) = attribute_value(value.trim_start());
        rest = after;
        attribute(&name.to_ascii_lowercase(), value, page);
    }
}

fn attribute_value(text: &str) -> (&str, &str) {
    for quote in ['"', '\''] {
        if let Some(inner) = text.strip_prefix(quote) {
            return inner.split_once(quote).unwrap_or((inner, ""));
        }
    }
    let ends = |c: char| c.is_whitespace() || c == '>';
    text.split_at(text.find(ends).unwrap_or(text.len()))
}

fn attribute(name: &str, value: &str, page: &mut Page) {
    match name {
        "href" | "action" | "formaction" => {
            let mut link = String::new();
            entities(value, &mut link);
            page.links.push(link);
        }
        "alt" | "title" => {
            page.text.push('\n');
            entities(value, &mut page.text);
            page.text.push('\n');
        }
        _ => {}
    }
}

/// What follows the end tag of an element whose content is not text.
fn after_raw<'a>(text: &'a str, name: &str) -> &'a str {
    let mut rest = text;
    while let Some(at) = rest.find("</") {
        rest = rest.get(at + 2..).unwrap_or_default();
        let ends = rest.get(..name.len());
        if ends.is_some_and(|word| word.eq_ignore_ascii_case(name)) {
            return rest.split_once('>').map_or("", |(_, rest)| rest);
        }
    }
    ""
}

/// Adds `text` with its entities read.
fn entities(mut text: &str, to: &mut String) {
    while let Some(at) = text.find('&') {
        let (before, entity) = text.split_at(at);
        to.push_str(before);
        match entity_at(entity) {
            Some((c, length)) => {
                to.push(c);
                text = entity.get(length..).unwrap_or_default();
            }
            None => {
                to.push('&');
                text = entity.get(1..).unwrap_or_default();
            }
        }
    }
    to.push_str(text);
}

/// The character of an entity and its length in bytes. Browsers do not insist on the semicolon.
fn entity_at(text: &str) -> Option<(char, usize)> {
    const NAMED: &[(&str, char)] = &[
        ("amp", '&'),
        ("lt", '<'),
        ("gt", '>'),
        ("quot", '"'),
        ("apos", '\''),
        ("nbsp", ' '),
        ("shy", '\u{ad}'),
        ("zwnj", '\u{200c}'),
        ("zwj", '\u{200d}'),
        ("middot", '·'),
        ("period", '.'),
        ("colon", ':'),
        ("sol", '/'),
        ("commat", '@'),
        ("ensp", ' '),
        ("emsp", ' '),
        ("thinsp", ' '),
        ("copy", '©'),
        ("reg", '®'),
        ("hellip", '…'),
        ("mdash", '—'),
        ("ndash", '–'),
        ("bull", '•'),
        ("ZeroWidthSpace", '\u{200b}'),
        ("NoBreak", '\u{2060}'),
        ("num", '#'),
        ("quest", '?'),
        ("lowbar", '_'),
        ("ast", '*'),
    ];
    let inner = text.get(1..)?;
    if let Some(number) = inner.strip_prefix('#') {
        let (digits, base, lead) = match number.strip_prefix(['x', 'X']) {
            Some(digits) => (digits, 16, 3),
            None => (number, 10, 2),
        };
        let length = digits
            .find(|c: char| !c.is_digit(base))
            .unwrap_or(digits.len());
        let value = u32::from_str_radix(digits.get(..length)?, base).ok()?;
        let semicolon = usize::from(digits.get(length..)?.starts_with(';'));
        return Some((
            char::from_u32(value).unwrap_or('\u{fffd}'),
            lead + length + semicolon,
        ));
    }
    NAMED.iter().find_map(|(name, c)| {
        let after = inner.strip_prefix(name)?;
        after.starts_with(';').then_some((*c, name.len() + 2))
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn words_and_links() {
        for (html, text, links) in [
            ("法<b>轮</b>功", "法轮功", &[][..]),
            ("<p>one</p><p>two", "\none\n\ntwo", &[]),
            (
                "a &lt; b &amp;&#97;&#x4e2d; &nope; &",
                "a < b &a中 &nope; &",
                &[],
            ),
            (
                "a<!-- x > y -->b<style>p{}</style>c<script>\"</p>\"</script>d",
                "ab\nc\nd",
                &[],
            ),
            ("1 < 2 <3", "1 < 2 <3", &[]),
            (
                "<a href=\"http://a.example/?x=1&amp;y\" class=b>go</a>",
                "go",
                &["http://a.example/?x=1&y"],
            ),
            (
                "<A HREF = 'b.example'>go</A><a href=c.example/>x",
                "gox",
                &["b.example", "c.example/"],
            ),
            (
                "<img alt='贷款' src=x><form action=/go>",
                "\n\n贷款\n\n",
                &["/go"],
            ),
            ("<a title=\"&#36151;\" href", "\n贷\n", &[]),
            ("<a href=\"unterminated>x", "", &["unterminated>x"]),
            ("<", "<", &[]),
            ("<br/", "\n", &[]),
        ] {
            let page = read(html);
            assert_eq!(
                (page.text.as_str(), page.links),
                (text, links.iter().map(ToString::to_string).collect()),
                "{html}"
            );
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read(html in "([<>/=\"'&;#!-]|[a-z]{1,4}|href|script|\\PC| ){0,60}") {
            let page = read(&html);
            prop_assert!(page.text.len() <= html.len() * 3 + 1);
        }

        #[test]
        fn text_without_markup_stays(text in "[^<&]{0,60}") {
            prop_assert_eq!(read(&text).text, text);
        }
    }
}
