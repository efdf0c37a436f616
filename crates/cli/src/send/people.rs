//! A CSV file (RFC 4180) of recipients: a heading with `to`, optionally `ref`, and variables.

use serde_json::{Map, Value, json};

/// One recipient.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Person {
    to: String,
    reference: Option<String>,
    vars: Map<String, Value>,
}

impl Person {
    /// Somebody without variables of their own.
    pub(crate) fn new(to: &str) -> Self {
        Self {
            to: to.to_owned(),
            ..Self::default()
        }
    }

    /// As the API takes it.
    pub(crate) fn json(&self) -> Value {
        let mut person = json!({ "to": self.to });
        if !self.vars.is_empty() {
            person["vars"] = Value::Object(self.vars.clone());
        }
        if let Some(reference) = &self.reference {
            person["ref"] = json!(reference);
        }
        person
    }
}

/// Reads the file.
///
/// # Errors
/// The line that is wrong, and why.
pub(crate) fn parse(text: &str) -> Result<Vec<Person>, String> {
    let mut records = records(text.trim_start_matches('\u{feff}'))?.into_iter();
    let (_, heading) = records.next().ok_or("the file is empty")?;
    let to = heading
        .iter()
        .position(|name| name == "to")
        .ok_or("the heading has no column named to")?;
    for (index, name) in heading.iter().enumerate() {
        if name.is_empty() || heading[..index].contains(name) {
            return Err(format!("column {} has no name of its own", index + 1));
        }
    }
    let people: Vec<_> = records
        .map(|(line, record)| {
            if record.len() != heading.len() {
                return Err(format!(
                    "line {line}: {} fields where the heading has {}",
                    record.len(),
                    heading.len()
                ));
            }
            if record[to].is_empty() {
                return Err(format!("line {line}: no recipient"));
            }
            Ok(person(&heading, record))
        })
        .collect::<Result<_, _>>()?;
    if people.is_empty() {
        return Err("there is nobody in the file".into());
    }
    Ok(people)
}

fn person(heading: &[String], record: Vec<String>) -> Person {
    let mut person = Person::default();
    for (name, value) in heading.iter().zip(record) {
        match name.as_str() {
            "to" => person.to = value,
            "ref" => person.reference = Some(value).filter(|value| !value.is_empty()),
            _ => {
                person.vars.insert(name.clone(), Value::String(value));
            }
        }
    }
    person
}

/// Records with the line each begins on; empty lines are passed over.
fn records(text: &str) -> Result<Vec<(usize, Vec<String>)>, String> {
    let mut records = Vec::new();
    let mut record = Vec::new();
    let mut field = String::new();
    let (mut line, mut begun, mut quoted) = (1, 1, false);
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '"' if quoted && chars.peek() == Some(&'"') => {
                field.push('"');
                chars.next();
            }
            '"' if quoted => {
                quoted = false;
                if !matches!(chars.peek(), None | Some(',' | '\r' | '\n')) {
                    return Err(format!("line {line}: text after a closing quote"));
                }
            }
            '"' if field.is_empty() => quoted = true,
            '"' => {
                return Err(format!(
                    "line {line}: a quote inside a field without quotes"
                ));
            }
            ',' if !quoted => record.push(std::mem::take(&mut field)),
            '\r' if !quoted && chars.peek() == Some(&'\n') => {}
            '\n' if !quoted => {
                record.push(std::mem::take(&mut field));
                if record != [""] {
                    records.push((begun, std::mem::take(&mut record)));
                }
                record.clear();
                line += 1;
                begun = line;
            }
            c => {
                line += usize::from(c == '\n');
                field.push(c);
            }
        }
    }
    if quoted {
        return Err(format!("line {begun}: a quote is never closed"));
    }
    record.push(field);
    if record != [""] {
        records.push((begun, record));
    }
    Ok(records)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_quotes_chinese_windows_lines_and_a_mark() {
        let people = parse(
            "\u{feff}to,ref,name\r\n+8613711112201,r1,\"李, \"\"Lao\"\"\"\r\n\r\n\
             a@corp.example,,\"two\nlines\"",
        )
        .unwrap();
        assert_eq!(
            people.iter().map(Person::json).collect::<Vec<_>>(),
            [
                json!({"to": "+8613711112201", "ref": "r1", "vars": {"name": "李, \"Lao\""}}),
                json!({"to": "a@corp.example", "vars": {"name": "two\nlines"}}),
            ]
        );
    }

    #[test]
    fn names_the_line_that_is_wrong() {
        for (text, why) in [
            ("", "the file is empty"),
            ("phone\n+86", "no column named to"),
            ("to,to\n1,2", "column 2"),
            ("to,\n1,2", "column 2"),
            ("to\n", "nobody"),
            ("to,a\n1,2\n3\n", "line 3: 1 fields where the heading has 2"),
            ("to,a\n,2", "line 2: no recipient"),
            ("to\n\"x", "line 2: a quote is never closed"),
            ("to\nx\"y\"", "line 2: a quote inside"),
            ("to\n\"x\"y", "line 2: text after"),
        ] {
            let got = parse(text).unwrap_err();
            assert!(got.contains(why), "{text:?}: {got}");
        }
    }
}
