//! Sessions of browsers.

use super::{SignIn, SignInFault};
use opencredits_identity::{BrowserName, Session, Standing};
use opencredits_keys::KeyDigest;
use opencredits_store::{Role, SessionId, SessionRecord, SessionsOf};
use opencredits_units::{UnixMs, UserId};

/// What a session shows of its person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// The person.
    pub user: UserId,
    /// Their address.
    pub email: Option<String>,
    /// Their role.
    pub role: Role,
    /// The newest version of the terms that they accepted.
    pub terms_version: Option<String>,
}

impl SignIn {
    /// The session with this digest, where it can be used; its use is written now and then.
    ///
    /// # Errors
    /// When there is none, when it is over, or the store fails.
    pub async fn session(&self, digest: &KeyDigest) -> Result<SessionRecord, SignInFault> {
        let found = self.tables.sessions.session(digest).await?.ok_or(SignInFault::NoSession)?;
        let (now, session) = (self.now(), session_of(&found));
        if session.standing(&self.settings.lifetimes, now) != Standing::Valid {
            return Err(SignInFault::NoSession);
        }
        if session.touch_due(&self.settings.lifetimes, now) {
            self.tables.sessions.touch_session(found.id, now).await?;
        }
        Ok(found)
    }

    /// When a session ends if it is not used any more.
    #[must_use]
    pub fn ends_at(&self, session: &SessionRecord) -> UnixMs {
        session_of(session).ends_at(&self.settings.lifetimes)
    }

    /// A person's sessions that can be used, the most recently used first.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn sessions_of(&self, user: UserId) -> Result<Vec<SessionRecord>, SignInFault> {
        let now = self.now();
        let mut all = self.tables.sessions.sessions_of(user).await?;
        all.retain(|session| session_of(session).standing(&self.settings.lifetimes, now) == Standing::Valid);
        Ok(all)
    }

    /// Ends one of a person's sessions.
    ///
    /// # Errors
    /// When the person has no such session, or the store fails.
    pub async fn end_session(&self, user: UserId, session: SessionId) -> Result<(), SignInFault> {
        match self.tables.sessions.end_sessions(SessionsOf::One(user, session), self.now()).await? {
            0 => Err(SignInFault::NoSuch { what: "session" }),
            _ => Ok(()),
        }
    }

    /// Ends all of a person's sessions but `kept`, or all of them; returns how many.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn end_other_sessions(&self, user: UserId, kept: Option<SessionId>) -> Result<u64, SignInFault> {
        let which = kept.map_or(SessionsOf::All(user), |kept| SessionsOf::Others(user, kept));
        Ok(self.tables.sessions.end_sessions(which, self.now()).await?)
    }

    /// What a session shows of its person.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn account(&self, user: UserId) -> Result<Account, SignInFault> {
        let email = self.tables.emails.email_of(user).await?.map(|email| email.address);
        let role = self.tables.standings.role_of(user).await?;
        let terms = self.tables.standings.accepted_terms(user).await?;
        Ok(Account { user, email, role, terms_version: terms.into_iter().next_back().map(|terms| terms.version) })
    }
}

/// A record as the rules know it.
fn session_of(record: &SessionRecord) -> Session {
    Session {
        digest: record.digest,
        user: record.user,
        browser: BrowserName::read(&record.browser),
        created_at: record.created_at,
        used_at: record.used_at,
        revoked_at: record.ended_at,
    }
}
