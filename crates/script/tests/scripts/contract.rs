//! The contract of scripts, on real worker processes.

use crate::support::*;
use austin_adapter_api::{Answer, Asking, Fault, FaultKind, Inbound, Phase, Question, Reply, Step};
use austin_domain::Verdict;
use http::{HeaderMap, Method};

const SCRIPT: &str = r#"
export function start(account, batch, context) {
  if (batch.items[0].text === "throw") throw new Error("not today");
  return {token: {name: "access"}, state: {round: 0}};
}
export function resume(account, batch, state, reply, context) {
  if (reply.kind === "token") {
    return {
      call: {
        method: "POST",
        url: "https://api.acme.example/send",
        headers: {authorization: "Bearer " + reply.token, "content-type": "application/json"},
        body: JSON.stringify(batch.items.map(item => ({to: host.national(item.to), text: item.text}))),
        deadline_ms: 2500,
      },
      state: {round: state.round + 1},
    };
  }
  if (reply.kind === "fault") return {all: host.verdict(reply)};
  const answer = host.parseJson(reply.body);
  return {done: batch.items.map((item, index) => {
    const one = answer[index];
    if (one.code === 0) return {verdict: "accepted", vendor_id: one.id, segments: 2};
    if (one.code === 7) return {verdict: "later", code: "7", detail: one.text, seconds: 1.5};
    return {verdict: "bad_recipient", code: String(one.code)};
  })};
}
export function receipts(account, request, context) {
  if (!host.equal(request.headers["x-sign"] ?? "", host.hmac("sha256", account.secrets.key, request.body)))
    return {refused: {status: 401, detail: "wrong signature"}};
  const form = host.form.parse(request.body);
  return {
    receipts: [{key: form.id, outcome: form.status === "OK" ? "delivered" : "undelivered", code: form.status,
                at: host.time.parse(form.at, "%Y-%m-%d %H:%M:%S", "+08:00")}],
    content_type: "application/json", body: "{\"ok\":true}",
  };
}
export function ask(account, question, context) {
  if (question.ask !== "balance") return {done: {answer: "unsupported"}};
  return {call: {method: "GET", url: "https://api.acme.example/balance"}};
}
export function answer(account, question, state, reply, context) {
  return {done: {answer: "balance", amount: Number(reply.body) * 10000, unit: "CNY"}};
}
"#;

#[tokio::test]
async fn a_send_goes_from_token_to_verdicts() {
    let workers = workers(options());
    let speaker = load(&workers, "acme", SCRIPT).await.unwrap();
    let (account, batch) = (account(), batch(3));

    let step = speaker.start(&account, &batch, context()).await;
    let Step::Token { want, state } = step else {
        panic!("{step:?}");
    };
    assert_eq!(want.name, "access");
    let step = speaker
        .resume(
            &account,
            &batch,
            state,
            Reply::Token("t0ken".into()),
            context(),
        )
        .await;
    let (request, state) = request(step);
    assert_eq!(request.headers["authorization"], "Bearer t0ken");
    assert_eq!(request.deadline.as_millis(), 2_500);
    assert!(
        std::str::from_utf8(&request.body)
            .unwrap()
            .contains("\"13711112201\"")
    );

    let body = r#"[{"code":0,"id":123456789012345678},{"code":7,"text":"wait"},{"code":9}]"#;
    let step = speaker
        .resume(&account, &batch, state, answered(200, body), context())
        .await;
    let verdicts = verdicts(step);
    let Verdict::Accepted(acceptance) = &verdicts[0] else {
        panic!("{verdicts:?}");
    };
    assert_eq!(acceptance.vendor_id.as_deref(), Some("123456789012345678"));
    assert_eq!(acceptance.segments, Some(2));
    assert!(
        matches!(&verdicts[1], Verdict::Later { after: Some(after), .. } if after.as_millis() == 1_500)
    );
    assert!(matches!(&verdicts[2], Verdict::BadRecipient(cause) if cause.code == "9"));
}

