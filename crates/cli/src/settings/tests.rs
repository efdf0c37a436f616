use std::collections::HashSet;

use super::*;

fn file(text: &str) -> Result<Settings, Vec<String>> {
    let mut settings = Settings::default();
    let mut faults = Vec::new();
    apply_file(&mut settings, text, "a.toml", &mut faults);
    if faults.is_empty() {
        Ok(settings)
    } else {
        Err(faults)
    }
}

fn environment(names: &[(&str, &str)]) -> Result<Settings, Vec<String>> {
    let mut settings = Settings::default();
    let mut faults = Vec::new();
    let names = names
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    apply_environment(&mut settings, names, &mut faults);
    if faults.is_empty() {
        Ok(settings)
    } else {
        Err(faults)
    }
}

#[test]
fn a_file_sets_what_it_names() {
    let settings = file(
        "[http]\nlisten = \"0.0.0.0:80\"\nmax_body_bytes = \"2MiB\"\n\
         [log]\nformat = \"json\"\n\
         [engine]\ndefault_region = \"none\"\nlease = \"90s\"\nretain_for = \"30d\"\n",
    )
    .unwrap();
    assert_eq!(settings.http.listen.port(), 80);
    assert_eq!(settings.http.max_body_bytes, 2 << 20);
    assert_eq!(settings.log.format, LogFormat::Json);
    assert_eq!(settings.engine.default_region, None);
    assert_eq!(settings.engine.lease, Duration::from_secs(90));
    assert_eq!(
        settings.engine.retain_for,
        Some(Duration::from_secs(30 * 86_400))
    );
}

#[test]
fn what_is_unknown_or_wrong_is_named_all_at_once() {
    let faults = file(
        "[wire]\nallow_private_target = true\n[engine]\nlease = 60\nlane_calls = 0\n\
         [enigne]\nx = 1\n",
    )
    .unwrap_err();
    let text = faults.join("\n");
    assert_eq!(faults.len(), 4, "{text}");
    for part in [
        "a.toml: wire.allow_private_target: no such setting; did you mean \
         wire.allow_private_targets?",
        "a.toml: engine.lease: expected text in quotes, got a number",
        "a.toml: engine.lane_calls: expected a whole number from 1 to 10000",
        "a.toml: enigne.x: no such setting",
    ] {
        assert!(text.contains(part), "{part:?} not in:\n{text}");
    }
    let text = file("[server\n").unwrap_err().join("");
    assert!(
        text.starts_with("a.toml: TOML parse error at line 1"),
        "{text}"
    );
}

#[test]
fn the_environment_uses_two_underscores_between_levels() {
    let settings = environment(&[
        ("AUSTIN_WIRE__ALLOW_PRIVATE_TARGETS", "true"),
        ("AUSTIN_ENGINE__LANE_CALLS", "7"),
        ("AUSTIN_SERVICE_HOST", "10.0.0.1"),
        ("AUSTIN_URL", "http://x"),
        ("HOME", "/"),
    ])
    .unwrap();
    assert!(settings.wire.allow_private_targets);
    assert_eq!(settings.engine.lane_calls, 7);

    let text = environment(&[
        ("AUSTIN_WIRE_ALLOW_PRIVATE_TARGETS", "true"),
        ("AUSTIN_ENGINE__LAIN_CALLS", "7"),
        ("AUSTIN_LOG__FORMAT", "xml"),
    ])
    .unwrap_err()
    .join("\n");
    for part in [
        "did you mean AUSTIN_WIRE__ALLOW_PRIVATE_TARGETS?",
        "AUSTIN_ENGINE__LAIN_CALLS: no such setting; did you mean engine.lane_calls?",
        "AUSTIN_LOG__FORMAT: expected one of: text, json",
    ] {
        assert!(text.contains(part), "{part:?} not in:\n{text}");
    }
}

#[test]
fn every_key_takes_the_default_it_shows() {
    let mut seen = HashSet::new();
    for key in KEYS {
        assert!(seen.insert(key.path), "{} stands twice", key.path);
        assert_eq!(key.path.split('.').count(), 2, "{}", key.path);
        let mut settings = Settings::default();
        let before = (key.get)(&settings);
        if before.is_empty() {
            continue;
        }
        (key.set)(&mut settings, &Given::Text(&before))
            .unwrap_or_else(|why| panic!("{} does not take {before:?}: {why}", key.path));
        assert_eq!((key.get)(&settings), before, "{}", key.path);
    }
}

#[test]
fn distances() {
    assert_eq!(distance("", "abc"), 3);
    assert_eq!(distance("kitten", "sitting"), 3);
    assert_eq!(distance("same", "same"), 0);
}
