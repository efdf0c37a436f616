//! The vendors' own signature vectors, fed with exactly their inputs.

use austin_adapters::{acs3, sigv4, tencent_sms, twilio_sms, webhook};
use serde_json::Value;

fn vectors(json: &str) -> Vec<Value> {
    let file: Value = serde_json::from_str(json).unwrap();
    file["vectors"].as_array().unwrap().clone()
}

fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name]
        .as_str()
        .unwrap_or_else(|| panic!("{name} in {value}"))
}

#[test]
fn tencent_tc3() {
    let vectors = vectors(include_str!("../vectors/tencent.json"));
    assert_eq!(vectors.len(), 3);
    for vector in vectors {
        let (given, expected) = (&vector["inputs"], &vector["expected"]);
        let signs_action = text(expected, "authorization").contains(";x-tc-action");
        let input = tencent_sms::sign::Input {
            service: text(given, "service"),
            host: text(given, "host"),
            content_type: text(given, "content_type"),
            action: signs_action.then(|| text(given, "action")),
            timestamp: given["timestamp"].as_i64().unwrap(),
            body: text(given, "body").as_bytes(),
        };
        let signed =
            tencent_sms::sign::sign(&input, text(given, "secret_id"), text(given, "secret_key"));
        assert_eq!(
            signed.canonical_request,
            text(expected, "canonical_request")
        );
        assert_eq!(signed.scope, text(expected, "credential_scope"));
        assert_eq!(signed.string_to_sign, text(expected, "string_to_sign"));
        assert_eq!(signed.signature, text(expected, "signature"));
        assert_eq!(signed.authorization, text(expected, "authorization"));
    }
}

#[test]
fn aliyun_acs3() {
    let vectors = vectors(include_str!("../vectors/aliyun.json"));
    let names = |vector: &&Value| text(vector, "name").starts_with("v3-");
    let vectors: Vec<&Value> = vectors.iter().filter(names).collect();
    assert_eq!(vectors.len(), 5);
    for vector in vectors {
        let (given, expected) = (&vector["inputs"], &vector["expected"]);
        // In reverse: the order given does not matter.
        let pairs = |object: &Value| -> Vec<(String, String)> {
            let map = object.as_object().unwrap();
            map.iter()
                .rev()
                .map(|(k, v)| (k.clone(), v.as_str().unwrap().to_owned()))
                .collect()
        };
        let (query, headers) = (pairs(&given["query"]), pairs(&expected["signed_headers"]));
        let query: Vec<_> = query
            .iter()
            .map(|(k, v)| (k.as_str(), v.as_str()))
            .collect();
        let headers: Vec<_> = headers
            .iter()
            .map(|(k, v)| (k.as_str(), v.as_str()))
            .collect();
        let input = acs3::Input {
            method: text(given, "method"),
            query: &query,
            headers: &headers,
            body: text(given, "body").as_bytes(),
        };
        let id = text(given, "access_key_id");
        let signed = acs3::sign(&input, id, text(given, "access_key_secret"));
        assert_eq!(
            signed.canonical_request,
            text(expected, "canonical_request")
        );
        assert_eq!(signed.string_to_sign, text(expected, "string_to_sign"));
        assert_eq!(signed.signature, text(expected, "signature"));
        assert_eq!(signed.authorization, text(expected, "authorization"));
    }
}

/// A request of the AWS or Volcengine vectors, signed with exactly its inputs.
fn check_sigv4(dialect: sigv4::Dialect, vector: &Value, path: &str, query: &[(&str, &str)]) {
    let (given, expected) = (&vector["inputs"], &vector["expected"]);
    // In reverse: the order given does not matter.
    let headers = given["headers"].as_object().unwrap();
    let headers: Vec<(&str, &str)> = headers
        .iter()
        .rev()
        .map(|(name, value)| (name.as_str(), value.as_str().unwrap()))
        .collect();
    let input = sigv4::Input {
        dialect,
        service: text(given, "service"),
        region: text(given, "region"),
        // 20260102T030405Z, as every vector says.
        now: super::support::context().now,
        method: text(given, "method"),
        path,
        query,
        headers: &headers,
        body: text(given, "body").as_bytes(),
    };
    let id = text(given, "access_key_id");
    let signed = sigv4::sign(&input, id, text(given, "secret_access_key"));
    assert_eq!(
        signed.canonical_request,
        text(expected, "canonical_request")
    );
    assert_eq!(signed.scope, text(expected, "credential_scope"));
    assert_eq!(signed.string_to_sign, text(expected, "string_to_sign"));
    assert_eq!(signed.signature, text(expected, "signature"));
    assert_eq!(signed.authorization, text(expected, "authorization"));
}

