//! What templates say: variables, languages, previews, comparisons, tests, and who uses them.

use serde_json::{Value, json};

use crate::app::{App, message, template};

const PATH: &str = "/v1/templates/greet";
const PHONE: &str = "+8613711112201";

#[tokio::test]
async fn variables_have_a_shape() {
    let app = App::ready().await;
    let mut code = template("code");
    code["content"] = json!({"text": "{{code}} {{size}}"});
    code["variables"] = json!({
        "code": {"pattern": "[0-9]+", "min_length": 4, "max_length": 6, "example": "123456"},
        "size": {"one_of": ["small", 2], "default": "small"},
    });
    let made = app.post("/v1/templates", &code).await.expect(201);
    assert_eq!(made["variables"]["code"]["pattern"], "[0-9]+");
    assert_eq!(made["variables"]["size"]["one_of"], json!(["small", "2"]));
    app.post("/v1/templates/code/submit", &json!({}))
        .await
        .expect(200);
    for (vars, fault) in [
        (json!({"code": "12"}), ("/vars/code", "too_short")),
        (json!({"code": "12a4"}), ("/vars/code", "pattern")),
        (
            json!({"code": "1234", "size": "huge"}),
            ("/vars/size", "not_a_choice"),
        ),
    ] {
        let body = json!({"template": "code", "to": PHONE, "vars": vars});
        app.post("/v1/messages", &body).await.fields(&[fault]);
    }
    let body = json!({"template": "code", "to": PHONE, "vars": {"code": "1234", "size": "2"}});
    app.post("/v1/messages", &body).await.expect(202);

    code["key"] = json!("other");
    code["variables"] = json!({
        "code": {"pattern": "[0-9", "min_length": 4},
        "size": {"one_of": ["a", "a"], "example": "b"},
    });
    app.post("/v1/templates", &code).await.fields(&[
        ("/variables/code/pattern", "invalid"),
        ("/variables/size/one_of/1", "invalid"),
        ("/variables/size/example", "not_a_choice"),
    ]);
    code["variables"]["code"] = json!({"min_length": 9, "max_length": 4, "example": "12"});
    app.post("/v1/templates", &code).await.fields(&[
        ("/variables/code/min_length", "invalid"),
        ("/variables/code/example", "too_short"),
        ("/variables/size/one_of/1", "invalid"),
        ("/variables/size/example", "not_a_choice"),
    ]);
}

async fn with_languages(app: &App) {
    let words = json!({
        "content": {"text": "您好{{name}}"}, "variables": {"name": {"example": "Li"}},
        "locales": {"EN_gb": {"text": "Hello {{name}}"}, "zh-hant": {"text": "您好，{{name}}"}},
    });
    app.post(&format!("{PATH}/versions"), &words)
        .await
        .expect(201);
    let live = app
        .post(&format!("{PATH}/submit"), &json!({}))
        .await
        .expect(200);
    let tags: Vec<&String> = live["locales"].as_object().unwrap().keys().collect();
    assert_eq!(tags, ["en-GB", "zh-Hant"]);
}

#[tokio::test]
async fn each_recipient_is_written_to_in_their_language() {
    let app = App::ready().await;
    with_languages(&app).await;
    let locales = [
        None,
        Some("zh-Hant-TW"),
        Some("zh_TW"),
        Some("en-GB"),
        Some("fr"),
    ];
    let to: Vec<Value> = (1..)
        .zip(locales)
        .map(|(n, locale)| json!({"to": format!("+861371111220{n}"), "locale": locale}))
        .collect();
    let sent = app
        .post("/v1/messages", &message(&json!(to)))
        .await
        .expect(202);
    let said = ["您好Li", "您好，Li", "您好，Li", "Hello Li", "您好Li"];
    for (delivery, words) in sent["deliveries"].as_array().unwrap().iter().zip(said) {
        let told = app.settled(delivery["id"].as_str().unwrap(), "sent").await;
        let request = told["attempts"][0]["request"].as_str().unwrap();
        assert!(request.contains(words), "{words}: {request}");
    }
    let shown = app
        .settled(sent["deliveries"][2]["id"].as_str().unwrap(), "sent")
        .await;
    assert_eq!(shown["locale"], "zh-TW");
    let bad = json!([{"to": PHONE, "locale": "klingon!"}, "+8613711112209"]);
    let sent = app.post("/v1/messages", &message(&bad)).await.expect(202);
    assert_eq!(sent["rejected"][0]["code"], "invalid_locale");

    for (locale, used, words) in [
        (json!("zh-Hant-HK"), json!("zh-Hant"), "您好，Li"),
        (json!("en"), json!(null), "您好Li"),
        (json!(null), json!(null), "您好Li"),
    ] {
        let body = json!({"locale": locale});
        let preview = app
            .post(&format!("{PATH}/preview"), &body)
            .await
            .expect(200);
        assert_eq!(
            (&preview["locale"], &preview["content"]["text"]),
            (&used, &json!(words))
        );
    }
    app.post(&format!("{PATH}/preview"), &json!({"locale": "-"}))
        .await
        .fields(&[("/locale", "invalid_locale")]);
    let wrong = json!({
        "content": {"text": "您好{{name}}"}, "variables": {"name": {}},
        "locales": {"en": {"text": "Hello"}, "x!": {"text": "{{name}}"}, "fr": {}},
    });
    app.post(&format!("{PATH}/versions"), &wrong)
        .await
        .fields(&[
            ("/locales/fr", "required"),
            ("/locales/en", "missing_variable"),
            ("/locales/x!", "invalid_locale"),
        ]);
}

