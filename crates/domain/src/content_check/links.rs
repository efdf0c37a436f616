//! Links in texts, and the hosts they may lead to.
//!
//! Found are addresses with a scheme (`https://…`) and bare domains as telephones make links of
//! them (`t.cn/x`, `corp.example`), also between Chinese characters, in full-width letters, with
//! invisible characters inside, or in other scripts. E-mail addresses are no links. Where it is
//! not certain, it is a link: a sender can write the text differently, a reader cannot unclick.

use std::sync::LazyLock;

use hashbrown::HashSet;
use url::{Host, Url};

use super::fold::narrow;

/// Most entries of an allow-list.
pub const MAX_DOMAINS: usize = 1_000;

/// Hosts that links may lead to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Domains {
    exact: HashSet<String>,
    /// Everything below these.
    below: HashSet<String>,
}

/// Where a link leads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// The host in lower-case ASCII, or what stood in its place.
    pub host: String,
    /// The first character of it in the text, from 0.
    pub at: u32,
}

impl Domains {
    /// Entries such as `corp.example` (that host alone) and `*.corp.example` (every host below
    /// it, itself not). No entry at all allows no link.
    ///
    /// # Errors
    /// What is wrong with which entry, by its place from 0.
    pub fn new<S: AsRef<str>>(entries: &[S]) -> Result<Self, Vec<(usize, String)>> {
        let (mut domains, mut faults) = (Self::default(), Vec::new());
        if entries.len() > MAX_DOMAINS {
            let why = format!("at most {MAX_DOMAINS} domains");
            return Err(vec![(MAX_DOMAINS, why)]);
        }
        for (index, entry) in entries.iter().enumerate() {
            let entry = entry.as_ref().trim();
            let (set, host) = match entry.strip_prefix("*.") {
                Some(host) => (&mut domains.below, host),
                None => (&mut domains.exact, entry),
            };
            match domain(host) {
                Ok(host) => {
                    set.insert(host);
                }
                Err(why) => {
                    let shown: String = entry.chars().take(80).collect();
                    faults.push((index, format!("{shown:?} {why}")));
                }
            }
        }
        if faults.is_empty() {
            Ok(domains)
        } else {
            Err(faults)
        }
    }

    /// Whether links may lead to a host, in lower-case ASCII.
    pub fn allow(&self, host: &str) -> bool {
        if self.exact.contains(host) {
            return true;
        }
        let mut rest = host;
        while let Some((_, parent)) = rest.split_once('.') {
            if self.below.contains(parent) {
                return true;
            }
            rest = parent;
        }
        false
    }
}

fn domain(text: &str) -> Result<String, &'static str> {
    if text.contains(['/', ':', '@', '?', '#']) {
        return Err("must be a host without scheme, port and path, such as corp.example");
    }
    match Host::parse(text) {
        Ok(Host::Domain(host)) if !host.contains('*') && !host.is_empty() => {
            Ok(host.trim_end_matches('.').to_owned())
        }
        Ok(Host::Ipv4(address)) => Ok(address.to_string()),
        _ => Err("is not a domain such as corp.example or *.corp.example"),
    }
}

/// The host that the value of a `href` leads to; `None` when it stays in the document or opens
/// a mail, a call or a message.
pub(super) fn of_href(href: &str) -> Option<String> {
    let href = href.trim_matches(|c: char| c.is_whitespace() || c.is_control());
    if href.is_empty() || href.starts_with('#') {
        return None;
    }
    // A mail has no address of its own that `https:host` could be relative to.
    let read = Url::parse(href).or_else(|_| Url::parse(BASE)?.join(href));
    match read {
        Ok(url) if matches!(url.scheme(), "mailto" | "tel" | "sms" | "cid") => None,
        Ok(url) => match url.host_str() {
            Some(NOWHERE) => None,
            Some(host) => Some(host.trim_end_matches('.').to_ascii_lowercase()),
            // `javascript:`, `data:` and the like lead where nobody can tell.
            None => Some(format!("{}:", url.scheme())),
        },
        Err(_) => Some(href.chars().take(80).collect()),
    }
}

/// Links in a text, in their order.
pub fn find(text: &str) -> Vec<Link> {
    // Nearly every text without a link ends here.
    if !text.contains(['.', '．', ':', '：']) {
        return Vec::new();
    }
    let mut chars = Vec::with_capacity(text.len());
    for (at, c) in (0u32..).zip(text.chars()) {
        if let Some(c) = narrow(c) {
            chars.push((c, at));
        }
    }
    let finder = Finder { chars: &chars };
    let mut links = Vec::new();
    let mut place = 0;
    while place < chars.len() {
        place = match finder.link(place, &mut links) {
            Some(after) => after.max(place + 1),
            None => place + 1,
        };
    }
    links
}

