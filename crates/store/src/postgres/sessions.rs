//! Sessions, accepted terms and roles.

use super::cells::Cells;
use super::values::v;
use super::{PostgresStore, lock_person};
use crate::identity::{Role, SessionId, SessionRecord, Sessions, SessionsOf, Standings, TermsAcceptance};
use crate::traits::StoreError;
use async_trait::async_trait;
use opencredits_keys::KeyDigest;
use opencredits_units::{UnixMs, UserId};

const SESSION: &str = "SELECT id, digest, user_id, browser, created_at, used_at, ended_at FROM sessions";
/// Ends a person's sessions but for the most recently used ones.
const END_OLDEST: &str = "
    UPDATE sessions SET ended_at = $2 WHERE id IN (
        SELECT id FROM sessions WHERE user_id = $1 AND ended_at IS NULL ORDER BY used_at DESC, id DESC OFFSET $3
    )";

#[async_trait]
impl Sessions for PostgresStore {
    async fn begin_session(
        &self,
        session: &SessionRecord,
        replaces: Option<&KeyDigest>,
        max: u32,
    ) -> Result<(), StoreError> {
        self.transaction(|transaction| async move {
            lock_person(&transaction, session.user).await?;
            if let Some(old) = replaces {
                let end = "UPDATE sessions SET ended_at = $2 WHERE digest = $1 AND ended_at IS NULL";
                transaction.execute(end, &[v(*old), v(session.created_at)]).await?;
            }
            transaction
                .execute(
                    "INSERT INTO sessions (id, digest, user_id, browser, created_at, used_at, ended_at)
                     VALUES ($1, $2, $3, $4, $5, $6, $7)",
                    &[
                        v(session.id),
                        v(session.digest),
                        v(session.user),
                        v(&session.browser),
                        v(session.created_at),
                        v(session.used_at),
                        v(session.ended_at),
                    ],
                )
                .await?;
            transaction.execute(END_OLDEST, &[v(session.user), v(session.created_at), v(max)]).await?;
            Ok(())
        })
        .await
    }

    async fn session(&self, digest: &KeyDigest) -> Result<Option<SessionRecord>, StoreError> {
        self.one(&format!("{SESSION} WHERE digest = $1"), &[v(*digest)], read).await
    }

    async fn sessions_of(&self, user: UserId) -> Result<Vec<SessionRecord>, StoreError> {
        let query = format!("{SESSION} WHERE user_id = $1 AND ended_at IS NULL ORDER BY used_at DESC, id DESC");
        self.all(&query, &[v(user)], read).await
    }

    async fn touch_session(&self, id: SessionId, used_at: UnixMs) -> Result<(), StoreError> {
        let sql = "UPDATE sessions SET used_at = $2 WHERE id = $1 AND ended_at IS NULL AND used_at < $2";
        self.execute(sql, &[v(id), v(used_at)]).await?;
        Ok(())
    }

    async fn end_sessions(&self, which: SessionsOf, now: UnixMs) -> Result<u64, StoreError> {
        let (user, condition, session) = match which {
            SessionsOf::One(user, session) => (user, "id = $3", session),
            SessionsOf::Others(user, session) => (user, "id <> $3", session),
            // No session has the lowest id.
            SessionsOf::All(user) => (user, "id <> $3", SessionId::default()),
        };
        let sql = format!("UPDATE sessions SET ended_at = $2 WHERE user_id = $1 AND ended_at IS NULL AND {condition}");
        self.execute(&sql, &[v(user), v(now), v(session)]).await
    }
}

fn read(cells: &Cells<'_>) -> Result<SessionRecord, StoreError> {
    Ok(SessionRecord {
        id: cells.id(0)?,
        digest: cells.digest(1)?,
        user: cells.id(2)?,
        browser: cells.text(3)?,
        created_at: cells.time(4)?,
        used_at: cells.time(5)?,
        ended_at: cells.time_or_none(6)?,
    })
}

#[async_trait]
impl Standings for PostgresStore {
    async fn accept_terms(&self, user: UserId, acceptance: &TermsAcceptance) -> Result<(), StoreError> {
        let TermsAcceptance { version, is_of_age, accepted_at } = acceptance;
        self.execute(
            "INSERT INTO terms_acceptances (user_id, version, is_of_age, accepted_at) VALUES ($1, $2, $3, $4)
             ON CONFLICT (user_id, version) DO NOTHING",
            &[v(user), v(version), v(*is_of_age), v(*accepted_at)],
        )
        .await?;
        Ok(())
    }

    async fn accepted_terms(&self, user: UserId) -> Result<Vec<TermsAcceptance>, StoreError> {
        let query = "SELECT version, is_of_age, accepted_at FROM terms_acceptances WHERE user_id = $1
            ORDER BY accepted_at, version";
        self.all(query, &[v(user)], |cells| {
            Ok(TermsAcceptance { version: cells.text(0)?, is_of_age: cells.flag(1)?, accepted_at: cells.time(2)? })
        })
        .await
    }

    async fn role_of(&self, user: UserId) -> Result<Role, StoreError> {
        let query = "SELECT role FROM user_roles WHERE user_id = $1";
        let Some(name) = self.one(query, &[v(user)], |cells| cells.text(0)).await? else { return Ok(Role::None) };
        Role::of_name(&name).ok_or(StoreError::Damaged { table: "user_roles" })
    }

    async fn set_role(&self, user: UserId, role: Role) -> Result<(), StoreError> {
        let sql = "INSERT INTO user_roles (user_id, role) VALUES ($1, $2)
            ON CONFLICT (user_id) DO UPDATE SET role = excluded.role";
        self.execute(sql, &[v(user), v(role.name())]).await?;
        Ok(())
    }
}
