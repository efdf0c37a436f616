use proptest::prelude::*;

use super::*;

fn literal(words: &str) -> Piece {
    Piece::Literal(words.to_owned())
}

fn variable(name: &str) -> Piece {
    Piece::Variable(name.to_owned())
}

fn pieces(text: &str) -> Vec<Piece> {
    Text::parse(text).unwrap().pieces
}

#[test]
fn reads_words_and_placeholders() {
    assert_eq!(pieces(""), []);
    assert_eq!(
        pieces("您的订单{{order}}已发货"),
        [literal("您的订单"), variable("order"), literal("已发货")]
    );
    assert_eq!(
        pieces("{{ a }}{{_b.c-1  }}"),
        [variable("a"), variable("_b.c-1")]
    );
    assert_eq!(
        pieces(r#"{"a":{"b":"{{n}}"}}"#),
        [literal(r#"{"a":{"b":""#), variable("n"), literal(r#""}}"#)]
    );
}

#[test]
fn braces_that_are_words() {
    assert_eq!(pieces("a { b } c }} d"), [literal("a { b } c }} d")]);
    assert_eq!(pieces("{{{{name}}"), [literal("{{name}}")]);
    assert_eq!(pieces("{{{{{{n}}"), [literal("{{"), variable("n")]);
    assert_eq!(
        pieces("{{{n}}}"),
        [literal("{"), variable("n"), literal("}")]
    );
    assert_eq!(pieces("{{{{{"), [literal("{{{")]);
}

#[test]
fn faults_name_their_place() {
    let fault = |text: &str| Text::parse(text).unwrap_err().to_string();
    assert_eq!(
        fault("订单{{order"),
        "{{ is not closed by }}; a literal {{ is written {{{{ at character 2"
    );
    for (text, at, says) in [
        ("{{}}", 0, "needs a name"),
        ("a {{ }}", 2, "needs a name"),
        ("{{1a}}", 0, "begins with a letter"),
        ("{{a}} {{名}}", 6, "begins with a letter"),
        ("{{a b}}", 0, "only the letters"),
        ("{{a\u{a0}}}", 0, "only the letters"),
        ("{{{{{{a}", 4, "not closed"),
    ] {
        let error = Text::parse(text).unwrap_err();
        assert_eq!(error.at, at, "{text}");
        assert!(error.detail.contains(says), "{text}: {}", error.detail);
    }
    let long = format!("{{{{{}}}}}", "a".repeat(MAX_NAME + 1));
    assert!(fault(&long).contains("at most 64"));
    assert!(is_name(&"a".repeat(MAX_NAME)) && !is_name("") && !is_name("a b"));
}

#[test]
fn a_value_is_never_expanded_again() {
    let text = Text::parse("{{a}} and {{b}}").unwrap();
    let value = |name: &str| {
        Some(Cow::Owned(
            if name == "a" { "{{b}}" } else { "{$a}" }.to_owned(),
        ))
    };
    assert_eq!(text.render(Escape::None, value).unwrap(), "{{b}} and {$a}");
}

#[test]
fn an_unknown_variable_is_named() {
    let text = Text::parse("{{a}}{{b}}{{a}}").unwrap();
    assert_eq!(text.variables(), ["a", "b"]);
    let value = |name: &str| (name == "a").then_some(Cow::Borrowed("1"));
    assert_eq!(text.render(Escape::None, value), Err("b".to_owned()));
}

#[test]
fn escapes() {
    let value = "a<b>&\"c\"'d'\\\r\n\t\u{0}é";
    assert_eq!(Escape::None.apply(value), value);
    assert_eq!(
        Escape::Html.apply(value),
        "a&lt;b&gt;&amp;&quot;c&quot;&#39;d&#39;\\\r\n\t\u{0}é"
    );
    assert_eq!(
        Escape::Json.apply(value),
        "a<b>&\\\"c\\\"'d'\\\\\\r\\n\\t\\u0000é"
    );
    assert_eq!(
        Escape::Line.apply("a\r\nBcc: x\rb\nc\u{2028}d\u{85}e\u{7f}"),
        "a Bcc: x b c d e "
    );
}

#[test]
fn reads_the_placeholders_of_java_austin() {
    let ours = |text: &str| Text::from_java(text).unwrap().to_string();
    assert_eq!(
        ours("您的验证码是{$code}，{$minutes}分钟"),
        "您的验证码是{{code}}，{{minutes}}分钟"
    );
    assert_eq!(ours("a {{b}} {c} $d {$e"), "a {{{{b}} {c} $d {$e");
    assert_eq!(ours("{{$a}}"), "{{{a}}}");
    for (text, at) in [
        ("ab{$a{$b}}", 2),
        ("字{$}", 1),
        ("{$a b}", 0),
        ("{$姓名}", 0),
    ] {
        assert_eq!(Text::from_java(text).unwrap_err().at, at, "{text}");
    }
}

fn any_text() -> impl Strategy<Value = Text> {
    let piece = prop_oneof![
        "[a{}字 ]{1,8}".prop_map(Piece::Literal),
        "[a-zA-Z_][a-z0-9_.-]{0,9}".prop_map(Piece::Variable),
    ];
    proptest::collection::vec(piece, 0..8).prop_map(|pieces| {
        let mut text = Text::default();
        for piece in pieces {
            match piece {
                Piece::Literal(words) => text.push_literal(&words),
                Piece::Variable(_) => text.pieces.push(piece),
            }
        }
        text
    })
}

proptest! {
    #[test]
    fn printing_and_parsing_are_inverse(text in any_text()) {
        prop_assert_eq!(Text::parse(&text.to_string()), Ok(text));
    }

    #[test]
    fn any_input_gives_a_text_or_a_place_inside_it(input in "[a{}$ 字\\PC]{0,40}") {
        for result in [Text::parse(&input), Text::from_java(&input)] {
            match result {
                Ok(text) => prop_assert_eq!(Text::parse(&text.to_string()), Ok(text)),
                Err(error) => prop_assert!(error.at < input.chars().count()),
            }
        }
    }

    #[test]
    fn words_are_rendered_as_they_are(words in "[a{}<\"\r\n\\PC]{0,60}") {
        let mut text = Text::default();
        text.push_literal(&words);
        let text = Text::parse(&text.to_string()).unwrap();
        for escape in [Escape::None, Escape::Html, Escape::Json, Escape::Line] {
            prop_assert_eq!(text.render(escape, |_| None).unwrap(), words.as_str());
        }
    }

    #[test]
    fn html_values_hold_no_markup(value in any::<String>()) {
        let escaped = Escape::Html.apply(&value);
        prop_assert!(!escaped.contains(['<', '>', '"', '\'']));
        let back = escaped.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"");
        prop_assert_eq!(back.replace("&#39;", "'").replace("&amp;", "&"), value);
    }

    #[test]
    fn json_values_are_read_back(value in any::<String>()) {
        let quoted = format!("\"{}\"", Escape::Json.apply(&value));
        prop_assert_eq!(serde_json::from_str::<String>(&quoted).unwrap(), value);
    }

    #[test]
    fn line_values_are_one_line(value in "[a\r\n\u{85}\u{2028}\\PC]{0,40}") {
        let line = Escape::Line.apply(&value);
        prop_assert!(!line.contains(char::is_control));
        prop_assert!(line.lines().count() <= 1);
        prop_assert_eq!(line.find('\u{2028}'), None);
        prop_assert!(line.chars().count() <= value.chars().count());
    }
}
