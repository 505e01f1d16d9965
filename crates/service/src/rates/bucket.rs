//! What a process may use of a limit that it shares: parts of a minute, leased from the store.
//!
//! The store counts what is leased, so all processes together never admit more than the limit. A part is small: what one
//! process has and does not use is missing to the others until the minute ends.

use super::places::{RateSharing, seen_through};
use crate::fault::Fault;
use crate::rate_limited::{RateKind, RateLeft, RateLimited, signed};
use opencredits_store::{RATE_WINDOW_MS, RateBucket, RateLease, RateUnit, StoreError};
use opencredits_units::KeyId;
use parking_lot::Mutex;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::time::Instant;

/// A lease is this part of the limit, or what a request needs: with four gateways, three that have nothing to do keep less
/// than a tenth from the fourth.
const LEASES: u32 = 32;
/// The largest lease of requests, unless a request needs more.
const REQUESTS_MAX: u32 = 64;
/// How long a request is refused without a question by what the store said last. Others may give something back meanwhile.
const KNOWN: Duration = Duration::from_secs(1);
/// A request asks so often where the window of each lease is over when its answer comes.
const ASKED_MAX: usize = 3;

/// The requests or the tokens of a key.
pub(super) struct SharedBucket {
    sharing: Arc<RateSharing>,
    bucket: RateBucket,
    max: NonZeroU32,
    /// What is leased at once.
    chunk: u32,
    allowance: Mutex<Option<Allowance>>,
    /// Whoever has it asks the store, and the others wait.
    asking: tokio::sync::Mutex<()>,
    /// What was used beyond what was leased, and the store does not know yet; below zero what it counts too much.
    debt: Mutex<i64>,
}

/// What may be used here of one window.
struct Allowance {
    window: u64,
    /// What is left of the leases.
    here: u32,
    /// What others could still lease when the store was last asked.
    elsewhere: u32,
    /// When the window ends. It is measured from the question on, so it is never late.
    ends: Instant,
    /// Until when nothing is asked that `elsewhere` answers.
    known_until: Instant,
}

/// The tokens that a request has taken.
#[derive(Default)]
pub(super) struct Taken {
    /// Those of leases of a window.
    count: u32,
    window: u64,
    /// Those that no minute has, which are owed.
    owed: u64,
}

impl Allowance {
    fn ends_in_ms(&self, now: Instant) -> u64 {
        u64::try_from(self.ends.saturating_duration_since(now).as_millis()).unwrap_or(u64::MAX)
    }

    /// How long to wait for `count`, in ms, where the window has too few.
    fn refuses(&self, count: u32, now: Instant) -> Option<u64> {
        let is_short = self.here.saturating_add(self.elsewhere) < count;
        (is_short && now < self.known_until).then(|| self.ends_in_ms(now))
    }
}

impl SharedBucket {
    pub(super) fn new((sharing, key): (&Arc<RateSharing>, KeyId), unit: RateUnit, max: NonZeroU32) -> Arc<Self> {
        let part = max.get().div_euclid(LEASES).max(1);
        let chunk = match unit {
            RateUnit::Requests => part.min(REQUESTS_MAX),
            RateUnit::Tokens => part,
        };
        Arc::new(Self {
            sharing: Arc::clone(sharing),
            bucket: RateBucket { key, unit },
            max,
            chunk,
            allowance: Mutex::new(None),
            asking: tokio::sync::Mutex::new(()),
            debt: Mutex::new(0),
        })
    }

    /// Takes so many, of what is here or of a lease; returns their window.
    pub(super) async fn take(self: &Arc<Self>, count: u32) -> Result<u64, Fault> {
        if let Some(window) = self.take_here(count)? {
            return Ok(window);
        }
        let _asking = self.asking.lock().await;
        for _ in 0..ASKED_MAX {
            if let Some(window) = self.take_here(count)? {
                return Ok(window);
            }
            // Where the client leaves meanwhile, the lease is there for the next request.
            seen_through(Arc::clone(self).lease(count)).await?;
        }
        self.take_here(count)?.ok_or_else(|| self.limited(0).into())
    }

