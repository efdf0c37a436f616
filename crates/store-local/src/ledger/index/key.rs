//! Keys of the index: 64 bits of a BLAKE3 hash of kind and text.

use austin_domain::{AccountId, DeliveryId};

/// The key of an address.
pub(crate) fn address(address: &str) -> i64 {
    hash(b'a', 0, address.as_bytes())
}

/// The key of a delivery's own reference.
pub(crate) fn reference(reference: &str) -> i64 {
    hash(b'r', 0, reference.as_bytes())
}

/// The key of a message's reference; its entries are message ids.
pub(crate) fn message_reference(reference: &str) -> i64 {
    hash(b'm', 0, reference.as_bytes())
}

/// The key of a vendor's id.
pub(crate) fn vendor(id: &str) -> i64 {
    hash(b'v', 0, id.as_bytes())
}

/// The key of what receipts of an account are matched by.
pub(crate) fn receipt(account: AccountId, key: &str) -> i64 {
    hash(b'k', account.as_u64(), key.as_bytes())
}

/// The key of a delivery a parked receipt names; never in a file.
pub(crate) fn parked_delivery(id: DeliveryId) -> i64 {
    hash(b'd', id.as_u64(), &[])
}

fn hash(kind: u8, number: u64, text: &[u8]) -> i64 {
    let mut head = [0; 9];
    head[0] = kind;
    head[1..].copy_from_slice(&number.to_le_bytes());
    // Short texts are the rule: one block, no copy of the state.
    if text.len() <= SHORT {
        let mut block = [0; 9 + SHORT];
        block[..9].copy_from_slice(&head);
        block[9..9 + text.len()].copy_from_slice(text);
        return first_bytes(&blake3::hash(&block[..9 + text.len()]));
    }
    let mut hasher = blake3::Hasher::new();
    hasher.update(&head);
    hasher.update(text);
    first_bytes(&hasher.finalize())
}

fn first_bytes(hash: &blake3::Hash) -> i64 {
    let mut bytes = [0; 8];
    bytes.copy_from_slice(&hash.as_bytes()[..8]);
    i64::from_le_bytes(bytes)
}

const SHORT: usize = 55;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_and_accounts_keep_equal_texts_apart() {
        let (one, two) = (AccountId::from_u64(1), AccountId::from_u64(2));
        let long = "x".repeat(100);
        for text in ["a", long.as_str()] {
            let keys = [
                address(text),
                reference(text),
                message_reference(text),
                vendor(text),
                receipt(one, text),
                receipt(two, text),
            ];
            let different: std::collections::HashSet<_> = keys.iter().collect();
            assert_eq!(different.len(), keys.len());
        }
    }

    /// The files hold these numbers: they must not change.
    #[test]
    fn keys_are_the_same_for_ever() {
        let mut text = vec![b'a'];
        text.extend_from_slice(&0u64.to_le_bytes());
        text.extend_from_slice(b"+8613711112200");
        let digest = blake3::hash(&text);
        let first: [u8; 8] = digest.as_bytes()[..8].try_into().unwrap();
        assert_eq!(address("+8613711112200"), i64::from_le_bytes(first));
    }
}
