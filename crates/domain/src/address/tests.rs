use proptest::prelude::*;

use super::*;

fn phone(written: &str, region: Option<&str>) -> Result<String, String> {
    normalise(Channel::Sms, written, region).map_err(|error| error.0)
}

fn email(written: &str) -> Result<String, String> {
    normalise(Channel::Email, written, None).map_err(|error| error.0)
}

fn webhook(written: &str) -> Result<String, String> {
    normalise(Channel::Webhook, written, None).map_err(|error| error.0)
}

fn refused(result: Result<String, String>, says: &str, written: &str) {
    let detail = result.expect_err(written);
    assert!(detail.contains(says), "{written}: {detail}");
    let repeated = written.chars().count() > 3 && detail.contains(written);
    assert!(!repeated, "{written}: {detail}");
}

#[test]
fn every_mainland_mobile_range() {
    let given_out = (130..=139)
        .chain(145..=149)
        .chain([150, 151, 152, 153, 155, 156, 157, 158, 159])
        .chain([162, 165, 166, 167])
        .chain(170..=178)
        .chain(180..=193)
        .chain(195..=199);
    for range in given_out {
        let expected = Ok(format!("+86{range}11112201"));
        for written in [
            format!("+86{range}11112201"),
            format!("+86 {range}-1111-2201"),
            format!("0086{range}11112201"),
            format!("00 86 {range} 1111 2201"),
        ] {
            assert_eq!(phone(&written, None), expected, "{written}");
            assert_eq!(phone(&written, Some("US")), expected, "{written}");
        }
        for written in [
            format!("{range}11112201"),
            format!("0{range}11112201"),
            format!("86{range}11112201"),
        ] {
            assert_eq!(phone(&written, Some("CN")), expected, "{written}");
            assert_eq!(phone(&written, Some("cn")), expected, "{written}");
        }
    }
}

#[test]
fn phones_as_people_write_them() {
    let expected = Ok("+8613711112201".to_owned());
    for written in [
        "  +86 137 1111 2201\t",
        "＋８６１３７１１１１２２０１",
        "+86（137）1111－2201",
        "+86\u{3000}137\u{a0}1111.2201",
        "\u{202d}+8613711112201\u{202c}",
    ] {
        assert_eq!(phone(written, None), expected, "{written}");
    }
}

#[test]
fn phones_of_other_countries() {
    for (written, region, expected) in [
        ("+1 (415) 555-2671", None, "+14155552671"),
        ("(415) 555-2671", Some("US"), "+14155552671"),
        ("1-415-555-2671", Some("us"), "+14155552671"),
        ("011 44 20 7031 3000", Some("US"), "+442070313000"),
        ("0044 20 7031 3000", None, "+442070313000"),
        ("0044 20 7031 3000", Some("US"), "+442070313000"),
        ("0044 20 7031 3000", Some("CN"), "+442070313000"),
        ("07400 123456", Some("GB"), "+447400123456"),
        ("+44 (0) 7400 123456", None, "+447400123456"),
        ("+852 5123 4567", Some("CN"), "+85251234567"),
        ("+853 6612 3456", None, "+85366123456"),
        ("+886 912 345 678", None, "+886912345678"),
        ("+39 06 1234 5678", None, "+390612345678"),
        ("090-1234-5678", Some("JP"), "+819012345678"),
        ("+65 8123 4567", None, "+6581234567"),
        ("+91 81234 56789", None, "+918123456789"),
    ] {
        assert_eq!(phone(written, region).as_deref(), Ok(expected), "{written}");
    }
}

