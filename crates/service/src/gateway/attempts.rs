//! The attempts of a request, and the step after a failed one: the next route, the same one later, or the end.

use super::meters::{OWN_ACCOUNT, UNRESOLVED};
use super::open_request::{OpenRequest, Progress, RequestTerms};
use super::reaper::Abandoned;
use super::routing::RouteCandidate;
use super::settings::Retries;
use super::state::{ConversationId, Gateway};
use super::vendor_keys::VendorKeys;
use crate::fault::{Fault, Previous, UpstreamFault, UpstreamKind};
use crate::memory::Reservation;
use crate::record::AttemptRecord;
use bytes::Bytes;
use http::HeaderMap;
use opencredits_providers::{ErrorKind, Outcome, TransportError, UpstreamError, UsageChunk};
use std::sync::Arc;

/// How long a rate-limited account is not used, where its provider does not say.
const COOL_MS: u64 = 30_000;
/// How long an account is not used that its provider refused: the operator has to look after it.
const REFUSED_MS: u64 = 300_000;
/// The longest time that an account is not used, whatever its provider says.
const COOL_MS_MAX: u64 = 600_000;

/// A request as it goes to one provider. It holds content, so it cannot be printed.
pub(super) struct UpstreamAttempt {
    pub(super) candidate: RouteCandidate,
    pub(super) body: Bytes,
    pub(super) headers: HeaderMap,
    pub(super) request_terms: RequestTerms,
    /// Fields that are dropped on this route.
    pub(super) dropped: Vec<String>,
}

/// The attempts that a request may make, in their order.
pub(super) struct AttemptPlan {
    pub(super) attempts: Vec<UpstreamAttempt>,
    pub(super) usage_chunk: UsageChunk,
    /// The conversation that stays with the vendor that answers.
    pub(super) conversation: Option<ConversationId>,
    pub(super) abandoned: Abandoned,
    /// The memory that the requests of all routes take.
    pub(super) memory: Reservation,
}

/// Why an attempt failed.
pub(super) struct FailedAttempt {
    fault: UpstreamFault,
    status: u16,
    /// What of ours is the cause, where the client is not to blame.
    ours: Option<Ours>,
    /// Whether the provider may have got the whole request, and bill it, without an answer that can be used.
    may_be_billed: bool,
    /// Whether a pooled connection closed under the request: most likely its provider never read it.
    is_closed: bool,
}

/// A cause of a failure that the operator has to look after.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Ours {
    /// Our account at the provider.
    Account,
    /// A model that the provider lacks.
    Model,
    /// Our resolver of names, or the address that our config has of the provider.
    Name,
}

/// The step after a failed attempt.
pub(super) enum Next {
    End,
    /// The attempt at an index, after a wait.
    Attempt {
        index: usize,
        wait_ms: u64,
    },
}

impl FailedAttempt {
    pub(super) const fn of(kind: UpstreamKind) -> Self {
        Self { fault: UpstreamFault::of_kind(kind), status: 0, ours: None, may_be_billed: false, is_closed: false }
    }

    /// An answer without content. Where it has counts its provider bills it, and would bill another one, too.
    pub(super) fn without_content(may_be_billed: bool) -> Self {
        Self { may_be_billed, ..Self::of(UpstreamKind::Unavailable) }
    }

    /// A failure of the transport. Only one that happened before the request was sent leaves no bill.
    pub(super) fn of_transport(error: TransportError) -> Self {
        let kind = match error {
            error if error.is_timeout() => UpstreamKind::TimedOut,
            TransportError::NoMemory => UpstreamKind::Overloaded,
            _ => UpstreamKind::Unavailable,
        };
        let ours = (error == TransportError::Unresolved).then_some(Ours::Name);
        Self { may_be_billed: !error.is_unsent(), is_closed: error == TransportError::Closed, ours, ..Self::of(kind) }
    }

    pub(super) fn of_error(error: &UpstreamError, keys: &VendorKeys) -> Self {
        let ours = match error.kind {
            ErrorKind::OurAccount => Some(Ours::Account),
            ErrorKind::NotFound => Some(Ours::Model),
            _ => None,
        };
        Self {
            fault: UpstreamFault::of_error(error, keys),
            status: error.status,
            ours,
            ..Self::of(UpstreamKind::Unavailable)
        }
    }