#[tokio::test]
async fn failures_before_a_call_are_the_accounts_and_after_it_unknown() {
    let workers = workers(options());
    let speaker = load(&workers, "acme", SCRIPT).await.unwrap();
    let account = account();
    let mut bad = batch(1);
    bad.items[0].content = std::sync::Arc::new(austin_domain::Content::Text {
        text: "throw".into(),
    });
    let step = speaker.start(&account, &bad, context()).await;
    let verdicts = verdicts(step);
    assert!(
        matches!(&verdicts[0], Verdict::Misconfigured(cause)
            if cause.code == "script_threw" && cause.detail.contains("not today") && cause.detail.contains("line 3")),
        "{verdicts:?}"
    );

    let batch = batch(1);
    let state = match speaker.start(&account, &batch, context()).await {
        Step::Token { state, .. } => state,
        other => panic!("{other:?}"),
    };
    let step = speaker
        .resume(&account, &batch, state, Reply::Token("t".into()), context())
        .await;
    let (_, state) = request(step);
    let step = speaker
        .resume(
            &account,
            &batch,
            state.clone(),
            answered(200, "<html>"),
            context(),
        )
        .await;
    assert_eq!(
        word_and_code(step),
        ("unknown".into(), "script_threw".into())
    );
    let fault = Reply::Fault(Fault {
        phase: Phase::NotSent,
        kind: FaultKind::Connect,
        detail: "refused".into(),
    });
    let step = speaker
        .resume(&account, &batch, state, fault, context())
        .await;
    assert_eq!(
        word_and_code(step),
        ("elsewhere".into(), "connect_failed".into())
    );
    assert_eq!(
        speaker.quarantined(),
        None,
        "a script that throws is wrong, not hostile"
    );
}

#[tokio::test]
async fn receipts_are_read_or_refused() {
    let workers = workers(options());
    let speaker = load(&workers, "acme", SCRIPT).await.unwrap();
    let body = "id=m1&status=OK&at=2026-01-02+03%3A04%3A05";
    let mut request = Inbound {
        method: Method::POST,
        url: "https://austin.example/v1/receipts/acme-1?x=1".into(),
        headers: HeaderMap::new(),
        body: body.into(),
    };
    let refused = speaker
        .receipts(&account(), &request, context())
        .await
        .unwrap_err();
    assert_eq!(refused.status.as_u16(), 401);
    let tag = austin_adapter_api::sign::hex(&austin_adapter_api::sign::hmac_sha256(
        b"k3y",
        body.as_bytes(),
    ));
    request.headers.insert("x-sign", tag.parse().unwrap());
    let receipts = speaker
        .receipts(&account(), &request, context())
        .await
        .unwrap();
    assert_eq!(receipts.content_type, "application/json");
    let receipt = &receipts.receipts[0];
    assert_eq!(receipt.key.as_deref(), Some("m1"));
    assert_eq!(receipt.at.unwrap().to_string(), "2026-01-01T19:04:05.000Z");
    let broken = Inbound {
        body: "id=m1&status=OK".into(),
        ..request.clone()
    };
    let tag =
        austin_adapter_api::sign::hex(&austin_adapter_api::sign::hmac_sha256(b"k3y", &broken.body));
    let mut broken = broken;
    broken.headers.insert("x-sign", tag.parse().unwrap());
    let refused = speaker
        .receipts(&account(), &broken, context())
        .await
        .unwrap_err();
    assert_eq!(
        refused.status.as_u16(),
        503,
        "the vendor is to send it again"
    );
}

#[tokio::test]
async fn questions_are_asked_and_answered() {
    let workers = workers(options());
    let speaker = load(&workers, "acme", SCRIPT).await.unwrap();
    let account = account();
    let asking = speaker.ask(&account, &Question::Balance, context()).await;
    let Asking::Call { state, .. } = asking else {
        panic!("{asking:?}");
    };
    let asking = speaker
        .answer(
            &account,
            &Question::Balance,
            state,
            answered(200, "12.5"),
            context(),
        )
        .await;
    assert!(matches!(asking, Asking::Done(Answer::Balance(balance)) if balance.amount == 125_000));
}

#[tokio::test]
async fn a_changed_account_is_seen_at_once_and_never_changed_by_a_script() {
    let workers = workers(options());
    let script = with_start(
        "try { account.settings.endpoint = 'https://evil.example'; } catch {}
         try { account.secrets.key = 'x'; } catch {}
         return {all: {verdict: 'accepted', vendor_id: account.secrets.key + (account.settings.endpoint ?? '')}};",
    );
    let speaker = load(&workers, "acme", &script).await.unwrap();
    let mut account = account();
    let seen = |step| match &verdicts(step)[0] {
        Verdict::Accepted(acceptance) => acceptance.vendor_id.clone().unwrap(),
        other => panic!("{other:?}"),
    };
    for _ in 0..2 {
        assert_eq!(
            seen(speaker.start(&account, &batch(1), context()).await),
            "k3y"
        );
    }
    account.secrets.insert("key".into(), "n3w".into());
    assert_eq!(
        seen(speaker.start(&account, &batch(1), context()).await),
        "n3w"
    );
}

