//! Resolves the names of hosts, and tells where that fails.

use hyper_util::client::legacy::connect::dns::{GaiAddrs, GaiResolver, Name};
use std::error::Error as StdError;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use tower_service::Service;

/// The part of the time for connecting that a name may take: a resolver that is silent is told from a server that is.
const PART: (u32, u32) = (4, 5);

/// The name of a host has no address, or its resolver did not answer.
#[derive(Debug, thiserror::Error)]
#[error("the name of the host cannot be resolved")]
pub(super) struct Unresolved(#[source] io::Error);

impl Unresolved {
    /// Whether it is the cause of an error.
    pub(super) fn caused(error: &(dyn StdError + 'static)) -> bool {
        let mut next = Some(error);
        while let Some(error) = next {
            if error.is::<Self>() {
                return true;
            }
            next = error.source();
        }
        false
    }
}

/// The resolver of the operating system, within a time limit.
#[derive(Clone)]
pub(super) struct TimedResolver {
    system: GaiResolver,
    within: Duration,
}

impl TimedResolver {
    /// A resolver for connections that may take so long.
    pub(super) fn new(connect: Duration) -> Self {
        let (part, parts) = PART;
        Self { system: GaiResolver::new(), within: connect.saturating_mul(part) / parts }
    }
}

impl Service<Name> for TimedResolver {
    type Response = GaiAddrs;
    type Error = Unresolved;
    type Future = Pin<Box<dyn Future<Output = Result<GaiAddrs, Unresolved>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Unresolved>> {
        self.system.poll_ready(context).map_err(Unresolved)
    }

    fn call(&mut self, name: Name) -> Self::Future {
        let asked = tokio::time::timeout(self.within, self.system.call(name));
        Box::pin(async move {
            let late = || Unresolved(io::ErrorKind::TimedOut.into());
            asked.await.map_err(|_| late())?.map_err(Unresolved)
        })
    }
}
