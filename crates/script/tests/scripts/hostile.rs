//! Hostile scripts on real worker processes: each is contained within its deadline, its version
//! quarantined after repeats, and its neighbour answered correctly all the while.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::support::*;
use austin_adapter_api::Speaker;
use austin_script::{Options, Workers};

/// What one call may take at most: the hard deadline, a restart, and a busy machine.
const SLACK: Duration = Duration::from_secs(20);

fn options_for_hostile() -> Options {
    Options {
        workers: 1,
        hard_deadline: Duration::from_millis(1_000),
        ..Options::default()
    }
}

/// Keeps asking the neighbour until told to stop; how long the slowest answer took.
async fn ask_neighbour(speaker: Speaker, stop: Arc<AtomicBool>) -> (usize, Duration) {
    let (mut count, mut slowest) = (0, Duration::ZERO);
    while !stop.load(Ordering::Relaxed) || count == 0 {
        let began = Instant::now();
        good_answer(&speaker).await;
        slowest = slowest.max(began.elapsed());
        count += 1;
    }
    (count, slowest)
}

async fn good_answer(speaker: &Speaker) {
    let (request, _) = request(speaker.start(&account(), &batch(2), context()).await);
    assert_eq!(request.url, "https://api.acme.example/send");
    assert_eq!(
        request.headers["x-sign"],
        austin_adapter_api::sign::hex(&austin_adapter_api::sign::hmac_sha256(
            b"k3y",
            b"+8613711112200"
        ))
    );
}

/// Calls `start` of a hostile script until its version is quarantined. Every call must end with
/// `code`, and the neighbour must be answered throughout.
async fn contained(workers: &Workers, script: &str, code: &str) {
    let neighbour = load(workers, "good", &neighbour()).await.unwrap();
    let hostile = load(workers, "bad", script).await.unwrap();
    let stop = Arc::new(AtomicBool::new(false));
    let asking = tokio::spawn(ask_neighbour(neighbour.clone(), Arc::clone(&stop)));
    for attempt in 0..3 {
        assert_eq!(hostile.quarantined(), None, "attempt {attempt}");
        let began = Instant::now();
        let step = hostile.start(&account(), &batch(1), context()).await;
        assert_eq!(
            word_and_code(step),
            ("misconfigured".into(), code.into()),
            "attempt {attempt}"
        );
        assert!(began.elapsed() < SLACK, "{:?}", began.elapsed());
    }
    let why = hostile.quarantined().unwrap();
    assert!(why.contains("bad") && why.contains(code), "{why}");
    let step = hostile.start(&account(), &batch(1), context()).await;
    assert_eq!(word_and_code(step).1, "script_quarantined");
    good_answer(&neighbour).await;
    stop.store(true, Ordering::Relaxed);
    let (count, slowest) = asking.await.unwrap();
    assert!(
        count > 0 && slowest < SLACK,
        "{count} answers, the slowest took {slowest:?}"
    );
}

#[tokio::test]
async fn an_endless_loop() {
    let workers = workers(options_for_hostile());
    contained(&workers, &with_start("for (;;) {}"), "script_time_limit").await;
}

#[tokio::test]
async fn an_endless_loop_that_catches_everything() {
    let workers = workers(options_for_hostile());
    let body = "for (;;) { try { for (;;) {} } catch {} finally { for (;;) {} } }";
    contained(&workers, &with_start(body), "script_time_limit").await;
}

#[tokio::test]
async fn a_native_loop_that_polls_nothing() {
    let workers = workers(options_for_hostile());
    contained(
        &workers,
        &with_start("return new Array(1e9) + '';"),
        "script_killed",
    )
    .await;
}

#[tokio::test]
async fn a_memory_bomb() {
    let workers = workers(options_for_hostile());
    let body = "const all = []; for (;;) all.push(new Array(1000).fill('x'.repeat(1000)));";
    contained(&workers, &with_start(body), "script_memory_limit").await;
}

#[tokio::test]
async fn a_string_that_doubles() {
    let workers = workers(options_for_hostile());
    let body = "let s = 'x'; for (;;) { s += s; JSON.stringify(s); }";
    contained(&workers, &with_start(body), "script_memory_limit").await;
}

#[tokio::test]
async fn deep_recursion() {
    let workers = workers(options_for_hostile());
    let body = "const deeper = (n) => 1 + deeper(n + 1); return deeper(0);";
    contained(&workers, &with_start(body), "script_stack_limit").await;
}

#[tokio::test]
async fn a_catastrophic_regular_expression() {
    let workers = workers(options_for_hostile());
    let body = "return /^(a+)+$/.test('a'.repeat(64) + 'b');";
    contained(&workers, &with_start(body), "script_time_limit").await;
}

