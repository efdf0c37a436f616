use super::*;

fn parse(url: &str) -> (String, String) {
    let target = Target::parse(url).unwrap();
    (target.origin.authority(), target.path.to_string())
}

#[test]
fn path_and_query_keep_their_bytes() {
    for (url, authority, path) in [
        ("https://sms.example", "sms.example", "/"),
        ("https://sms.example?a=1", "sms.example", "/?a=1"),
        ("https://SMS.Example:443/v2/", "sms.example", "/v2/"),
        (
            "http://sms.example:8080/a/../b",
            "sms.example:8080",
            "/a/../b",
        ),
        (
            "https://sms.example/?q=%2F+'~*",
            "sms.example",
            "/?q=%2F+'~*",
        ),
        ("https://sms.example/a#part", "sms.example", "/a"),
        ("https://sms.example:/a", "sms.example", "/a"),
        ("http://[2400:3200::1]:81/", "[2400:3200::1]:81", "/"),
        (
            "https://例子.example/文 件",
            "xn--fsqu00a.example",
            "/%E6%96%87%20%E4%BB%B6",
        ),
    ] {
        assert_eq!(parse(url), (authority.into(), path.into()), "{url}");
    }
}

#[test]
fn odd_spellings_of_addresses_are_addresses() {
    for (url, address) in [
        ("http://2130706433/", "127.0.0.1"),
        ("http://0x7f.1/", "127.0.0.1"),
        ("http://0x7f000001/", "127.0.0.1"),
        ("http://0177.0.0.1/", "127.0.0.1"),
        ("http://127.1/", "127.0.0.1"),
        ("http://127.0.0.1./", "127.0.0.1"),
        ("http://127%2e0%2e0%2e1/", "127.0.0.1"),
        ("http://１２７.0.0.1/", "127.0.0.1"),
        ("http://169.254.43518/", "169.254.169.254"),
        ("http://[::1]/", "::1"),
        ("http://[0:0:0:0:0:ffff:7f00:1]/", "::ffff:127.0.0.1"),
        ("http://[::ffff:10.0.0.1]/", "::ffff:10.0.0.1"),
    ] {
        let host = Target::parse(url).map(|target| target.origin.host);
        assert_eq!(host, Ok(Host::Address(address.parse().unwrap())), "{url}");
    }
}

#[test]
fn bad_urls_are_refused_with_the_reason() {
    for (url, reason) in [
        ("", "not an absolute URL"),
        ("/path", "not an absolute URL"),
        ("sms.example", "not an absolute URL"),
        ("ftp://sms.example/", "the URL is neither http nor https"),
        ("file:///etc/passwd", "not an absolute URL"),
        (
            "https://user:pass@sms.example/",
            "the URL holds a user name or password",
        ),
        (
            "https://user@sms.example/",
            "the URL holds a user name or password",
        ),
        ("https://sms.example:0/", "the URL's port is no port"),
        ("https://sms.example:99999/", "the URL's port is no port"),
        (
            "https://sms.example/\r\nx: y",
            "the URL holds a control character",
        ),
        (
            "https://sms.example/\0",
            "the URL holds a control character",
        ),
        ("https://256.256.256.256/", "not a valid host name"),
        ("https://a_b.1/", "not a valid host name"),
        ("http://[::1", "not an absolute URL"),
    ] {
        assert_eq!(Target::parse(url).map(|_| ()), Err(reason), "{url}");
    }
}
