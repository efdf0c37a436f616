//! The only way to stdout and stderr besides the log.
//!
//! A reader that went away (`austin deliveries | head`) ends the output, not the program: write
//! errors are not worth a panic.

use std::io::Write as _;

/// A line on stdout: what was asked for.
pub(crate) fn line(text: &str) {
    let mut out = std::io::stdout().lock();
    let _ = writeln!(out, "{text}").and_then(|()| out.flush());
}

/// A line on stderr: what is worth knowing besides.
pub(crate) fn error(text: &str) {
    let _ = writeln!(std::io::stderr().lock(), "{text}");
}

/// Rows under a heading, as wide as they need to be. Widths count characters, wide (CJK) ones
/// twice.
pub(crate) fn table(heading: &[&str], rows: &[Vec<String>]) {
    for text in layout(heading, rows) {
        line(&text);
    }
}

fn layout(heading: &[&str], rows: &[Vec<String>]) -> Vec<String> {
    let mut widths: Vec<usize> = heading.iter().map(|cell| width(cell)).collect();
    for row in rows {
        for (slot, cell) in widths.iter_mut().zip(row) {
            *slot = (*slot).max(width(cell));
        }
    }
    let heading: Vec<String> = heading.iter().map(|cell| (*cell).to_owned()).collect();
    std::iter::once(&heading)
        .chain(rows)
        .map(|row| {
            let mut text = String::new();
            for (cell, wide) in row.iter().zip(&widths) {
                text.push_str(cell);
                text.extend(std::iter::repeat_n(
                    ' ',
                    wide.saturating_sub(width(cell)) + 2,
                ));
            }
            text.trim_end().to_owned()
        })
        .collect()
}

fn width(text: &str) -> usize {
    text.chars()
        .map(|c| match u32::from(c) {
            0x1100..=0x115f
            | 0x2e80..=0xa4cf
            | 0xac00..=0xd7a3
            | 0xf900..=0xfaff
            | 0xfe30..=0xfe6f
            | 0xff00..=0xff60
            | 0xffe0..=0xffe6
            | 0x1f300..=0x1faff => 2,
            _ => 1,
        })
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up_also_with_chinese() {
        let rows = vec![
            vec!["a".into(), "商城".into(), "x".into()],
            vec!["bbb".into(), "shop".into(), "y".into()],
        ];
        assert_eq!(
            layout(&["id", "team", "s"], &rows),
            ["id   team  s", "a    商城  x", "bbb  shop  y"]
        );
    }
}
