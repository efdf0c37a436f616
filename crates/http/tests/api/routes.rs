//! Routes: what is refused, what a change comes to, how it is previewed and taken back.

use serde_json::{Value, json};

use crate::app::{App, account, message, template};

const PATH: &str = "/v1/routes/sms/notification";

fn share(account: &str, weight: u32) -> Value {
    json!({"account": account, "weight": weight})
}

fn tagged(tag: &str, weight: u32) -> Value {
    json!({"tag": tag, "weight": weight})
}

/// With three accounts, two of them tagged `cheap`, and one for e-mail.
async fn ready() -> App {
    let app = App::ready().await;
    for key in ["sim-2", "sim-3"] {
        let mut body = account(key);
        body["tags"] = json!(["cheap"]);
        app.post("/v1/accounts", &body).await.expect(201);
    }
    let mut mail = account("mail");
    mail["channel"] = json!("email");
    app.post("/v1/accounts", &mail).await.expect(201);
    app
}

/// The accounts' parts of a thousand in a list of shares or expectations.
fn parts(list: &Value) -> Vec<(&str, f64)> {
    let one = |one: &'_ Value| one["per_mille"].as_f64().unwrap();
    let list = list.as_array().unwrap().iter();
    list.map(|entry| (entry["account"].as_str().unwrap(), one(entry)))
        .collect()
}

#[tokio::test]
async fn every_fault_of_a_route_is_named_at_once() {
    let app = ready().await;
    let body = json!({
        "accounts": [
            {"weight": 1},
            {"account": "sim-1", "tag": "cheap", "weight": 1},
            tagged("nobody", 1),
            tagged("cheap", 1),
            tagged("cheap", 2),
        ],
        "rules": [
            {"name": " ", "when": {}, "accounts": []},
            {
                "name": "wrong",
                "when": {
                    "countries": ["cn", "XX", "CN", "CN"],
                    "prefixes": ["86", "+", "+8617a"],
                    "templates": ["none", "greet"],
                    "teams": ["nobody"],
                    "apps": ["nobody"],
                },
                "accounts": [share("mail", 0)],
            },
            {"name": "wrong", "when": {"countries": ["US"]}, "accounts": [share("sim-1", 1)]},
        ],
        "receipt_timeout": {"after": "2 minutes", "most_attempts": 1},
        "shift": {"over": "40d", "starts_at": "2020-01-01T00:00:00Z"},
        "reason": "x".repeat(129),
    });
    app.put(PATH, &body).await.fields(&[
        ("/accounts/0", "required"),
        ("/accounts/1", "ambiguous"),
        ("/accounts/2/tag", "unknown_tag"),
        ("/accounts/4/tag", "duplicate_tag"),
        ("/rules/0/name", "required"),
        ("/rules/0/when", "required"),
        ("/rules/0/accounts", "required"),
        ("/rules/1/when/countries/0", "unknown_country"),
        ("/rules/1/when/countries/1", "unknown_country"),
        ("/rules/1/when/countries/3", "duplicate"),
        ("/rules/1/when/prefixes/0", "invalid_prefix"),
        ("/rules/1/when/prefixes/1", "invalid_prefix"),
        ("/rules/1/when/prefixes/2", "invalid_prefix"),
        ("/rules/1/when/templates/0", "unknown_template"),
        ("/rules/1/when/teams/0", "unknown_team"),
        ("/rules/1/when/apps/0", "unknown_app"),
        ("/rules/1/accounts", "all_zero"),
        ("/rules/1/accounts/0/account", "wrong_channel"),
        ("/rules/2/name", "duplicate_name"),
        ("/receipt_timeout/after", "invalid_duration"),
        ("/receipt_timeout/most_attempts", "out_of_range"),
        ("/shift/over", "invalid_duration"),
        ("/shift/starts_at", "in_the_past"),
        ("/reason", "too_long"),
    ]);
    let wanted = [("/rules/0/when/colour", "unknown_field")];
    let rule = json!({"name": "a", "when": {"colour": ["red"]}, "accounts": [share("sim-1", 1)]});
    let body = json!({"accounts": [share("sim-1", 1)], "rules": [rule]});
    app.put(PATH, &body).await.fields(&wanted);
    assert_eq!(app.get(PATH).await.expect(200)["version"], 1);
}

