//! Who did what: suspensions, and the record of all changes.

use super::{Accounts, AccountsError};
use crate::actor::Actor;
use crate::ports::fresh_id;
use opencredits_store::{AuditRecord, Standing, User};
use opencredits_units::EntryId;

/// The longest reason, in bytes.
const REASON_BYTES_MAX: usize = 500;
/// The largest number of records on a page.
const PAGE_MAX: u32 = 1_000;

impl Accounts {
    /// Suspends a person or lifts the suspension, at once. Requests that run are finished and charged.
    ///
    /// # Errors
    /// When the person is unknown, the reason too long, or the store fails.
    pub async fn set_standing(&self, name: &str, standing: Standing, reason: String) -> Result<User, AccountsError> {
        if reason.len() > REASON_BYTES_MAX {
            let problem = "is longer than 500 bytes; shorten it";
            return Err(AccountsError::Invalid { field: "the reason", problem });
        }
        let user = self.find_user(name).await?;
        self.tables.users.set_standing(user.id, standing).await?;
        (self.changed)();
        let action = match standing {
            Standing::Suspended => "user.suspend",
            Standing::Good => "user.resume",
        };
        self.record((Actor::Operator, action), &user.id.to_string(), reason).await?;
        Ok(User { standing, ..user })
    }

    /// At most `max` records of changes above `after`, by time.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn changes(&self, after: EntryId, max: u32) -> Result<Vec<AuditRecord>, AccountsError> {
        Ok(self.tables.audit.audits(after, max.clamp(1, PAGE_MAX)).await?)
    }

    pub(super) async fn record(
        &self,
        (actor, action): (Actor, &str),
        subject: &str,
        detail: String,
    ) -> Result<(), AccountsError> {
        let now = self.now();
        let record = AuditRecord {
            id: fresh_id(now, &*self.entropy),
            at: now,
            actor: actor.to_string(),
            action: action.to_owned(),
            subject: subject.to_owned(),
            detail,
        };
        Ok(self.tables.audit.add_audit(&record).await?)
    }
}
