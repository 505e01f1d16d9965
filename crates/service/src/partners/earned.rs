//! The commission that was earned on a person's spending.

use crate::fault::Fault;
use crate::usage::UsageReads;
use async_trait::async_trait;
use opencredits_store::{Days, UsageBy, UsageFilter, UsageOf, UsageOrder, UsageQuery};
use opencredits_units::{NanoUsd, PartnerId, UserId};

/// The largest number of partners at one person.
const PARTNERS_MAX: u32 = 100_000;

/// What a person has spent, and the commission on it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EarnedOn {
    /// The amount that they were charged, through partners and without.
    pub charged: NanoUsd,
    /// The commission of each partner, in the order of partners.
    pub commissions: Vec<(PartnerId, NanoUsd)>,
}

/// Tells the commission that was earned on a person's spending.
#[async_trait]
pub trait Commissions: Send + Sync {
    /// All of it so far, the last request included.
    async fn earned_on(&self, user: UserId) -> Result<EarnedOn, Fault>;
}

#[async_trait]
impl Commissions for UsageReads {
    async fn earned_on(&self, user: UserId) -> Result<EarnedOn, Fault> {
        // An amount that is decided once must count every entry, so a backlog is waited for.
        if self.refresh().await? > 0 {
            self.catch_up().await?;
        }
        let filter = UsageFilter::of(UsageOf::User(user));
        let (by, order) = (vec![UsageBy::Partner], UsageOrder::Newest);
        let mut earned = EarnedOn::default();
        for group in self.sums(UsageQuery { filter, days: Days::ALL, by, order, max: PARTNERS_MAX }).await? {
            earned.charged = earned.charged.checked_add(group.sums.charged).ok_or(Fault::Overflow)?;
            earned.commissions.extend(group.partner.map(|partner| (partner, group.sums.commission)));
        }
        Ok(earned)
    }
}