    /// How long the account is not to be used, in ms; `None` where it is not to blame.
    pub(super) fn cools_account_ms(&self) -> Option<u64> {
        match self.fault.kind {
            UpstreamKind::RateLimited => Some(self.fault.retry_after_ms.unwrap_or(COOL_MS).min(COOL_MS_MAX)),
            _ if self.ours == Some(Ours::Account) => Some(REFUSED_MS),
            _ => None,
        }
    }

    /// The kind of the failure.
    pub(super) const fn kind(&self) -> UpstreamKind {
        self.fault.kind
    }

    /// Why it failed, for metrics.
    const fn reason(&self) -> &'static str {
        match self.ours {
            Some(Ours::Account) => OWN_ACCOUNT,
            Some(Ours::Model) => "unknown_model",
            Some(Ours::Name) => UNRESOLVED,
            None => self.fault.kind.error_type(),
        }
    }

    /// Whether the request itself is to blame: every provider of the model would refuse it.
    const fn blames_request(&self) -> bool {
        matches!(
            self.fault.kind,
            UpstreamKind::InvalidRequest
                | UpstreamKind::ContextLength
                | UpstreamKind::ContentPolicy
                | UpstreamKind::TooLarge
        )
    }

    /// Whether a retry at the same provider may succeed.
    const fn may_pass(&self) -> bool {
        !self.blames_request() && matches!(self.ours, None | Some(Ours::Name))
    }

    /// The fault for the client, with the attempts before.
    pub(super) fn into_fault(self, failed_attempts: &[AttemptRecord]) -> Fault {
        let earlier = failed_attempts.split_last().map(|(_, earlier)| earlier).unwrap_or_default();
        let previous =
            earlier.iter().map(|attempt| Previous { vendor: attempt.vendor.clone(), status: attempt.status });
        UpstreamFault { previous: previous.collect(), ..self.fault }.into()
    }
}

impl OpenRequest {
    /// Begins an attempt.
    pub(super) fn begin_attempt(&mut self, attempt: &UpstreamAttempt) {
        let candidate = &attempt.candidate;
        self.model = Arc::clone(&candidate.model);
        self.route_index = candidate.route_index;
        self.upstream = Arc::clone(&candidate.upstream);
        self.health = Arc::clone(&candidate.health);
        self.request_terms.clone_from(&attempt.request_terms);
        self.first_byte = None;
        self.progress = Progress::InFlight;
        self.sent = self.gateway.ports.clock.now();
        self.trace.sent(&self.model, self.route_index, self.sent);
    }

    /// Records a failed attempt.
    pub(super) fn record_failure(&mut self, failed: &FailedAttempt, candidate: &RouteCandidate) {
        self.progress = Progress::Unsent;
        let now = self.gateway.ports.clock.now();
        if !failed.blames_request() {
            candidate.health.failed(now);
        }
        self.gateway.meters.vendor_failed(&candidate.upstream.vendor.id, failed.reason());
        self.trace.attempt_failed(failed.reason(), now);
        let ms = u32::try_from(now.ms_since(self.started)).unwrap_or(u32::MAX);
        self.failed_attempts.push(AttemptRecord {
            vendor: candidate.upstream.vendor.id.to_string(),
            status: failed.status,
            ms,
        });
    }