/// Stands for the document itself when what is relative to it is read.
const BASE: &str = "https://document.invalid/";
const NOWHERE: &str = "document.invalid";

struct Finder<'a> {
    /// Characters and where they were in the text.
    chars: &'a [(char, u32)],
}

impl Finder<'_> {
    fn c(&self, place: usize) -> char {
        self.chars.get(place).map_or('\0', |(c, _)| *c)
    }

    /// Reads what begins at `place`: after it, when it was a link or surely none.
    fn link(&self, place: usize, links: &mut Vec<Link>) -> Option<usize> {
        let c = self.c(place);
        if c == ':' && slash(self.c(place + 1)) && slash(self.c(place + 2)) {
            return Some(self.with_scheme(place, links));
        }
        if c == '.' && running(self.c(place.wrapping_sub(1))) {
            return self.running_domain(place, links);
        }
        let begins = is_label(c) && !(place > 0 && joins(self.c(place - 1)));
        if begins {
            Some(self.bare(place, links))
        } else {
            None
        }
    }

    /// From the colon of `://`.
    fn with_scheme(&self, colon: usize, links: &mut Vec<Link>) -> usize {
        let mut begin = colon + 1;
        while slash(self.c(begin)) {
            begin += 1;
        }
        let mut end = begin;
        while !ends_authority(self.c(end)) {
            end += 1;
        }
        // What stands before an @ is a name, however much it looks like a host.
        let named = (begin..end).rev().find(|place| self.c(*place) == '@');
        let begin = named.map_or(begin, |at| at + 1);
        let whole = self.text(begin, end);
        // Chinese text often follows a host without a blank.
        let ascii: String = whole.chars().take_while(char::is_ascii).collect();
        let host = match (parsed(&whole), parsed(&ascii)) {
            (Some(host), _) if ascii.len() == whole.len() || known_end(&host) => host,
            (_, Some(host)) if known_end(&host) => host,
            (Some(host), _) | (None, Some(host)) => host,
            (None, None) => whole.chars().take(80).collect(),
        };
        self.add(host, begin, links);
        self.after_path(end)
    }

    /// A run of letters, digits, hyphens and dots that may be a domain; after it.
    fn bare(&self, begin: usize, links: &mut Vec<Link>) -> usize {
        let mut end = begin;
        while joins(self.c(end)) {
            end += 1;
        }
        let next = self.c(end);
        let scheme = next == ':' && slash(self.c(end + 1)) && slash(self.c(end + 2));
        let mail =
            next == '@' || (begin > 1 && self.c(begin - 1) == '@' && joins(self.c(begin - 2)));
        if scheme || mail {
            return end;
        }
        let run = self.text(begin, end);
        let mut offset = 0;
        let mut found = false;
        for part in run.split("..") {
            let trimmed = part.trim_start_matches(['.', '-']);
            let skipped = part.chars().count() - trimmed.chars().count();
            let host = trimmed.trim_end_matches(['.', '-', '_']);
            if self.is_domain(host, next) {
                let host = parsed(host).unwrap_or_else(|| host.to_ascii_lowercase());
                self.add(host, begin + offset + skipped, links);
                found = true;
            }
            offset += part.chars().count() + 2;
        }
        if found { self.after_path(end) } else { end }
    }

    fn is_domain(&self, host: &str, next: char) -> bool {
        let mut labels = host.rsplit('.');
        let last = labels.next().unwrap_or_default();
        let others = labels.clone().count();
        if others == 0 || labels.any(str::is_empty) {
            return false;
        }
        let numbers = host.split('.').all(|label| label.parse::<u8>().is_ok());
        if numbers {
            return others == 3 && matches!(next, '/' | ':');
        }
        known_end(last) || parsed(last).is_some_and(|ascii| known_end(&ascii))
    }

    /// `例子.中国`: from the dot after a character of a script without blanks.
    fn running_domain(&self, dot: usize, links: &mut Vec<Link>) -> Option<usize> {
        let mut end = dot + 1;
        while is_label(self.c(end)) || running(self.c(end)) || (self.c(end) == '.' && end > dot + 1)
        {
            end += 1;
        }
        let after = self.text(dot + 1, end);
        let tail = after.trim_end_matches('.');
        let last = tail.rsplit('.').next().unwrap_or_default();
        let ascii: String = tail.chars().take_while(char::is_ascii).collect();
        let ends = [last, ascii.rsplit('.').next().unwrap_or_default()];
        let known = ends.iter().position(|label| {
            !label.is_empty() && parsed(label).is_some_and(|ascii| known_end(&ascii))
        })?;
        let tail = if known == 0 { tail } else { &ascii };
        let mut begin = dot;
        while begin > 0 && (running(self.c(begin - 1)) || is_label(self.c(begin - 1))) {
            begin -= 1;
        }
        let host = format!("{}.{tail}", self.text(begin, dot));
        self.add(parsed(&host).unwrap_or(host), begin, links);
        Some(self.after_path(dot + 1 + tail.chars().count()))
    }

    fn add(&self, host: String, place: usize, links: &mut Vec<Link>) {
        let at = self.chars.get(place).map_or(0, |(_, at)| *at);
        links.push(Link { host, at });
    }

    /// After the path, query and fragment that begin at `place`, if any do.
    fn after_path(&self, place: usize) -> usize {
        let mut end = place;
        if self.c(end) == ':' {
            end += 1;
            while self.c(end).is_ascii_digit() {
                end += 1;
            }
        }
        if !matches!(self.c(end), '/' | '\\' | '?' | '#') {
            return end;
        }
        while self.c(end).is_ascii_graphic() && !matches!(self.c(end), '"' | '<' | '>') {
            end += 1;
        }
        end
    }

    fn text(&self, begin: usize, end: usize) -> String {
        let range = self.chars.get(begin..end).unwrap_or_default();
        range.iter().map(|(c, _)| *c).collect()
    }
}

