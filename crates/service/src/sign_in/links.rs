//! Links by mail. Opening one shows a page with a button; the button sends it here.

use super::codes::read_address;
use super::limits::Action;
use super::{SignIn, SignInFault, seal};
use opencredits_email::{Address, SecretLetter};
use opencredits_identity::{LINK_LIFETIME_MS, Link, Purpose};
use std::net::IpAddr;

/// The refusal of a link, whatever is wrong with it.
const REFUSED: SignInFault = SignInFault::Refused { what: "link" };

/// A link that holds and is not spent yet.
pub(super) struct HoldingLink {
    link: Link,
    pub(super) address: Address,
}

impl SignIn {
    /// Mails a link to sign in to an address, whether there is an account or not; returns how long it can be used, in ms.
    ///
    /// # Errors
    /// When the address is invalid, when there were too many attempts, or no mail can be sent.
    pub async fn send_link(&self, address: &str, from: Option<IpAddr>) -> Result<u64, SignInFault> {
        let address = read_address(address)?;
        self.admit(Action::SendLink, Some(address.as_str()), from).await?;
        let place = self.mails.place()?;
        let id = u128::from_be_bytes(self.random());
        let link = Link::new(Purpose::SignIn, &id.to_be_bytes(), self.random(), self.now())?;
        let sealed = seal::seal(&self.keys.hash, id, &address);
        self.tables.links.add_mailed_link(id, &sealed, link.expires_at()).await?;
        let token = link.sign(&self.keys.links)?;
        // What stands behind the # is not sent to a server, and so is in no log.
        let url = format!("{}/sign-in/link#{}", self.settings.public_url, token.reveal());
        place.send(address, SecretLetter::Link { url }, link.expires_at());
        Ok(LINK_LIFETIME_MS)
    }

    pub(super) async fn examine_link(&self, token: &str, from: Option<IpAddr>) -> Result<HoldingLink, SignInFault> {
        self.admit(Action::Answer, None, from).await?;
        let link = Link::verify(token, Purpose::SignIn, &self.keys.links, self.now()).map_err(|error| {
            tracing::debug!(?error, "a link is refused");
            REFUSED
        })?;
        let id = link.subject().try_into().map(u128::from_be_bytes).map_err(|_| REFUSED)?;
        let sealed = self.tables.links.mailed_link(id).await?.ok_or(REFUSED)?;
        let address = seal::open(&self.keys.hash, id, &sealed).ok_or(REFUSED)?;
        if self.tables.links.is_link_spent(link.nonce()).await? {
            return Err(REFUSED);
        }
        Ok(HoldingLink { link, address })
    }

    /// Spends a link; of several requests with one link this succeeds for one.
    pub(super) async fn spend_link(&self, holding: &HoldingLink) -> Result<(), SignInFault> {
        let link = &holding.link;
        let spent = self.tables.links.spend_link(link.nonce(), link.expires_at()).await?;
        if spent { Ok(()) } else { Err(REFUSED) }
    }
}
