//! Status callbacks: a JSON array, many receipts in one; replies: a JSON object, one each. The
//! vendor does not sign them.

use austin_adapter_api::{Outcome, PersonReply, Receipt, Receipts, Refused};
use austin_domain::Timestamp;
use serde_json::Value;

use crate::entries::{self, answered};
use crate::post::JSON;
use crate::{beijing, json, phone};

pub(super) fn read(body: &[u8]) -> Result<Receipts, Refused> {
    if let Ok(entry @ Value::Object(_)) = serde_json::from_slice::<Value>(body)
        && entry.get("text").is_some()
    {
        return entries::answered_replies(&[entry], reply, JSON, TAKEN);
    }
    let receipts = entries::read(&entries::array(body)?, receipt)?;
    Ok(answered(receipts, JSON, TAKEN))
}

const TAKEN: &str = r#"{"result":0,"errmsg":"OK"}"#;

/// <https://cloud.tencent.com/document/product/382/59179>
fn reply(entry: &Value) -> Result<PersonReply, String> {
    let mobile = json::text(entry, "mobile").ok_or("has no mobile")?;
    let country = json::text(entry, "nationcode").unwrap_or_default();
    let digits = country.trim_start_matches(['+', '0']);
    Ok(PersonReply {
        from: match digits {
            "" => phone::e164(&mobile),
            _ => format!("+{digits}{}", phone::vendor_digits(&mobile)),
        },
        text: json::text(entry, "text").unwrap_or_default(),
        at: entry["time"].as_i64().map(Timestamp::from_seconds),
        to: json::text(entry, "extend").filter(|code| !code.is_empty()),
    })
}

fn receipt(entry: &Value) -> Result<Receipt, String> {
    let key = json::text(entry, "sid").ok_or("has no sid")?;
    let status = json::text(entry, "report_status").ok_or("has no report_status")?;
    let outcome = match status.as_str() {
        "SUCCESS" => Outcome::Delivered,
        "FAIL" => Outcome::Undelivered,
        _ => Outcome::Pending,
    };
    let code = json::text(entry, "errmsg").unwrap_or(status);
    let detail = json::text(entry, "description").unwrap_or_default();
    let at = json::text(entry, "user_receive_time").and_then(|text| beijing::instant(&text));
    Ok(Receipt {
        mark: phone::mark(&detail),
        ..entries::receipt(key, outcome, &code, &detail, at)
    })
}
