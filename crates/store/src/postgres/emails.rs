//! People's addresses, encrypted where there is a key.

use super::PostgresStore;
use super::cells::Cells;
use super::connection::refused;
use super::values::v;
use crate::mail::{LimitedKey, Reachable, UserEmail, UserEmails};
use crate::privacy::AddressRotation;
use crate::sealing::{AddressKeeping, AddressKeyUse, Resealed, StoredAddress};
use crate::traits::StoreError;
use async_trait::async_trait;
use opencredits_units::{KeyId, UnixMs, UserId};
use tokio_postgres::error::SqlState;

/// Notices are for people who take mail, and who neither objected nor are restricted or leaving.
const TAKES_NOTICES: &str = "e.bounced_at IS NULL AND NOT EXISTS (
        SELECT 1 FROM person_privacy p WHERE p.user_id = e.user_id
            AND (p.restricted_at IS NOT NULL OR p.objected_at IS NOT NULL OR p.deletion_due_at IS NOT NULL))";
/// Addresses that the newest key has not encrypted. Nobody changes them meanwhile.
const NOT_NEWEST: &str = "
    SELECT user_id, address, sealed FROM user_emails
    WHERE user_id > $1 AND (sealed IS NULL OR substr(sealed, 1, 8) <> $2) ORDER BY user_id LIMIT $3 FOR UPDATE";
const SET: &str = "
    INSERT INTO user_emails (user_id, address, sealed, address_hash) VALUES ($1, $2, $3, $4)
    ON CONFLICT (user_id) DO UPDATE SET address = excluded.address, sealed = excluded.sealed,
        address_hash = excluded.address_hash, bounced_at = NULL";
const RESEAL: &str = "UPDATE user_emails SET address = '', sealed = $2, address_hash = $3 WHERE user_id = $1";
const FLAG: &str = "UPDATE user_emails SET bounced_at = coalesce(bounced_at, $2)";
const OF_ADDRESS: &str = "lower(address) = lower($1) AND address <> ''";
/// Writes the table anew. Other engines do so by themselves.
const COMPACT: &str = "VACUUM FULL user_emails";

fn stored(cells: &Cells<'_>, first: usize) -> Result<StoredAddress, StoreError> {
    Ok(StoredAddress { address: cells.text(first)?, sealed: cells.bytes_or_none(first + 1)?, hash: None })
}

#[async_trait]
impl UserEmails for PostgresStore {
    async fn set_email(&self, user: UserId, address: &str) -> Result<(), StoreError> {
        let StoredAddress { address, sealed, hash } = self.addresses.keep(user, address)?;
        self.execute(SET, &[v(user), v(address), v(sealed), v(hash)]).await?;
        Ok(())
    }

    async fn remove_email(&self, user: UserId) -> Result<(), StoreError> {
        self.execute("DELETE FROM user_emails WHERE user_id = $1", &[v(user)]).await?;
        Ok(())
    }

    async fn email_of(&self, user: UserId) -> Result<Option<UserEmail>, StoreError> {
        let query = "SELECT address, sealed, bounced_at FROM user_emails WHERE user_id = $1";
        let found = self.one(query, &[v(user)], |cells| Ok((stored(cells, 0)?, cells.time_or_none(2)?))).await?;
        let Some((stored, bounced_at)) = found else { return Ok(None) };
        Ok(Some(UserEmail { address: stored.open(user, &self.addresses)?, bounced_at }))
    }

    async fn user_by_email(&self, address: &str) -> Result<Option<UserId>, StoreError> {
        let mut found: Vec<UserId> = Vec::new();
        for hash in self.addresses.hashes(address) {
            let by_hash = "SELECT user_id FROM user_emails WHERE address_hash = $1";
            found.extend(self.all(by_hash, &[v(hash)], |cells| cells.id(0)).await?);
        }
        let plain = format!("SELECT user_id FROM user_emails WHERE {OF_ADDRESS}");
        found.extend(self.all(&plain, &[v(address)], |cells| cells.id(0)).await?);
        Ok(found.into_iter().min())
    }

