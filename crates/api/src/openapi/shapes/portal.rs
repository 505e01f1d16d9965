//! What people have of the partners that they run.

use super::Time;
use utoipa::ToSchema;

/// A partner that a person runs, or has applied for.
#[derive(ToSchema)]
pub(crate) struct ManagedPartner {
    id: String,
    name: String,
    state: ManagedState,
    /// Its part of the margin, in hundredths of a percent.
    share_bps: u32,
    /// What is added to prices through it, in hundredths of a percent; null for none of its own.
    markup_bps: Option<u32>,
    /// The first publishable key; null before the application is approved.
    publishable_key: Option<String>,
    /// Days after which earnings may be paid out.
    matures_days: u64,
    created_at: Time,
}

/// How far a partner is.
#[derive(ToSchema)]
#[schema(rename_all = "lowercase")]
pub(crate) enum ManagedState {
    Applied,
    Active,
    Suspended,
}

/// A key of a partner, without its secret.
#[derive(ToSchema)]
pub(crate) struct PartnerKeyRow {
    id: String,
    name: String,
    /// The beginning and the last characters of the key.
    label: String,
    created_at: Time,
}

/// A secret key that was made.
#[derive(ToSchema)]
pub(crate) struct NewPartnerKey {
    /// The key itself. It is in this answer and nowhere else.
    key: String,
    data: PartnerKeyRow,
}

/// A test key that was made.
#[derive(ToSchema)]
pub(crate) struct NewPartnerTestKey {
    /// The key itself. It is in this answer and nowhere else.
    key: String,
    data: PartnerKeyRow,
    /// The publishable key of the partner in test mode.
    publishable_key: String,
}

/// A key that names a partner in browsers.
#[derive(ToSchema)]
pub(crate) struct PublishableKeyRow {
    id: String,
    /// The key itself, which is no secret.
    key: String,
    name: String,
    /// The pages that may use it; all where none is listed.
    origins: Vec<String>,
    /// Where people may be sent back to.
    redirect_urls: Vec<String>,
    created_at: Time,
}

/// A publishable key to make.
#[derive(ToSchema)]
pub(crate) struct PublishableKeyToMake {
    #[schema(min_length = 1, example = "website")]
    name: String,
    #[schema(nullable = false)]
    origins: Option<Vec<String>>,
    #[schema(nullable = false)]
    redirect_urls: Option<Vec<String>>,
}

/// A change of a publishable key: what is absent stays.
#[derive(ToSchema)]
pub(crate) struct PublishableKeyChange {
    #[schema(min_length = 1, nullable = false)]
    name: Option<String>,
    #[schema(nullable = false)]
    origins: Option<Vec<String>>,
    #[schema(nullable = false)]
    redirect_urls: Option<Vec<String>>,
}

/// The pages that may use a publishable key of test mode.
#[derive(ToSchema)]
pub(crate) struct TestOrigins {
    origins: Vec<String>,
}
