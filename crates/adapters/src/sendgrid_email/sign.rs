//! The signature of the Event Webhook: ECDSA on P-256 with SHA-256 over timestamp and body.

use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1, UnparsedPublicKey};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// Header with the signature.
pub const SIGNATURE: &str = "x-twilio-email-event-webhook-signature";
/// Header with the timestamp.
pub const TIMESTAMP: &str = "x-twilio-email-event-webhook-timestamp";

/// The public key as the vendor shows it, as DER; nothing when it is no Base64.
pub fn public_key(base64: &str) -> Option<Vec<u8>> {
    STANDARD.decode(base64.trim()).ok()
}

/// Whether `signature` (Base64 of DER) is that of `timestamp` and the exact bytes of `body`.
pub fn is_authentic(public_key: &[u8], timestamp: &[u8], body: &[u8], signature: &[u8]) -> bool {
    let Ok(signature) = STANDARD.decode(signature) else {
        return false;
    };
    let signed = [timestamp, body].concat();
    UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, public_key)
        .verify(&signed, &signature)
        .is_ok()
}
