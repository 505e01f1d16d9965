//! What a partner sees of itself, and how people become partners.

use super::{Day, ListObject, Time, Usd};
use utoipa::ToSchema;

/// A partner with its earnings.
#[derive(ToSchema)]
pub(crate) struct PartnerRecord {
    object: PartnerObject,
    id: String,
    name: String,
    publishable_key: String,
    /// Its part of the margin, in hundredths of a percent.
    share_bps: u32,
    earnings: EarningsRecord,
}

/// What the object is.
#[derive(ToSchema)]
#[schema(rename_all = "lowercase")]
pub(crate) enum PartnerObject {
    Partner,
}

/// What a partner earned.
#[derive(ToSchema)]
pub(crate) struct EarningsRecord {
    accrued_usd: Usd,
    taken_back_usd: Usd,
    paid_out_usd: Usd,
    balance_usd: Usd,
    /// What may be paid out.
    matured_usd: Usd,
    matures_days: u64,
}

/// Usage through a partner, over groups of enough people.
#[derive(ToSchema)]
pub(crate) struct PartnerUsage {
    object: ListObject,
    from: Day,
    to: Day,
    /// Groups of fewer people are added to `other`, or left out.
    people_min: u64,
    data: Vec<AudienceRow>,
}

/// A day and a model.
#[derive(ToSchema)]
pub(crate) struct AudienceRow {
    date: Day,
    model: String,
    people: u64,
    requests: u64,
    prompt_tokens: u64,
    completion_tokens: u64,
    charged_usd: Usd,
    commission_usd: Usd,
}

/// The people who came through a partner.
#[derive(ToSchema)]
pub(crate) struct Referrals {
    object: ListObject,
    people_min: u64,
    data: Vec<ReferralRow>,
}

/// A month.
#[derive(ToSchema)]
pub(crate) struct ReferralRow {
    month: String,
    people: u64,
    /// Those who have bought credits.
    buyers: Option<u64>,
}

/// A month of a partner.
#[derive(ToSchema)]
pub(crate) struct StatementRow {
    month: String,
    commission_usd: Usd,
    taken_back_usd: Usd,
    paid_out_usd: Usd,
    balance_usd: Usd,
}

/// A payout.
#[derive(ToSchema)]
pub(crate) struct PayoutRow {
    id: String,
    created_at: Time,
    amount_usd: Usd,
}

/// The wish to run a partner.
#[derive(ToSchema)]
pub(crate) struct ApplicationToMake {
    #[schema(min_length = 1)]
    name: String,
    #[schema(pattern = "^https://[a-z]{1,20}\\.example$", example = "https://app.example")]
    url: String,
    /// Where pages of the app may show the checkout.
    #[schema(nullable = false)]
    origins: Option<Vec<String>>,
    #[schema(nullable = false)]
    redirect_urls: Option<Vec<String>>,
}

/// An application, with what developers begin with.
#[derive(ToSchema)]
pub(crate) struct ApplicationMade {
    data: ApplicationRecord,
    /// A partner of test mode; null where there is no test mode.
    test: Option<TestAccess>,
}

/// A partner of test mode.
#[derive(ToSchema)]
pub(crate) struct TestAccess {
    publishable_key: String,
    /// A test key. It is in this answer and nowhere else.
    key: String,
}

/// An application.
#[derive(ToSchema)]
pub(crate) struct ApplicationRecord {
    id: String,
    name: String,
    url: String,
    origins: Vec<String>,
    redirect_urls: Vec<String>,
    state: ApplicationStanding,
    reason: Option<String>,
    created_at: Time,
    decided_at: Option<Time>,
}

/// What the operator decided.
#[derive(ToSchema)]
#[schema(rename_all = "lowercase")]
pub(crate) enum ApplicationStanding {
    Open,
    Approved,
    Rejected,
}

/// Whose checkout it is.
#[derive(ToSchema)]
pub(crate) struct EmbedConfig {
    partner: EmbedPartner,
}

/// A partner, as a page shows it.
#[derive(ToSchema)]
pub(crate) struct EmbedPartner {
    id: String,
    name: String,
}