#[test]
fn what_is_no_phone() {
    for (written, region, says) in [
        ("", None, "empty"),
        (" + ", None, "empty"),
        ("13711112201", None, "default region"),
        ("+861371111220", None, "too short"),
        ("+86137111122011", None, "too long"),
        ("+8612711112201", None, "13 to 19"),
        ("+8601012345678", None, "13 to 19"),
        ("1371111220", Some("CN"), "too short"),
        ("010-12345678", Some("CN"), "13 to 19"),
        ("+86137abcd2201", None, "no letters"),
        ("1-800-FLOWERS", Some("US"), "no letters"),
        ("+86137１１１１２２零一", None, "no letters"),
        ("+8613711112201;ext=5", None, "only digits"),
        ("+8613711112201,+8613711112202", None, "only digits"),
        ("+86+13711112201", None, "only at its beginning"),
        ("8613711112201+", Some("CN"), "only at its beginning"),
        ("+8613711112201\n", None, "only digits"),
        ("+1415555267", None, "too short"),
        ("+141555526711", None, "too long"),
        ("+1234567890123456", None, "too long"),
        ("+11234567890", None, "no range"),
        ("+999123456789", None, "country code"),
        ("+0123456789", None, "country code"),
        ("4155552671", Some("China"), "two-letter"),
        ("4155552671", Some("XX"), ""),
        (&"1".repeat(1000), Some("CN"), "too long"),
    ] {
        refused(phone(written, region), says, written);
    }
}

#[test]
fn emails() {
    let label = "a".repeat(63);
    let local = "l".repeat(64);
    for (written, expected) in [
        (" li.lei@Corp.EXAMPLE ", "li.lei@corp.example"),
        ("Li+tag@corp.example", "Li+tag@corp.example"),
        (
            "!#$%&'*+-/=?^_`{|}~@a.example",
            "!#$%&'*+-/=?^_`{|}~@a.example",
        ),
        ("a@例子.中国", "a@xn--fsqu00a.xn--fiqs8s"),
        ("a@例子。中国", "a@xn--fsqu00a.xn--fiqs8s"),
        ("a@BÜCHER.example", "a@xn--bcher-kva.example"),
        ("a@xn--fsqu00a.xn--fiqs8s", "a@xn--fsqu00a.xn--fiqs8s"),
        ("a@1-2.3d.example", "a@1-2.3d.example"),
        (
            &format!("{local}@{label}.example"),
            &format!("{local}@{label}.example"),
        ),
    ] {
        assert_eq!(email(written).as_deref(), Ok(expected), "{written}");
    }
    for (written, says) in [
        ("", "empty"),
        ("li.corp.example", "has an @"),
        ("@corp.example", "before the @"),
        ("li@", "after the @"),
        ("a@b@corp.example", "one @"),
        ("li lei@corp.example", "only letters"),
        ("\"li\"@corp.example", "only letters"),
        ("li(x)@corp.example", "only letters"),
        (".li@corp.example", "dot at its ends"),
        ("li.@corp.example", "dot at its ends"),
        ("l..i@corp.example", "two in a row"),
        ("李@corp.example", "ASCII"),
        ("Li <li@corp.example>", "alone"),
        ("li@corp.example\r\nBcc: x@corp.example", "line breaks"),
        ("li@corp.example\u{85}", "line breaks"),
        ("li@corp.example,x@corp.example", "one @"),
        ("li@corp", "at least one dot"),
        ("li@-corp.example", "labels"),
        ("li@corp-.example", "labels"),
        ("li@corp..example", "labels"),
        ("li@corp.example.", "labels"),
        ("li@co_rp.example", "labels"),
        ("li@co rp.example", "labels"),
        ("li@[192.0.2.1]", "network address"),
        ("li@192.0.2.1", "network address"),
        ("li@１９２.0.2.1", "internationalised"),
        ("li@例%61.example", "internationalised"),
        ("li@xn--a.example", "internationalised"),
        (&format!("l{local}@corp.example"), "at most 64"),
        (&format!("li@{label}a.example"), "labels"),
        (&format!("li@{0}.{0}.{0}.{0}", label), "at most 254"),
        (&"a".repeat(5000), "at most 254"),
    ] {
        refused(email(written), says, written);
    }
}