const fn slash(c: char) -> bool {
    matches!(c, '/' | '\\')
}

/// Part of a label that stands alone: letters of scripts with blanks, digits, hyphens.
fn is_label(c: char) -> bool {
    c.is_ascii_alphanumeric()
        || c == '-'
        || c == '_'
        || (c.is_alphanumeric() && !running(c) && !c.is_ascii())
}

fn joins(c: char) -> bool {
    c == '.' || is_label(c)
}

/// Scripts that are written without blanks, so that a domain may begin or end inside of a run.
const fn running(c: char) -> bool {
    matches!(c, '\u{e00}'..='\u{eff}' | '\u{1000}'..='\u{109f}' | '\u{1780}'..='\u{17ff}'
        | '\u{3005}'..='\u{3007}' | '\u{3040}'..='\u{30ff}' | '\u{3400}'..='\u{9fff}'
        | '\u{ac00}'..='\u{d7af}' | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{3ffff}')
}

fn ends_authority(c: char) -> bool {
    matches!(
        c,
        '\0' | '/' | '\\' | '?' | '#' | '"' | '\'' | '<' | '>' | '`' | ',' | ';' | '!'
    ) || matches!(c, '(' | ')' | '{' | '}' | '|' | '^')
        || c.is_whitespace()
        || c.is_control()
        || matches!(c, '\u{2010}'..='\u{2027}' | '\u{3001}'..='\u{3003}' | '\u{3008}'..='\u{3020}')
}

/// A host as it is looked up: lower case, ASCII, without port and final dot.
fn parsed(text: &str) -> Option<String> {
    let text = match text.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => host,
        _ => text,
    };
    match Host::parse(text.trim_end_matches('.')) {
        Ok(host) => Some(host.to_string()),
        Err(_) => None,
    }
}

/// Whether the last label of a host is in use, or kept for examples and tests.
fn known_end(host: &str) -> bool {
    let last = host.rsplit('.').next().unwrap_or_default();
    let lower = last.to_ascii_lowercase();
    matches!(lower.as_str(), "example" | "test" | "onion") || ENDS.contains(lower.as_str())
}