#[tokio::test]
async fn a_huge_result() {
    let workers = workers(options_for_hostile());
    let body = "return {all: {verdict: 'bad_content', code: 'x', detail: 'x'.repeat(3e6)}};";
    contained(&workers, &with_start(body), "script_output_limit").await;
}

#[tokio::test]
async fn promises_and_async_functions() {
    let workers = workers(options_for_hostile());
    contained(
        &workers,
        &with_start("return Promise.resolve({});"),
        "script_async",
    )
    .await;
    let body = "(async () => { await 0; for (;;) {} })(); return {all: {verdict: 'accepted'}};";
    contained(&workers, &with_start(body), "script_async").await;
}

#[tokio::test]
async fn a_result_that_never_ends_turning_into_json() {
    let workers = workers(options_for_hostile());
    let body = "return {all: {toJSON() { for (;;) {} }}};";
    contained(&workers, &with_start(body), "script_time_limit").await;
    let body = "let n = 0; const more = () => ({toJSON: more, get x() { return more(); }, n: n++}); return {all: more(), state: {get x() { return {y: more()}; }}};";
    let hostile = load(&workers, "bad", &with_start(body)).await.unwrap();
    let (word, _) = word_and_code(hostile.start(&account(), &batch(1), context()).await);
    assert_eq!(word, "misconfigured");
}

#[tokio::test]
async fn getters_that_throw_and_errors_that_run_code() {
    let workers = workers(options_for_hostile());
    for (body, code) in [
        (
            "return {get all() { throw new Error('got you'); }};",
            "script_threw",
        ),
        (
            "throw {get message() { for (;;) {} }, toString() { for (;;) {} }};",
            "script_threw",
        ),
        (
            "const e = new Error('x'); Object.defineProperty(e, 'message', {get() { for (;;) {} }}); throw e;",
            "script_time_limit",
        ),
        (
            "return new Proxy({}, {ownKeys() { throw 7; }});",
            "script_threw",
        ),
        ("throw null;", "script_memory_limit"),
        ("throw undefined;", "script_threw"),
        ("return 10n;", "script_threw"),
        ("const a = {}; a.a = a; return a;", "script_threw"),
        (
            "return {all: {verdict: 'bad_content', code: '\\ud800'}};",
            "script_result",
        ),
    ] {
        let hostile = load(&workers, "bad", &with_start(body)).await.unwrap();
        let step = hostile.start(&account(), &batch(1), context()).await;
        assert_eq!(
            word_and_code(step),
            ("misconfigured".into(), code.into()),
            "{body}"
        );
    }
}

#[tokio::test]
async fn a_foreign_host_is_never_called() {
    let workers = workers(options_for_hostile());
    for url in [
        "https://evil.example/",
        "http://127.0.0.1:7070/v1/accounts",
        "https://api.acme.example.evil.example/",
        "https://api.acme.example@evil.example/",
        "https://user:pw@api.acme.example/",
        "https://api.acme.example:8443/",
        "https://evil.example\\\\@api.acme.example/",
        "file:///etc/passwd",
        "not a url",
    ] {
        let body = format!("return {{call: {{method: 'GET', url: '{url}'}}}};");
        let hostile = load(&workers, "bad", &with_start(&body)).await.unwrap();
        let step = hostile.start(&account(), &batch(1), context()).await;
        assert_eq!(
            word_and_code(step),
            ("misconfigured".into(), "foreign_host".into()),
            "{url}"
        );
    }
    let body = "return {call: {method: 'GET', url: account.settings.endpoint + '/x'}};";
    let speaker = load(&workers, "good", &with_start(body)).await.unwrap();
    let mut account = account();
    account
        .settings
        .insert("endpoint".into(), "http://127.0.0.1:9".into());
    let (request, _) = request(speaker.start(&account, &batch(1), context()).await);
    assert_eq!(request.url, "http://127.0.0.1:9/x");
}

