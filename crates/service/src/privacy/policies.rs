//! Versions of the policy: published once, and told to everybody whom they concern.

use super::error::PrivacyError;
use super::state::Privacy;
use crate::mail::Enqueued;
use opencredits_email::{Label, PolicyChanged};
use opencredits_store::{PolicyVersion, StoreError};
use opencredits_units::{UnixMs, UserId};

/// The longest version, in bytes.
const VERSION_BYTES_MAX: usize = 40;
/// The longest summary, in characters.
const SUMMARY_CHARS_MAX: usize = 1_000;
/// People who are told in one step.
const STEP: u32 = 200;

/// A version to publish.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewPolicy {
    /// Its name, such as a date.
    pub version: String,
    /// From when on it holds.
    pub effective_at: UnixMs,
    /// What changes, in a sentence or two.
    pub summary: String,
}

impl Privacy {
    /// Publishes a version. A job tells everybody who has an account and an address by then.
    ///
    /// # Errors
    /// When a value is out of bounds, the version is published already, or the store fails.
    pub async fn publish(&self, new: NewPolicy) -> Result<PolicyVersion, PrivacyError> {
        check(&new)?;
        let NewPolicy { version, effective_at, summary } = new;
        let published_at = self.now();
        let told_until = UserId::default();
        let policy = PolicyVersion { version, effective_at, summary, published_at, told_until, told: 0, told_at: None };
        match self.tables.policies.add_policy(&policy).await {
            Err(StoreError::Exists) => Err(PrivacyError::PolicyExists { version: policy.version }),
            added => {
                added?;
                Ok(policy)
            }
        }
    }

    /// All versions, by the time of their publication.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn policies(&self) -> Result<Vec<PolicyVersion>, PrivacyError> {
        Ok(self.tables.policies.policies().await?)
    }

    /// Tells the next people of versions that not all were told of; returns how many mails are new in the outbox. A
    /// repetition mails nobody twice: a person and a version are a cause.
    ///
    /// # Errors
    /// When outbox or store fail.
    pub async fn tell_some(&self) -> Result<u64, PrivacyError> {
        let mut told = 0_u64;
        for policy in self.tables.policies.policies().await? {
            if policy.told_at.is_none() {
                told = told.saturating_add(self.tell_step(policy).await?);
            }
        }
        Ok(told)
    }

    async fn tell_step(&self, mut policy: PolicyVersion) -> Result<u64, PrivacyError> {
        let people = self.tables.policies.addressed(policy.told_until, policy.published_at, STEP).await?;
        let (version, summary) = (Label::from(policy.version.clone()), policy.summary.clone());
        let letter = PolicyChanged { version, effective_at: policy.effective_at, summary };
        let mut new = 0_u64;
        for user in &people {
            let cause = format!("{}-{user}", policy.version);
            match self.ports.queue.policy_changed(*user, &cause, letter.clone()).await? {
                // They are told once mails are switched on.
                Enqueued::Off => return Ok(new),
                Enqueued::New => new = new.saturating_add(1),
                Enqueued::Before => {}
            }
            policy.told = policy.told.saturating_add(1);
        }
        match people.last() {
            Some(last) => policy.told_until = *last,
            None => policy.told_at = Some(self.now()),
        }
        self.tables.policies.set_told(&policy).await?;
        Ok(new)
    }
}

fn check(new: &NewPolicy) -> Result<(), PrivacyError> {
    let graphic = new.version.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte));
    let wrong = |field, problem| Err(PrivacyError::Invalid { field, problem });
    if new.version.is_empty() || new.version.len() > VERSION_BYTES_MAX || !graphic {
        return wrong(
            "the version",
            "has other characters than letters, digits, - . and _, or more than 40; change it",
        );
    }
    let summary = new.summary.trim();
    if summary.is_empty() || summary.chars().count() > SUMMARY_CHARS_MAX || summary.chars().any(char::is_control) {
        return wrong(
            "the summary",
            "is empty, longer than 1,000 characters, or has several lines; write a sentence or two",
        );
    }
    Ok(())
}