    /// Refuses a request that the store would refuse.
    pub(super) fn check(&self, count: u32) -> Result<(), RateLimited> {
        let wait = self.live(|allowance, now| allowance.refuses(count, now));
        wait.flatten().map_or(Ok(()), |wait_ms| Err(self.limited(wait_ms)))
    }

    /// Takes so many tokens. More than a minute has is taken from a full one, and the rest is owed.
    pub(super) async fn reserve(self: &Arc<Self>, taken: &mut Taken, tokens: u64) -> Result<(), Fault> {
        let count = u32::try_from(tokens).unwrap_or(u32::MAX).min(self.max.get());
        if count == 0 {
            return Ok(());
        }
        let window = self.take(count).await?;
        let above = tokens.saturating_sub(count.into());
        self.owe(signed(above));
        // Those of another window have lapsed.
        let before = if taken.window == window { taken.count } else { 0 };
        let (count, owed) = (before.saturating_add(count), taken.owed.saturating_add(above));
        *taken = Taken { count, window, owed };
        Ok(())
    }

    /// Replaces the tokens that were taken by those that were used.
    pub(super) fn settle(self: &Arc<Self>, taken: Taken, (reserved, used): (u64, u64)) {
        if used >= reserved {
            let more = used.saturating_sub(reserved);
            let here = self.take_at_most(u32::try_from(more).unwrap_or(u32::MAX));
            self.owe(signed(more.saturating_sub(here.into())));
            return;
        }
        let less = reserved.saturating_sub(used);
        let unowed = less.min(taken.owed);
        self.owe(0_i64.saturating_sub(signed(unowed)));
        let back = u32::try_from(less.saturating_sub(unowed)).unwrap_or(u32::MAX);
        self.give_back(taken.window, back.min(taken.count));
    }

    /// What is left, here and for all, as far as it is known here.
    pub(super) fn left(&self) -> RateLeft {
        let max = self.max.get();
        let known = self.live(|allowance, now| {
            let left = allowance.here.saturating_add(allowance.elsewhere).min(max);
            (left, if left < max { allowance.ends_in_ms(now) } else { 0 })
        });
        let (left, reset_ms) = known.unwrap_or((max, 0));
        RateLeft { max, left, reset_ms }
    }

    /// Does something with what may be used, unless its window is over.
    fn live<T>(&self, with: impl FnOnce(&mut Allowance, Instant) -> T) -> Option<T> {
        let mut allowance = self.allowance.lock();
        let now = Instant::now();
        allowance.as_mut().filter(|allowance| now < allowance.ends).map(|allowance| with(allowance, now))
    }

    /// Takes so many of what is here; returns their window, or `None` where the store is to be asked.
    fn take_here(&self, count: u32) -> Result<Option<u64>, RateLimited> {
        let taken = self.live(|allowance, now| {
            if let Some(rest) = allowance.here.checked_sub(count) {
                allowance.here = rest;
                return Ok(Some(allowance.window));
            }
            allowance.refuses(count, now).map_or(Ok(None), Err)
        });
        taken.unwrap_or(Ok(None)).map_err(|wait_ms| self.limited(wait_ms))
    }

    /// Takes so many of what is here, or all of it; returns how many that were.
    fn take_at_most(&self, count: u32) -> u32 {
        let taken = self.live(|allowance, _| {
            let taken = count.min(allowance.here);
            allowance.here = allowance.here.saturating_sub(taken);
            taken
        });
        taken.unwrap_or_default()
    }

    fn limited(&self, wait_ms: u64) -> RateLimited {
        let kind = match self.bucket.unit {
            RateUnit::Requests => RateKind::Requests,
            RateUnit::Tokens => RateKind::Tokens,
        };
        RateLimited { kind, max: self.max.get(), wait_ms: wait_ms.max(1) }
    }

