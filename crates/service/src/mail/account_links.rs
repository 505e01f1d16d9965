//! The links in mails that do something without signing in.

use crate::ports::Entropy;
use opencredits_identity::{Link, LinkKeys, Purpose};
use opencredits_store::{MailId, NoticeKind};
use opencredits_units::{UnixMs, UserId};

/// The page with the button that uses a link. What stands behind the # is sent to no server.
const DELETION_PAGE: &str = "/account/deletion#";
/// The page that ends mails of a kind. Mail programs call it, so that the link cannot stand behind a #.
const UNSUBSCRIBE_PAGE: &str = "/mails/unsubscribe?link=";
/// The bytes of a person's id, which come first in what a link is about.
const USER_BYTES: usize = 16;

/// Makes the links in mails that do something without signing in, and reads them: one calls the deletion of an account off, for
/// a day and once; another ends notices of a kind, for half a year.
#[derive(Clone)]
pub struct AccountLinks(LinkKeys);

impl AccountLinks {
    /// Links that are signed with these keys.
    #[must_use]
    pub const fn new(keys: LinkKeys) -> Self {
        Self(keys)
    }

    /// A new link for a person that calls a deletion off.
    pub(super) fn cancel_url(
        &self,
        user: UserId,
        site_url: &str,
        (now, entropy): (UnixMs, &dyn Entropy),
    ) -> Option<String> {
        let mut nonce = [0; 16];
        entropy.fill(&mut nonce);
        let link = Link::new(Purpose::DeletionCancel, &user.bits().to_be_bytes(), nonce, now).ok()?;
        let token = link.sign(&self.0).ok()?;
        Some(format!("{site_url}{DELETION_PAGE}{}", token.reveal()))
    }

    /// The person of a link that calls a deletion off, with its nonce and its end; whether it was used before is for the caller
    /// to know.
    pub(crate) fn read_cancel(&self, token: &str, now: UnixMs) -> Option<(UserId, [u8; 16], UnixMs)> {
        let link = Link::verify(token, Purpose::DeletionCancel, &self.0, now).ok()?;
        let user = UserId::from_bits(u128::from_be_bytes(link.subject().try_into().ok()?));
        Some((user, *link.nonce(), link.expires_at()))
    }

    /// The link by which a person ends notices of a kind. It is the same whenever the mail is written, so that a mail that is
    /// sent again has the same words.
    pub(super) fn unsubscribe_url(
        &self,
        (user, kind): (UserId, NoticeKind),
        site_url: &str,
        (mail, made_at): (MailId, UnixMs),
    ) -> Option<String> {
        let subject = [&user.bits().to_be_bytes()[..], kind.name().as_bytes()].concat();
        let link = Link::new(Purpose::Unsubscribe, &subject, mail.bits().to_be_bytes(), made_at).ok()?;
        let token = link.sign(&self.0).ok()?;
        Some(format!("{site_url}{UNSUBSCRIBE_PAGE}{}", token.reveal()))
    }

    /// The person and the kind of a link that ends notices.
    pub(crate) fn read_unsubscribe(&self, token: &str, now: UnixMs) -> Option<(UserId, NoticeKind)> {
        let link = Link::verify(token, Purpose::Unsubscribe, &self.0, now).ok()?;
        let (user, kind) = link.subject().split_first_chunk::<USER_BYTES>()?;
        let kind = NoticeKind::from_name(std::str::from_utf8(kind).ok()?)?;
        Some((UserId::from_bits(u128::from_be_bytes(*user)), kind))
    }
}