#[test]
fn webhooks() {
    for (written, expected) in [
        (" https://Hooks.EXAMPLE ", "https://hooks.example/"),
        (
            "HTTP://hooks.example:80/a/../b?c=d",
            "http://hooks.example/b?c=d",
        ),
        (
            "https://hooks.example:8443/@a",
            "https://hooks.example:8443/@a",
        ),
        (
            "https://例子.中国/路",
            "https://xn--fsqu00a.xn--fiqs8s/%E8%B7%AF",
        ),
        ("http://127.0.0.1:9000/x", "http://127.0.0.1:9000/x"),
        ("http://[::1]/", "http://[::1]/"),
    ] {
        assert_eq!(webhook(written).as_deref(), Ok(expected), "{written}");
    }
    for (written, says) in [
        ("", "empty"),
        ("hooks.example/a", "begins http://"),
        ("/a", "begins http://"),
        ("ftp://hooks.example/", "begins http://"),
        ("javascript:alert(1)", "begins http://"),
        ("https:hooks.example", "begins http://"),
        ("https:///a", "names a host"),
        ("https://?a", "names a host"),
        ("https://u:p@hooks.example/", "user name"),
        ("https://@hooks.example/", "user name"),
        ("https://hooks.example/#a", "fragment"),
        ("https://hooks.example/\r\nX: y", "control"),
        ("https://hooks.example/a b", "spaces"),
        ("https:\\\\hooks.example", "backslashes"),
        ("https://hooks.example:99999/", "host or port"),
        ("https://exa mple/", "spaces"),
        ("https://a<b/", "host or port"),
        (
            &format!("https://hooks.example/{}", "a".repeat(2048)),
            "at most 2048",
        ),
        (
            &format!("https://hooks.example/{}", "路".repeat(400)),
            "at most 2048",
        ),
    ] {
        refused(webhook(written), says, written);
    }
}

#[test]
fn addresses_that_vendors_make_up() {
    let push = |written: &str| normalise(Channel::Push, written, None).map_err(|error| error.0);
    assert_eq!(push(" oAbC-1 "), Ok("oAbC-1".to_owned()));
    assert_eq!(push(&"字".repeat(MAX_OPAQUE)), Ok("字".repeat(MAX_OPAQUE)));
    refused(push(" \n"), "empty", " \n");
    refused(push("ab\ncd"), "control", "ab\ncd");
    let long = "字".repeat(MAX_OPAQUE + 1);
    refused(push(&long), "at most 256", &long);
}

fn any_written() -> impl Strategy<Value = String> {
    prop_oneof![
        "\\PC{0,30}",
        any::<String>(),
        "[+0-9０-９ ()-]{0,20}",
        "\\+[1-9][0-9]{6,14}",
        "[a-zA-Z.@]{1,12}@[a-zA-Z0-9.例-]{1,20}",
        "https?://[a-z@:.#]{1,12}/[a-z%?#路 ]{0,12}",
    ]
}

proptest! {
    #[test]
    fn a_mainland_number_is_good_exactly_when_it_is_11_digits_from_13_to_19(
        national in "1[0-9]{9,11}|[0-9]{1,14}",
    ) {
        let good = national.len() == 11 && ("13".."20").contains(&&national[..2]);
        let expected = good.then(|| format!("+86{national}"));
        prop_assert_eq!(phone(&format!("+86{national}"), None).ok(), expected.clone());
        prop_assert_eq!(phone(&format!("+86 {national}"), None).ok(), expected);
    }

    #[test]
    fn canonical_forms_stay_as_they_are(written in any_written()) {
        for channel in Channel::ALL {
            for region in [None, Some("CN"), Some("US")] {
                if let Ok(canonical) = normalise(*channel, &written, region) {
                    prop_assert!(!canonical.contains(char::is_control));
                    prop_assert_eq!(
                        normalise(*channel, &canonical, None),
                        Ok(canonical.clone()),
                        "{} {:?}", channel, region
                    );
                }
            }
        }
    }

    #[test]
    fn refusals_do_not_repeat_the_address(written in any_written()) {
        for channel in Channel::ALL {
            if let Err(BadAddress(detail)) = normalise(*channel, &written, Some("DE")) {
                let repeated = written.chars().count() > 3 && detail.contains(&written);
                prop_assert!(!repeated, "{}", detail);
            }
        }
    }

    #[test]
    fn phones_are_e164(written in any_written()) {
        if let Ok(canonical) = phone(&written, Some("CN")) {
            let digits = canonical.strip_prefix('+').unwrap();
            prop_assert!((7..=15).contains(&digits.len()), "{}", canonical);
            prop_assert!(digits.bytes().all(|byte| byte.is_ascii_digit()));
        }
    }
}
