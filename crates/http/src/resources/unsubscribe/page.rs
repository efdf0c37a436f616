//! The page behind an unsubscribe link: a few words, no script, nothing from elsewhere.

use std::sync::OnceLock;

use aws_lc_rs::digest;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// What the page says. Addresses are masked.
pub(super) enum Page {
    Ask(String),
    Done(String),
    Unknown,
    Gone,
    Unavailable,
}

/// The language of a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Language {
    Chinese,
    English,
}

impl Language {
    /// The first one named that we have (browsers name the most wanted first); English where
    /// neither is.
    pub(super) fn of(accept: &str) -> Self {
        let mut tags = accept.split(',').map(|one| {
            let tag = one.split(';').next().unwrap_or_default().trim();
            tag.split('-')
                .next()
                .unwrap_or_default()
                .to_ascii_lowercase()
        });
        tags.find_map(|tag| match tag.as_str() {
            "zh" => Some(Self::Chinese),
            "en" => Some(Self::English),
            _ => None,
        })
        .unwrap_or(Self::English)
    }

    pub(super) const fn tag(self) -> &'static str {
        match self {
            Self::Chinese => "zh-CN",
            Self::English => "en",
        }
    }
}

const STYLE: &str = "body{font:16px/1.6 system-ui,sans-serif;max-width:32em;margin:15vh auto;\
padding:0 1.5em;color:#222;background:#fff}h1{font-size:1.4em}\
button{font:inherit;padding:.6em 1.6em;border:0;border-radius:.3em;color:#fff;background:#1b5fc1;\
cursor:pointer}@media(prefers-color-scheme:dark){body{color:#ddd;background:#181818}}";

/// Nothing may be loaded or run; the form may only come back to us.
pub(super) fn content_security_policy() -> String {
    static HASH: OnceLock<String> = OnceLock::new();
    let hash =
        HASH.get_or_init(|| STANDARD.encode(digest::digest(&digest::SHA256, STYLE.as_bytes())));
    format!(
        "default-src 'none'; style-src 'sha256-{hash}'; form-action 'self'; base-uri 'none'; \
         frame-ancestors 'none'"
    )
}

impl Page {
    pub(super) fn html(&self, language: Language) -> String {
        let (title, text) = self.words(language);
        let form = match (self, language) {
            (Self::Ask(_), Language::Chinese) => button("确认退订"),
            (Self::Ask(_), Language::English) => button("Unsubscribe"),
            _ => String::new(),
        };
        format!(
            "<!doctype html><html lang=\"{}\"><head><meta charset=\"utf-8\">\
             <meta name=\"viewport\" content=\"width=device-width\"><title>{title}</title>\
             <style>{STYLE}</style></head><body><h1>{title}</h1><p>{text}</p>{form}</body></html>\n",
            language.tag()
        )
    }

    fn words(&self, language: Language) -> (&'static str, String) {
        match (self, language) {
            (Self::Ask(to), Language::Chinese) => {
                ("退订邮件", format!("不再向 {} 发送此类邮件？", escaped(to)))
            }
            (Self::Ask(to), Language::English) => (
                "Unsubscribe",
                format!("Stop sending such mails to {}?", escaped(to)),
            ),
            (Self::Done(to), Language::Chinese) => (
                "已退订",
                format!("我们不会再向 {} 发送此类邮件。", escaped(to)),
            ),
            (Self::Done(to), Language::English) => (
                "Unsubscribed",
                format!("We will send no more such mails to {}.", escaped(to)),
            ),
            (Self::Unknown, Language::Chinese) => (
                "链接无效",
                "请使用邮件中的完整链接，或直接联系发件人。".into(),
            ),
            (Self::Unknown, Language::English) => (
                "This link is not valid",
                "Use the whole link of the mail, or write to its sender.".into(),
            ),
            (Self::Gone, Language::Chinese) => (
                "链接已过期",
                "这封邮件的记录已不再保存。请使用较新邮件中的链接，或直接联系发件人。".into(),
            ),
            (Self::Gone, Language::English) => (
                "This link has run out",
                "The record of that mail is no longer kept. Use the link of a newer mail, or \
                 write to its sender."
                    .into(),
            ),
            (Self::Unavailable, Language::Chinese) => ("暂时无法处理", "请稍后再试。".into()),
            (Self::Unavailable, Language::English) => (
                "Not possible at the moment",
                "Please try again in a little while.".into(),
            ),
        }
    }
}

/// Posts to where the page is.
fn button(label: &str) -> String {
    format!(
        "<form method=\"post\"><input type=\"hidden\" name=\"List-Unsubscribe\" \
         value=\"One-Click\"><button>{label}</button></form>"
    )
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
        .replace('\'', "&#39;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_language_is_the_first_we_have() {
        for (accept, language) in [
            ("zh-CN,zh;q=0.9,en;q=0.8", Language::Chinese),
            ("en-GB,en;q=0.9,zh;q=0.1", Language::English),
            ("fr,ZH-tw", Language::Chinese),
            ("fr", Language::English),
            ("", Language::English),
        ] {
            assert_eq!(Language::of(accept), language, "{accept}");
        }
    }

    #[test]
    fn nothing_of_an_address_becomes_markup() {
        let page = Page::Ask("<script>\"x\"@corp.example".into()).html(Language::English);
        assert!(!page.contains("<script"), "{page}");
        assert!(page.contains("&lt;script&gt;&quot;x&quot;@corp.example"));
    }
}
