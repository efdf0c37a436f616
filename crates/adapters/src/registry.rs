//! All built-in adapters, by name.

use std::sync::Arc;

use austin_adapter_api::Adapter;

use crate::aliyun_dm_email::AliyunDmEmail;
use crate::aliyun_sms::AliyunSms;
use crate::aws_ses_email::AwsSesEmail;
use crate::aws_sns_sms::AwsSnsSms;
use crate::sendgrid_email::SendgridEmail;
use crate::simulator::Simulator;
use crate::smpp::Smpp;
use crate::smtp::Smtp;
use crate::tencent_sms::TencentSms;
use crate::twilio_sms::TwilioSms;
use crate::volcengine_sms::VolcengineSms;
use crate::webhook::Webhook;
use crate::yunpian_sms::YunpianSms;

/// Every built-in adapter, new, in the order the console lists them.
pub fn registry() -> Vec<Arc<dyn Adapter>> {
    vec![
        Arc::new(TencentSms::default()),
        Arc::new(AliyunSms::default()),
        Arc::new(YunpianSms::default()),
        Arc::new(Smpp::default()),
        Arc::new(Smtp::default()),
        Arc::new(Webhook::default()),
        Arc::new(Simulator::default()),
        Arc::new(VolcengineSms::default()),
        Arc::new(TwilioSms::default()),
        Arc::new(AwsSnsSms::default()),
        Arc::new(SendgridEmail::default()),
        Arc::new(AwsSesEmail::default()),
        Arc::new(AliyunDmEmail::default()),
    ]
}

/// The built-in adapter whose descriptor has this name.
pub fn find(name: &str) -> Option<Arc<dyn Adapter>> {
    registry()
        .into_iter()
        .find(|adapter| adapter.descriptor().name == name)
}
