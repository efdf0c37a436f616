//! The forms a template takes between file and server.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::toml_text;
use crate::exit::Failure;

/// Fields of a template besides its version, in the order of the file.
const TEMPLATE: [&str; 7] = [
    "name", "channel", "class", "team", "owner", "contact", "business",
];
/// Fields of a version.
const VERSION: [&str; 5] = [
    "content",
    "variables",
    "policies",
    "vendor_templates",
    "locales",
];
/// Longer texts stand in files of their own.
const LONG: usize = 400;

/// A template as the server shows it, with one of its versions, as the API takes it.
pub(super) fn body(template: &Value, version: &Value) -> Value {
    let mut body = Map::new();
    body.insert("key".into(), template["key"].clone());
    for (from, fields) in [(template, &TEMPLATE[..]), (version, &VERSION[..])] {
        for field in fields {
            if let Some(value) = from.get(*field).filter(|value| !value.is_null()) {
                body.insert((*field).to_owned(), value.clone());
            }
        }
    }
    Value::Object(body)
}

/// Name and ownership.
pub(super) fn description(template: &Value) -> Value {
    json!({
        "name": template["name"], "team": template["team"], "owner": template["owner"],
        "contact": template["contact"], "business": template["business"],
    })
}

/// What makes a version.
pub(super) fn words(template: &Value) -> Value {
    let field = |field: &&str| Some(((*field).to_owned(), template.get(*field)?.clone()));
    Value::Object(VERSION.iter().filter_map(field).collect())
}

/// The files of a template in its normal form, by name.
///
/// # Errors
/// When it cannot be written as TOML.
pub(super) fn files(key: &str, template: &Value) -> Result<BTreeMap<String, String>, Failure> {
    let mut files = BTreeMap::new();
    let mut template = template.clone();
    if let Some(content) = template.get_mut("content") {
        apart(key, content, &mut files);
    }
    if let Some(Value::Object(locales)) = template.get_mut("locales") {
        for (tag, localised) in locales {
            apart(&format!("{key}.{tag}"), localised, &mut files);
        }
    }
    if let Some(Value::Object(variables)) = template.get_mut("variables") {
        variables.values_mut().for_each(shorten);
    }
    let mut text = String::new();
    for field in TEMPLATE {
        toml_text::field(&mut text, field, &template[field])?;
    }
    for field in VERSION {
        let value = &template[field];
        if value.as_object().is_some_and(|fields| !fields.is_empty()) {
            toml_text::table(&mut text, field, value)?;
        }
    }
    files.insert(format!("{key}.toml"), text);
    Ok(files)
}

/// Moves HTML, JSON and long texts of a content into files of their own.
fn apart(stem: &str, content: &mut Value, files: &mut BTreeMap<String, String>) {
    let Some(fields) = content.as_object_mut() else {
        return;
    };
    for (field, ending) in [("html", "html"), ("body", "json"), ("text", "txt")] {
        let Some(Value::String(text)) = fields.get(field) else {
            continue;
        };
        if field == "html" || text.chars().count() > LONG {
            let name = format!("{stem}.{ending}");
            files.insert(name.clone(), format!("{text}\n"));
            fields.insert(field.to_owned(), json!({ "file": name }));
        }
    }
}

/// Leaves out of a variable what goes without saying.
fn shorten(variable: &mut Value) {
    let Some(fields) = variable.as_object_mut() else {
        return;
    };
    let unsaid = [
        ("type", json!("string")),
        ("required", json!(!fields.contains_key("default"))),
        ("secret", json!(false)),
    ];
    for (field, value) in unsaid {
        if fields.get(field) == Some(&value) {
            fields.remove(field);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::files::Folder;
    use super::*;

    #[test]
    fn what_was_written_says_the_same() {
        let template = json!({
            "key": "order-shipped", "name": "Order \"shipped\"", "channel": "email",
            "class": "notification", "team": "logistics", "owner": "li@corp.example",
            "contact": "li@corp.example", "business": "包裹",
            "content": {
                "subject": "Order {{order}}", "html": "<p>{{order}}</p>\n<p>'''x\"\"\"</p>\n",
                "text": format!("{}\n{{{{order}}}}\\n '''  \n", "long ".repeat(100)),
            },
            "variables": {
                "order": {"max_length": 40, "pattern": "[A-Z]\\d+", "one_of": ["A1", "B2"]},
                "size": {"type": "integer", "default": 3, "required": false},
            },
            "policies": {"cap": [{"per": "recipient", "count": 5, "window": "1d"}],
                "dedup": {"window": "5m"}, "quiet_hours": "hold"},
            "vendor_templates": {"mail.1": {"template_id": "7", "params": ["order"]}},
            "locales": {
                "zh-Hant": {"subject": "{{order}}\t\u{7f}", "html": "<p>{{order}}</p>",
                    "text": "多行\n\n{{order}}",
                    "vendor_templates": {"mail.1": {"template_id": "8"}}},
            },
        });
        let normal = |body: &Value| austin_http::normal_template(body);
        // A control character is no subject.
        assert!(normal(&template).is_err());
        let mut template = template;
        template["locales"]["zh-Hant"]["subject"] = json!("{{order}}");
        let normal_form = normal(&template).unwrap();
        let dir = tempfile::tempdir().unwrap();
        let written = files("order-shipped", &normal_form).unwrap();
        let names: Vec<&String> = written.keys().collect();
        assert_eq!(
            names,
            [
                "order-shipped.html",
                "order-shipped.toml",
                "order-shipped.txt",
                "order-shipped.zh-Hant.html",
            ]
        );
        Folder::write(dir.path(), "order-shipped", &written).unwrap();
        let folder = Folder::read(dir.path()).unwrap();
        let body = folder.file("order-shipped").unwrap().body().unwrap();
        assert_eq!(
            normal(&body).unwrap(),
            normal_form,
            "{}",
            written["order-shipped.toml"]
        );

        // A text that is short again has no file of its own.
        template["content"]["text"] = json!("{{order}}");
        let written = files("order-shipped", &normal(&template).unwrap()).unwrap();
        Folder::write(dir.path(), "order-shipped", &written).unwrap();
        assert!(!dir.path().join("order-shipped.txt").exists());
        assert!(dir.path().join("order-shipped.html").exists());
    }

    #[test]
    fn texts_stand_in_the_same_folder() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.toml");
        for (file, fault) in [
            (
                "[content]\ntext = {file = \"../x\"}",
                "content.text: file names",
            ),
            (
                "[content]\ntext = {file = \"/etc/passwd\"}",
                "content.text: file names",
            ),
            ("[content]\ntext = {file = \"gone.txt\"}", "gone.txt"),
            ("[content\n", "line 1"),
            ("key = \"a\"", "file's name"),
        ] {
            std::fs::write(&path, file).unwrap();
            let folder = Folder::read(dir.path()).unwrap();
            let said = folder.file("a").unwrap().body().unwrap_err();
            assert!(said.contains(fault), "{file}: {said}");
        }
        std::fs::rename(&path, dir.path().join("Bad Key.toml")).unwrap();
        assert!(Folder::read(dir.path()).is_err());
    }
}