#[tokio::test]
async fn a_rule_that_decides_nothing_is_refused() {
    let app = ready().await;
    let rule = |name: &str, when: Value| json!({"name": name, "when": when, "accounts": [share("sim-1", 1)]});
    let body = |rules: Value| json!({"accounts": [share("sim-1", 1)], "rules": rules});
    let narrow = rule("17", json!({"prefixes": ["+8617"]}));
    let wide = rule("china", json!({"countries": ["CN"]}));
    let refused = app.put(PATH, &body(json!([wide, narrow]))).await;
    let refused = refused.fields(&[("/rules/1", "unreachable_rule")]);
    let detail = refused["errors"][0]["detail"].as_str().unwrap();
    assert!(detail.contains("china"), "{detail}");
    app.put(PATH, &body(json!([narrow, wide])))
        .await
        .expect(200);
}

#[tokio::test]
async fn a_route_is_shown_as_it_was_written_and_as_it_works() {
    let app = ready().await;
    app.key("shop", "sender").await;
    let body = json!({
        "accounts": [share("sim-1", 70), tagged("cheap", 30)],
        "rules": [{
            "name": "abroad",
            "when": {"countries": ["HK", "US"], "prefixes": ["+65"], "templates": ["greet"],
                "teams": ["care"], "apps": ["shop"]},
            "accounts": [share("sim-3", 1)],
        }],
        "receipt_timeout": {"after": "2m", "most_attempts": 3},
        "reason": "cheaper",
    });
    let put = app.put(PATH, &body).await.expect(200);
    for field in ["accounts", "rules", "receipt_timeout", "reason"] {
        assert_eq!(put[field], body[field], "{field}");
    }
    assert_eq!(
        (put["version"].as_u64(), &put["shift"]),
        (Some(2), &Value::Null)
    );
    let read = app.get(PATH).await.expect(200);
    assert_eq!(read["rules"], body["rules"]);
    let effective = &read["effective"];
    assert_eq!(effective["progress_per_mille"], 1000.0);
    let wanted = [("sim-1", 700.0), ("sim-2", 150.0), ("sim-3", 150.0)];
    assert_eq!(parts(&effective["accounts"]), wanted);
    assert_eq!(effective["rules"][0]["name"], "abroad");
    assert_eq!(
        parts(&effective["rules"][0]["accounts"]),
        [("sim-3", 1000.0)]
    );
    let history = read["history"].as_array().unwrap();
    assert_eq!(
        (history.len(), &history[0]["author"]),
        (2, &json!("app/admin"))
    );
}

#[tokio::test]
async fn versions_are_kept_and_gone_back_to() {
    let app = ready().await;
    for weight in [10, 20] {
        let body = json!({"accounts": [share("sim-1", weight), tagged("cheap", 1)]});
        app.put(PATH, &body).await.expect(200);
    }
    let path = format!("{PATH}/versions");
    let first = app.get(&format!("{path}?limit=2")).await.expect(200);
    let numbers = |page: &Value| -> Vec<u64> {
        let items = page["items"].as_array().unwrap().iter();
        items
            .map(|item| item["version"].as_u64().unwrap())
            .collect()
    };
    assert_eq!(numbers(&first), [3, 2]);
    let cursor = first["cursor"].as_str().unwrap();
    let rest = app
        .get(&format!("{path}?limit=2&cursor={cursor}"))
        .await
        .expect(200);
    assert_eq!((numbers(&rest), &rest["cursor"]), (vec![1], &Value::Null));
    app.get(&format!("{path}?cursor=x"))
        .await
        .fields(&[("/cursor", "invalid_cursor")]);

    let revert = format!("{PATH}/revert");
    let back = app
        .post(&revert, &json!({"version": 2, "reason": "too dear"}))
        .await
        .expect(200);
    assert_eq!(
        (back["version"].as_u64(), &back["reason"]),
        (Some(4), &json!("too dear"))
    );
    assert_eq!(back["accounts"], first["items"][1]["accounts"]);
    app.post(&revert, &json!({"version": 9}))
        .await
        .problem(404, "not_found");
    app.post(&revert, &json!({}))
        .await
        .fields(&[("/version", "required")]);
    // What the old version names must still be there.
    app.put(PATH, &json!({"accounts": [share("sim-2", 1)]}))
        .await
        .expect(200);
    let gone = app
        .call("DELETE", "/v1/accounts/sim-1", Some(&app.admin), &[], "")
        .await;
    gone.expect(204);
    app.post(&revert, &json!({"version": 2}))
        .await
        .fields(&[("/accounts/0/account", "unknown_account")]);
    let lane = "/v1/routes/sms/marketing";
    app.get(&format!("{lane}/versions"))
        .await
        .problem(404, "not_found");
    app.post(&format!("{lane}/revert"), &json!({"version": 1}))
        .await
        .problem(404, "not_found");
}