#[test]
fn aws_sigv4() {
    let vectors = vectors(include_str!("../vectors/aws_sigv4.json"));
    assert_eq!(vectors.len(), 4);
    for vector in vectors {
        assert_eq!(text(&vector["inputs"], "amz_date"), "20260102T030405Z");
        let url = url::Url::parse(text(&vector["inputs"], "url")).unwrap();
        check_sigv4(sigv4::AWS, &vector, url.path(), &[]);
    }
}

#[test]
fn volcengine_v4() {
    let vectors = vectors(include_str!("../vectors/volcengine.json"));
    assert_eq!(vectors.len(), 2);
    for vector in vectors {
        assert_eq!(text(&vector["inputs"], "x_date"), "20260102T030405Z");
        let (path, query) = text(&vector["inputs"], "path").split_once('?').unwrap();
        let query: Vec<(&str, &str)> = query
            .split('&')
            .map(|pair| pair.split_once('=').unwrap())
            .collect();
        check_sigv4(sigv4::VOLCENGINE, &vector, path, &query);
    }
}

#[test]
fn twilio_signature() {
    let vectors = vectors(include_str!("../vectors/twilio.json"));
    assert_eq!(vectors.len(), 3);
    for vector in vectors {
        let (given, expected) = (&vector["inputs"], &vector["expected"]);
        let (token, url) = (text(given, "auth_token"), text(given, "url"));
        let signature = text(expected, "x_twilio_signature");
        let params: Vec<(String, String)> = match given["params"].as_object() {
            Some(params) => params
                .iter()
                .rev()
                .map(|(k, v)| (k.clone(), v.as_str().unwrap().to_owned()))
                .collect(),
            None => Vec::new(),
        };
        assert_eq!(twilio_sms::sign::sign(token, url, &params), signature);
        let form = url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs(&params)
            .finish();
        let (is_form, body) = match given["body"].as_str() {
            Some(body) => (false, body),
            None => (true, form.as_str()),
        };
        let judge = |url: &str, body: &str| {
            twilio_sms::sign::is_authentic(token, url, is_form, body.as_bytes(), signature)
        };
        assert!(judge(url, body));
        assert!(judge(&url.replace(".com/", ".com:443/"), body));
        assert!(!judge(&url.replace(".com/", ".org/"), body));
        assert!(!judge(url, &format!("{body}&a=b")));
    }
}

#[test]
fn standard_webhooks_v1() {
    let vectors = vectors(include_str!("../vectors/standard_webhooks.json"));
    let mut checked = 0;
    for vector in vectors
        .iter()
        .filter(|vector| vector["inputs"]["secret"].is_string())
    {
        let given = &vector["inputs"];
        let timestamp = given["timestamp"].as_i64().unwrap();
        let body = text(given, "payload").as_bytes();
        let signature = webhook::sign::sign(
            text(given, "secret"),
            text(given, "msg_id"),
            timestamp,
            body,
        );
        assert_eq!(
            signature.unwrap(),
            text(&vector["expected"], "webhook_signature")
        );
        checked += 1;
    }
    assert_eq!(checked, 2);
}

#[test]
fn a_secret_that_is_none_is_refused_without_being_repeated() {
    for secret in [
        "",
        "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        "whsec_",
        "whsec_!!",
        "whsec_AAAA",
    ] {
        let error = webhook::sign::sign(secret, "id", 0, b"")
            .unwrap_err()
            .to_string();
        assert!(secret.len() < 7 || !error.contains(secret), "{error}");
    }
}
