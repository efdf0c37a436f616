//! Word lists and calendars over the API.

use serde_json::{Value, json};

use crate::app::{Answer, App};

const LIST: &str = "/v1/word-lists/finance";
const CALENDAR: &str = "/v1/calendars/cn-2026";

async fn put_as(app: &App, path: &str, media_type: &str, body: impl Into<String>) -> Answer {
    let headers = [("content-type", media_type)];
    let (key, body) = (Some(app.admin.as_str()), body.into());
    app.call("PUT", path, key, &headers, body).await
}

async fn found(app: &App, text: &str) -> Value {
    let body = json!({ "text": text });
    let path = format!("{LIST}/check");
    app.post(&path, &body).await.expect(200)["findings"].clone()
}

#[tokio::test]
async fn a_word_list_is_set_tried_replaced_and_deleted() {
    let app = App::start().await;
    let text = "# 财务\n发票\n\nfree money\n發票\n";
    let path = format!("{LIST}?team=risk&reason=new%20rules");
    let made = put_as(&app, &path, "text/plain; charset=utf-8", text).await;
    let made = made.expect(200);
    for (name, value) in [
        ("name", json!("finance")),
        ("team", json!("risk")),
        ("version", json!(1)),
        ("count", json!(2)),
        ("author", json!("app/admin")),
        ("reason", json!("new rules")),
        ("words", Value::Null),
    ] {
        assert_eq!(made[name], value, "{name}");
    }
    assert_eq!(
        found(&app, "代開發.票 and FREE-money").await,
        json!([{"word": "发票", "at": 2}, {"word": "free money", "at": 10}])
    );
    assert_eq!(found(&app, "你好").await, json!([]));
    let read = app.get(LIST).await.expect(200);
    assert_eq!(read["words"], text);
    // What is put in its place holds at once.
    let body = json!({"words": ["*coin*", "赌博"], "reason": "others"});
    let changed = app.put(LIST, &body).await.expect(200);
    assert_eq!(
        (&changed["version"], &changed["team"]),
        (&json!(2), &Value::Null)
    );
    assert_eq!(found(&app, "发票").await, json!([]));
    assert_eq!(
        found(&app, "bitcoins").await,
        json!([{"word": "*coin*", "at": 3}])
    );
    let read = app.get(LIST).await.expect(200);
    assert_eq!(read["words"], "*coin*\n赌博");
    let history = read["history"].as_array().unwrap();
    assert_eq!(history.len(), 2);
    assert_eq!(history[0]["detail"]["reason"], "others");
    let all = app.get("/v1/word-lists").await.expect(200);
    assert_eq!(all["items"][0]["version"], 2);
    let gone = app.call("DELETE", LIST, Some(&app.admin), &[], "").await;
    gone.expect(204);
    app.get(LIST).await.problem(404, "not_found");
    let path = format!("{LIST}/check");
    let refused = app.post(&path, &json!({"text": "x"})).await;
    refused.problem(404, "not_found");
}

#[tokio::test]
async fn readers_see_that_there_is_a_list_but_not_its_words() {
    let app = App::start().await;
    let body = json!({"words": ["发票"]});
    app.put(LIST, &body).await.expect(200);
    let reader = app.key("audit", "reader").await;
    let read = app.get_as(&reader, LIST).await;
    assert!(!read.text.contains("发票"), "{}", read.text);
    assert_eq!(read.expect(200)["count"], 1);
}

