//! Templates, accounts, routes, apps and keys.

use serde_json::{Value, json};

use crate::app::{App, account, message, template};

#[tokio::test]
async fn every_fault_of_a_template_is_named_at_once() {
    let app = App::ready().await;
    let body = json!({
        "key": "Bad Key", "channel": "smoke", "class": "spam", "team": "a\nb",
        "content": {"text": "x"}, "variables": {"n": {"type": "date"}},
        "policies": {"dedup": {"window": "soon"}},
        "vendor_templates": {"nobody": {"sign": "x"}},
    });
    app.post("/v1/templates", &body).await.fields(&[
        ("/key", "invalid_key"),
        ("/channel", "unknown_value"),
        ("/class", "unknown_value"),
        ("/team", "control_character"),
        ("/owner", "required"),
        ("/contact", "required"),
        ("/business", "required"),
        ("/variables/n/type", "unknown_value"),
        ("/policies/dedup/window", "invalid_duration"),
        ("/vendor_templates/nobody", "unknown_account"),
    ]);
    let mut undeclared = template("other");
    undeclared["content"]["text"] = json!("{{who}} {{name}}");
    let answer = app.post("/v1/templates", &undeclared).await;
    assert!(
        answer
            .problem(422, "invalid_request")
            .to_string()
            .contains("who")
    );
    for (content, pointer) in [
        (json!({}), "/content"),
        (json!({"text": "{{name}}", "body": {}}), "/content/body"),
        (json!({"html": "<p>{{name}}</p>"}), "/content/subject"),
    ] {
        let mut body = template("other");
        body["content"] = content;
        let problem = app
            .post("/v1/templates", &body)
            .await
            .problem(422, "invalid_request");
        assert_eq!(problem["errors"][0]["pointer"], pointer, "{problem}");
    }
}

#[tokio::test]
async fn policies_are_kept_with_the_version() {
    let app = App::ready().await;
    let policies = json!({
        "dedup": {"window": "5m"}, "quiet_hours": "hold",
        "cap": [{"per": "recipient", "count": 5, "window": "1d"}],
    });
    let mut body = template("careful");
    body["policies"] = policies.clone();
    let made = app.post("/v1/templates", &body).await.expect(201);
    assert_eq!(made["policies"], policies);
}