    /// Leases what a request lacks.
    async fn lease(self: Arc<Self>, count: u32) -> Result<(), StoreError> {
        self.tell_debt().await?;
        let here = self.live(|allowance, _| allowance.here).unwrap_or_default();
        let want = count.saturating_sub(here).max(self.chunk);
        let RateSharing { store, clock, .. } = &*self.sharing;
        let asked = Instant::now();
        let lease = store.lease_rate(self.bucket, want, self.max.get(), clock.now()).await?;
        let back = self.keep(lease, asked, count);
        if back > 0 {
            store.give_back_rate(self.bucket, lease.window, back).await?;
        }
        Ok(())
    }

    /// Adds a lease to what is here. Where both do not suffice for `count`, the lease is not kept: what of it is to be given
    /// back.
    fn keep(&self, lease: RateLease, asked: Instant, count: u32) -> u32 {
        let RateLease { granted, left, resets_in_ms, window } = lease;
        let mut allowance = self.allowance.lock();
        let before = allowance.as_ref().filter(|before| before.window == window).map_or(0, |before| before.here);
        let sum = before.saturating_add(granted);
        let back = if sum < count { granted } else { 0 };
        *allowance = Some(Allowance {
            window,
            here: sum.saturating_sub(back),
            elsewhere: left.saturating_add(back),
            ends: asked + Duration::from_millis(resets_in_ms.min(RATE_WINDOW_MS)),
            known_until: asked + KNOWN,
        });
        back
    }

    /// Gives back what was taken in a window and not used: to what is here, and where that is much, to the others.
    fn give_back(self: &Arc<Self>, window: u64, count: u32) {
        let surplus = self.live(|allowance, _| {
            if allowance.window != window {
                return 0;
            }
            allowance.here = allowance.here.saturating_add(count);
            let is_much = allowance.here > self.chunk.saturating_mul(2);
            let surplus = if is_much { allowance.here.saturating_sub(self.chunk) } else { 0 };
            allowance.here = allowance.here.saturating_sub(surplus);
            allowance.elsewhere = allowance.elsewhere.saturating_add(surplus);
            surplus
        });
        let surplus = surplus.unwrap_or_default();
        if surplus == 0 {
            return;
        }
        let Ok(runtime) = Handle::try_current() else { return };
        let bucket = Arc::clone(self);
        runtime.spawn(async move {
            if let Err(error) = bucket.sharing.store.give_back_rate(bucket.bucket, window, surplus).await {
                tracing::warn!(key = %bucket.bucket.key, %error, "what a request did not use is missing until the minute ends");
            }
        });
    }

    /// Owes so many, or takes back what was owed too much. What comes while the store is told is told together.
    fn owe(self: &Arc<Self>, count: i64) {
        if count == 0 {
            return;
        }
        self.live(|allowance, _| {
            let elsewhere = i64::from(allowance.elsewhere).saturating_sub(count).clamp(0, self.max.get().into());
            allowance.elsewhere = u32::try_from(elsewhere).unwrap_or_default();
        });
        let mut debt = self.debt.lock();
        let was_none = *debt == 0;
        *debt = debt.saturating_add(count);
        drop(debt);
        // Otherwise somebody is about to tell it. What could not be told is told with the next lease.
        let Ok(runtime) = Handle::try_current() else { return };
        if was_none {
            let bucket = Arc::clone(self);
            runtime.spawn(async move {
                if let Err(error) = bucket.tell_debt().await {
                    tracing::warn!(key = %bucket.bucket.key, %error, "other gateways do not know yet what a request used");
                }
            });
        }
    }

    async fn tell_debt(&self) -> Result<(), StoreError> {
        let debt = std::mem::take(&mut *self.debt.lock());
        if debt == 0 {
            return Ok(());
        }
        let RateSharing { store, clock, .. } = &*self.sharing;
        let told = store.owe_rate(self.bucket, debt, clock.now()).await;
        if told.is_err() {
            let mut owed = self.debt.lock();
            *owed = owed.saturating_add(debt);
        }
        told
    }
}