#[tokio::test]
async fn lines_and_words_that_cannot_be_used_are_named() {
    let app = App::start().await;
    app.put(LIST, &json!({"words": ["发票"]})).await.expect(200);
    let text = format!("好\n***\n# fine\n{}\n", "长".repeat(65));
    let refused = put_as(&app, LIST, "text/plain", text).await;
    let refused = refused.fields(&[("", "bad_line"), ("", "bad_line")]);
    let told = refused["errors"].to_string();
    assert!(
        told.contains("line 2: ") && told.contains("line 4: "),
        "{told}"
    );
    let body = json!({"words": ["ok", "", "# x", "a\nb"], "team": " ", "reason": "a\nb"});
    app.put(LIST, &body).await.fields(&[
        ("/words/1", "bad_word"),
        ("/words/2", "bad_word"),
        ("/words/3", "bad_word"),
        ("/team", "required"),
        ("/reason", "control_character"),
    ]);
    let body = json!({"words": ["ok", "a,b", "。"]});
    app.put(LIST, &body)
        .await
        .fields(&[("/words/1", "bad_word"), ("/words/2", "bad_word")]);
    app.put(LIST, &json!({"words": []}))
        .await
        .fields(&[("/words", "empty")]);
    put_as(&app, LIST, "text/plain", "# nothing\n")
        .await
        .fields(&[("", "empty")]);
    let path = format!("{LIST}?team=risk");
    app.put(&path, &json!({"words": ["ok"]}))
        .await
        .fields(&[("/team", "misplaced")]);
    app.put("/v1/word-lists/Bad", &json!({"words": ["ok"]}))
        .await
        .fields(&[("/name", "invalid_key")]);
    let refused = put_as(&app, LIST, "text/csv", "发票").await;
    refused.problem(415, "unsupported_media_type");
    let long = json!({"text": "长".repeat(100_001)});
    app.post(&format!("{LIST}/check"), &long)
        .await
        .fields(&[("/text", "too_long")]);
    // Nothing of all that was taken.
    let read = app.get(LIST).await.expect(200);
    assert_eq!(
        (&read["version"], &read["words"]),
        (&json!(1), &json!("发票"))
    );
}

#[tokio::test]
async fn a_list_has_at_most_200_000_words() {
    let app = App::start().await;
    let line = |n: usize| {
        let digits = n.to_string().into_bytes();
        let word = digits
            .into_iter()
            .map(|digit| char::from(digit - b'0' + b'a'));
        word.chain(['\n']).collect::<String>()
    };
    let most: String = (0..200_000).map(line).collect();
    let more = most.clone() + "one too many\n";
    let refused = put_as(&app, LIST, "text/plain", more).await;
    let refused = refused.fields(&[("", "bad_line")]);
    let told = refused["errors"][0]["detail"].as_str().unwrap();
    assert!(
        told.starts_with("line 200001: ") && told.contains("200000"),
        "{told}"
    );
    let made = put_as(&app, LIST, "text/plain", most).await.expect(200);
    assert_eq!(made["count"], 200_000);
    assert_eq!(
        found(&app, "to b or").await,
        json!([{"word": "b", "at": 3}])
    );
}

#[tokio::test]
async fn a_calendar_is_set_in_both_forms_and_read_back() {
    let app = App::start().await;
    let body = json!({
        "closed": ["2026-10-01", {"from": "2026-02-15", "to": "2026-02-17"}],
        "working": ["2026-10-10"],
    });
    let path = format!("{CALENDAR}?reason=holidays");
    let made = app.put(&path, &body).await.expect(200);
    for (name, value) in [
        ("name", json!("cn-2026")),
        ("version", json!(1)),
        ("days", json!(5)),
        ("last", json!("2026-10-10")),
        ("author", json!("app/admin")),
        ("reason", json!("holidays")),
    ] {
        assert_eq!(made[name], value, "{name}");
    }
    let read = app.get(CALENDAR).await.expect(200);
    let document = json!({
        "closed": ["2026-02-15", "2026-02-16", "2026-02-17", "2026-10-01"],
        "working": ["2026-10-10"],
    });
    assert_eq!(read["document"], document);
    assert_eq!(read["history"][0]["detail"]["days"], 5);
    // What is read can be sent again.
    app.put(CALENDAR, &document).await.expect(200);
    let ics = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nBEGIN:VEVENT\r\nSUMMARY:国庆\r\n\
               DTSTART;VALUE=DATE:20261001\r\nDTEND;VALUE=DATE:20261004\r\nEND:VEVENT\r\n\
               END:VCALENDAR\r\n";
    let made = put_as(&app, CALENDAR, "text/calendar", ics)
        .await
        .expect(200);
    assert_eq!((&made["version"], &made["days"]), (&json!(3), &json!(3)));
    let all = app.get("/v1/calendars").await.expect(200);
    assert_eq!(all["items"][0]["last"], "2026-10-03");
    let gone = app
        .call("DELETE", CALENDAR, Some(&app.admin), &[], "")
        .await;
    gone.expect(204);
    app.get(CALENDAR).await.problem(404, "not_found");
}

