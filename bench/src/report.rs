//! Figures and how they are shown.

use serde_json::json;

/// One measured figure.
#[derive(Clone, Debug)]
pub(crate) struct Figure {
    pub(crate) scenario: &'static str,
    pub(crate) what: String,
    pub(crate) value: f64,
    pub(crate) unit: &'static str,
    /// What it is measured against, and the goal, in words.
    pub(crate) note: String,
}

impl Figure {
    pub(crate) fn new(
        scenario: &'static str,
        what: impl Into<String>,
        value: f64,
        unit: &'static str,
        note: impl Into<String>,
    ) -> Self {
        Self {
            scenario,
            what: what.into(),
            value,
            unit,
            note: note.into(),
        }
    }
}

fn shown(value: f64) -> String {
    if value >= 1000.0 {
        format!("{value:.0}")
    } else if value >= 10.0 {
        format!("{value:.1}")
    } else {
        format!("{value:.3}")
    }
}

#[expect(clippy::print_stdout, reason = "the table is this program's answer")]
pub(crate) fn print(figures: &[Figure]) {
    println!("| scenario | what | value | unit | note |");
    println!("|---|---|---|---|---|");
    for figure in figures {
        let value = shown(figure.value);
        println!(
            "| {} | {} | {value} | {} | {} |",
            figure.scenario, figure.what, figure.unit, figure.note
        );
    }
}

pub(crate) fn json(figures: &[Figure]) -> String {
    let rows: Vec<_> = figures
        .iter()
        .map(|figure| {
            json!({
                "scenario": figure.scenario,
                "what": figure.what,
                "value": figure.value,
                "unit": figure.unit,
                "note": figure.note,
            })
        })
        .collect();
    format!("{:#}\n", serde_json::Value::Array(rows))
}
