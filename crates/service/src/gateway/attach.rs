//! Fetching what a request names by address, where its provider takes bytes only and the operator allows it.

use super::Gateway;
use super::admit::Call;
use super::plan::{Plan, dialect_of, said};
use crate::fault::{Fault, RequestFault};
use futures_util::future::try_join_all;
use opencredits_providers::{Attached, FetchError, RequestError, addresses};
use opencredits_sanitizer::{Scrub, Strictness};

/// Addresses that are fetched for one request at most.
const ADDRESSES_MAX: usize = 8;
/// Requests that fetch at once: others wait, so that what is fetched does not fill the memory.
pub(super) const FETCHING_MAX: usize = 8;

impl Gateway {
    /// Reads a request, and fetches what it names by address where no candidate could serve it otherwise.
    pub(super) async fn plan_with_bytes<'a>(
        &self,
        call: &'a Call,
        hash: &(dyn Fn(&str) -> String + Sync),
    ) -> Result<Plan<'a>, Fault> {
        match self.plan(call, hash, Attached::default()) {
            Err(Fault::Request(RequestFault::Field(RequestError::NeedsBytes { .. })))
                if self.ports.fetch.is_some() && self.can_pay(call)? =>
            {
                let _place = self.fetching.acquire().await;
                let attached = self.attached(call).await?;
                self.plan(call, hash, attached)
            }
            plan => plan,
        }
    }

    /// Nobody is sent anywhere by somebody who cannot pay for what comes of it.
    fn can_pay(&self, call: &Call) -> Result<bool, Fault> {
        Ok(self.ledger.balance(call.spender.wallet)?.available.get() > 0)
    }

    async fn attached(&self, call: &Call) -> Result<Attached, Fault> {
        let mut attached = Attached::default();
        let Some(fetch) = &self.ports.fetch else { return Ok(attached) };
        let wrong = |problem| Fault::from(RequestFault::Attachment { problem });
        let addresses = addresses_of(self, call)?;
        if addresses.len() > ADDRESSES_MAX {
            return Err(wrong(FetchError::TooMany { max: ADDRESSES_MAX }));
        }
        let found = try_join_all(addresses.iter().map(|address| fetch.fetch(address))).await.map_err(wrong)?;
        addresses.into_iter().zip(&found).for_each(|(address, found)| attached.add(address, found));
        Ok(attached)
    }
}

fn addresses_of(gateway: &Gateway, call: &Call) -> Result<Vec<String>, Fault> {
    let how = Scrub { strictness: Strictness::Lax, hash: &str::to_owned };
    let scrubbed = gateway.policies.of(call.api).scrub(&call.body, &how).map_err(RequestFault::from)?;
    Ok(addresses(dialect_of(call.api), said(call.named.as_ref(), &scrubbed)).map_err(RequestFault::from)?)
}
