//! SMS segments against worked texts (`vectors/sms_segments.json`) and against their laws.

use austin_domain::segments::{Encoding, Segments, for_recipient, international, mainland, split};
use proptest::prelude::*;
use serde::Deserialize;

#[derive(Deserialize)]
struct Vectors {
    basic_table: Vec<Entry>,
    extension_table: Vec<Entry>,
    international: Vec<Worked>,
    chinese_mainland: Mainland,
}

#[derive(Deserialize)]
struct Entry {
    char: char,
}

#[derive(Deserialize)]
struct Worked {
    name: String,
    text: String,
    encoding: String,
    units: u32,
    segments: u16,
}

#[derive(Deserialize)]
struct Mainland {
    rows: Vec<MainlandRow>,
}

#[derive(Deserialize)]
struct MainlandRow {
    sign: String,
    text: String,
    units: u32,
    fee: u16,
}

fn vectors() -> Vectors {
    let text = include_str!("vectors/sms_segments.json");
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}"))
}

#[test]
fn the_alphabet_is_exactly_the_two_tables() {
    let vectors = vectors();
    assert_eq!(
        (vectors.basic_table.len(), vectors.extension_table.len()),
        (127, 10)
    );
    for c in '\0'..=char::MAX {
        let has = |table: &[Entry]| table.iter().any(|entry| entry.char == c);
        // No character of the tables lies above the euro sign.
        let expected = match c {
            '\0'..='€' if has(&vectors.basic_table) => (Encoding::Gsm7, 1),
            '\0'..='€' if has(&vectors.extension_table) => (Encoding::Gsm7, 2),
            '\u{10000}'.. => (Encoding::Ucs2, 2),
            _ => (Encoding::Ucs2, 1),
        };
        let found = international(c.encode_utf8(&mut [0; 4]));
        assert_eq!((found.encoding, found.units), expected, "{c:?}");
    }
    let listed = vectors.basic_table.iter().chain(&vectors.extension_table);
    assert!(listed.map(|entry| entry.char).all(|c| c <= '€'));
}

#[test]
fn worked_international_texts() {
    let rows = vectors().international;
    assert_eq!(rows.len(), 26);
    for row in rows {
        let encoding = match row.encoding.as_str() {
            "GSM-7" => Encoding::Gsm7,
            "UCS-2" => Encoding::Ucs2,
            other => panic!("{other}"),
        };
        let expected = Segments {
            encoding,
            units: row.units,
            count: row.segments,
        };
        assert_eq!(international(&row.text), expected, "{}", row.name);
        assert_eq!(
            for_recipient("+14155552671", None, &row.text),
            expected,
            "{}",
            row.name
        );
        assert_eq!(
            split(&row.text).len(),
            usize::from(row.segments),
            "{}",
            row.name
        );
    }
}

#[test]
fn worked_mainland_texts() {
    let rows = vectors().chinese_mainland.rows;
    assert_eq!(rows.len(), 7);
    for row in rows {
        let expected = Segments {
            encoding: Encoding::Ucs2,
            units: row.units,
            count: row.fee,
        };
        assert_eq!(
            mainland(Some(&row.sign), &row.text),
            expected,
            "{}",
            row.units
        );
        let to = "+8613711112201";
        assert_eq!(
            for_recipient(to, Some(&row.sign), &row.text),
            expected,
            "{}",
            row.units
        );
    }
}

#[test]
fn the_signature_counts_where_it_is_sent() {
    let signed = for_recipient("+14155552671", Some("Shop"), "Hello");
    assert_eq!(signed, international("【Shop】Hello"));
    assert_eq!(mainland(Some(""), "你好"), mainland(None, "你好"));
    // Hong Kong, Macao and Taiwan are not the mainland.
    for to in ["+85251234567", "+85366123456", "+886912345678"] {
        assert_eq!(for_recipient(to, None, "Hello").encoding, Encoding::Gsm7);
    }
}

#[test]
fn enormous_texts_do_not_overflow() {
    let text = "字".repeat(67 * 70_000);
    assert_eq!(international(&text).count, u16::MAX);
    assert_eq!(mainland(None, &text).count, u16::MAX);
}

/// Units of `part` by the definition: UTF-16, or septets with two for the extension table.
fn units(encoding: Encoding, part: &str) -> usize {
    match encoding {
        Encoding::Ucs2 => part.encode_utf16().count(),
        Encoding::Gsm7 => {
            let extended = part
                .chars()
                .filter(|c| "\u{c}^{}\\[~]|€".contains(*c))
                .count();
            part.chars().count() + extended
        }
    }
}

fn any_text() -> impl Strategy<Value = String> {
    // One and two units in both encodings, long enough for several parts.
    prop_oneof![
        "[a€]{0,500}",
        "[a€字😀]{0,300}",
        "[字😀]{0,300}",
        "a{140,165}[€a]{0,30}",
        any::<String>(),
    ]
}

proptest! {
    #[test]
    fn parts_are_the_text_and_fit(text in any_text()) {
        let Segments { encoding, units: total, count } = international(&text);
        let parts = split(&text);
        prop_assert_eq!(parts.concat(), text.as_str());
        prop_assert_eq!(parts.len(), usize::from(count));
        prop_assert_eq!(u32::try_from(units(encoding, &text)).unwrap(), total);
        let limit = if parts.len() == 1 { encoding.single() } else { encoding.multi() };
        let limit = usize::try_from(limit).unwrap();
        for part in &parts {
            prop_assert!(units(encoding, part) <= limit);
        }
        // No part could have taken the first character of the next: no part is wasted.
        for pair in parts.windows(2) {
            let next: String = pair[1].chars().take(1).collect();
            prop_assert!(units(encoding, pair[0]) + units(encoding, &next) > limit);
        }
    }

    #[test]
    fn more_text_is_never_fewer_parts(text in any_text(), more in any_text()) {
        let longer = format!("{text}{more}");
        prop_assert!(international(&longer).count >= international(&text).count);
        prop_assert!(mainland(None, &longer).count >= mainland(None, &text).count);
        prop_assert!(mainland(Some("商城"), &text).count >= mainland(None, &text).count);
    }

    #[test]
    fn up_to_70_units_are_one_part_and_each_67_begun_one_more(units in 0usize..2000) {
        let text = "字".repeat(units);
        let expected = if units <= 70 { 1 } else { units.div_ceil(67) };
        prop_assert_eq!(usize::from(mainland(None, &text).count), expected);
        prop_assert_eq!(usize::from(international(&text).count), expected);
        let latin = "a".repeat(units);
        prop_assert_eq!(usize::from(mainland(None, &latin).count), expected);
        let expected = if units <= 160 { 1 } else { units.div_ceil(153) };
        prop_assert_eq!(usize::from(international(&latin).count), expected);
    }

    #[test]
    fn pairs_need_at_most_the_parts_that_one_spare_unit_costs(text in any_text()) {
        let Segments { encoding, units, count } = international(&text);
        if units > encoding.single() {
            prop_assert!(u32::from(count) >= units.div_ceil(encoding.multi()));
            prop_assert!(u32::from(count) <= units.div_ceil(encoding.multi() - 1));
        }
    }
}
