//! Applications of partners, and the people whom partners brought.

use super::rows::{blob, count, id, number, time, time_or_none};
use super::{SqliteStore, refused};
use crate::applications::{ApplicationState, PartnerApplication, PartnerApplications, ReferralMonth, Referrals};
use crate::columns::{joined, list_of};
use crate::traits::StoreError;
use async_trait::async_trait;
use opencredits_units::{PartnerId, UnixMs, UserId};
use rusqlite::{Row, params};

const APPLICATION: &str = "
    SELECT id, user_id, name, url, origins, redirect_urls, state, reason, created_at, decided_at
    FROM partner_applications";
const ADD: &str = "
    INSERT INTO partner_applications
        (id, user_id, name, url, origins, redirect_urls, state, reason, created_at, decided_at)
    SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10
    WHERE (SELECT count(*) FROM partner_applications WHERE user_id = ?2 AND state = 0) < ?11";
/// State 2 of an order is that it was paid.
const REFERRALS: &str = "
    WITH people AS (
        SELECT user_id, min(created_at) AS since FROM user_keys
        WHERE partner_id = ?1 AND user_id IS NOT (SELECT owner_id FROM partners WHERE id = ?1)
        GROUP BY user_id
    )
    SELECT strftime('%Y-%m', since / 1000, 'unixepoch'), count(*),
        sum(EXISTS (SELECT 1 FROM orders WHERE orders.user_id = people.user_id AND orders.state = 2))
    FROM people WHERE since < ?2 GROUP BY 1 ORDER BY 1";
/// The state of any application.
const ANY_STATE: i64 = -1;

#[async_trait]
impl PartnerApplications for SqliteStore {
    async fn add_application(&self, new: &PartnerApplication, open_max: u32) -> Result<bool, StoreError> {
        let new = new.clone();
        self.run(move |connection| {
            let values = params![
                blob(new.id),
                blob(new.applicant),
                new.name,
                new.url,
                joined(&new.origins),
                joined(&new.redirect_urls),
                new.state.number(),
                new.reason,
                number(new.created_at.get()),
                new.decided_at.map(|at| number(at.get())),
                open_max,
            ];
            Ok(connection.prepare_cached(ADD)?.execute(values).map_err(refused)? == 1)
        })
        .await
    }

    async fn application(&self, id: PartnerId) -> Result<Option<PartnerApplication>, StoreError> {
        self.one(format!("{APPLICATION} WHERE id = ?1"), [blob(id)], read).await
    }

    async fn applications(
        &self,
        state: Option<ApplicationState>,
        after: PartnerId,
        max: u32,
    ) -> Result<Vec<PartnerApplication>, StoreError> {
        let state = state.map_or(ANY_STATE, |state| i64::from(state.number()));
        let sql = format!("{APPLICATION} WHERE id > ?1 AND ?2 IN (state, {ANY_STATE}) ORDER BY id LIMIT ?3");
        self.all(sql, (blob(after), state, max), read).await
    }

    async fn applications_of(&self, applicant: UserId, max: u32) -> Result<Vec<PartnerApplication>, StoreError> {
        let sql = format!("{APPLICATION} WHERE user_id = ?1 ORDER BY id DESC LIMIT ?2");
        self.all(sql, (blob(applicant), max), read).await
    }

    async fn decide_application(
        &self,
        id: PartnerId,
        state: ApplicationState,
        (reason, now): (String, UnixMs),
    ) -> Result<bool, StoreError> {
        self.run(move |connection| {
            let changed = connection
                .prepare_cached(
                    "UPDATE partner_applications SET state = ?2, reason = ?3, decided_at = ?4 WHERE id = ?1 AND state = 0",
                )?
                .execute(params![blob(id), state.number(), reason, number(now.get())])?;
            Ok(changed == 1)
        })
        .await
    }
}

#[async_trait]
impl Referrals for SqliteStore {
    async fn referrals(&self, partner: PartnerId, before: UnixMs) -> Result<Vec<ReferralMonth>, StoreError> {
        self.read(move |connection| {
            let mut statement = connection.prepare_cached(REFERRALS)?;
            let rows = statement.query_map(params![blob(partner), number(before.get())], |row| {
                Ok(ReferralMonth { month: row.get(0)?, people: count(row, 1)?, buyers: count(row, 2)? })
            })?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
        .await
    }
}

fn read(row: &Row<'_>) -> Result<PartnerApplication, rusqlite::Error> {
    let list = |column: usize| -> Result<Vec<String>, rusqlite::Error> {
        let text: String = row.get(column)?;
        Ok(list_of(&text))
    };
    let state = ApplicationState::of_number(count(row, 6)?).ok_or(rusqlite::Error::InvalidQuery)?;
    Ok(PartnerApplication {
        id: id(row, 0)?,
        applicant: id(row, 1)?,
        name: row.get(2)?,
        url: row.get(3)?,
        origins: list(4)?,
        redirect_urls: list(5)?,
        state,
        reason: row.get(7)?,
        created_at: time(row, 8)?,
        decided_at: time_or_none(row, 9)?,
    })
}
