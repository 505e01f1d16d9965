//! How often somebody may try. The attempts are in the store, so that a restart forgives none.

use super::policy::HOUR_MS;
use super::{SignIn, SignInFault};
use opencredits_identity::{Attempt, Bucket, BucketKey, Limit, Wait, take_all};
use opencredits_store::BucketChange;
use opencredits_units::UnixMs;
use std::net::IpAddr;

/// Repetitions where another process was quicker.
const REPEATS_MAX: usize = 8;
/// The wait where it was quicker each time, in ms.
const BUSY_MS: u64 = 1_000;

/// What is attempted. Each action has buckets of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Action {
    /// To have a code mailed.
    SendCode,
    /// To have a link mailed.
    SendLink,
    /// To answer: with a code, a link or a passkey.
    Answer,
    /// To be asked for a passkey.
    AskPasskey,
}

impl Action {
    const fn name(self) -> &'static str {
        match self {
            Self::SendCode => "send_code",
            Self::SendLink => "send_link",
            Self::Answer => "answer",
            Self::AskPasskey => "ask_passkey",
        }
    }
}

impl SignIn {
    /// Takes one attempt from every bucket that it concerns.
    pub(super) async fn admit(
        &self,
        action: Action,
        address: Option<&str>,
        from: Option<IpAddr>,
    ) -> Result<(), SignInFault> {
        let limits = match action {
            Action::SendCode | Action::SendLink => self.settings.limits.mails,
            Action::Answer | Action::AskPasskey => self.settings.limits.answers,
        };
        let Some(limits) = limits.limits() else { return Err(Wait { ms: HOUR_MS }.into()) };
        let attempt = Attempt { action: action.name(), address, from };
        let buckets = attempt.buckets(&self.keys.hash, &limits);
        let _one = self.attempting.lock().await;
        for _ in 0..REPEATS_MAX {
            if let Some(taken) = self.take(&buckets).await? {
                return Ok(taken?);
            }
        }
        Err(Wait { ms: BUSY_MS }.into())
    }

    /// Takes one attempt; nothing where another process has changed a bucket meanwhile.
    async fn take(&self, buckets: &[(BucketKey, Limit)]) -> Result<Option<Result<(), Wait>>, SignInFault> {
        let now = self.now();
        let keys: Vec<[u8; 16]> = buckets.iter().map(|(key, _)| *key.as_bytes()).collect();
        let stored = self.tables.buckets.buckets(&keys).await?;
        let before: Vec<Bucket> =
            stored.iter().map(|bytes| bytes.map(Bucket::from_bytes).unwrap_or_default()).collect();
        let mut after: Vec<(Bucket, Limit)> =
            before.iter().zip(buckets).map(|(bucket, (_, limit))| (*bucket, *limit)).collect();
        let taken = take_all(&mut after, now);
        // A refusal changes nothing, and costs no write; but where the clock went back, time counts from now on.
        if taken.is_err() && before.iter().all(|bucket| bucket.at <= now) {
            return Ok(Some(taken));
        }
        let changes: Vec<BucketChange> = keys
            .into_iter()
            .zip(stored)
            .zip(after)
            .map(|((key, from), (bucket, _))| change(key, from, bucket))
            .collect();
        Ok(self.tables.buckets.put_buckets(&changes).await?.then_some(taken))
    }
}

fn change(key: [u8; 16], from: Option<[u8; 16]>, bucket: Bucket) -> BucketChange {
    let is_full_at: UnixMs = bucket.is_full_at();
    BucketChange { key, from, to: bucket.to_bytes(), is_full_at }
}
