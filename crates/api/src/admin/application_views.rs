//! Requests of an operator about test mode and applications, and their replies.

use crate::applications::state;
use opencredits_service::accounts::NewTestKey;
use opencredits_service::partners::ReferralGroup;
use opencredits_store::PartnerApplication;
use opencredits_units::{BasisPoints, KeyId, PartnerId, UnixMs, UserId};
use serde::{Deserialize, Serialize};

/// A request about becoming a partner.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "application_do", rename_all = "snake_case")]
pub enum ApplicationRequest {
    /// Applies for a person.
    Apply {
        /// The name of the app.
        name: String,
        /// The person, by id or label.
        owner: String,
        /// The app's page.
        url: String,
        /// The origins whose pages may use its publishable key.
        origins: Vec<String>,
        /// Where people may be sent back to.
        redirect_urls: Vec<String>,
    },
    /// Lists applications.
    List {
        /// Whether decided ones are listed too.
        all: bool,
        /// The cursor.
        after: Option<PartnerId>,
        /// The length of the page.
        max: u32,
    },
    /// Makes an applicant a partner.
    Approve {
        /// The application.
        id: PartnerId,
        /// Another name than the one that was applied for.
        name: Option<String>,
        /// The share of the markup; the config's where there is none.
        share_bps: Option<BasisPoints>,
        /// The markup; that of the models and of the config where there is none.
        #[serde(default)]
        markup_bps: Option<BasisPoints>,
    },
    /// Rejects an application.
    Reject {
        /// The application.
        id: PartnerId,
        /// The reason, which the applicant sees.
        reason: String,
    },
    /// Makes a test key of a partner or an applicant; its secret is in the reply, once.
    TestKey {
        /// The partner by id or name, or the id of the application.
        partner: String,
        /// A name for the key.
        name: String,
    },
}

/// An application.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApplicationView {
    /// The id, which the partner will have.
    pub id: PartnerId,
    /// The person.
    pub applicant: UserId,
    /// The name of the app.
    pub name: String,
    /// The app's page.
    pub url: String,
    /// The origins whose pages may use its publishable key.
    pub origins: Vec<String>,
    /// Where people may be sent back to.
    pub redirect_urls: Vec<String>,
    /// `open`, `approved` or `rejected`.
    pub state: String,
    /// Why it was rejected.
    pub reason: String,
    /// The time of creation.
    pub created_at_ms: UnixMs,
    /// The time of the decision.
    pub decided_at_ms: Option<UnixMs>,
}

impl From<PartnerApplication> for ApplicationView {
    fn from(application: PartnerApplication) -> Self {
        Self {
            id: application.id,
            applicant: application.applicant,
            name: application.name,
            url: application.url,
            origins: application.origins,
            redirect_urls: application.redirect_urls,
            state: state(application.state).to_owned(),
            reason: application.reason,
            created_at_ms: application.created_at,
            decided_at_ms: application.decided_at,
        }
    }
}

/// A test key that was just made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TestKeyView {
    /// The partner's name in test mode.
    pub partner: String,
    /// Its publishable key in test mode.
    pub publishable_key: String,
    /// The person of test mode who has the play credits.
    pub user: UserId,
    /// That person's label.
    pub label: String,
    /// The key's id.
    pub id: KeyId,
    /// The key, which is shown once.
    pub key: String,
}

impl From<NewTestKey> for TestKeyView {
    fn from(new: NewTestKey) -> Self {
        Self {
            partner: new.partner.name,
            publishable_key: new.partner.publishable_key,
            user: new.user.id,
            label: new.user.label,
            id: new.key.id,
            key: new.secret.reveal().to_owned(),
        }
    }
}

/// People whom a partner brought.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReferralView {
    /// The month, such as `2026-11`; none for months with too few people each.
    pub month: Option<String>,
    /// The number of people.
    pub people: u64,
    /// Those of them who have ever paid for credits.
    pub buyers: u64,
}

impl From<ReferralGroup> for ReferralView {
    fn from(group: ReferralGroup) -> Self {
        Self { month: group.month, people: group.people, buyers: group.buyers }
    }
}
