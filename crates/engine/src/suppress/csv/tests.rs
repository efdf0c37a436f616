//! Files as spreadsheets and people write them.

use std::io::Cursor;

use austin_domain::suppression::Reason;
use austin_domain::{Channel, Timestamp};

use super::*;

const NOW: Timestamp = Timestamp::from_seconds(1_767_323_045);

fn rows(file: &[u8]) -> Result<Rows, RowFault> {
    let spool = || Box::new(Cursor::new(file.to_vec())) as Spool;
    Rows::open(spool(), spool())
}

fn all(file: &[u8]) -> Result<ImportBatch, RowFault> {
    let asked = NewImport {
        channel: Some(Some(Channel::Sms)),
        reason: Reason::Manual,
        author: "app/shop".into(),
    };
    let ground = Ground {
        channel: asked.channel,
        reason: asked.reason,
        region: Some("CN"),
        now: NOW,
    };
    let mut rows = rows(file)?;
    let mut whole = ImportBatch::default();
    loop {
        let batch = rows.next(2, &asked, &ground)?;
        if batch.entries.is_empty() && batch.rejected == 0 {
            return Ok(whole);
        }
        whole.entries.extend(batch.entries);
        whole.rejected += batch.rejected;
        whole.faults.extend(batch.faults);
    }
}

fn told(batch: &ImportBatch) -> Vec<(Option<Channel>, &str, Reason, &str)> {
    let entries = batch.entries.iter();
    entries
        .map(|entry| {
            let note = entry.note.as_deref().unwrap_or("");
            (entry.channel, entry.to.as_str(), entry.reason, note)
        })
        .collect()
}

const PLAIN: &str = "To,CHANNEL, Reason ,note\n\
                     13711112200,,,退订\n\
                     li@corp.example,email,opt_out,\"二, 三\"\n\
                     +8613711112201,all,complaint,\n";

fn expected() -> Vec<(Option<Channel>, &'static str, Reason, &'static str)> {
    vec![
        (Some(Channel::Sms), "+8613711112200", Reason::Manual, "退订"),
        (
            Some(Channel::Email),
            "li@corp.example",
            Reason::OptOut,
            "二, 三",
        ),
        (None, "+8613711112201", Reason::Complaint, ""),
    ]
}

#[test]
fn every_encoding_and_separator_gives_the_same_rows() {
    let gb = |text: &str| GB18030.encode(text).0.into_owned();
    let utf16 = |text: &str| {
        let units = std::iter::once(0xfeff).chain(text.encode_utf16());
        units.flat_map(u16::to_le_bytes).collect::<Vec<u8>>()
    };
    let windows = PLAIN.replace('\n', "\r\n");
    let tabs = PLAIN
        .replace("二, 三", "二; 三")
        .replace(',', "\t")
        .replace(';', ",");
    let semicolons = PLAIN
        .replace("二, 三", "二# 三")
        .replace(',', ";")
        .replace('#', ",");
    for file in [
        PLAIN.as_bytes().to_vec(),
        [b"\xef\xbb\xbf", PLAIN.as_bytes()].concat(),
        gb(PLAIN),
        gb(&windows),
        utf16(&tabs),
        windows.into_bytes(),
        tabs.clone().into_bytes(),
        semicolons.into_bytes(),
        PLAIN.trim_end().as_bytes().to_vec(),
    ] {
        let batch = all(&file).unwrap();
        assert_eq!(batch.faults, []);
        assert_eq!(told(&batch), expected());
    }
}

#[test]
fn a_character_across_two_pieces_is_read_whole() {
    for pad in PIECE - 40..PIECE {
        let note = "x".repeat(400);
        let mut text = "to,note\n".to_owned();
        while text.len() + 420 < pad {
            text.push_str(&format!("13711112200,{note}\n"));
        }
        text.push_str(&format!(
            "13711112200,{}中文字\n",
            "y".repeat(pad - text.len() - 12)
        ));
        for file in [
            text.clone().into_bytes(),
            GB18030.encode(&text).0.into_owned(),
        ] {
            let batch = all(&file).unwrap();
            assert_eq!(batch.faults, []);
            let last = batch.entries.last().unwrap().note.as_deref().unwrap();
            assert!(last.ends_with("y中文字"), "{pad}");
        }
    }
}

#[test]
fn faults_name_line_and_column_and_no_address() {
    let file = "to,channel,reason,until,note\n\
                137,sms,,,\n\
                13711112200,smoke,,,\n\
                ,sms,,,\n\
                13711112201,sms,because,yesterday,\n\
                13711112202,sms,,2020-01-01T00:00:00Z,\"two\nlines\"\n\
                13711112203,sms,,2200-01-01T00:00:00Z,\n\
                13711112204,sms,,,,more\n\
                13711112205,sms,,2030-01-01T00:00:00.5Z,\n";
    for file in [file.to_owned(), file.replace('\n', "\r\n")] {
        told_where(&file);
    }
}

fn told_where(file: &str) {
    let batch = all(file.as_bytes()).unwrap();
    assert_eq!(batch.rejected, 7);
    let faults: Vec<_> = batch
        .faults
        .iter()
        .map(|fault| (fault.line, fault.column.as_str(), fault.code.as_str()))
        .collect();
    assert_eq!(
        faults,
        [
            (2, "to", "invalid_recipient"),
            (3, "channel", "unknown_value"),
            (4, "to", "required"),
            (5, "reason", "unknown_value"),
            (5, "until", "invalid"),
            (6, "until", "in_the_past"),
            (8, "until", "out_of_range"),
            (9, "", "too_many_columns"),
        ]
    );
    assert!(
        batch
            .faults
            .iter()
            .all(|fault| !fault.detail.contains("137"))
    );
    let end = batch.entries[0].until.unwrap();
    assert_eq!(end.to_string(), "2030-01-01T00:00:01.000Z");
}

#[test]
fn what_is_no_such_file_is_refused_as_a_whole() {
    for (file, column, code) in [
        (&b""[..], "", "empty"),
        (b"\xef\xbb\xbf", "", "empty"),
        (b"13711112200\n13711112201\n", "", "unknown_column"),
        (b"to,phone number\n", "phone number", "unknown_column"),
        (b"to,To\n", "to", "duplicate_column"),
        (b"channel\nsms\n", "to", "required"),
        (b"to\n\xff\xff\xff\xff\n", "", "unknown_encoding"),
    ] {
        let refused = rows(file).err().unwrap();
        assert_eq!(
            (refused.column.as_str(), refused.code.as_str()),
            (column, code)
        );
        assert!(!refused.detail.contains("137"), "{}", refused.detail);
    }
}

#[test]
fn a_quote_that_nobody_closes_does_not_fill_the_memory() {
    let mut file = b"to,note\n13711112200,\"".to_vec();
    file.extend(std::iter::repeat_n(b'x', 3 * LONGEST_ROW));
    let refused = all(&file).unwrap_err();
    assert_eq!(refused.code, "unreadable");
    assert!(refused.detail.contains("quote"), "{}", refused.detail);
}
