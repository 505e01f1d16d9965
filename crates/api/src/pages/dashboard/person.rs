//! Whose page it is, and what the handlers read of them.

use crate::errors::{ErrorType, Problem};
use crate::faults;
use crate::pages::PageRequest;
use crate::query::Parameters;
use crate::sessions::{SignedIn, signed_in};
use crate::state::App;
use axum::extract::Query;
use opencredits_ledger::Balance;
use opencredits_pages::figures::{Money, Rounding};
use opencredits_service::accounts::AccountsError;
use opencredits_service::{Fault, UsageReads};
use opencredits_store::{Days, SessionId, UsageBy, UsageFilter, UsageGroup, UsageOf, UsageOrder, UsageQuery, User};
use opencredits_units::{NanoUsd, UnixMs};
use std::collections::HashMap;

/// The most groups that a page reads.
const GROUPS_MAX: u32 = 10_000;

/// A signed-in person, and the request of a page of theirs.
pub(super) struct Person<'a> {
    pub(super) app: &'a App,
    pub(super) user: User,
    pub(super) session: SessionId,
    pub(super) now: UnixMs,
    /// What can be spent, and what is held.
    pub(super) wallet: Balance,
    pub(super) query: Parameters,
}

impl<'a> Person<'a> {
    /// Who asks.
    pub(super) async fn of(request: &'a PageRequest) -> Result<Self, Problem> {
        let app = &*request.app;
        let SignedIn { user, session } = signed_in(app, &request.headers).await?;
        let user = app.accounts.find_user(&user.to_string()).await.map_err(|error| of_accounts(app, error))?;
        // What cannot be read as a query is none.
        let query = Query::try_from_uri(&request.uri).map_or_else(|_| HashMap::new(), |Query(query)| query);
        let wallet = app.gateway.ledger().balance(user.wallet).await;
        let wallet = wallet.map_err(|error| faults::problem(&error.into(), &app.settings))?;
        Ok(Self { app, user, session, now: app.gateway.clock().now(), wallet, query })
    }

    /// What can be spent, for the header of a page.
    pub(super) fn balance(&self) -> Money {
        self.has(self.wallet.available)
    }

    /// A parameter that is not empty.
    pub(super) fn asked(&self, name: &str) -> Option<&str> {
        self.query.get(name).map(|value| value.trim()).filter(|value| !value.is_empty())
    }

    /// An amount that was charged.
    pub(super) fn charged(&self, amount: NanoUsd) -> Money {
        Money::of(amount, self.app.settings.credit_price, Rounding::Up)
    }

    /// An amount that a person has.
    pub(super) fn has(&self, amount: NanoUsd) -> Money {
        Money::of(amount, self.app.settings.credit_price, Rounding::Down)
    }

    /// What the person owes after credits were taken back, where it is something.
    pub(super) async fn owed(&self) -> Result<Option<Money>, Problem> {
        let Some(payments) = self.app.payments.as_deref() else { return Ok(None) };
        let owed = payments.purchases.owed(self.user.id).await.map_err(|_| self.problem(Fault::Overflow))?;
        Ok((owed > NanoUsd::ZERO).then(|| self.charged(owed)))
    }

    /// The read model.
    pub(super) fn usage(&self) -> &UsageReads {
        self.app.gateway.usage()
    }

    /// All requests of the person.
    pub(super) fn everything(&self) -> UsageFilter {
        UsageFilter::of(UsageOf::User(self.user.id))
    }

    /// Sums of the person's usage, the highest charge first; by day, the latest day first.
    pub(super) async fn sums(
        &self,
        filter: UsageFilter,
        days: Days,
        by: &[UsageBy],
    ) -> Result<Vec<UsageGroup>, Problem> {
        let order = if by.contains(&UsageBy::Day) { UsageOrder::Newest } else { UsageOrder::Highest };
        let query = UsageQuery { filter, days, by: by.to_vec(), order, max: GROUPS_MAX };
        self.usage().sums(query).await.map_err(|fault| self.problem(fault))
    }

    pub(super) fn problem(&self, fault: impl Into<Fault>) -> Problem {
        faults::problem(&fault.into(), &self.app.settings)
    }

    pub(super) fn of_accounts(&self, error: AccountsError) -> Problem {
        of_accounts(self.app, error)
    }
}

fn of_accounts(app: &App, error: AccountsError) -> Problem {
    match error {
        AccountsError::Ledger(error) => faults::problem(&error.into(), &app.settings),
        AccountsError::Store(error) => faults::problem(&error.into(), &app.settings),
        error => Problem::new(ErrorType::NotFound, error.to_string()),
    }
}
