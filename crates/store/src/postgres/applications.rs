//! Applications of partners, and the people whom partners brought.

use super::cells::Cells;
use super::values::v;
use super::{PostgresStore, lock_person};
use crate::applications::{ApplicationState, PartnerApplication, PartnerApplications, ReferralMonth, Referrals};
use crate::columns::joined;
use crate::traits::StoreError;
use async_trait::async_trait;
use opencredits_units::{PartnerId, UnixMs, UserId};

const APPLICATION: &str = "
    SELECT id, user_id, name, url, origins, redirect_urls, state, reason, created_at, decided_at
    FROM partner_applications";
const ADD: &str = "
    INSERT INTO partner_applications
        (id, user_id, name, url, origins, redirect_urls, state, reason, created_at, decided_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)";
/// State 2 of an order is that it was paid.
const REFERRALS: &str = "
    WITH people AS (
        SELECT user_id, min(created_at) AS since FROM user_keys
        WHERE partner_id = $1 AND user_id IS DISTINCT FROM (SELECT owner_id FROM partners WHERE id = $1)
        GROUP BY user_id
    )
    SELECT to_char(to_timestamp(since / 1000) AT TIME ZONE 'UTC', 'YYYY-MM'), count(*),
        count(*) FILTER (WHERE EXISTS (
            SELECT 1 FROM orders WHERE orders.user_id = people.user_id AND orders.state = 2))
    FROM people WHERE since < $2 GROUP BY 1 ORDER BY 1";
/// The state of any application.
const ANY_STATE: i64 = -1;

#[async_trait]
impl PartnerApplications for PostgresStore {
    async fn add_application(&self, new: &PartnerApplication, open_max: u32) -> Result<bool, StoreError> {
        let values = &[
            v(new.id),
            v(new.applicant),
            v(&new.name),
            v(&new.url),
            v(joined(&new.origins)),
            v(joined(&new.redirect_urls)),
            v(new.state.number()),
            v(&new.reason),
            v(new.created_at),
            v(new.decided_at),
        ];
        self.transaction(|transaction| async move {
            lock_person(&transaction, new.applicant).await?;
            let query = "SELECT count(*) FROM partner_applications WHERE user_id = $1 AND state = 0";
            let open: Option<u32> = transaction.one(query, &[v(new.applicant)], |cells| cells.count(0)).await?;
            if open.unwrap_or_default() >= open_max {
                return Ok(false);
            }
            transaction.execute(ADD, values).await?;
            Ok(true)
        })
        .await
    }

    async fn application(&self, id: PartnerId) -> Result<Option<PartnerApplication>, StoreError> {
        self.one(&format!("{APPLICATION} WHERE id = $1"), &[v(id)], read).await
    }

    async fn applications(
        &self,
        state: Option<ApplicationState>,
        after: PartnerId,
        max: u32,
    ) -> Result<Vec<PartnerApplication>, StoreError> {
        let state = state.map_or(ANY_STATE, |state| i64::from(state.number()));
        let sql =
            format!("{APPLICATION} WHERE id > $1 AND CAST($2 AS bigint) IN (state, {ANY_STATE}) ORDER BY id LIMIT $3");
        self.all(&sql, &[v(after), v(state), v(max)], read).await
    }

    async fn applications_of(&self, applicant: UserId, max: u32) -> Result<Vec<PartnerApplication>, StoreError> {
        let sql = format!("{APPLICATION} WHERE user_id = $1 ORDER BY id DESC LIMIT $2");
        self.all(&sql, &[v(applicant), v(max)], read).await
    }

    async fn decide_application(
        &self,
        id: PartnerId,
        state: ApplicationState,
        (reason, now): (String, UnixMs),
    ) -> Result<bool, StoreError> {
        let sql =
            "UPDATE partner_applications SET state = $2, reason = $3, decided_at = $4 WHERE id = $1 AND state = 0";
        Ok(self.execute(sql, &[v(id), v(state.number()), v(reason), v(now)]).await? == 1)
    }
}

#[async_trait]
impl Referrals for PostgresStore {
    async fn referrals(&self, partner: PartnerId, before: UnixMs) -> Result<Vec<ReferralMonth>, StoreError> {
        self.old(REFERRALS, &[v(partner), v(before)], |cells| {
            Ok(ReferralMonth { month: cells.text(0)?, people: cells.count(1)?, buyers: cells.count(2)? })
        })
        .await
    }
}

fn read(cells: &Cells<'_>) -> Result<PartnerApplication, StoreError> {
    Ok(PartnerApplication {
        id: cells.id(0)?,
        applicant: cells.id(1)?,
        name: cells.text(2)?,
        url: cells.text(3)?,
        origins: cells.list(4)?,
        redirect_urls: cells.list(5)?,
        state: cells.known(ApplicationState::of_number(cells.count(6)?))?,
        reason: cells.text(7)?,
        created_at: cells.time(8)?,
        decided_at: cells.time_or_none(9)?,
    })
}
