//! What the browser says of a ceremony: `clientDataJSON` (WebAuthn, section 5.8.1).

use super::site::Site;
use crate::error::{IdentityError, PasskeyProblem, passkey};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use subtle::ConstantTimeEq as _;

/// The longest client data, in bytes.
const CLIENT_DATA_BYTES_MAX: usize = 4_096;

/// In which frames of other sites a ceremony may take place (WebAuthn, section 13.4.9).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Frames<'a> {
    /// In none.
    #[default]
    Refused,
    /// In pages of these origins. A browser that does not tell the page's origin is believed: what it may show in a frame
    /// at all is governed by `frame-ancestors`.
    Within(&'a [&'a str]),
}

/// What the client data must say.
#[derive(Clone, Copy)]
pub(super) struct Said<'a> {
    /// `webauthn.create` or `webauthn.get`.
    pub(super) ceremony: &'static str,
    pub(super) challenge: &'a [u8; 32],
    pub(super) site: &'a Site,
    pub(super) frames: Frames<'a>,
}

/// The members that are checked. Others may be added by browsers (section 5.8.1.2), so they are not refused; one that
/// stands there twice is.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ClientData<'a> {
    #[serde(borrow)]
    r#type: std::borrow::Cow<'a, str>,
    #[serde(borrow)]
    challenge: std::borrow::Cow<'a, str>,
    #[serde(borrow)]
    origin: std::borrow::Cow<'a, str>,
    #[serde(default)]
    cross_origin: Option<bool>,
    #[serde(default, borrow)]
    top_origin: Option<std::borrow::Cow<'a, str>>,
}

/// Checks client data against what was asked (section 7.1, steps 5 to 10; section 7.2, steps 8 to 13).
pub(super) fn check(json: &[u8], said: &Said<'_>) -> Result<(), IdentityError> {
    let malformed = passkey(PasskeyProblem::Malformed("clientDataJSON"));
    if json.len() > CLIENT_DATA_BYTES_MAX {
        return Err(malformed);
    }
    let data: ClientData<'_> = serde_json::from_slice(json).map_err(|_| malformed)?;
    if data.r#type != said.ceremony {
        return Err(passkey(PasskeyProblem::Ceremony));
    }
    let challenge = URL_SAFE_NO_PAD.encode(said.challenge);
    if !bool::from(data.challenge.as_bytes().ct_eq(challenge.as_bytes())) {
        return Err(passkey(PasskeyProblem::Challenge));
    }
    if data.origin != said.site.origin() {
        return Err(passkey(PasskeyProblem::Origin));
    }
    let is_framed = data.cross_origin.unwrap_or(false);
    let may_be = match (said.frames, is_framed, data.top_origin) {
        (_, false, None) => true,
        (Frames::Within(_), true, None) => true,
        (Frames::Within(origins), true, Some(top)) => origins.contains(&&*top),
        // A page above the frame, and no frame: browsers do not say that.
        (Frames::Refused, true, _) | (_, false, Some(_)) => false,
    };
    if may_be { Ok(()) } else { Err(passkey(PasskeyProblem::Frame)) }
}
