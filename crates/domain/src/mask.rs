//! Personal data as people without the permission see it.

/// A phone, e-mail address or URL with its private part hidden: `+86138****5678`,
/// `l***@corp.example`, `https://hooks.example/…`. Anything else keeps its first two characters.
pub fn address(address: &str) -> String {
    // First, because a URL may hold an @ anywhere.
    if let Some((scheme, rest)) = address.split_once("://") {
        let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
        let host = host.rsplit_once('@').map_or(host, |(_, host)| host);
        return format!("{scheme}://{host}/…");
    }
    if let Some((local, domain)) = address.split_once('@') {
        let first: String = local.chars().take(1).collect();
        return format!("{first}***@{domain}");
    }
    let chars: Vec<char> = address.chars().collect();
    if address.starts_with('+') && chars.len() >= 9 {
        let head: String = chars[..chars.len() - 8].iter().collect();
        let tail: String = chars[chars.len() - 4..].iter().collect();
        return format!("{head}****{tail}");
    }
    let head: String = chars.iter().take(2).collect();
    format!("{head}***")
}

#[cfg(test)]
mod tests {
    use super::address;

    #[test]
    fn hides_the_private_part() {
        assert_eq!(address("+8613812345678"), "+86138****5678");
        assert_eq!(address("li.lei@corp.example"), "l***@corp.example");
        assert_eq!(
            address("https://u:p@hooks.example/a?token=b"),
            "https://hooks.example/…"
        );
        assert_eq!(
            address("https://hooks.example/a@b?to=li@corp.example"),
            "https://hooks.example/…"
        );
        assert_eq!(address("+1234567"), "+1***");
        assert_eq!(address(""), "***");
    }
}