/// Top-level domains as IANA lists them (2024-11-08). A newer one is missed only where it is
/// written without a scheme.
static ENDS: LazyLock<HashSet<&'static str>> =
    LazyLock::new(|| include_str!("tlds.txt").split_whitespace().collect());

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn hosts(text: &str) -> Vec<String> {
        find(text).into_iter().map(|link| link.host).collect()
    }

    #[test]
    fn links_are_found() {
        for (text, host) in [
            ("see https://corp.example/a.com?b=c.com", "corp.example"),
            ("HTTP://CORP.EXAMPLE:8080", "corp.example"),
            ("点击t.cn/AbC查看", "t.cn"),
            ("点击http://t.cn查看", "t.cn"),
            ("点击http://t.cn。谢谢", "t.cn"),
            ("【商城】corp.example，退订回T", "corp.example"),
            ("ｃｏｒｐ．ｅｘａｍｐｌｅ", "corp.example"),
            ("co\u{200b}rp.example", "corp.example"),
            ("http://corp.example@evil.example/", "evil.example"),
            ("http:\\\\evil.example", "evil.example"),
            ("weixin://evil.example", "evil.example"),
            ("http://1.2.3.4/x", "1.2.3.4"),
            ("1.2.3.4:80/x", "1.2.3.4"),
            ("http://0x7f.1/", "127.0.0.1"),
            ("访问 例子.中国", "xn--fsqu00a.xn--fiqs8s"),
            ("http://例子.中国/x", "xn--fsqu00a.xn--fiqs8s"),
            ("商城.com", "xn--czru2d.com"),
            ("bücher.example", "xn--bcher-kva.example"),
            ("xn--fsqu00a.xn--fiqs8s", "xn--fsqu00a.xn--fiqs8s"),
            ("www.corp.example.", "www.corp.example"),
            ("(corp.example)", "corp.example"),
            ("http://intranet/", "intranet"),
            ("@evil.com", "evil.com"),
        ] {
            assert_eq!(hosts(text), [host], "{text}");
        }
        assert_eq!(hosts("a.com..b.com x.cn"), ["a.com", "b.com", "x.cn"]);
        let link = &find("请看：t.cn")[0];
        assert_eq!((link.host.as_str(), link.at), ("t.cn", 3));
    }

    #[test]
    fn what_is_no_link() {
        for text in [
            "",
            "验证码 4370，5 分钟内有效。",
            "价格 3.5 元",
            "v1.2.3",
            "1.2.3.4",
            "report.pdfx",
            "li@corp.example",
            "first.last@corp.example",
            "e.g. this",
            "结束。中国移动",
            "9:30",
            "…",
            "a.b.",
            ".",
            "://",
            "完.成",
        ] {
            let found = hosts(text);
            assert!(found.is_empty() || found == [""], "{text}: {found:?}");
        }
    }

    #[test]
    fn lists_allow_hosts_and_what_is_below() {
        let domains = Domains::new(&["corp.example", "*.shop.example", "例子.中国"]).unwrap();
        for host in [
            "corp.example",
            "a.shop.example",
            "a.b.shop.example",
            "xn--fsqu00a.xn--fiqs8s",
        ] {
            assert!(domains.allow(host), "{host}");
        }
        for host in [
            "shop.example",
            "evilcorp.example",
            "x.corp.example",
            "corp.example.evil.com",
            "ashop.example",
            "",
            "example",
        ] {
            assert!(!domains.allow(host), "{host}");
        }
        let none: [&str; 0] = [];
        assert!(!Domains::new(&none).unwrap().allow("corp.example"));
        let faults =
            Domains::new(&["corp.example", "https://a.example", "a b", "*.*.a", ""]).unwrap_err();
        let places: Vec<_> = faults.iter().map(|(place, _)| *place).collect();
        assert_eq!(places, [1, 2, 3, 4], "{faults:?}");
        assert!(faults[0].1.contains("without scheme"), "{faults:?}");
    }

    #[test]
    fn references_of_pages() {
        for (href, host) in [
            ("https://corp.example/x", Some("corp.example")),
            (" \thttps:evil.example", Some("evil.example")),
            ("//evil.example/x", Some("evil.example")),
            ("/\\evil.example", Some("evil.example")),
            ("javascript:alert(1)", Some("javascript:")),
            ("data:text/html,x", Some("data:")),
            ("myapp://open", Some("open")),
            ("mailto:li@corp.example", None),
            ("tel:+8613711112201", None),
            ("#top", None),
            ("/path", None),
            ("path", None),
            ("", None),
        ] {
            assert_eq!(of_href(href).as_deref(), host, "{href}");
        }
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "([a-z.:/@\\\\-]|[一-龥]|http|com|中国|\\PC){0,60}") {
            for link in find(&text) {
                prop_assert!((link.at as usize) < text.chars().count().max(1));
            }
            let _ = of_href(&text);
            let _ = Domains::new(&[text]);
        }

        #[test]
        fn an_address_is_found_wherever_it_stands(
            before in "[一-龥，。！ ]{0,8}", name in "[a-z]{2,9}", after in "[，。！ ]?",
        ) {
            let text = format!("{before}http://{name}.example/{after}");
            prop_assert_eq!(hosts(&text), [format!("{name}.example")]);
        }
    }
}
