//! Arguments of host functions.

use rquickjs::function::Opt;
use rquickjs::{Ctx, Exception, FromJs, Result, Value};

use crate::digest::{Algorithm, Encoding, unbase64, unhex};

/// Bytes: text as its UTF-8, `{hex}` or `{base64}`.
pub(super) struct Data(pub(super) Vec<u8>);

impl<'js> FromJs<'js> for Data {
    fn from_js(ctx: &Ctx<'js>, value: Value<'js>) -> Result<Self> {
        if let Some(text) = value.as_string() {
            return text.to_string().map(|text| Self(text.into_bytes()));
        }
        let wrong = || Exception::throw_type(ctx, "data must be text, {hex: …} or {base64: …}");
        let object = value.as_object().ok_or_else(wrong)?;
        if let Some(hex) = object.get::<_, Option<String>>("hex")? {
            return unhex(&hex)
                .map(Self)
                .ok_or_else(|| Exception::throw_type(ctx, "hex is no hexadecimal text"));
        }
        let base64 = object
            .get::<_, Option<String>>("base64")?
            .ok_or_else(wrong)?;
        unbase64(&base64)
            .map(Self)
            .ok_or_else(|| Exception::throw_type(ctx, "base64 is no Base64 text"))
    }
}

pub(super) fn algorithm(ctx: &Ctx<'_>, name: &str) -> Result<Algorithm> {
    Algorithm::named(name).ok_or_else(|| {
        let known = Algorithm::NAMES.join(", ");
        Exception::throw_type(ctx, &format!("the algorithm must be one of {known}"))
    })
}

pub(super) fn encode(ctx: &Ctx<'_>, name: &Opt<Option<String>>, bytes: &[u8]) -> Result<String> {
    let encoding = match name.0.as_ref().and_then(Option::as_deref) {
        None => Encoding::default(),
        Some(name) => Encoding::named(name).ok_or_else(|| {
            let known = Encoding::NAMES.join(", ");
            Exception::throw_type(ctx, &format!("the encoding must be one of {known}"))
        })?,
    };
    Ok(encoding.encode(bytes))
}