#[tokio::test]
async fn a_shift_passes_from_one_plan_to_the_next() {
    let app = ready().await;
    let accounts = json!([share("sim-1", 70), share("sim-2", 30)]);
    app.put(PATH, &json!({"accounts": accounts}))
        .await
        .expect(200);
    let starts = "2099-01-01T00:00:00.000Z";
    app.put(
        PATH,
        &json!({"accounts": accounts, "shift": {"starts_at": starts}}),
    )
    .await
    .fields(&[("/shift/starts_at", "out_of_range")]);
    app.put(PATH, &json!({"accounts": accounts, "shift": {}}))
        .await
        .fields(&[("/shift", "required")]);
    app.put(
        "/v1/routes/sms/marketing",
        &json!({"accounts": accounts, "shift": {"over": "1m"}}),
    )
    .await
    .fields(&[("/shift", "nothing_to_leave")]);

    let now = app.engine.parts().clock.now();
    let later = now.plus(std::time::Duration::from_secs(3_600));
    let over = std::time::Duration::from_secs(600);
    let shift = json!({"over": "10m", "starts_at": later.to_string()});
    let body = json!({"accounts": [share("sim-1", 0), share("sim-2", 100)], "shift": shift});
    // A candidate first, then for real: the same figures.
    let at = |minutes: u64| {
        later
            .plus(over * u32::try_from(minutes).unwrap() / 10)
            .to_string()
    };
    let preview = format!("{PATH}/preview");
    let tried = app
        .post(&preview, &json!({"route": body, "at": at(5)}))
        .await
        .expect(200);
    let put = app.put(PATH, &body).await.expect(200);
    assert_eq!(put["shift"]["over"], "10m");
    assert_eq!(put["shift"]["starts_at"], later.to_string());
    assert_eq!(put["shift"]["from"]["accounts"], accounts);
    assert_eq!(
        parts(&put["effective"]["accounts"]),
        [("sim-1", 700.0), ("sim-2", 300.0)]
    );
    let seen = app.post(&preview, &json!({"at": at(5)})).await.expect(200);
    assert_eq!(seen["groups"], tried["groups"]);
    assert_eq!(seen["progress_per_mille"], 500.0);
    let halfway = parts(&seen["groups"][0]["expected"]);
    assert!((halfway[0].1 - 350.0).abs() <= 0.2, "{halfway:?}");
    for (minutes, first, second) in [(0, 700.0, 300.0), (10, 0.0, 1000.0), (99, 0.0, 1000.0)] {
        let seen = app
            .post(&preview, &json!({"at": at(minutes)}))
            .await
            .expect(200);
        let parts = parts(&seen["groups"][0]["expected"]);
        assert_eq!(parts, [("sim-1", first), ("sim-2", second)], "{minutes}");
    }
    // What is left still counts as named.
    app.put(
        PATH,
        &json!({"accounts": [share("sim-2", 1)], "shift": {"over": "1h"}}),
    )
    .await
    .expect(200);
    let gone = app
        .call("DELETE", "/v1/accounts/sim-1", Some(&app.admin), &[], "")
        .await;
    gone.problem(409, "conflict");
}