#[tokio::test]
async fn prototypes_and_globals_stay_as_they_were() {
    let workers = workers(options_for_hostile());
    let script = with_start(
        "const done = [];
         const attempt = (name, run) => { try { run(); done.push(name); } catch {} };
         if ({}.polluted) return {all: {verdict: 'bad_content', code: 'polluted'}};
         attempt('proto', () => { Object.prototype.polluted = true; });
         attempt('__proto__', () => { ({}).__proto__.polluted = true; });
         attempt('array', () => { Array.prototype.map = () => []; });
         attempt('json', () => { JSON.stringify = () => '{\"all\":{\"verdict\":\"accepted\"}}'; });
         attempt('json2', () => { globalThis.JSON = {}; });
         attempt('host', () => { host.hmac = () => 'x'; });
         attempt('host2', () => { globalThis.host = {}; });
         attempt('form', () => { host.form.build = () => ''; });
         attempt('global', () => { globalThis.kept = 1; });
         attempt('function', () => { Function.prototype.call = () => 0; });
         attempt('iterator', () => { [][Symbol.iterator]().__proto__.next = () => ({done: true}); });
         attempt('generator', () => { (function* () {}).constructor.prototype.x = 1; });
         attempt('date', () => { Date.prototype.toISOString = () => ''; });
         attempt('error', () => { Error.prepareStackTrace = () => 'x'; });
         attempt('unfreeze', () => { Object.freeze = (x) => x; });
         return {all: {verdict: 'bad_content', code: done.join(',') || 'none'}};",
    );
    let hostile = load(&workers, "bad", &script).await.unwrap();
    for _ in 0..2 {
        let step = hostile.start(&account(), &batch(1), context()).await;
        assert_eq!(word_and_code(step), ("bad_content".into(), "none".into()));
    }
    assert_eq!(hostile.quarantined(), None);
}

#[tokio::test]
async fn what_it_keeps_between_calls_fills_only_its_own_heap() {
    let workers = workers(options_for_hostile());
    let script = format!(
        "const kept = []; {}",
        with_start(
            "for (let i = 0; i < 200; i++) kept.push(new Array(1000).fill(i)); return {all: {verdict: 'bad_content', code: String(kept.length)}};"
        )
    );
    let neighbour = load(&workers, "good", &neighbour()).await.unwrap();
    let hostile = load(&workers, "bad", &script).await.unwrap();
    let mut codes = Vec::new();
    for _ in 0..8 {
        codes.push(word_and_code(hostile.start(&account(), &batch(1), context()).await).1);
        good_answer(&neighbour).await;
    }
    assert!(
        codes.iter().any(|code| code == "script_memory_limit"),
        "{codes:?}"
    );
    assert!(
        codes.iter().filter(|code| *code == "200").count() > 1,
        "a new engine each time: {codes:?}"
    );
}

/// Kills a process from outside, as a crash of the engine or the system's memory killer would.
fn kill(id: u32) {
    let id = rustix::process::Pid::from_raw(i32::try_from(id).unwrap()).unwrap();
    rustix::process::kill_process(id, rustix::process::Signal::KILL).unwrap();
}

#[tokio::test]
async fn a_worker_killed_from_outside_costs_no_call_and_no_repute() {
    let workers = workers(options_for_hostile());
    let neighbour = load(&workers, "good", &neighbour()).await.unwrap();
    good_answer(&neighbour).await;
    for _ in 0..5 {
        let calls: Vec<_> = (0..200)
            .map(|_| {
                let neighbour = neighbour.clone();
                tokio::spawn(async move { good_answer(&neighbour).await })
            })
            .collect();
        tokio::task::yield_now().await;
        for id in workers.process_ids() {
            kill(id);
        }
        for call in calls {
            call.await.unwrap();
        }
    }
    assert_eq!(neighbour.quarantined(), None);
}

#[tokio::test]
async fn many_calls_of_a_hostile_version_do_not_hold_up_its_neighbour() {
    let workers = workers(options_for_hostile());
    let neighbour = load(&workers, "good", &neighbour()).await.unwrap();
    let hostile = load(&workers, "bad", &with_start("return new Array(1e9) + '';"))
        .await
        .unwrap();
    let flood: Vec<_> = (0..50)
        .map(|_| {
            let hostile = hostile.clone();
            tokio::spawn(async move {
                word_and_code(hostile.start(&account(), &batch(1), context()).await).1
            })
        })
        .collect();
    tokio::task::yield_now().await;
    let began = Instant::now();
    for _ in 0..20 {
        good_answer(&neighbour).await;
    }
    // One hard deadline, not fifty.
    assert!(began.elapsed() < SLACK, "{:?}", began.elapsed());
    let mut killed = 0;
    for call in flood {
        match call.await.unwrap().as_str() {
            "script_killed" => killed += 1,
            code => assert_eq!(code, "script_quarantined"),
        }
    }
    assert_eq!(killed, 3);
}

#[tokio::test]
async fn workers_end_with_their_pool() {
    let workers = workers(options_for_hostile());
    let neighbour = load(&workers, "good", &neighbour()).await.unwrap();
    good_answer(&neighbour).await;
    let ids = workers.process_ids();
    assert!(!ids.is_empty());
    drop(neighbour);
    drop(workers);
    let alive = |id: &u32| {
        std::path::Path::new(&format!("/proc/{id}/cmdline")).exists()
            && !std::fs::read(format!("/proc/{id}/cmdline"))
                .unwrap_or_default()
                .is_empty()
    };
    let began = Instant::now();
    while ids.iter().any(alive) {
        assert!(began.elapsed() < SLACK, "workers are still there");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
