//! Digests, HMACs, signatures and encodings by name.

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, RSA_PKCS1_SHA256, RSA_PKCS1_SHA512, RsaKeyPair,
};
use aws_lc_rs::{digest, hmac};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use md5::{Digest as _, Md5};
use sm3::Sm3;

/// A digest algorithm.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Algorithm {
    Md5,
    Sha1,
    Sha256,
    Sha512,
    Sm3,
}

impl Algorithm {
    pub(crate) const NAMES: &[&str] = &["md5", "sha1", "sha256", "sha512", "sm3"];

    pub(crate) fn named(name: &str) -> Option<Self> {
        Some(match name {
            "md5" => Self::Md5,
            "sha1" => Self::Sha1,
            "sha256" => Self::Sha256,
            "sha512" => Self::Sha512,
            "sm3" => Self::Sm3,
            _ => return None,
        })
    }

    /// The digest of `data`.
    pub(crate) fn digest(self, data: &[u8]) -> Vec<u8> {
        let with = |algorithm| digest::digest(algorithm, data).as_ref().to_vec();
        match self {
            Self::Md5 => Md5::digest(data).to_vec(),
            Self::Sm3 => Sm3::digest(data).to_vec(),
            Self::Sha1 => with(&digest::SHA1_FOR_LEGACY_USE_ONLY),
            Self::Sha256 => with(&digest::SHA256),
            Self::Sha512 => with(&digest::SHA512),
        }
    }

    /// The HMAC of `data`.
    pub(crate) fn hmac(self, key: &[u8], data: &[u8]) -> Vec<u8> {
        let with = |algorithm| {
            hmac::sign(&hmac::Key::new(algorithm, key), data)
                .as_ref()
                .to_vec()
        };
        match self {
            Self::Md5 | Self::Sm3 => self.hmac_of_64_byte_blocks(key, data),
            Self::Sha1 => with(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY),
            Self::Sha256 => with(hmac::HMAC_SHA256),
            Self::Sha512 => with(hmac::HMAC_SHA512),
        }
    }

    /// RFC 2104 for the digests that the crypto library does not have.
    fn hmac_of_64_byte_blocks(self, key: &[u8], data: &[u8]) -> Vec<u8> {
        const BLOCK: usize = 64;
        let mut block = if key.len() > BLOCK {
            self.digest(key)
        } else {
            key.to_vec()
        };
        block.resize(BLOCK, 0);
        let padded = |pad: u8| block.iter().map(move |byte| byte ^ pad);
        let inner: Vec<u8> = padded(0x36).chain(data.iter().copied()).collect();
        let outer: Vec<u8> = padded(0x5c).chain(self.digest(&inner)).collect();
        self.digest(&outer)
    }
}

/// How bytes are written as text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Encoding {
    #[default]
    Hex,
    Base64,
    Base64Url,
}

impl Encoding {
    pub(crate) const NAMES: &[&str] = &["hex", "base64", "base64url"];

    pub(crate) fn named(name: &str) -> Option<Self> {
        Some(match name {
            "hex" => Self::Hex,
            "base64" => Self::Base64,
            "base64url" => Self::Base64Url,
            _ => return None,
        })
    }

    pub(crate) fn encode(self, bytes: &[u8]) -> String {
        match self {
            Self::Hex => austin_adapter_api::sign::hex(bytes),
            Self::Base64 => STANDARD.encode(bytes),
            Self::Base64Url => URL_SAFE_NO_PAD.encode(bytes),
        }
    }
}

/// The bytes of hexadecimal text.
pub(crate) fn unhex(text: &str) -> Option<Vec<u8>> {
    let digit = |byte: u8| {
        char::from(byte)
            .to_digit(16)
            .and_then(|d| u8::try_from(d).ok())
    };
    let (pairs, []) = text.as_bytes().as_chunks::<2>() else {
        return None;
    };
    pairs
        .iter()
        .map(|[high, low]| Some(digit(*high)? << 4 | digit(*low)?))
        .collect()
}

/// The bytes of Base64 text, of either alphabet, padded or not.
pub(crate) fn unbase64(text: &str) -> Option<Vec<u8>> {
    let text = text.trim_end_matches('=');
    STANDARD_NO_PAD
        .decode(text)
        .or_else(|_| URL_SAFE_NO_PAD.decode(text))
        .ok()
}

/// Signs `data` with a PKCS #8 key in PEM.
///
/// # Errors
/// What is wrong with the algorithm or the key; never the key itself.
pub(crate) fn sign(algorithm: &str, pem: &str, data: &[u8]) -> Result<Vec<u8>, String> {
    let base64: String = pem
        .lines()
        .map(str::trim)
        .filter(|line| !line.starts_with("-----"))
        .collect();
    let key = unbase64(&base64).ok_or("the key is no PEM text")?;
    let random = SystemRandom::new();
    let rsa = |padding| {
        let pair = RsaKeyPair::from_pkcs8(&key).map_err(|_| "the key is no PKCS #8 RSA key")?;
        let mut signature = vec![0; pair.public_modulus_len()];
        pair.sign(padding, &random, data, &mut signature)
            .map_err(|_| "the key cannot sign")?;
        Ok(signature)
    };
    match algorithm {
        "rsa-sha256" => rsa(&RSA_PKCS1_SHA256),
        "rsa-sha512" => rsa(&RSA_PKCS1_SHA512),
        "ecdsa-p256-sha256" => {
            let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &key)
                .map_err(|_| "the key is no PKCS #8 P-256 key")?;
            let signature = pair
                .sign(&random, data)
                .map_err(|_| "the key cannot sign")?;
            Ok(signature.as_ref().to_vec())
        }
        _ => Err("the algorithm must be rsa-sha256, rsa-sha512 or ecdsa-p256-sha256".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_answers() {
        let hex = |bytes: Vec<u8>| Encoding::Hex.encode(&bytes);
        assert_eq!(
            hex(Algorithm::Md5.digest(b"abc")),
            "900150983cd24fb0d6963f7d28e17f72"
        );
        assert_eq!(
            // GB/T 32905 example 1.
            hex(Algorithm::Sm3.digest(b"abc")),
            "66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0"
        );
        assert_eq!(
            // RFC 2202 test case 2.
            hex(Algorithm::Md5.hmac(b"Jefe", b"what do ya want for nothing?")),
            "750c783e6ab0b503eaa86e310a5db738"
        );
        assert_eq!(
            // RFC 2202 test case 6: a key longer than a block.
            hex(Algorithm::Md5.hmac(
                &[0xaa; 80],
                b"Test Using Larger Than Block-Size Key - Hash Key First"
            )),
            "6b1ab7fe4bd7bf8f0b62e6ce61b9d0cd"
        );
    }

    #[test]
    fn encodings_come_back() {
        let bytes = [0, 1, 250, 255];
        assert_eq!(
            unhex(&Encoding::Hex.encode(&bytes)).as_deref(),
            Some(&bytes[..])
        );
        for encoding in [Encoding::Base64, Encoding::Base64Url] {
            assert_eq!(
                unbase64(&encoding.encode(&bytes)).as_deref(),
                Some(&bytes[..])
            );
        }
        assert_eq!(unhex("0"), None);
        assert_eq!(unhex("zz"), None);
        assert_eq!(unbase64("*"), None);
    }

    #[test]
    fn a_bad_key_is_named_without_its_value() {
        let error = sign("rsa-sha256", "c2VjcmV0", b"x").unwrap_err();
        assert!(!error.contains("c2VjcmV0"), "{error}");
        assert!(sign("rsa-md5", "c2VjcmV0", b"x").is_err());
    }
}