#[tokio::test]
async fn a_preview_says_who_gets_what_and_who_is_passed_over() {
    let app = ready().await;
    app.key("shop", "sender").await;
    app.key("audit", "reader").await;
    let body = json!({
        "accounts": [share("sim-1", 70), tagged("cheap", 30)],
        "rules": [{"name": "china", "when": {"countries": ["CN"]}, "accounts": [
            share("sim-1", 1), share("sim-2", 1)]}],
    });
    app.put(PATH, &body).await.expect(200);
    let path = format!("{PATH}/preview");
    let seen = app
        .call("POST", &path, Some(&app.admin), &[], "")
        .await
        .expect(200);
    let groups = seen["groups"].as_array().unwrap();
    assert_eq!(
        (&groups[0]["rule"], &groups[1]["rule"]),
        (&json!("china"), &Value::Null)
    );
    assert_eq!(groups[1]["deliveries"], 10_000);
    let counts = |group: &Value| -> Vec<u64> {
        let expected = group["expected"].as_array().unwrap().iter();
        expected.map(|one| one["count"].as_u64().unwrap()).collect()
    };
    assert_eq!(counts(&groups[0]), [5_000, 5_000]);
    assert_eq!(counts(&groups[1]), [7_000, 1_500, 1_500]);

    app.post("/v1/accounts/sim-2/disable", &json!({}))
        .await
        .expect(200);
    let word = json!({"mode": "closed", "reason": "slow today"});
    app.post("/v1/accounts/sim-3/steer", &word)
        .await
        .expect(200);
    let sample = json!({"to": ["13711112201", "+85251112222", "+85251112223"],
        "templates": ["greet"], "apps": ["shop"]});
    let ask = json!({"sample": sample, "count": 3_000});
    let seen = app.post(&path, &ask).await.expect(200);
    let groups = seen["groups"].as_array().unwrap();
    assert_eq!(
        (&groups[0]["rule"], &groups[0]["deliveries"]),
        (&json!("china"), &json!(1_000))
    );
    assert_eq!(
        (counts(&groups[0]), counts(&groups[1])),
        (vec![1_000, 0], vec![2_000, 0, 0])
    );
    let passed: Vec<_> = groups[1]["passed_over"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| {
            (
                one["account"].as_str().unwrap(),
                one["code"].as_str().unwrap(),
            )
        })
        .collect();
    assert_eq!(passed, [("sim-2", "disabled"), ("sim-3", "steered_closed")]);
    app.post("/v1/accounts/sim-1/disable", &json!({}))
        .await
        .expect(200);
    let seen = app.post(&path, &ask).await.expect(200);
    assert_eq!(seen["groups"][1]["unassigned"], 2_000);
    assert_eq!(
        app.get(PATH).await.expect(200)["version"],
        2,
        "nothing was changed"
    );
}

#[tokio::test]
async fn every_fault_of_a_preview_is_named() {
    let app = ready().await;
    let path = format!("{PATH}/preview");
    let wrong = json!({"count": 0, "sample": {"to": ["12"], "templates": ["x"], "apps": ["x"]}});
    app.post(&path, &wrong).await.fields(&[
        ("/count", "out_of_range"),
        ("/sample/to/0", "invalid_recipient"),
        ("/sample/templates/0", "unknown_template"),
        ("/sample/apps/0", "unknown_app"),
    ]);
    let wrong = json!({"route": {"accounts": [share("nobody", 1)]}});
    app.post(&path, &wrong)
        .await
        .fields(&[("/route/accounts/0/account", "unknown_account")]);
    app.post("/v1/routes/sms/marketing/preview", &json!({}))
        .await
        .problem(404, "not_found");
}

