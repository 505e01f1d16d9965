//! What follows when a provider does not answer: another one, the same one later, or the end.

use super::Gateway;
use super::exchange::{Errand, Outgoing};
use super::routing::Way;
use super::settle::Tab;
use crate::fault::{Fault, Previous, UpstreamFault, UpstreamKind};
use crate::record::Miss;
use opencredits_providers::{ErrorKind, UpstreamError};
use std::sync::Arc;

/// An account that was limited is left alone so long, where its provider does not say how long.
const COOL_MS: u64 = 30_000;
/// An account that was refused is left alone so long: somebody has to look after it.
const REFUSED_MS: u64 = 300_000;
/// No account is left alone longer, whatever its provider says.
const COOL_MS_MAX: u64 = 600_000;

/// How a request is tried again.
#[derive(Debug, Clone, Copy)]
pub struct Retries {
    /// Exchanges with providers that one request may take.
    pub attempts_max: u8,
    /// The wait before the second exchange with the same provider, in ms; it doubles each time.
    pub backoff_ms: u64,
    /// The longest wait, in ms: where a provider asks for more, the client is told.
    pub wait_ms_max: u64,
}

/// Why an exchange came to nothing.
pub(super) struct Missed {
    fault: UpstreamFault,
    status: u16,
    /// Our own account, or a model that the provider does not have: its own fault as far as the client can see.
    is_ours: bool,
}

/// What follows.
pub(super) enum Next {
    End,
    Way { place: usize, wait_ms: u64 },
}

impl Missed {
    pub(super) const fn of(kind: UpstreamKind) -> Self {
        Self { fault: UpstreamFault::of_kind(kind), status: 0, is_ours: false }
    }

    pub(super) fn of_error(error: &UpstreamError) -> Self {
        let is_ours = matches!(error.kind, ErrorKind::OurAccount | ErrorKind::NotFound);
        Self { fault: UpstreamFault::of_error(error), status: error.status, is_ours }
    }

    /// How long the account that was used is to be left alone; `None` where it is not to blame.
    pub(super) fn cools_account_ms(&self) -> Option<u64> {
        match self.fault.kind {
            UpstreamKind::RateLimited => Some(self.fault.retry_after_ms.unwrap_or(COOL_MS).min(COOL_MS_MAX)),
            _ if self.is_ours && self.status != 404 => Some(REFUSED_MS),
            _ => None,
        }
    }

    /// Whether the request itself is to blame: every provider of the model would say the same.
    const fn blames_request(&self) -> bool {
        matches!(
            self.fault.kind,
            UpstreamKind::InvalidRequest
                | UpstreamKind::ContextLength
                | UpstreamKind::ContentPolicy
                | UpstreamKind::TooLarge
        )
    }

    /// Whether the same provider may answer if it is asked again.
    const fn may_pass(&self) -> bool {
        !self.blames_request() && !self.is_ours
    }

    /// What the client is told, with what was tried before.
    pub(super) fn into_fault(self, misses: &[Miss]) -> Fault {
        let earlier = misses.split_last().map(|(_, earlier)| earlier).unwrap_or_default();
        let previous = earlier.iter().map(|miss| Previous { vendor: miss.vendor.clone(), status: miss.status });
        UpstreamFault { previous: previous.collect(), ..self.fault }.into()
    }
}

impl Tab {
    /// The request goes this way now.
    pub(super) fn goes(&mut self, outgoing: &Outgoing) {
        let way = &outgoing.way;
        self.model = Arc::clone(&way.model);
        self.place = way.place;
        self.upstream = Arc::clone(&way.upstream);
        self.health = Arc::clone(&way.health);
        self.wanted.clone_from(&outgoing.wanted);
        self.first_byte = None;
        self.sent = self.gateway.ports.clock.now();
    }

    /// Writes down what came to nothing.
    pub(super) fn note(&mut self, missed: &Missed, way: &Way) {
        let now = self.gateway.ports.clock.now();
        if !missed.blames_request() {
            way.health.missed(now);
        }
        let ms = u32::try_from(now.ms_since(self.started)).unwrap_or(u32::MAX);
        self.misses.push(Miss { vendor: way.upstream.vendor.id.to_string(), status: missed.status, ms });
    }

    /// Where the request goes after a miss.
    pub(super) fn next(&self, missed: &Missed, ways: &[&Way], at: usize) -> Next {
        let retries = self.gateway.settings.retries;
        if self.misses.len() >= usize::from(retries.attempts_max) {
            return Next::End;
        }
        let is_same_model = |way: &&Way| ways.get(at).is_some_and(|missing| missing.model.id == way.model.id);
        let later = at.saturating_add(1);
        // What is wrong with the request may be right for another model.
        let other = ways.iter().skip(later).position(|way| !missed.blames_request() || !is_same_model(way));
        let now = self.gateway.ports.clock.now();
        let has_other_key = || ways.get(at).is_some_and(|way| way.upstream.has_account(now));
        let is_account = missed.cools_account_ms().is_some();
        if is_account && has_other_key() && ways.get(at).is_some_and(|way| way.upstream.has_several()) {
            return Next::Way { place: at, wait_ms: 0 };
        }
        if let Some(other) = other {
            return Next::Way { place: later.saturating_add(other), wait_ms: 0 };
        }
        if !missed.may_pass() {
            return Next::End;
        }
        match self.gateway.wait_ms(missed.fault.retry_after_ms, self.misses.len()) {
            Some(wait_ms) => Next::Way { place: at, wait_ms },
            None => Next::End,
        }
    }
}

impl Gateway {
    /// How long to wait before the same provider is asked again: as long as it says, else a back-off with jitter, so that
    /// requests that failed together do not come back together; `None` where the client had better be told.
    fn wait_ms(&self, asked_ms: Option<u64>, misses: usize) -> Option<u64> {
        let retries = self.settings.retries;
        if let Some(asked) = asked_ms {
            return Some(asked).filter(|asked| *asked <= retries.wait_ms_max);
        }
        let doublings = u32::try_from(misses.saturating_sub(1)).unwrap_or(u32::MAX).min(16);
        let whole = retries.backoff_ms.saturating_mul(1_u64 << doublings).min(retries.wait_ms_max);
        let mut random = [0; 2];
        self.ports.entropy.fill(&mut random);
        let half = whole.div_euclid(2);
        let jitter = u64::from(u16::from_be_bytes(random)).checked_rem(half.saturating_add(1)).unwrap_or(0);
        Some(half.saturating_add(jitter))
    }

    /// The conversation stays with the vendor that answers.
    pub(super) fn remember(&self, errand: &Errand, way: &Way) {
        if let Some(conversation) = errand.conversation {
            self.sticky.insert(conversation, Arc::clone(&way.upstream.vendor.id));
        }
    }
}
