//! Ways to reach a person, what a message is for, and the lane both make.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The text names no known channel or class.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown {what} {text:?}; known: {known}")]
pub struct Unknown {
    pub(crate) what: &'static str,
    pub(crate) text: String,
    pub(crate) known: String,
}

macro_rules! words {
    ($(#[$doc:meta])* $name:ident, $what:literal { $($(#[$item_doc:meta])* $item:ident = $code:literal, $text:literal;)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        #[repr(u8)]
        pub enum $name { $($(#[$item_doc])* $item = $code,)* }

        impl $name {
            /// Every value, in the order of their codes.
            pub const ALL: &'static [Self] = &[$(Self::$item,)*];

            /// The number stores keep; never reused.
            pub const fn code(self) -> u8 {
                self as u8
            }

            /// The value with this number.
            pub const fn from_code(code: u8) -> Option<Self> {
                match code {
                    $($code => Some(Self::$item),)*
                    _ => None,
                }
            }

            /// The word used in the API, in metrics and in the console.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$item => $text,)*
                }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl FromStr for $name {
            type Err = Unknown;

            fn from_str(text: &str) -> Result<Self, Unknown> {
                match text {
                    $($text => Ok(Self::$item),)*
                    _ => Err(Unknown {
                        what: $what,
                        text: text.chars().take(40).collect(),
                        known: [$($text,)*].join(", "),
                    }),
                }
            }
        }
    };
}

pub(crate) use words;

words! {
    /// A way to reach a person.
    Channel, "channel" {
        /// Text message to a phone.
        Sms = 1, "sms";
        /// E-mail.
        Email = 2, "email";
        /// Push to an app.
        Push = 3, "push";
        /// WeChat official account template message.
        WechatOfficial = 4, "wechat_official";
        /// WeChat mini program subscribe message.
        WechatMini = 5, "wechat_mini";
        /// WeCom application message.
        WecomApp = 6, "wecom_app";
        /// WeCom group robot.
        WecomRobot = 7, "wecom_robot";
        /// DingTalk group robot.
        DingtalkRobot = 8, "dingtalk_robot";
        /// DingTalk work notice.
        DingtalkWork = 9, "dingtalk_work";
        /// Feishu group robot.
        FeishuRobot = 10, "feishu_robot";
        /// Feishu application message.
        FeishuApp = 11, "feishu_app";
        /// Alipay mini program template message.
        AlipayMini = 12, "alipay_mini";
        /// Signed HTTP POST to a URL.
        Webhook = 13, "webhook";
    }
}

words! {
    /// What a message is for.
    Class, "class" {
        /// A code or link that proves who somebody is; worthless after minutes.
        Verification = 1, "verification";
        /// Something the person is waiting for.
        Notification = 2, "notification";
        /// Something the company wants the person to see.
        Marketing = 3, "marketing";
    }
}

/// The queue of one channel × class. Lanes never block each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Lane {
    /// How people are reached.
    pub channel: Channel,
    /// What the messages are for.
    pub class: Class,
}

impl Lane {
    /// Every lane.
    pub fn all() -> impl Iterator<Item = Self> {
        Channel::ALL.iter().flat_map(|channel| {
            Class::ALL.iter().map(|class| Self {
                channel: *channel,
                class: *class,
            })
        })
    }

    /// The number stores keep: channel × 8 + class.
    pub const fn code(self) -> u16 {
        self.channel.code() as u16 * 8 + self.class.code() as u16
    }

    /// The lane with this number.
    pub const fn from_code(code: u16) -> Option<Self> {
        if code >= 2048 {
            return None;
        }
        match (
            Channel::from_code((code / 8) as u8),
            Class::from_code((code % 8) as u8),
        ) {
            (Some(channel), Some(class)) => Some(Self { channel, class }),
            _ => None,
        }
    }
}

impl fmt::Display for Lane {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.channel, self.class)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_and_codes_round_trip() {
        for lane in Lane::all() {
            assert_eq!(Lane::from_code(lane.code()), Some(lane));
            assert_eq!(lane.channel.as_str().parse(), Ok(lane.channel));
            assert_eq!(lane.class.as_str().parse(), Ok(lane.class));
        }
        assert_eq!(Lane::from_code(0), None);
        let error = "smoke".parse::<Channel>().unwrap_err().to_string();
        assert!(error.contains("smoke") && error.contains("sms"), "{error}");
    }
}
