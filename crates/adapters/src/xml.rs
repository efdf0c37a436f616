//! Lenient reading of vendors' small XML answers: enough to find an element by its name. What is
//! not well formed is not there.

/// Most bytes of an element's name and attributes that are looked at.
const TAG_BYTES: usize = 1_024;

/// What stands between the first start tag of this name and the end tag after it; elements do
/// not nest in themselves.
pub(crate) fn content<'a>(xml: &'a str, name: &str) -> Option<&'a str> {
    let start = format!("<{name}");
    let mut rest = xml;
    loop {
        rest = &rest[rest.find(&start)? + start.len()..];
        // Another, longer name may start the same.
        if rest.starts_with(['>', ' ', '\t', '\r', '\n']) {
            break;
        }
    }
    let tag = &rest[..rest.floor_char_boundary(TAG_BYTES)];
    let rest = &rest[tag.find('>')? + 1..];
    Some(&rest[..rest.find(&format!("</{name}>"))?])
}

/// The non-empty text of an element that holds no other.
pub(crate) fn text(xml: &str, name: &str) -> Option<String> {
    let text = content(xml, name)?.trim();
    let plain = !text.is_empty() && !text.contains('<');
    plain.then(|| unescaped(text))
}

/// The five predefined entities; the last one replaced brings no new ones.
fn unescaped(text: &str) -> String {
    text.replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&quot;", "\"")
        .replace("&apos;", "'")
        .replace("&#39;", "'")
        .replace("&amp;", "&")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_are_found_by_name() {
        let xml = "<?xml version='1.0'?><R xmlns=\"x\"><ErrorX>no</ErrorX>\n<Error a='1'>\
                   <Code>A &amp;amp; &lt;b&gt;</Code><Empty> </Empty></Error></R>";
        let error = content(xml, "Error").unwrap();
        assert_eq!(text(error, "Code").as_deref(), Some("A &amp; <b>"));
        for absent in ["Empty", "Message", "Cod", "Error"] {
            assert_eq!(text(error, absent), None, "{absent}");
        }
        assert_eq!(text(xml, "Error"), None);
        for broken in [
            "<Code",
            "<Code>",
            "<Code>x",
            "<Code>x</Cod>",
            "<Code/>",
            "</Code><Code>",
        ] {
            assert_eq!(text(broken, "Code"), None, "{broken}");
        }
        let long = format!("<Code {}>汉</Code>", "汉".repeat(1_000));
        assert_eq!(text(&long, "Code"), None);
    }
}
