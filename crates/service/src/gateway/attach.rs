//! Fetches the attachments that a request names by URL, where its provider takes bytes only and the operator allows it.

use super::large::LargePlace;
use super::plan::Plan;
use super::request::{InferenceRequest, request_fields};
use super::served::Served;
use super::state::Gateway;
use crate::api_dialects::dialect_of;
use crate::fault::{Fault, RequestFault};
use futures_util::future::try_join_all;
use opencredits_providers::{Attached, FetchError, RequestError, addresses};
use opencredits_sanitizer::{Scrub, Strictness};
use std::sync::Arc;

/// URLs that one request may name.
const ADDRESSES_MAX: usize = 8;

impl Gateway {
    /// Plans a request, and fetches its attachments where no route could serve it otherwise. `place` is the place of a
    /// large body; it is given back after the plan.
    pub(super) async fn plan_with_attachments<'a>(
        &self,
        request: &'a InferenceRequest,
        hash: &(dyn Fn(&str) -> String + Sync),
        place: Option<LargePlace>,
    ) -> Result<(Box<Plan<'a>>, Option<LargePlace>), Fault> {
        let served = self.served.load_full();
        if let Some(plan) = self.plan_without_bytes((request, &served), hash)? {
            return Ok((plan, place));
        }
        // In a box, since every request would otherwise have room for it.
        Box::pin(self.plan_with_bytes((request, served), hash, place)).await
    }

    /// `None` where no route can serve the request without its attachments, and they may be fetched.
    fn plan_without_bytes<'a>(
        &self,
        (request, served): (&'a InferenceRequest, &Arc<Served>),
        hash: &dyn Fn(&str) -> String,
    ) -> Result<Option<Box<Plan<'a>>>, Fault> {
        match self.plan((request, served), hash, Attached::default()) {
            Err(Fault::Request(RequestFault::Field(RequestError::NeedsBytes { .. }))) if served.fetch.is_some() => {
                Ok(None)
            }
            planned => planned.map(Some),
        }
    }

    /// The same with its attachments.
    async fn plan_with_bytes<'a>(
        &self,
        (request, served): (&'a InferenceRequest, Arc<Served>),
        hash: &(dyn Fn(&str) -> String + Sync),
        mut place: Option<LargePlace>,
    ) -> Result<(Box<Plan<'a>>, Option<LargePlace>), Fault> {
        if !self.can_pay(request).await? {
            return Ok((self.plan((request, &served), hash, Attached::default())?, place));
        }
        let _permit = self.fetching.acquire().await;
        // Others may work while it waits for strangers.
        let was_large = place.take().is_some();
        let attached = self.attached(request, &served).await?;
        if was_large {
            place = Some(self.large.place().await?);
        }
        Ok((self.plan((request, &served), hash, attached)?, place))
    }

    /// A user without balance cannot make the gateway fetch anything.
    async fn can_pay(&self, request: &InferenceRequest) -> Result<bool, Fault> {
        Ok(self.ledger.balance(request.spender.wallet).await?.available.get() > 0)
    }

    async fn attached(&self, request: &InferenceRequest, served: &Served) -> Result<Attached, Fault> {
        let mut attached = Attached::default();
        let Some(fetch) = &served.fetch else { return Ok(attached) };
        let wrong = |problem| Fault::from(RequestFault::Attachment { problem });
        let addresses = addresses_of(self, request)?;
        if addresses.len() > ADDRESSES_MAX {
            return Err(wrong(FetchError::TooMany { max: ADDRESSES_MAX }));
        }
        let found = try_join_all(addresses.iter().map(|address| fetch.fetch(address))).await.map_err(wrong)?;
        addresses.into_iter().zip(&found).for_each(|(address, found)| attached.add(address, found));
        Ok(attached)
    }
}

fn addresses_of(gateway: &Gateway, request: &InferenceRequest) -> Result<Vec<String>, Fault> {
    let how = Scrub { strictness: Strictness::Lax, hash: &str::to_owned };
    let scrubbed = gateway.policies.of(request.api).scrub(&request.body, &how).map_err(RequestFault::from)?;
    Ok(addresses(dialect_of(request.api), request_fields(request.path.as_ref(), &scrubbed))
        .map_err(RequestFault::from)?)
}