#[tokio::test]
async fn an_account_without_the_vendors_template_is_refused_by_name() {
    let app = ready().await;
    let mut tencent = json!({
        "key": "tencent-1", "channel": "sms", "adapter": "tencent-sms",
        "settings": {"sdk_app_id": "1400000000", "sign_name": "商城"},
        "secrets": {"secret_id": "id", "secret_key": "key"}, "tags": ["big"],
    });
    app.post("/v1/accounts", &tencent).await.expect(201);
    let mut mapped = template("mapped");
    mapped["vendor_templates"] = json!({"tencent-1": {"template_id": "7"}});
    app.post("/v1/templates", &mapped).await.expect(201);
    app.post("/v1/templates/mapped/submit", &json!({}))
        .await
        .expect(200);
    // A draft is not in use yet.
    app.post("/v1/templates", &template("draft"))
        .await
        .expect(201);

    let plain = json!({"accounts": [share("sim-1", 1), share("tencent-1", 1)]});
    let refused = app.put(PATH, &plain).await;
    let refused = refused.fields(&[("/accounts/1", "missing_mapping")]);
    let detail = refused["errors"][0]["detail"].as_str().unwrap();
    assert!(detail.contains("greet"), "{detail}");
    assert!(
        !detail.contains("draft") && !detail.contains("for mapped"),
        "{detail}"
    );
    let by_tag = json!({"accounts": [tagged("big", 1)]});
    app.put(PATH, &by_tag)
        .await
        .fields(&[("/accounts/0", "missing_mapping")]);
    // A rule that takes the template away from it, or brings only the mapped one to it.
    let rule = |name: &str, template: &str, account: &str| {
        json!({"name": name,
        "when": {"templates": [template]}, "accounts": [share(account, 1)]})
    };
    let apart =
        json!({"accounts": [share("tencent-1", 1)], "rules": [rule("a", "greet", "sim-1")]});
    app.put(PATH, &apart).await.expect(200);
    let only =
        json!({"accounts": [share("sim-1", 1)], "rules": [rule("a", "mapped", "tencent-1")]});
    app.put(PATH, &only).await.expect(200);
    let wrong =
        json!({"accounts": [share("sim-1", 1)], "rules": [rule("a", "greet", "tencent-1")]});
    app.put(PATH, &wrong)
        .await
        .fields(&[("/rules/0/accounts/0", "missing_mapping")]);

    let mut allowed = plain.clone();
    allowed["allow_missing_mapping"] = json!(true);
    app.put(PATH, &allowed).await.expect(200);
    let preview = format!("{PATH}/preview");
    let seen = app.post(&preview, &json!({"count": 100})).await.expect(200);
    let passed = &seen["groups"][0]["passed_over"][0];
    assert_eq!(
        (&passed["account"], &passed["code"]),
        (&json!("tencent-1"), &json!("missing_mapping"))
    );
    assert_eq!(passed["templates"], json!(["greet"]));
    // The account's own template stands for all.
    tencent["settings"]["template_id"] = json!("9");
    app.put("/v1/accounts/tencent-1", &tencent)
        .await
        .expect(200);
    app.put(PATH, &plain).await.expect(200);
}

#[tokio::test]
async fn the_last_account_of_a_tag_in_use_keeps_it() {
    let app = ready().await;
    let body = json!({"accounts": [share("sim-1", 1)], "rules": [
        {"name": "cheap", "when": {"countries": ["CN"]}, "accounts": [tagged("cheap", 1)]}]});
    app.put(PATH, &body).await.expect(200);
    let delete = |path: &'static str| app.call("DELETE", path, Some(&app.admin), &[], "");
    delete("/v1/accounts/sim-3").await.expect(204);
    delete("/v1/accounts/sim-2").await.problem(409, "conflict");
    let untagged = account("sim-2");
    let refused = app.put("/v1/accounts/sim-2", &untagged).await;
    let detail = refused.problem(409, "conflict")["detail"].to_string();
    assert!(
        detail.contains("cheap") && detail.contains("sms.notification"),
        "{detail}"
    );
    app.put(PATH, &json!({"accounts": [share("sim-1", 1)]}))
        .await
        .expect(200);
    app.put("/v1/accounts/sim-2", &untagged).await.expect(200);
}