    async fn flag_bounced(&self, address: &str, now: UnixMs) -> Result<u64, StoreError> {
        let mut flagged = self.execute(&format!("{FLAG} WHERE {OF_ADDRESS}"), &[v(address), v(now)]).await?;
        for hash in self.addresses.hashes(address) {
            let by_hash = format!("{FLAG} WHERE address_hash = $1");
            flagged = flagged.saturating_add(self.execute(&by_hash, &[v(hash), v(now)]).await?);
        }
        Ok(flagged)
    }

    async fn reachable(&self, after: UserId, max: u32) -> Result<Vec<Reachable>, StoreError> {
        let query = format!(
            "SELECT e.user_id, u.wallet FROM user_emails e JOIN users u ON u.id = e.user_id
             WHERE e.user_id > $1 AND {TAKES_NOTICES} ORDER BY e.user_id LIMIT $2"
        );
        let read = |cells: &Cells<'_>| Ok(Reachable { user: cells.id(0)?, wallet: cells.id(1)? });
        self.all(&query, &[v(after), v(max)], read).await
    }

    async fn limited_keys(&self, after: KeyId, max: u32) -> Result<Vec<LimitedKey>, StoreError> {
        let query = format!(
            "SELECT k.id, k.user_id, k.name, k.limit_account, k.limit_nano_usd
             FROM user_keys k JOIN user_emails e ON e.user_id = k.user_id
             WHERE k.limit_account IS NOT NULL AND k.limit_nano_usd > 0 AND k.revoked_at IS NULL AND k.id > $1
                 AND {TAKES_NOTICES}
             ORDER BY k.id LIMIT $2"
        );
        self.all(&query, &[v(after), v(max)], |cells| {
            Ok(LimitedKey {
                key: cells.id(0)?,
                user: cells.id(1)?,
                name: cells.text(2)?,
                account: cells.id(3)?,
                amount: cells.amount(4)?,
            })
        })
        .await
    }
}

#[async_trait]
impl AddressRotation for PostgresStore {
    async fn address_key_use(&self) -> Result<AddressKeyUse, StoreError> {
        let plain = "SELECT count(*) FROM user_emails WHERE sealed IS NULL";
        let plain = self.one(plain, &[], |cells| cells.count(0)).await?.unwrap_or_default();
        let by_key = "SELECT substr(sealed, 1, 8), count(*) FROM user_emails WHERE sealed IS NOT NULL GROUP BY 1";
        let keys = self.all(by_key, &[], |cells| Ok((cells.bytes(0)?, cells.count(1)?))).await?;
        AddressKeyUse::of(plain, keys).ok_or(StoreError::Damaged { table: "user_emails" })
    }

    async fn reseal(&self, after: UserId, max: u32) -> Result<(Resealed, Option<UserId>), StoreError> {
        let keeping = &self.addresses;
        let AddressKeeping::Sealed(sealing) = &**keeping else { return Ok((Resealed::default(), None)) };
        self.transaction(|transaction| async move {
            let values = [v(after), v(sealing.keys().newest().bytes()), v(max)];
            let rows = transaction.all(NOT_NEWEST, &values, |cells| Ok((cells.id(0)?, stored(cells, 1)?))).await?;
            let mut done = Resealed::default();
            let mut last = None;
            for (user, stored) in rows {
                done.was_plain |= stored.sealed.is_none();
                let sealed = sealing.seal(user, &stored.open(user, keeping)?);
                transaction.execute(RESEAL, &[v(user), v(sealed.sealed), v(sealed.hash)]).await?;
                done.changed = done.changed.saturating_add(1);
                last = Some(user);
            }
            Ok((done, last))
        })
        .await
    }

    async fn compact(&self) -> Result<(), StoreError> {
        let connection = super::Connection::of(&self.primary).await?;
        match connection.run_alone(COMPACT).await {
            Err(error) if error.code().is_some_and(is_unknown) => Ok(()),
            done => done.map_err(refused),
        }
    }
}

fn is_unknown(code: &SqlState) -> bool {
    [SqlState::SYNTAX_ERROR, SqlState::FEATURE_NOT_SUPPORTED].contains(code)
}
