//! What follows when a provider does not answer: another one, the same one later, or the end.

use super::Gateway;
use super::exchange::{AttemptPlan, UpstreamAttempt};
use super::routing::RouteCandidate;
use super::settle::OpenRequest;
use crate::fault::{Fault, Previous, UpstreamFault, UpstreamKind};
use crate::record::AttemptRecord;
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
pub(super) struct FailedAttempt {
    fault: UpstreamFault,
    status: u16,
    /// Our own account, or a model that the provider does not have: its own fault as far as the client can see.
    is_ours: bool,
}

/// What follows.
pub(super) enum Next {
    End,
    RouteCandidate { place: usize, wait_ms: u64 },
}

impl FailedAttempt {
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
    pub(super) fn into_fault(self, failed_attempts: &[AttemptRecord]) -> Fault {
        let earlier = failed_attempts.split_last().map(|(_, earlier)| earlier).unwrap_or_default();
        let previous = earlier.iter().map(|miss| Previous { vendor: miss.vendor.clone(), status: miss.status });
        UpstreamFault { previous: previous.collect(), ..self.fault }.into()
    }
}

impl OpenRequest {
    /// The request goes this candidate now.
    pub(super) fn goes(&mut self, outgoing: &UpstreamAttempt) {
        let candidate = &outgoing.candidate;
        self.model = Arc::clone(&candidate.model);
        self.place = candidate.place;
        self.upstream = Arc::clone(&candidate.upstream);
        self.health = Arc::clone(&candidate.health);
        self.request_terms.clone_from(&outgoing.request_terms);
        self.first_byte = None;
        self.sent = self.gateway.ports.clock.now();
    }

    /// Writes down what came to nothing.
    pub(super) fn note(&mut self, failed: &FailedAttempt, candidate: &RouteCandidate) {
        let now = self.gateway.ports.clock.now();
        if !failed.blames_request() {
            candidate.health.failed(now);
        }
        let ms = u32::try_from(now.ms_since(self.started)).unwrap_or(u32::MAX);
        self.failed_attempts.push(AttemptRecord {
            vendor: candidate.upstream.vendor.id.to_string(),
            status: failed.status,
            ms,
        });
    }

    /// Where the request goes after a miss.
    pub(super) fn next(&self, failed: &FailedAttempt, candidates: &[&RouteCandidate], at: usize) -> Next {
        let retries = self.gateway.settings.retries;
        if self.failed_attempts.len() >= usize::from(retries.attempts_max) {
            return Next::End;
        }
        let is_same_model = |candidate: &&RouteCandidate| {
            candidates.get(at).is_some_and(|missing| missing.model.id == candidate.model.id)
        };
        let later = at.saturating_add(1);
        // What is wrong with the request may be right for another model.
        let other =
            candidates.iter().skip(later).position(|candidate| !failed.blames_request() || !is_same_model(candidate));
        let now = self.gateway.ports.clock.now();
        let has_other_key = || candidates.get(at).is_some_and(|candidate| candidate.upstream.has_account(now));
        let is_account = failed.cools_account_ms().is_some();
        if is_account && has_other_key() && candidates.get(at).is_some_and(|candidate| candidate.upstream.has_several())
        {
            return Next::RouteCandidate { place: at, wait_ms: 0 };
        }
        if let Some(other) = other {
            return Next::RouteCandidate { place: later.saturating_add(other), wait_ms: 0 };
        }
        if !failed.may_pass() {
            return Next::End;
        }
        match self.gateway.wait_ms(failed.fault.retry_after_ms, self.failed_attempts.len()) {
            Some(wait_ms) => Next::RouteCandidate { place: at, wait_ms },
            None => Next::End,
        }
    }
}

impl Gateway {
    /// How long to wait before the same provider is asked again: as long as it says, else a back-off with jitter, so that
    /// requests that failed together do not come back together; `None` where the client had better be told.
    fn wait_ms(&self, asked_ms: Option<u64>, failed_attempts: usize) -> Option<u64> {
        let retries = self.settings.retries;
        if let Some(asked) = asked_ms {
            return Some(asked).filter(|asked| *asked <= retries.wait_ms_max);
        }
        let doublings = u32::try_from(failed_attempts.saturating_sub(1)).unwrap_or(u32::MAX).min(16);
        let whole = retries.backoff_ms.saturating_mul(1_u64 << doublings).min(retries.wait_ms_max);
        let mut random = [0; 2];
        self.ports.entropy.fill(&mut random);
        let half = whole.div_euclid(2);
        let jitter = u64::from(u16::from_be_bytes(random)).checked_rem(half.saturating_add(1)).unwrap_or(0);
        Some(half.saturating_add(jitter))
    }

    /// The conversation stays with the vendor that answers.
    pub(super) fn remember(&self, plan: &AttemptPlan, candidate: &RouteCandidate) {
        if let Some(conversation) = plan.conversation {
            self.sticky.insert(conversation, Arc::clone(&candidate.upstream.vendor.id));
        }
    }
}