#[tokio::test]
async fn accounts_have_tags_limits_and_an_operators_word() {
    let app = ready().await;
    let mut body = account("sim-2");
    body["tags"] = json!(["cheap", "abroad"]);
    body["limits"] = json!({
        "per_second": 10, "recipients_per_second": 300, "recipients_per_call": 1,
        "recipients_per_day": 100_000, "concurrency": 4,
        "per_number": [{"class": "verification", "count": 1, "window": "1m"},
            {"class": null, "count": 10, "window": "1d"}],
        "receipt_deadline": "12h",
    });
    let put = app.put("/v1/accounts/sim-2", &body).await.expect(200);
    assert_eq!(put["limits"], body["limits"]);
    assert_eq!(put["tags"], json!(["abroad", "cheap"]));
    assert_eq!(
        app.get("/v1/accounts/sim-2").await.expect(200)["limits"],
        body["limits"]
    );
    body["tags"] = json!(["cheap", "Cheap", "cheap"]);
    body["limits"] = json!({
        "recipients_per_second": 0, "recipients_per_day": 0,
        "per_number": [{"class": "spam", "count": 0, "window": "soon"},
            {"count": 1, "window": "1m"}, {"count": 2, "window": "60s"}],
    });
    app.put("/v1/accounts/sim-2", &body).await.fields(&[
        ("/tags/1", "invalid_key"),
        ("/tags/2", "duplicate"),
        ("/limits/recipients_per_second", "out_of_range"),
        ("/limits/recipients_per_day", "out_of_range"),
        ("/limits/per_number/0/class", "unknown_value"),
        ("/limits/per_number/0/count", "out_of_range"),
        ("/limits/per_number/0/window", "invalid_duration"),
        ("/limits/per_number/2", "duplicate"),
    ]);

    let path = "/v1/accounts/sim-2/steer";
    assert_eq!(put["steer"], Value::Null);
    let word = json!({"mode": "closed", "until": "2020-01-01T00:00:00Z"});
    app.post(path, &word)
        .await
        .fields(&[("/until", "in_the_past")]);
    app.post(path, &json!({"mode": "ajar"}))
        .await
        .fields(&[("/mode", "unknown_value")]);
    app.post("/v1/accounts/none/steer", &json!({"mode": "open"}))
        .await
        .problem(404, "not_found");
    let steered = app
        .post(path, &json!({"mode": "closed", "reason": "bill unpaid"}))
        .await
        .expect(200);
    let word = &steered["steer"];
    assert_eq!(
        (&word["mode"], &word["reason"]),
        (&json!("closed"), &json!("bill unpaid"))
    );
    assert_eq!(word["author"], "app/admin");
    for _ in 0..2 {
        let free = app
            .call("DELETE", path, Some(&app.admin), &[], "")
            .await
            .expect(200);
        assert_eq!(free["steer"], Value::Null);
    }
    let audit = app.get("/v1/audit?subject=account/sim-2").await.expect(200);
    let actions: Vec<_> = audit["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| entry["action"].as_str().unwrap())
        .collect();
    assert_eq!(actions, ["steer", "steer", "put", "create"]);
}

#[tokio::test]
async fn quotas_are_set_shown_lifted_and_audited() {
    let app = App::ready().await;
    app.key("shop", "sender").await;
    for (thing, subject) in [
        ("apps/shop", "app/shop"),
        ("templates/greet", "template/greet"),
    ] {
        let (own, path) = (format!("/v1/{thing}"), format!("/v1/{thing}/quota"));
        assert_eq!(app.get(&own).await.expect(200)["quota"], Value::Null);
        let put = app
            .put(
                &path,
                &json!({"per_second": 50, "per_day": 100_000, "reason": "trial"}),
            )
            .await
            .expect(200);
        assert_eq!(put["quota"], json!({"per_second": 50, "per_day": 100_000}));
        assert_eq!(app.get(&own).await.expect(200)["quota"], put["quota"]);
        let wrong = json!({"per_second": 0, "per_day": 0, "reason": "a\nb"});
        app.put(&path, &wrong).await.fields(&[
            ("/per_second", "out_of_range"),
            ("/per_day", "out_of_range"),
            ("/reason", "control_character"),
        ]);
        let audit = app
            .get(&format!("/v1/audit?subject={subject}"))
            .await
            .expect(200);
        assert_eq!(audit["items"][0]["action"], "quota");
        assert_eq!(audit["items"][0]["detail"]["reason"], "trial");
        assert_eq!(
            app.put(&path, &json!({})).await.expect(200)["quota"],
            Value::Null
        );
    }
    app.put("/v1/apps/none/quota", &json!({}))
        .await
        .problem(404, "not_found");
    app.put("/v1/templates/none/quota", &json!({}))
        .await
        .problem(404, "not_found");
    // Lifted: nothing stands in the way.
    let sent = app
        .post("/v1/messages", &message(&json!("+8613711112201")))
        .await;
    sent.expect(202);
}