#[tokio::test]
async fn templates_are_listed_by_page_and_filter() {
    let app = App::ready().await;
    for key in ["a-1", "a-2", "a-3", "b-1"] {
        app.post("/v1/templates", &template(key)).await.expect(201);
    }
    let mut keys = Vec::new();
    let mut cursor = String::new();
    loop {
        let page = app
            .get(&format!("/v1/templates?limit=2{cursor}"))
            .await
            .expect(200);
        let items = page["items"].as_array().unwrap();
        keys.extend(
            items
                .iter()
                .map(|item| item["key"].as_str().unwrap().to_owned()),
        );
        match page["cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    assert_eq!(keys, ["a-1", "a-2", "a-3", "b-1", "greet"]);
    for (query, count) in [
        ("prefix=a-", 3),
        ("state=enabled", 1),
        ("state=draft", 4),
        ("channel=email", 0),
        ("class=notification&team=care&channel=sms", 5),
        ("team=nobody", 0),
    ] {
        let page = app.get(&format!("/v1/templates?{query}")).await.expect(200);
        assert_eq!(page["items"].as_array().unwrap().len(), count, "{query}");
    }
    let foreign = app.get("/v1/accounts?limit=1").await.expect(200);
    assert_eq!(foreign["cursor"], Value::Null);
    app.get("/v1/templates?state=gone")
        .await
        .fields(&[("/state", "invalid")]);
}

#[tokio::test]
async fn a_preview_renders_and_counts_segments() {
    let app = App::ready().await;
    let mut body = template("cn");
    body["content"]["text"] = json!("您好{{name}}，您的订单已发货");
    body["vendor_templates"] = json!({"sim-1": {"sign": "商城"}});
    app.post("/v1/templates", &body).await.expect(201);
    let path = "/v1/templates/cn/preview";
    let shown = app
        .call("POST", path, Some(&app.admin), &[], "")
        .await
        .expect(200);
    assert_eq!(shown["content"]["text"], "您好Li，您的订单已发货");
    assert_eq!(shown["variables"], json!(["name"]));
    let rules: Vec<_> = shown["segments"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| (one["rule"].as_str().unwrap(), one["sign"].as_str().unwrap()))
        .collect();
    assert_eq!(rules, [("mainland", "商城"), ("international", "商城")]);
    let request = json!({"vars": {"name": "小明"}, "to": "13711112201"});
    let shown = app.post(path, &request).await.expect(200);
    // 【商城】 and 12 characters of text.
    assert_eq!(shown["segments"][0]["units"], 16);
    assert_eq!(shown["segments"][0]["count"], 1);
    assert_eq!(shown["segments"].as_array().unwrap().len(), 1);
    let wrong = json!({"vars": {"name": "a name too long", "x": 1}});
    let wanted = [("/vars/name", "too_long"), ("/vars/x", "unknown_variable")];
    app.post(path, &wrong).await.fields(&wanted);
    app.post(path, &json!({"to": "12"}))
        .await
        .fields(&[("/to", "invalid_recipient")]);
    app.post(path, &json!({"version": 9}))
        .await
        .problem(404, "not_found");
}

#[tokio::test]
async fn accounts_keep_their_secrets() {
    let app = App::ready().await;
    let read = app.get("/v1/accounts/sim-1").await;
    assert!(!read.text.contains("sim-secret"));
    let read = read.expect(200);
    assert_eq!(read["secrets"], json!(["token"]));
    let url = read["receipt_url"].as_str().unwrap();
    let token = url.strip_prefix("/v1/receipts/sim-1/").unwrap();
    assert!(token.len() >= 32, "{url}");
    let reader = app.key("audit", "reader").await;
    let seen = app.get_as(&reader, "/v1/accounts/sim-1").await;
    assert!(!seen.text.contains(token) && !seen.text.contains("sim-secret"));
    let seen = app.get_as(&reader, "/v1/accounts").await;
    assert!(!seen.text.contains(token) && !seen.text.contains("sim-secret"));

    // A replacement keeps the secrets it does not name, and the token.
    let mut changed = account("sim-1");
    changed.as_object_mut().unwrap().remove("secrets");
    changed["limits"] = json!({"per_second": 10, "receipt_deadline": "12h"});
    let put = app.put("/v1/accounts/sim-1", &changed).await.expect(200);
    assert_eq!(put["secrets"], json!(["token"]));
    assert_eq!(put["receipt_url"], url);
    assert_eq!(put["limits"]["per_second"], 10);
    assert_eq!(put["limits"]["receipt_deadline"], "12h");
    changed["secrets"] = json!({"token": ""});
    let put = app.put("/v1/accounts/sim-1", &changed).await.expect(200);
    assert_eq!(put["secrets"], json!([]));
    let audit = app.get("/v1/audit").await;
    assert!(!audit.text.contains("sim-secret") && !audit.text.contains(token));
}

#[tokio::test]
async fn every_fault_of_an_account_is_named_at_once() {
    let app = App::ready().await;
    let body = json!({
        "key": "", "channel": "email", "adapter": "tencent-sms",
        "settings": {"endpoint": "ftp://x.example", "colour": "red"},
        "secrets": {"secret_id": "id"},
        "limits": {"per_second": 0, "recipients_per_call": 10_000, "receipt_deadline": "soon"},
    });
    app.post("/v1/accounts", &body).await.fields(&[
        ("/key", "invalid_key"),
        ("/channel", "wrong_channel"),
        ("/settings/sdk_app_id", "required"),
        ("/settings/endpoint", "bad_url"),
        ("/settings/colour", "unknown_field"),
        ("/secrets/secret_key", "required"),
        ("/limits/per_second", "out_of_range"),
        ("/limits/recipients_per_call", "out_of_range"),
        ("/limits/receipt_deadline", "invalid_duration"),
    ]);
    let mut unknown = account("x");
    unknown["adapter"] = json!("carrier-pigeon");
    app.post("/v1/accounts", &unknown)
        .await
        .fields(&[("/adapter", "unknown_value")]);
    let mut moved = account("sim-1");
    moved["adapter"] = json!("tencent-sms");
    moved["channel"] = json!("email");
    moved["key"] = json!("sim-2");
    app.put("/v1/accounts/sim-1", &moved).await.fields(&[
        ("/adapter", "immutable"),
        ("/channel", "immutable"),
        ("/key", "immutable"),
    ]);
    app.post("/v1/accounts", &account("sim-1"))
        .await
        .problem(409, "exists");
    let secret = json!({"key": "x", "channel": "sms", "adapter": "simulator",
        "secrets": {"token": 5_551_234}});
    let answer = app.post("/v1/accounts", &secret).await;
    assert!(!answer.text.contains("5551234"), "{}", answer.text);
    answer.fields(&[("/secrets/token", "wrong_type")]);
}

#[tokio::test]
async fn an_account_in_a_route_cannot_be_deleted() {
    let app = App::ready().await;
    let delete = |path: &'static str| app.call("DELETE", path, Some(&app.admin), &[], "");
    delete("/v1/accounts/sim-1").await.problem(409, "conflict");
    app.post("/v1/accounts", &account("sim-2"))
        .await
        .expect(201);
    let off = app
        .post("/v1/accounts/sim-2/disable", &json!({}))
        .await
        .expect(200);
    assert_eq!(off["enabled"], false);
    let on = app
        .post("/v1/accounts/sim-2/enable", &json!({}))
        .await
        .expect(200);
    assert_eq!(on["enabled"], true);
    delete("/v1/accounts/sim-2").await.expect(204);
    delete("/v1/accounts/sim-2").await.problem(404, "not_found");
    let keys = app
        .get("/v1/accounts?adapter=simulator&channel=sms")
        .await
        .expect(200);
    assert_eq!(keys["items"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn routes_are_checked_and_remembered() {
    let app = App::ready().await;
    app.post("/v1/accounts", &account("sim-2"))
        .await
        .expect(201);
    let mut mail = account("mail");
    mail["channel"] = json!("email");
    app.post("/v1/accounts", &mail).await.expect(201);
    let path = "/v1/routes/sms/notification";
    let share = |account: &str, weight: u32| json!({"account": account, "weight": weight});
    let cases: &[(Value, &[(&str, &str)])] = &[
        (json!([]), &[("/accounts", "required")]),
        (
            json!([share("sim-1", 0), share("sim-2", 0)]),
            &[("/accounts", "all_zero")],
        ),
        (
            json!([
                share("nobody", 1),
                share("mail", 1),
                share("sim-1", 1_000_001)
            ]),
            &[
                ("/accounts/0/account", "unknown_account"),
                ("/accounts/1/account", "wrong_channel"),
                ("/accounts/2/weight", "out_of_range"),
            ],
        ),
        (
            json!([share("sim-1", 1), share("sim-1", 2)]),
            &[("/accounts/1/account", "duplicate_account")],
        ),
        (
            json!([{"account": "sim-1", "weight": -1}]),
            &[("/accounts/0/weight", "out_of_range")],
        ),
    ];
    for (accounts, wanted) in cases {
        app.put(path, &json!({"accounts": accounts}))
            .await
            .fields(wanted);
    }
    let body = json!({"accounts": [share("sim-1", 70), share("sim-2", 30)], "reason": "cheaper"});
    let put = app.put(path, &body).await.expect(200);
    assert_eq!(put["version"], 2);
    assert_eq!(put["accounts"], body["accounts"]);
    let read = app.get(path).await.expect(200);
    assert_eq!(read["author"], "app/admin");
    assert_eq!(read["history"].as_array().unwrap().len(), 2);
    assert!(read["history"][0].to_string().contains("cheaper"), "{read}");
    let all = app.get("/v1/routes").await.expect(200);
    assert_eq!(all["items"].as_array().unwrap().len(), 1);
    let wanted = [("/channel", "invalid"), ("/class", "invalid")];
    app.put("/v1/routes/smoke/spam", &body)
        .await
        .fields(&wanted);
}

#[tokio::test]
async fn keys_are_shown_once_and_can_be_revoked() {
    let app = App::ready().await;
    let key = app.key("shop", "sender").await;
    assert!(key.starts_with("ak_") && key.len() == 46, "{key}");
    let listed = app.get("/v1/apps/shop/keys").await;
    assert!(!listed.text.contains(&key));
    let listed = listed.expect(200);
    assert_eq!(listed["items"][0]["hint"], key[..8]);
    let body = message(&json!("+8613711112201"));
    app.post_as(&key, "/v1/messages", &body).await.expect(202);
    let path = format!(
        "/v1/apps/shop/keys/{}",
        listed["items"][0]["id"].as_str().unwrap()
    );
    for _ in 0..2 {
        let revoked = app.call("DELETE", &path, Some(&app.admin), &[], "").await;
        assert!(revoked.expect(200)["revoked_at"].is_string());
    }
    app.post_as(&key, "/v1/messages", &body)
        .await
        .problem(401, "unauthenticated");

    let admins = app.get("/v1/apps/admin/keys").await.expect(200);
    let last = format!(
        "/v1/apps/admin/keys/{}",
        admins["items"][0]["id"].as_str().unwrap()
    );
    let refused = app.call("DELETE", &last, Some(&app.admin), &[], "").await;
    refused.problem(409, "conflict");
    let elsewhere = last.replace("/admin/", "/shop/");
    let refused = app
        .call("DELETE", &elsewhere, Some(&app.admin), &[], "")
        .await;
    refused.problem(404, "not_found");
    let apps = app.get("/v1/apps").await.expect(200);
    assert_eq!(apps["items"].as_array().unwrap().len(), 2);
    app.get("/v1/apps/shop").await.expect(200);
    let wanted = [("/name", "invalid_key")];
    app.post("/v1/apps", &json!({"name": "A B"}))
        .await
        .fields(&wanted);
    let wanted = [("/role", "unknown_value")];
    app.post("/v1/apps/shop/keys", &json!({"role": "root"}))
        .await
        .fields(&wanted);
}

#[tokio::test]
async fn the_first_key_is_made_once() {
    let app = App::start().await;
    let again = app.engine.parts().registrar().ensure_admin().await.unwrap();
    assert_eq!(again, None);
}

#[tokio::test]
async fn adapters_and_lanes_are_described() {
    let app = App::ready().await;
    let all = app.get("/v1/adapters").await.expect(200);
    assert!(all["items"].as_array().unwrap().len() >= 6);
    let one = app.get("/v1/adapters/tencent-sms").await.expect(200);
    let names: Vec<_> = one["settings"]
        .as_array()
        .unwrap()
        .iter()
        .map(|field| field["name"].as_str().unwrap())
        .collect();
    assert!(
        names.contains(&"sdk_app_id") && names.contains(&"endpoint"),
        "{names:?}"
    );
    let sent = app
        .post("/v1/messages", &message(&json!("+8613711112201")))
        .await
        .expect(202);
    app.settled(sent["deliveries"][0]["id"].as_str().unwrap(), "sent")
        .await;
    let lanes = app.get("/v1/lanes").await.expect(200);
    assert_eq!(lanes["items"][0]["channel"], "sms", "{lanes}");
}
