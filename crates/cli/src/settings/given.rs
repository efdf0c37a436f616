//! A value as it was given, in a file or as text, read as what a key takes.

use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::time::Duration;

/// A value as it was given.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Given<'a> {
    /// In a configuration file.
    File(&'a toml::Value),
    /// In the environment.
    Text(&'a str),
}

impl Given<'_> {
    pub(crate) fn text(&self) -> Result<String, String> {
        let text = match self {
            Self::Text(text) => *text,
            Self::File(toml::Value::String(text)) => text,
            Self::File(other) => return Err(expected("text in quotes", other)),
        };
        if text.is_empty() {
            return Err("must not be empty".into());
        }
        Ok(text.to_owned())
    }

    pub(crate) fn boolean(&self) -> Result<bool, String> {
        match self {
            Self::File(toml::Value::Boolean(value)) => Ok(*value),
            Self::Text("true") => Ok(true),
            Self::Text("false") => Ok(false),
            Self::File(other) => Err(expected("true or false", other)),
            Self::Text(_) => Err("expected true or false".into()),
        }
    }

    pub(crate) fn number<N: TryFrom<u64> + Into<u64> + Copy>(
        &self,
        range: RangeInclusive<N>,
    ) -> Result<N, String> {
        let (from, to): (u64, u64) = ((*range.start()).into(), (*range.end()).into());
        let wanted = format!("a whole number from {from} to {to}");
        let number = match self {
            Self::File(toml::Value::Integer(number)) => u64::try_from(*number).ok(),
            Self::File(other) => return Err(expected(&wanted, other)),
            Self::Text(text) => text.parse().ok(),
        };
        number
            .filter(|number| (from..=to).contains(number))
            .and_then(|number| N::try_from(number).ok())
            .ok_or_else(|| format!("expected {wanted}"))
    }

    pub(crate) fn size(&self, range: RangeInclusive<u64>) -> Result<usize, String> {
        let number = self.number(range)?;
        usize::try_from(number).map_err(|_| "too large for this machine".into())
    }

    /// Bytes: a number, or a number with `KiB`, `MiB` or `GiB`.
    pub(crate) fn bytes(&self, range: RangeInclusive<u64>) -> Result<usize, String> {
        if let Self::File(toml::Value::Integer(_)) = self {
            return self.size(range);
        }
        let text = self.text()?;
        let (digits, unit) = split(&text);
        let unit = match unit {
            "" | "B" => 1,
            "KiB" => 1 << 10,
            "MiB" => 1 << 20,
            "GiB" => 1 << 30,
            _ => return Err("expected a size such as 512KiB, 8MiB or a number of bytes".into()),
        };
        digits
            .parse::<u64>()
            .ok()
            .and_then(|number| number.checked_mul(unit))
            .filter(|bytes| range.contains(bytes))
            .and_then(|bytes| usize::try_from(bytes).ok())
            .ok_or_else(|| {
                format!(
                    "expected a size from {} to {} bytes",
                    range.start(),
                    range.end()
                )
            })
    }

    /// A number with `ms`, `s`, `m`, `h` or `d`.
    pub(crate) fn duration(&self, range: RangeInclusive<Duration>) -> Result<Duration, String> {
        let text = self.text()?;
        let (digits, unit) = split(&text);
        let millis = match unit {
            "ms" => 1,
            "s" => 1_000,
            "m" => 60_000,
            "h" => 3_600_000,
            "d" => 86_400_000,
            _ => return Err("expected a duration such as 250ms, 20s, 5m, 2h or 7d".into()),
        };
        digits
            .parse::<u64>()
            .ok()
            .and_then(|number| number.checked_mul(millis))
            .map(Duration::from_millis)
            .filter(|duration| range.contains(duration))
            .ok_or_else(|| {
                format!(
                    "expected a duration from {} to {}",
                    super::shown(*range.start()),
                    super::shown(*range.end())
                )
            })
    }

    pub(crate) fn address(&self) -> Result<SocketAddr, String> {
        self.text()?
            .parse()
            .map_err(|_| "expected an address and a port, such as 127.0.0.1:7070".into())
    }

    /// Texts: an array in a file, separated by commas elsewhere.
    pub(crate) fn list(&self) -> Result<Vec<String>, String> {
        match self {
            Self::Text(text) => Ok(text
                .split(',')
                .map(|item| item.trim().to_owned())
                .filter(|item| !item.is_empty())
                .collect()),
            Self::File(toml::Value::Array(items)) => {
                items.iter().map(|item| Given::File(item).text()).collect()
            }
            Self::File(other) => Err(expected("an array of texts", other)),
        }
    }

    /// One of some words.
    pub(crate) fn choice<T: Copy>(&self, words: &[(&str, T)]) -> Result<T, String> {
        let text = self.text()?;
        words
            .iter()
            .find(|(word, _)| *word == text)
            .map(|(_, value)| *value)
            .ok_or_else(|| {
                let words: Vec<_> = words.iter().map(|(word, _)| *word).collect();
                format!("expected one of: {}", words.join(", "))
            })
    }
}

fn split(text: &str) -> (&str, &str) {
    let end = text
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(text.len());
    let (digits, unit) = text.split_at(end);
    (digits, unit.trim_start())
}

fn expected(what: &str, got: &toml::Value) -> String {
    let kind = match got.type_str() {
        "integer" => "a number",
        "boolean" => "true or false",
        "string" => "text",
        "table" => "a table",
        "array" => "an array",
        other => other,
    };
    format!("expected {what}, got {kind}")
}
