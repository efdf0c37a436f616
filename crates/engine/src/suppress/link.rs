//! Unsubscribe links (RFC 8058): which delivery, signed, and nothing about the person.
//!
//! A link is `/u/` and the URL-safe Base64 of: version of the key, channel, delivery, and the first
//! 16 bytes of an HMAC-SHA256 over those. Who has it can stop one person's mails, and nothing else.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use austin_domain::suppression::{self, Reason, Source};
use austin_domain::{Channel, Class, DeliveryId, Lane, mask};
use austin_ports::Suppressions;
use austin_ports::suppressions::{Filter, LinkKey, NewSuppression};
use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use secrecy::ExposeSecret;
use subtle::ConstantTimeEq;

use crate::engine::Engine;
use crate::refusal::{Refusal, RefusalCode};

const PAYLOAD: usize = 10;
const PROOF: usize = 16;

/// Makes links.
pub(crate) struct Links {
    store: Arc<dyn Suppressions>,
    base: Option<String>,
    warned: AtomicBool,
}

impl Links {
    pub(super) fn new(store: Arc<dyn Suppressions>, public_url: Option<String>) -> Self {
        Self {
            store,
            base: public_url.map(|url| format!("{}/u/", url.trim_end_matches('/'))),
            warned: AtomicBool::new(false),
        }
    }

    /// The link of a delivery, where mails of its lane carry one.
    pub(crate) fn of(&self, lane: Lane, delivery: DeliveryId) -> Option<String> {
        if lane.channel != Channel::Email || lane.class != Class::Marketing {
            return None;
        }
        let Some(base) = &self.base else {
            if !self.warned.swap(true, Ordering::Relaxed) {
                tracing::warn!(
                    "marketing mails go out without an unsubscribe link: http.public_url is not set"
                );
            }
            return None;
        };
        let token = sign(self.store.link_keys(), lane.channel, delivery)?;
        Some(format!("{base}{token}"))
    }
}

fn sign(keys: &[LinkKey], channel: Channel, delivery: DeliveryId) -> Option<String> {
    let key = keys.first()?;
    let mut token = [0; PAYLOAD + PROOF];
    token[0] = key.version;
    token[1] = channel.code();
    token[2..PAYLOAD].copy_from_slice(&delivery.as_u64().to_be_bytes());
    let proof = proof(key, &token[..PAYLOAD]);
    token[PAYLOAD..].copy_from_slice(&proof);
    Some(URL_SAFE_NO_PAD.encode(token))
}

/// What a token names, when one of our keys signed it.
fn read(keys: &[LinkKey], token: &str) -> Option<(Channel, DeliveryId)> {
    let token: [u8; PAYLOAD + PROOF] = URL_SAFE_NO_PAD.decode(token).ok()?.try_into().ok()?;
    let (payload, given) = token.split_at(PAYLOAD);
    let key = keys.iter().find(|key| key.version == payload[0])?;
    if !bool::from(proof(key, payload)[..].ct_eq(given)) {
        return None;
    }
    let delivery = u64::from_be_bytes(payload[2..].try_into().ok()?);
    let channel = Channel::from_code(payload[1])?;
    Some((channel, DeliveryId::from_u64(delivery)))
}

fn proof(key: &LinkKey, payload: &[u8]) -> [u8; PROOF] {
    let key = hmac::Key::new(hmac::HMAC_SHA256, key.secret.expose_secret());
    let mut context = hmac::Context::with_key(&key);
    context.update(b"austin unsubscribe\0");
    context.update(payload);
    let mut proof = [0; PROOF];
    proof.copy_from_slice(&context.sign().as_ref()[..PROOF]);
    proof
}

/// Whom an unsubscribe link is about. Its `Debug` shows no address.
#[derive(Clone, PartialEq, Eq)]
pub struct Unsubscribed {
    /// The address with its private part hidden, for the page.
    pub to: String,
    /// Whether the person has opted out already.
    pub done: bool,
}