#[tokio::test]
async fn the_only_clock_and_randomness_are_the_contexts() {
    let workers = workers(options());
    let script = with_start(
        "const tried = {};
         for (const [name, run] of Object.entries({
           now: () => Date.now(), date: () => new Date(), call: () => Date(), random: () => Math.random(),
           own: () => new (new Date(0).constructor)(), perf: () => performance.now(),
           timer: () => setTimeout(() => {}, 1), os: () => os.now(), std: () => std.open('/etc/passwd', 'r'),
           fetch: () => fetch('https://x.example'), require: () => require('fs'), process: () => process.env,
         })) { try { run(); tried[name] = 'there'; } catch (error) { tried[name] = 'refused'; } }
         const there = Object.keys(tried).filter(name => tried[name] === 'there');
         return {all: {verdict: 'bad_content', code: there.join(',') || 'none',
                       detail: new Date(context.now).toISOString() + ' ' + context.now_text + ' ' + context.nonce}};",
    );
    let speaker = load(&workers, "acme", &script).await.unwrap();
    let verdicts = verdicts(speaker.start(&account(), &batch(1), context()).await);
    let cause = verdicts[0].cause().unwrap();
    assert_eq!(cause.code, "none");
    assert_eq!(
        cause.detail,
        "2026-01-02T03:04:05.007Z 2026-01-02T03:04:05.007Z 00000000000000000000000000000042"
    );
}

#[tokio::test]
async fn what_breaks_the_contract_is_named() {
    let workers = workers(options());
    for (body, detail) in [
        ("return {done: []};", "0 verdicts for 2 recipients"),
        ("return {};", "exactly one of"),
        ("return {all: {verdict: 'fine'}};", "fine"),
        ("return {all: {verdict: 'accepted', id: '1'}};", "id"),
        (
            "return {call: {method: 'GET', url: 'https://api.acme.example/', header: {}}};",
            "header",
        ),
        ("return 7;", "start"),
        ("return undefined;", "returned nothing"),
        (
            "return {call: {method: 'GET', url: 'https://api.acme.example/', headers: {'x': 'a\\nb'}}};",
            "header x",
        ),
    ] {
        let speaker = load(&workers, "acme", &with_start(body)).await.unwrap();
        let verdicts = verdicts(speaker.start(&account(), &batch(2), context()).await);
        assert!(
            matches!(&verdicts[..], [Verdict::Misconfigured(cause), _]
                if cause.code == "script_result" && cause.detail.contains(detail)),
            "{body}: {verdicts:?}"
        );
    }
}

#[tokio::test]
async fn mistakes_of_a_script_are_refused_at_load() {
    let workers = workers(options());
    for (script, code, detail) in [
        ("export function start( {", "syntax", "line 1"),
        ("export function start() {}", "function_missing", "resume"),
        (
            "import x from 'y'; export function start() {}",
            "syntax",
            "y",
        ),
        ("throw new Error('no')", "script_threw", "no"),
        ("for (;;) {}", "script_time_limit", "limit"),
        ("await new Promise(() => {})", "script_async", ""),
    ] {
        let faults = load(&workers, "acme", script).await.unwrap_err();
        assert!(
            faults.iter().any(|fault| fault.pointer == "/script"
                && fault.code == code
                && fault.detail.contains(detail)),
            "{script}: {faults:?}"
        );
    }
    let mut source = source("acme", SCRIPT);
    source.definition["descriptor"]["batchin"] = serde_json::json!(1);
    source.definition["hosts"] = serde_json::json!(["https://x.example", "*.com"]);
    source.definition["send"] = serde_json::json!({});
    let loader = austin_script::ScriptLoader::new(workers);
    let faults = austin_adapter_api::Loader::load(&loader, &source)
        .await
        .unwrap_err();
    let named: Vec<_> = faults
        .iter()
        .map(|fault| (fault.pointer.as_str(), fault.code))
        .collect();
    assert_eq!(
        named,
        [
            ("/definition/send", "unknown_field"),
            ("/definition/descriptor/batchin", "unknown_field"),
            ("/definition/hosts/0", "bad_host"),
        ]
    );
}

#[tokio::test]
async fn a_worker_that_cannot_start_is_a_verdict() {
    let command = austin_script::WorkerCommand {
        program: "/nonexistent/worker".into(),
        arguments: Vec::new(),
    };
    let workers = austin_script::Workers::new(command, options());
    let faults = load(&workers, "acme", SCRIPT).await.unwrap_err();
    assert_eq!(faults[0].code, "script_worker_unavailable");
    let command = austin_script::WorkerCommand {
        program: "/bin/false".into(),
        arguments: Vec::new(),
    };
    let workers = austin_script::Workers::new(command, options());
    let faults = load(&workers, "acme", SCRIPT).await.unwrap_err();
    assert_eq!(faults[0].code, "script_worker_unavailable");
}
