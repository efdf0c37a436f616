//! Who may do what.
//!
//! Every handler names the roles it serves in its signature; one that names none is open to
//! everybody and must say why.

use std::marker::PhantomData;

use austin_domain::{AppId, mask};
use austin_engine::Caller;
use austin_engine::manage::authenticate;
use austin_ports::catalog::Role;
use axum::extract::FromRequestParts;
use http::header::{AUTHORIZATION, WWW_AUTHENTICATE};
use http::request::Parts;
use http::{HeaderMap, HeaderValue};

use crate::app::App;
use crate::evidence_mask;
use crate::problem::{Code, Problem};
use crate::request_id::RequestId;

/// The roles that a handler serves.
pub(crate) trait Roles: Send + Sync + 'static {
    const ROLES: &'static [Role];
}

/// An authenticated caller with one of the roles `R`.
pub(crate) struct Access<R> {
    pub(crate) caller: Caller,
    roles: PhantomData<R>,
}

/// Changes what is configured.
pub(crate) type ToAdmin = Access<Admin>;
/// Reads what is configured and how things stand.
pub(crate) type ToRead = Access<AdminOrReader>;
/// Sends and uploads.
pub(crate) type ToSend = Access<AdminOrSender>;
/// Reads templates and what was sent.
pub(crate) type ToAny = Access<Anybody>;

pub(crate) enum Admin {}
pub(crate) enum AdminOrReader {}
pub(crate) enum AdminOrSender {}
pub(crate) enum Anybody {}

impl Roles for Admin {
    const ROLES: &'static [Role] = &[Role::Admin];
}
impl Roles for AdminOrReader {
    const ROLES: &'static [Role] = &[Role::Admin, Role::Reader];
}
impl Roles for AdminOrSender {
    const ROLES: &'static [Role] = &[Role::Admin, Role::Sender];
}
impl Roles for Anybody {
    const ROLES: &'static [Role] = &[Role::Admin, Role::Sender, Role::Reader];
}

impl<R: Roles> FromRequestParts<App> for Access<R> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let request_id = parts
            .extensions
            .get::<RequestId>()
            .map_or("", RequestId::as_str);
        let caller = admit(app, &parts.headers, request_id, R::ROLES)?;
        Ok(Self {
            caller,
            roles: PhantomData,
        })
    }
}

/// The caller behind `headers`, when it has one of `roles`.
pub(crate) fn admit(
    app: &App,
    headers: &HeaderMap,
    request_id: &str,
    roles: &[Role],
) -> Result<Caller, Problem> {
    let Some(header) = headers.get(AUTHORIZATION) else {
        return Err(unauthenticated(
            "no API key; send it as `Authorization: Bearer <key>`",
            "Bearer realm=\"austin\"",
        ));
    };
    let Some(bearer) = bearer(header) else {
        return Err(unauthenticated(
            "the Authorization header is not of the form `Bearer <key>`",
            "Bearer realm=\"austin\"",
        ));
    };
    let admitted = authenticate(&app.snapshot(), bearer).ok_or_else(|| {
        unauthenticated(
            "the API key is unknown or revoked",
            "Bearer realm=\"austin\", error=\"invalid_token\"",
        )
    })?;
    if roles.contains(&admitted.key.role) {
        return Ok(admitted.caller(request_id));
    }
    let names: Vec<&str> = roles.iter().map(|role| role.as_str()).collect();
    Err(Problem::new(
        Code::Forbidden,
        format!(
            "a key of role {} is needed; this one is of role {}",
            names.join(" or "),
            admitted.key.role.as_str()
        ),
    ))
}

fn bearer(header: &HeaderValue) -> Option<&str> {
    let (scheme, key) = header.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(key.trim())
}

fn unauthenticated(detail: &str, challenge: &'static str) -> Problem {
    Problem::new(Code::Unauthenticated, detail)
        .with_header(WWW_AUTHENTICATE, HeaderValue::from_static(challenge))
}

/// What a caller may see of what an app sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sight {
    /// Everything but secrets.
    Clear,
    /// Everything but secrets and other people in the same vendor call.
    Own,
    /// Neither secrets nor personal data.
    Masked,
    /// Not even that there is something.
    None,
}

impl Sight {
    pub(crate) fn of(caller: &Caller, app: AppId) -> Self {
        match caller.role {
            Role::Admin => Self::Clear,
            Role::Sender if caller.app == app => Self::Own,
            Role::Sender => Self::None,
            Role::Reader => Self::Masked,
        }
    }

    /// Whether the recipient's own data may be seen.
    pub(crate) fn is_personal(self) -> bool {
        matches!(self, Self::Clear | Self::Own)
    }

    /// An address as it may be seen.
    pub(crate) fn address(self, address: &str) -> String {
        if self.is_personal() {
            address.to_owned()
        } else {
            mask::address(address)
        }
    }

    /// Raw evidence of a vendor call with this many recipients, as it may be seen.
    pub(crate) fn raw(self, text: &str, recipients: u32) -> String {
        match self {
            Self::Clear => text.to_owned(),
            Self::Own if recipients <= 1 => text.to_owned(),
            Self::Own | Self::Masked | Self::None => evidence_mask::hide(text),
        }
    }
}