    /// The step after a failed attempt at index `at`.
    pub(super) fn next(&mut self, failed: &FailedAttempt, candidates: &[&RouteCandidate], at: usize) -> Next {
        let retries = self.served.settings.retries;
        // A pool cannot rule out that a server closes a connection as a request goes out: such a request is sent again, once.
        if failed.is_closed && !self.is_resent {
            self.is_resent = true;
            return Next::Attempt { index: at, wait_ms: 0 };
        }
        // No other request is sent again that its provider may bill: one answer would cost two bills.
        if failed.may_be_billed || self.failed_attempts.len() >= usize::from(retries.attempts_max) {
            return Next::End;
        }
        let is_same_model = |candidate: &&RouteCandidate| {
            candidates.get(at).is_some_and(|failed| failed.model.id == candidate.model.id)
        };
        let later = at.saturating_add(1);
        // Another model may take a request that this one refuses.
        let other =
            candidates.iter().skip(later).position(|candidate| !failed.blames_request() || !is_same_model(candidate));
        let now = self.gateway.ports.clock.now();
        let has_other_key = || candidates.get(at).is_some_and(|candidate| candidate.upstream.has_account(now));
        let is_account = failed.cools_account_ms().is_some();
        if is_account && has_other_key() && candidates.get(at).is_some_and(|candidate| candidate.upstream.has_several())
        {
            return Next::Attempt { index: at, wait_ms: 0 };
        }
        if let Some(other) = other {
            return Next::Attempt { index: later.saturating_add(other), wait_ms: 0 };
        }
        if !failed.may_pass() {
            return Next::End;
        }
        match self.gateway.wait_ms(&retries, failed.fault.retry_after_ms, self.failed_attempts.len()) {
            Some(wait_ms) => Next::Attempt { index: at, wait_ms },
            None => Next::End,
        }
    }
}

impl Gateway {
    /// How long to wait before a retry at the same provider: as long as it asks for, else a back-off with jitter, so that
    /// requests that failed together do not return together; `None` where the wait exceeds the limit.
    fn wait_ms(&self, retries: &Retries, requested_ms: Option<u64>, failed_attempts: usize) -> Option<u64> {
        if let Some(requested) = requested_ms {
            return Some(requested).filter(|requested| *requested <= retries.wait_ms_max);
        }
        let doublings = u32::try_from(failed_attempts.saturating_sub(1)).unwrap_or(u32::MAX).min(16);
        let whole = retries.backoff_ms.saturating_mul(1_u64 << doublings).min(retries.wait_ms_max);
        let mut random = [0; 2];
        self.ports.entropy.fill(&mut random);
        let half = whole.div_euclid(2);
        let jitter = u64::from(u16::from_be_bytes(random)).checked_rem(half.saturating_add(1)).unwrap_or(0);
        Some(half.saturating_add(jitter))
    }

    /// Lets the conversation stay with the vendor that answers.
    pub(super) fn remember(&self, plan: &AttemptPlan, candidate: &RouteCandidate) {
        if let Some(conversation) = plan.conversation {
            self.sticky.insert(conversation, Arc::clone(&candidate.upstream.vendor.id));
        }
    }
}

impl From<UpstreamFault> for Fault {
    fn from(fault: UpstreamFault) -> Self {
        Box::new(fault).into()
    }
}

impl UpstreamFault {
    /// A failure without a message.
    pub(super) const fn of_kind(kind: UpstreamKind) -> Self {
        Self { kind, message: None, code: None, retry_after_ms: None, previous: Vec::new() }
    }

    /// A refusal or failure as the client may see it: errors about our own account are hidden, and so are our keys.
    pub(super) fn of_error(error: &UpstreamError, keys: &VendorKeys) -> Self {
        let kind = match error.kind {
            ErrorKind::InvalidRequest => UpstreamKind::InvalidRequest,
            ErrorKind::ContextLength => UpstreamKind::ContextLength,
            ErrorKind::ContentPolicy => UpstreamKind::ContentPolicy,
            ErrorKind::TooLarge => UpstreamKind::TooLarge,
            ErrorKind::RateLimited => UpstreamKind::RateLimited,
            ErrorKind::Overloaded => UpstreamKind::Overloaded,
            ErrorKind::TimedOut => UpstreamKind::TimedOut,
            _ => UpstreamKind::Unavailable,
        };
        let about_request =
            matches!(kind, UpstreamKind::InvalidRequest | UpstreamKind::ContextLength | UpstreamKind::ContentPolicy);
        let shown = |words: &String| keys.taken_out_of(words.clone());
        Self {
            kind,
            message: Some(&error.message).filter(|message| about_request && !message.is_empty()).map(shown),
            code: error.code.as_ref().filter(|_| about_request).map(shown),
            retry_after_ms: error.retry_after_ms,
            previous: Vec::new(),
        }
    }

    /// The fault of an outcome that is not final.
    pub(super) fn of_outcome(outcome: &Outcome, otherwise: UpstreamKind, keys: &VendorKeys) -> Self {
        outcome.error.as_ref().map_or(Self::of_kind(otherwise), |error| Self::of_error(error, keys))
    }
}