#[tokio::test]
async fn all_that_is_wrong_with_a_calendar_is_named() {
    let app = App::start().await;
    let body = json!({"closed": ["2026-10-01", "2026-13-01", "soon"], "working": [5]});
    app.put(CALENDAR, &body).await.fields(&[
        ("/closed/1", "bad_calendar"),
        ("/closed/2", "bad_calendar"),
        ("/working/0", "bad_calendar"),
    ]);
    for (media_type, body) in [
        ("application/json", "{}"),
        ("application/json", "nonsense"),
        ("text/calendar", "BEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n"),
    ] {
        let refused = put_as(&app, CALENDAR, media_type, body).await;
        refused.fields(&[("", "bad_calendar")]);
    }
    app.put(CALENDAR, &json!({"closed": ["2026-10-01"], "a/b": []}))
        .await
        .fields(&[("/a~1b", "bad_calendar")]);
    let refused = put_as(&app, CALENDAR, "text/plain", "2026-10-01").await;
    refused.problem(415, "unsupported_media_type");
    app.get(CALENDAR).await.problem(404, "not_found");
}

#[tokio::test]
async fn what_policies_name_holds_for_messages_at_once_and_is_not_deleted() {
    let app = App::ready().await;
    let policy = json!({
        "content": {"words": ["finance"]},
        "quiet_hours": {"action": "hold", "calendar": "cn-2026",
                        "windows": [{"from": "22:00", "to": "22:01"}]},
    });
    app.put("/v1/policies/rules", &policy).await.fields(&[
        ("/content/words/0", "invalid"),
        ("/quiet_hours/calendar", "unknown_calendar"),
    ]);
    let words = json!({"words": ["casino"]});
    app.put(LIST, &words).await.expect(200);
    let days = json!({"closed": ["2026-10-01"]});
    app.put(CALENDAR, &days).await.expect(200);
    app.put("/v1/policies/rules", &policy).await.expect(200);
    for path in [LIST, CALENDAR] {
        let refused = app.call("DELETE", path, Some(&app.admin), &[], "").await;
        let refused = refused.problem(409, "conflict");
        let detail = refused["detail"].as_str().unwrap();
        assert!(detail.contains("policy/rules"), "{detail}");
    }
    app.put(
        "/v1/policies/rules",
        &json!({"content": {"words": ["finance"]}}),
    )
    .await
    .expect(200);
    let body = json!({"template": "greet", "to": ["+8613711112201"], "vars": {"name": "发票"}});
    let sent = app.post("/v1/messages", &body).await.expect(202);
    assert_eq!(sent["deliveries"][0]["state"], "accepted", "{sent}");
    let words = json!({"words": ["发票"]});
    app.put(LIST, &words).await.expect(200);
    let sent = app.post("/v1/messages", &body).await.expect(202);
    let delivery = &sent["deliveries"][0];
    assert_eq!(delivery["state"], "suppressed", "{sent}");
    assert_eq!(delivery["reason"]["code"], "content");
    let gone = app
        .call("DELETE", CALENDAR, Some(&app.admin), &[], "")
        .await;
    gone.expect(204);
}