impl fmt::Debug for Unsubscribed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Unsubscribed")
            .field("done", &self.done)
            .finish_non_exhaustive()
    }
}

impl Engine {
    /// Whom an unsubscribe link is about. Changes nothing.
    ///
    /// # Errors
    /// `not_found` for what is no link of ours; `conflict` for one whose delivery is no longer
    /// kept.
    pub async fn unsubscribe_link(&self, token: &str) -> Result<Unsubscribed, Refusal> {
        let (channel, _, to) = self.linked(token).await?;
        let shared = self.shared();
        let store = &shared.suppressing.store;
        let filter = Filter {
            to: Some(suppression::folded(&to).into_owned()),
            channel: Some(Some(channel)),
            reason: Some(Reason::OptOut),
            active: Some(true),
            limit: 1,
            ..Filter::default()
        };
        let held = store.list(filter, shared.clock.now()).await?;
        Ok(Unsubscribed {
            to: mask::address(&to),
            done: !held.items.is_empty(),
        })
    }

    /// Unsubscribes whom a link is about. Doing it again changes nothing.
    ///
    /// # Errors
    /// As [`Engine::unsubscribe_link`]; when the store fails.
    pub async fn unsubscribe(&self, token: &str) -> Result<Unsubscribed, Refusal> {
        let (channel, delivery, to) = self.linked(token).await?;
        let shared = self.shared();
        let entry = NewSuppression {
            channel: Some(channel),
            to: suppression::folded(&to).into_owned(),
            reason: Reason::OptOut,
            until: None,
            source: Source::Unsubscribe,
            cause: Some(delivery),
            note: None,
            author: Source::Unsubscribe.as_str().to_owned(),
        };
        let store = &shared.suppressing.store;
        store.put(vec![entry], shared.clock.now()).await?;
        Ok(Unsubscribed {
            to: mask::address(&to),
            done: true,
        })
    }

    async fn linked(&self, token: &str) -> Result<(Channel, DeliveryId, String), Refusal> {
        let shared = self.shared();
        let named = read(shared.suppressing.store.link_keys(), token);
        let (channel, delivery) =
            named.ok_or_else(|| Refusal::new(RefusalCode::NotFound, "there is no such link"))?;
        let evidence = shared.ledger.evidence(delivery).await?;
        let evidence = evidence.ok_or_else(|| {
            let detail = "the mail that this link came with is too old to tell whom it was for";
            Refusal::new(RefusalCode::Conflict, detail)
        })?;
        Ok((channel, delivery, evidence.delivery.to))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(version: u8) -> LinkKey {
        LinkKey {
            version,
            secret: vec![version; 32].into(),
        }
    }

    #[test]
    fn a_link_names_its_delivery_and_nothing_else_passes() {
        let delivery = DeliveryId::from_u64(0x0123_4567_89ab_cdef);
        let old = [key(1)];
        let token = sign(&old, Channel::Email, delivery).unwrap();
        assert_eq!(token.len(), 35);
        let named = Some((Channel::Email, delivery));
        assert_eq!(read(&old, &token), named);
        // A newer key signs; the older one still reads.
        let both = [key(2), key(1)];
        assert_eq!(read(&both, &token), named);
        let newer = sign(&both, Channel::Email, delivery).unwrap();
        assert_ne!(newer, token);
        assert_eq!(read(&both, &newer), named);
        assert_eq!(read(&old, &newer), None);
        let bytes = URL_SAFE_NO_PAD.decode(&token).unwrap();
        for at in 0..bytes.len() {
            let mut other = bytes.clone();
            other[at] ^= 1;
            assert_eq!(read(&both, &URL_SAFE_NO_PAD.encode(other)), None, "{at}");
        }
        for garbage in ["", "x", &token[1..], &format!("{token}A"), "ÄÖÜ", "../etc"] {
            assert_eq!(read(&both, garbage), None, "{garbage}");
        }
    }
}
