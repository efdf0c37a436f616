//! What the demo sets up: accounts with the simulated vendor, routes, templates.

use std::net::SocketAddr;

use http::{Method, StatusCode};
use serde_json::{Value, json};

use crate::api::Api;
use crate::exit::Failure;

/// The SMS account.
pub(crate) const SMS: &str = "demo-sms";
/// The e-mail account with receipts.
pub(crate) const MAIL: &str = "demo-mail";
/// The e-mail account that speaks SMTP.
const SMTP: &str = "demo-smtp";
/// The template of the first SMS.
pub(crate) const SMS_TEMPLATE: &str = "welcome-sms";
const MAIL_TEMPLATE: &str = "welcome-mail";

/// Where the simulated vendor is.
pub(crate) struct Vendor {
    /// Its base URL.
    pub(crate) url: String,
    /// Its mail sink.
    pub(crate) smtp: Option<SocketAddr>,
    /// The secret its accounts have.
    pub(crate) token: String,
}

/// Sets everything up; what exists from an earlier run is replaced.
///
/// # Errors
/// When the API refuses something.
pub(crate) async fn seed(api: &mut Api, vendor: &Vendor) -> Result<(), Failure> {
    for (key, channel) in [(SMS, "sms"), (MAIL, "email")] {
        let account = json!({
            "key": key, "channel": channel, "adapter": "simulator", "enabled": true,
            "settings": {"endpoint": format!("{}/a/{key}", vendor.url)},
            "secrets": {"token": vendor.token},
        });
        put(api, "/v1/accounts", key, account).await?;
    }
    for class in ["verification", "notification", "marketing"] {
        route(api, &format!("sms/{class}"), SMS).await?;
        route(api, &format!("email/{class}"), MAIL).await?;
    }
    if let Some(smtp) = vendor.smtp {
        let account = json!({
            "key": SMTP, "channel": "email", "adapter": "smtp", "enabled": true,
            "settings": {"host": smtp.ip().to_string(), "port": smtp.port(), "tls": "none",
                "from": "hello@shop.example", "from_name": "Shop"},
        });
        put(api, "/v1/accounts", SMTP, account).await?;
        route(api, "email/verification", SMTP).await?;
    }
    for template in [sms_template(), mail_template()] {
        template_once(api, template).await?;
    }
    Ok(())
}

/// The first SMS.
pub(crate) fn first_sms() -> Value {
    json!({"template": SMS_TEMPLATE, "to": ["+8613711112201"], "vars": {"name": "Li"}})
}

/// The first e-mail.
pub(crate) fn first_mail() -> Value {
    json!({"template": MAIL_TEMPLATE, "to": ["li@shop.example"], "vars": {"name": "Li"}})
}

fn sms_template() -> Value {
    json!({
        "key": SMS_TEMPLATE, "name": "Welcome by SMS", "channel": "sms", "class": "notification",
        "team": "demo", "owner": "demo@shop.example", "contact": "demo@shop.example",
        "business": "demo",
        "content": {"text": "Welcome, {{name}}! 欢迎光临。"},
        "variables": {"name": {"type": "string", "required": true, "max_length": 20,
            "example": "Li"}},
    })
}

fn mail_template() -> Value {
    json!({
        "key": MAIL_TEMPLATE, "name": "Welcome by e-mail", "channel": "email",
        "class": "notification",
        "team": "demo", "owner": "demo@shop.example", "contact": "demo@shop.example",
        "business": "demo",
        "content": {
            "subject": "Welcome, {{name}}",
            "text": "Hello {{name}},\n\nthis is your first e-mail.",
            "html": "<p>Hello <b>{{name}}</b>,</p><p>this is your first e-mail.</p>",
        },
        "variables": {"name": {"type": "string", "required": true, "max_length": 20,
            "example": "Li"}},
    })
}

async fn route(api: &mut Api, lane: &str, account: &str) -> Result<(), Failure> {
    let body = json!({"accounts": [{"account": account, "weight": 100}]});
    api.send(Method::PUT, &format!("/v1/routes/{lane}"), &body)
        .await?;
    Ok(())
}

/// Makes it, or replaces the one that exists.
async fn put(api: &mut Api, path: &str, key: &str, mut body: Value) -> Result<(), Failure> {
    let made = api
        .call(Method::POST, path, Some(body.to_string().into()))
        .await?;
    if made.status != StatusCode::CONFLICT {
        return made.json::<Value>().map(drop);
    }
    // The key stands in the path.
    if let Some(body) = body.as_object_mut() {
        body.remove("key");
    }
    api.send(Method::PUT, &format!("{path}/{key}"), &body)
        .await?;
    Ok(())
}

/// Makes and publishes it; one that exists stays as it is.
async fn template_once(api: &mut Api, body: Value) -> Result<(), Failure> {
    let made = api
        .call(Method::POST, "/v1/templates", Some(body.to_string().into()))
        .await?;
    if made.status == StatusCode::CONFLICT {
        return Ok(());
    }
    made.json::<Value>()?;
    let key = body["key"].as_str().unwrap_or_default();
    api.send(
        Method::POST,
        &format!("/v1/templates/{key}/submit"),
        &json!({}),
    )
    .await?;
    Ok(())
}