#[tokio::test]
async fn two_versions_are_compared_field_by_field() {
    let app = App::ready().await;
    with_languages(&app).await;
    let third = json!({
        "content": {"text": "您好，{{name}}！"},
        "variables": {"name": {"max_length": 20, "example": "Li"}},
    });
    app.post(&format!("{PATH}/versions"), &third)
        .await
        .expect(201);
    let diff = app.get(&format!("{PATH}/diff")).await.expect(200);
    assert_eq!((&diff["from"], &diff["to"]), (&json!(2), &json!(3)));
    let fields: Vec<&str> = diff["changes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|change| change["field"].as_str().unwrap())
        .collect();
    assert_eq!(
        fields,
        [
            "/content/text",
            "/locales/en-GB/text",
            "/locales/zh-Hant/text",
            "/variables/name/max_length",
        ]
    );
    assert_eq!(
        diff["changes"][0]["lines"],
        json!(["@@ -1 +1 @@", "-您好{{name}}", "+您好，{{name}}！"])
    );
    assert_eq!(diff["changes"][3]["before"], json!(null));
    assert_eq!(diff["changes"][3]["after"], 20);
    let same = app
        .get(&format!("{PATH}/diff?from=2&to=2"))
        .await
        .expect(200);
    assert_eq!(same["changes"], json!([]));
    app.get(&format!("{PATH}/diff?from=1&to=9"))
        .await
        .problem(404, "not_found");
    app.get(&format!("{PATH}/diff?from=x"))
        .await
        .fields(&[("/from", "invalid")]);
}

#[tokio::test]
async fn a_draft_is_tried_out_on_people_who_agreed() {
    let app = App::ready().await;
    app.post("/v1/templates", &template("draft"))
        .await
        .expect(201);
    let test = |to: &str| json!({"to": to, "vars": {"name": "Wu"}});
    let path = "/v1/templates/draft/test";
    app.post(path, &test(PHONE))
        .await
        .fields(&[("/to", "not_a_test_person")]);
    app.post(path, &test("nobody"))
        .await
        .fields(&[("/to", "invalid_recipient")]);
    let list = json!({"people": ["+86 137 1111 2201", "*@test.example", "b\nad"]});
    let people = "/v1/test-people/care";
    app.put(people, &list)
        .await
        .fields(&[("/people/2", "invalid_recipient")]);
    let list = json!({"people": ["+86 137 1111 2201", "*@test.example"], "reason": "us"});
    let kept = app.put(people, &list).await.expect(200);
    assert_eq!(kept["people"], json!(["*@test.example", PHONE]));
    let all = app.get("/v1/test-people").await.expect(200);
    assert_eq!(all["teams"]["care"], kept["people"]);

    let sent = app.post(path, &test(PHONE)).await.expect(202);
    assert_eq!(sent["template"], json!({"key": "draft", "version": 1}));
    let told = app
        .settled(sent["deliveries"][0]["id"].as_str().unwrap(), "sent")
        .await;
    assert_eq!(told["test"], true);
    assert!(
        told["attempts"][0]["request"]
            .as_str()
            .unwrap()
            .contains("Hello Wu")
    );
    let with_examples = app.post(path, &json!({"to": PHONE})).await.expect(202);
    let told = app
        .settled(
            with_examples["deliveries"][0]["id"].as_str().unwrap(),
            "sent",
        )
        .await;
    assert!(
        told["attempts"][0]["request"]
            .as_str()
            .unwrap()
            .contains("Hello Li")
    );
    app.post(path, &json!({"to": PHONE, "vars": {"nome": "x"}}))
        .await
        .fields(&[
            ("/vars/name", "missing_variable"),
            ("/vars/nome", "unknown_variable"),
        ]);
    app.post(path, &json!({"to": PHONE, "version": 2}))
        .await
        .problem(404, "not_found");
}

#[tokio::test]
async fn a_test_is_no_use_and_an_archived_template_takes_none() {
    let app = App::ready().await;
    app.post("/v1/templates", &template("draft"))
        .await
        .expect(201);
    let list = json!({"people": [PHONE], "reason": "us"});
    app.put("/v1/test-people/care", &list).await.expect(200);
    let path = "/v1/templates/draft/test";
    let test = |to: &str| json!({"to": to, "vars": {"name": "Wu"}});
    app.post(path, &test(PHONE)).await.expect(202);
    let used = app.get("/v1/templates/draft/callers").await.expect(200);
    assert_eq!(used["items"], json!([]), "a test is no use");
    let sender = app.key("shop", "sender").await;
    app.post_as(&sender, path, &test(PHONE))
        .await
        .problem(403, "forbidden");
    app.post("/v1/templates/draft/archive", &json!({}))
        .await
        .expect(200);
    app.post(path, &test(PHONE))
        .await
        .problem(409, "template_not_enabled");
    let audit = app
        .get("/v1/audit?subject=test-people/care")
        .await
        .expect(200);
    assert_eq!(
        audit["items"][0]["detail"],
        json!({"people": 1, "reason": "us"})
    );
}

#[tokio::test]
async fn who_uses_a_template_is_counted() {
    let app = App::ready().await;
    app.post("/v1/templates", &template("idle"))
        .await
        .expect(201);
    let unused = async |since: &str| {
        let path = format!("/v1/templates?unused_since={since}");
        let page = app.get(&path).await.expect(200);
        let items = page["items"].as_array().unwrap().clone();
        let keys = items
            .iter()
            .map(|one| one["key"].as_str().unwrap().to_owned());
        keys.collect::<Vec<_>>()
    };
    assert_eq!(unused("2999-01-01T00:00:00Z").await, ["greet", "idle"]);
    assert_eq!(app.get(PATH).await.expect(200)["last_used_at"], json!(null));
    let shop = app.key("shop", "sender").await;
    let two = message(&json!([PHONE, "+8613711112202"]));
    for _ in 0..3 {
        app.post_as(&shop, "/v1/messages", &two).await.expect(202);
    }
    app.post("/v1/messages", &message(&json!(PHONE)))
        .await
        .expect(202);
    app.post("/v1/messages", &message(&json!("nobody")))
        .await
        .problem(422, "invalid_request");
    let used = app.get(&format!("{PATH}/callers")).await.expect(200);
    assert_eq!(used["complete"], true);
    let told: Vec<_> = used["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| {
            (
                one["app"].as_str().unwrap(),
                &one["messages"],
                &one["people"],
            )
        })
        .collect();
    assert_eq!(
        told,
        [
            ("shop", &json!(3), &json!(6)),
            ("admin", &json!(1), &json!(1))
        ]
    );
    assert_eq!(used["items"][0]["team"], "shop");
    let read = app.get(PATH).await.expect(200);
    assert!(read["last_used_at"].as_str() >= used["items"][0]["last_used_at"].as_str());
    assert!(
        used["items"][0]["first_used_at"].as_str() <= used["items"][0]["last_used_at"].as_str()
    );
    assert_eq!(
        unused("2026-01-01T00:00:00Z").await,
        [""; 0],
        "made after that"
    );
    // Used before the instant given, so not since then.
    assert_eq!(unused("2999-01-01T00:00:00Z").await, ["greet", "idle"]);
    let at = read["last_used_at"].as_str().unwrap();
    assert_eq!(unused(at).await, ["idle"]);
    app.get("/v1/templates?unused_since=soon")
        .await
        .fields(&[("/unused_since", "invalid")]);
    app.get("/v1/templates/nobody/callers")
        .await
        .problem(404, "not_found");
}
