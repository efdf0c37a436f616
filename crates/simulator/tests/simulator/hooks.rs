//! The webhook sink. The signature is the vector of the Standard Webhooks reference libraries.

use austin_simulator::{Clock, Options};

use crate::rig::Rig;

const BODY: &str = r#"{"test": 2432232314}"#;
const SIGNED: [(&str, &str); 3] = [
    ("webhook-id", "msg_p5jXN8AQM9LWM0D4loKWxJek"),
    ("webhook-timestamp", "1614265330"),
    (
        "webhook-signature",
        "v1,b3RoZXI= v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    ),
];

async fn rig(now_s: i64) -> Rig {
    let rig = Rig::with(Options {
        clock: Clock::new(move || now_s * 1_000),
        ..Options::default()
    })
    .await;
    let behaviour = r#"{"credentials":{"webhook":"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"}}"#;
    rig.behave("signed", behaviour).await;
    rig
}

#[tokio::test]
async fn takes_what_is_signed_and_counts_repeats() {
    let rig = rig(1_614_265_400).await;
    assert_eq!(rig.post("/hook/signed", &SIGNED, BODY).await.status, 200);
    assert_eq!(rig.post("/hook/signed", &SIGNED, BODY).await.status, 200);
    let summary = rig.summary().await;
    assert_eq!(
        summary["doubled"][0]["reference"],
        "msg_p5jXN8AQM9LWM0D4loKWxJek"
    );
    assert_eq!(summary["doubled"][0]["to"], "signed");
}

#[tokio::test]
async fn refuses_what_is_altered_unsigned_or_old() {
    let rig = rig(1_614_265_400).await;
    let altered = rig.post("/hook/signed", &SIGNED, r#"{"test": 1}"#).await;
    assert_eq!(altered.status, 401);
    assert_eq!(rig.post("/hook/signed", &[], BODY).await.status, 401);
    assert_eq!(
        rig.post("/a/signed/hook/other", &SIGNED, BODY).await.status,
        200,
        "unsigned sink"
    );
    let late = self::rig(1_614_265_330 + 301).await;
    assert_eq!(late.post("/hook/signed", &SIGNED, BODY).await.status, 401);
    assert_eq!(late.summary().await["accepted"], 0);
}

#[tokio::test]
async fn behaves_by_the_rules() {
    let rig = rig(0).await;
    let rules = r#"{"rules":[{"match":{"text_contains":"gone"},"do":{"reject":{"code":"bad_recipient"}}},
                             {"match":{"text_contains":"busy"},"do":{"reject":{"code":"later"}}}]}"#;
    rig.behave("ruled", rules).await;
    for (body, status) in [("gone", 410), ("busy", 503), ("fine", 200)] {
        assert_eq!(rig.post("/hook/ruled", &[], body).await.status, status);
        assert_eq!(rig.post("/hook/unnamed", &[], body).await.status, 200);
    }
    assert_eq!(rig.summary().await["without_reference"], 4);
}
