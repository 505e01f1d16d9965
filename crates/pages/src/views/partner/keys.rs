//! A partner's keys, and the pages that may use them.

use super::{PartnerHead, PartnerTermsShown};
use crate::figures::Money;
use crate::view::View;
use crate::views::dashboard::samples::{HOSTILE, LONG, ago, has};
use crate::when::When;
use serde::Serialize;

/// A key that is secret: one that reads figures, or one of test mode.
#[derive(Debug, Clone, Default, Serialize)]
pub struct SecretRow {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Its last characters.
    pub hint: String,
    /// When it was made.
    pub created_at: When,
}

/// A key that names the partner in browsers.
#[derive(Debug, Clone, Default, Serialize)]
pub struct PublishableRow {
    /// Its id.
    pub id: String,
    /// The key.
    pub key: String,
    /// Its name.
    pub name: String,
    /// Origins.
    pub origins: Vec<String>,
    /// Redirect URLs.
    pub redirect_urls: Vec<String>,
    /// When it was made.
    pub created_at: When,
}

/// What a partner has of test mode.
#[derive(Debug, Clone, Default, Serialize)]
pub struct TestAccess {
    /// The key that names it.
    pub publishable: PublishableRow,
    /// Keys that spend play credits.
    pub keys: Vec<SecretRow>,
    /// The play credits that are left; `None` before the first key.
    pub left: Option<Money>,
}

/// The page.
#[derive(Debug, Clone, Default, Serialize)]
pub struct PartnerKeys {
    /// The partner.
    pub head: PartnerHead,
    /// What is agreed.
    pub terms: PartnerTermsShown,
    /// Publishable keys; none of an application.
    pub publishable: Vec<PublishableRow>,
    /// Secret keys; none of an application.
    pub secret: Vec<SecretRow>,
    /// Test mode; `None` where it is off.
    pub test: Option<TestAccess>,
}

impl View for PartnerKeys {
    const TEMPLATE: &'static str = "partner_keys.html";
}

impl PartnerKeys {
    /// Every state.
    #[must_use]
    pub fn samples() -> Vec<Self> {
        let secret = |name: &str| SecretRow {
            id: "key_1".to_owned(),
            name: name.to_owned(),
            hint: "k3Jq".to_owned(),
            created_at: ago(9_000),
        };
        let publishable = |name: &str, origins: &[&str]| PublishableRow {
            id: "key_2".to_owned(),
            key: "oc_pk_3f9a2c".to_owned(),
            name: name.to_owned(),
            origins: origins.iter().map(|one| (*one).to_owned()).collect(),
            redirect_urls: origins.iter().map(|one| format!("{one}/back")).collect(),
            created_at: ago(9_000),
        };
        let test = TestAccess {
            publishable: publishable("first", &[]),
            keys: vec![secret("laptop"), secret(HOSTILE)],
            left: Some(has(98_000_000_000)),
        };
        let terms = PartnerTermsShown { share: "50".to_owned(), markup: None, matures_days: 120 };
        let applied = Self {
            head: PartnerHead::sample("applied"),
            terms: terms.clone(),
            test: Some(TestAccess { keys: Vec::new(), left: None, ..test.clone() }),
            ..Self::default()
        };
        let new = Self {
            head: PartnerHead::sample("active"),
            terms: terms.clone(),
            publishable: vec![publishable("first", &[])],
            ..Self::default()
        };
        let busy = Self {
            head: PartnerHead::sample_of_many(),
            terms: PartnerTermsShown { markup: Some("30".to_owned()), ..terms },
            publishable: vec![publishable("web", &["https://editor.example", LONG]), publishable(HOSTILE, &[HOSTILE])],
            secret: vec![secret("billing"), secret(LONG), secret(HOSTILE)],
            test: Some(test),
        };
        let suspended = Self { head: PartnerHead::sample("suspended"), ..busy.clone() };
        vec![new, applied, busy, suspended]
    }
}
