//! Links that call the deletion of an account off.

use crate::ports::Entropy;
use opencredits_identity::{Link, LinkKeys, Purpose};
use opencredits_units::{UnixMs, UserId};

/// The page with the button that uses a link. What stands behind the # is sent to no server.
const PAGE: &str = "/account/deletion#";

/// Makes links that call the deletion of an account off, and reads them. Each is valid for a day.
#[derive(Clone)]
pub struct CancelLinks(LinkKeys);

impl CancelLinks {
    /// Links that are signed with these keys.
    #[must_use]
    pub const fn new(keys: LinkKeys) -> Self {
        Self(keys)
    }

    /// A new link for a person.
    pub(super) fn url(&self, user: UserId, site_url: &str, (now, entropy): (UnixMs, &dyn Entropy)) -> Option<String> {
        let mut nonce = [0; 16];
        entropy.fill(&mut nonce);
        let link = Link::new(Purpose::DeletionCancel, &user.bits().to_be_bytes(), nonce, now).ok()?;
        let token = link.sign(&self.0).ok()?;
        Some(format!("{site_url}{PAGE}{}", token.reveal()))
    }

    /// The person of a link that holds, with its nonce and its end; whether it was used before is for the caller to know.
    pub(crate) fn read(&self, token: &str, now: UnixMs) -> Option<(UserId, [u8; 16], UnixMs)> {
        let link = Link::verify(token, Purpose::DeletionCancel, &self.0, now).ok()?;
        let user = UserId::from_bits(u128::from_be_bytes(link.subject().try_into().ok()?));
        Some((user, *link.nonce(), link.expires_at()))
    }
}
