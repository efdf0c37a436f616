//! Calendars as JSON.

use serde_json::Value;

use super::{Builder, Calendar, Fault, Kind, number};

pub(super) fn parse(text: &str) -> Result<Calendar, Vec<Fault>> {
    let document: Value = serde_json::from_str(text).map_err(|error| {
        let why = format!("neither JSON nor a file that begins with BEGIN:VCALENDAR: {error}");
        vec![Fault::new(format!("line {}", error.line()), why)]
    })?;
    let Value::Object(document) = document else {
        let why = "a calendar is an object with closed and working";
        return Err(vec![Fault::new("", why)]);
    };
    let mut builder = Builder::default();
    for (field, value) in &document {
        let kind = match field.as_str() {
            "closed" => Kind::Closed,
            "working" => Kind::Working,
            _ => {
                let name: String = field.chars().take(40).collect();
                builder.fault(name, "unknown field; a calendar has closed and working");
                continue;
            }
        };
        let Value::Array(days) = value else {
            builder.fault(field.as_str(), "must be a list of dates");
            continue;
        };
        for (index, day) in days.iter().enumerate() {
            let place = format!("{field}/{index}");
            match stretch(day) {
                Ok((from, to)) => builder.add(&place, kind, from, to),
                Err(why) => builder.fault(place, why),
            }
        }
    }
    builder.finish()
}

/// A date, or an object with `from` and `to`.
fn stretch(value: &Value) -> Result<(i64, i64), String> {
    match value {
        Value::String(text) => day(text).map(|day| (day, day)),
        Value::Object(fields) => {
            if let Some(other) = fields
                .keys()
                .find(|key| !matches!(key.as_str(), "from" | "to"))
            {
                let other: String = other.chars().take(40).collect();
                return Err(format!(
                    "unknown field {other:?}; a stretch has from and to"
                ));
            }
            let end = |name: &str| match fields.get(name) {
                Some(Value::String(text)) => day(text),
                _ => Err(format!("{name} must be a date such as 2026-01-31")),
            };
            Ok((end("from")?, end("to")?))
        }
        _ => Err("must be a date such as 2026-01-31, or {\"from\": …, \"to\": …}".to_owned()),
    }
}

fn day(text: &str) -> Result<i64, String> {
    let fault = || {
        let text: String = text.chars().take(40).collect();
        format!("{text:?} is not a date such as 2026-01-31")
    };
    let parts: Vec<&str> = text.split('-').collect();
    let [year, month, day] = parts.as_slice() else {
        return Err(fault());
    };
    let digits = [(year, 4), (month, 2), (day, 2)];
    if digits
        .iter()
        .any(|(part, length)| part.len() != *length || !part.bytes().all(|b| b.is_ascii_digit()))
    {
        return Err(fault());
    }
    let read = || {
        let (year, month, day) = (year.parse().ok()?, month.parse().ok()?, day.parse().ok()?);
        jiff::civil::Date::new(year, month, day).ok()
    };
    read().map(number).ok_or_else(fault)
}
