//! Whether an account knows a template the way its vendor demands.

use austin_adapter_api::Descriptor;
use austin_domain::Reason;
use austin_domain::template::{VendorTemplate, Version};
use austin_ports::catalog::AccountRecord;

/// Settings in which an account may name a vendor template of its own.
const TEMPLATE_SETTINGS: [&str; 2] = ["template_id", "template_code"];
const SIGN_SETTING: &str = "sign_name";

/// Whether `account`, spoken for by an adapter that describes itself as `descriptor`, can carry
/// messages of this template version in its language `locale` (`None`: the default words): the
/// vendor template and the signature that the vendor demands are named by the version or by the account.
///
/// # Errors
/// `missing_mapping`, naming what is missing.
pub fn can_carry(
    version: &Version,
    locale: Option<&str>,
    account: &AccountRecord,
    descriptor: &Descriptor,
) -> Result<(), Reason> {
    let able = descriptor.capabilities;
    let own = version.vendor_template(&account.key, locale);
    let own = own.as_deref();
    let place = locale.map_or_else(String::new, |tag| format!("locales.{tag}."));
    let said = |of: fn(&VendorTemplate) -> Option<&String>| {
        own.and_then(of).is_some_and(|text| !text.trim().is_empty())
    };
    let set = |name: &str| {
        let text = account.settings.get(name).and_then(|value| value.as_str());
        text.is_some_and(|text| !text.trim().is_empty())
    };
    let lacks = |what: &str, setting: &str| {
        let detail = format!(
            "{} demands {what}: neither {place}vendor_templates.{} of the template nor the account's \
             setting {setting} names one",
            descriptor.name, account.key
        );
        Err(Reason::new("missing_mapping", detail))
    };
    if able.needs_vendor_template
        && !said(|own| own.template_id.as_ref())
        && !TEMPLATE_SETTINGS.into_iter().any(set)
    {
        let known = |name: &str| descriptor.settings.iter().any(|field| field.name == name);
        let setting = TEMPLATE_SETTINGS.into_iter().find(|name| known(name));
        return lacks("a vendor template", setting.unwrap_or(TEMPLATE_SETTINGS[0]));
    }
    if able.needs_sign && !said(|own| own.sign.as_ref()) && !set(SIGN_SETTING) {
        return lacks("a signature", SIGN_SETTING);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use austin_testkit::builders;
    use serde_json::json;

    use super::*;

    #[test]
    fn the_mapping_may_stand_at_the_template_or_at_the_account() {
        let tencent = austin_adapters::registry()
            .into_iter()
            .find(|adapter| adapter.descriptor().name == "tencent-sms");
        let mut descriptor = tencent.unwrap().descriptor().clone();
        descriptor.capabilities.needs_vendor_template = true;
        let mut version = builders::version("Code {{code}}");
        let mut account = builders::account("tencent-1");
        let refused = can_carry(&version, None, &account, &descriptor).unwrap_err();
        assert_eq!(refused.code, "missing_mapping");
        assert!(
            refused.detail.contains("vendor_templates.tencent-1"),
            "{}",
            refused.detail
        );
        account.settings.insert("template_id".into(), json!("1"));
        assert_eq!(can_carry(&version, None, &account, &descriptor), Ok(()));
        descriptor.capabilities.needs_sign = true;
        let refused = can_carry(&version, None, &account, &descriptor).unwrap_err();
        assert!(refused.detail.contains("sign_name"), "{}", refused.detail);
        account.settings.clear();
        let mapped = VendorTemplate {
            template_id: Some("7".into()),
            sign: Some("商城".into()),
            params: None,
        };
        version
            .vendor_templates
            .insert("tencent-1".into(), mapped.clone());
        assert_eq!(can_carry(&version, None, &account, &descriptor), Ok(()));
        let english = austin_domain::template::Localised {
            content: version.content.clone(),
            vendor_templates: Default::default(),
        };
        version.locales.insert("en".into(), english);
        let refused = can_carry(&version, Some("en"), &account, &descriptor).unwrap_err();
        assert!(
            refused.detail.contains("locales.en.vendor_templates"),
            "{}",
            refused.detail
        );
        assert_eq!(can_carry(&version, None, &account, &descriptor), Ok(()));
        version.vendor_templates.clear();
        version.vendor_templates.insert("other".into(), mapped);
        assert!(can_carry(&version, None, &account, &descriptor).is_err());
        descriptor.capabilities = austin_adapter_api::Capabilities::default();
        assert_eq!(can_carry(&version, None, &account, &descriptor), Ok(()));
    }
}
