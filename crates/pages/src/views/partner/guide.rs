//! How an app is integrated, with a preview of the checkout.

use super::PartnerHead;
use crate::view::View;
use crate::views::dashboard::samples::HOSTILE;
use serde::Serialize;

/// The preview of the checkout, in test mode.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Preview {
    /// The publishable key of test mode.
    pub publishable_key: String,
    /// The models whose price the checkout can estimate.
    pub models: Vec<String>,
}

/// The page.
#[derive(Debug, Clone, Default, Serialize)]
pub struct PartnerGuide {
    /// The partner.
    pub head: PartnerHead,
    /// The service's URL.
    pub base_url: String,
    /// The key of the snippets: the live one, or that of test mode before the approval.
    pub publishable_key: String,
    /// Whether that is a key of test mode.
    pub is_test_key: bool,
    /// A redirect URL of the key on the web, or an example.
    pub redirect_url: String,
    /// Where an app sends people for OAuth, up to what it makes itself.
    pub authorize_url: String,
    /// Where an app on the person's machine sends them.
    pub connect_url: String,
    /// A model for requests.
    pub model: String,
    /// The preview; `None` where test mode is off.
    pub preview: Option<Preview>,
    /// Whether apps can be connected by OAuth here.
    pub has_oauth: bool,
}

impl View for PartnerGuide {
    const TEMPLATE: &'static str = "partner_guide.html";
}

impl PartnerGuide {
    /// Every state.
    #[must_use]
    pub fn samples() -> Vec<Self> {
        let live = Self {
            head: PartnerHead::sample("active"),
            base_url: "https://credits.example".to_owned(),
            publishable_key: "oc_pk_3f9a2c".to_owned(),
            is_test_key: false,
            redirect_url: "https://app.example/back".to_owned(),
            authorize_url: "https://credits.example/oauth/authorize?client_id=oc_pk_3f9a2c&state=$STATE".to_owned(),
            connect_url: "https://credits.example/connect?publishable_key=oc_pk_3f9a2c&state=$STATE".to_owned(),
            model: "sandbox/gpt".to_owned(),
            preview: Some(Preview {
                publishable_key: "oc_pk_test_3f9a2c".to_owned(),
                models: vec!["sandbox/gpt".to_owned(), HOSTILE.to_owned()],
            }),
            has_oauth: true,
        };
        let applied = Self { head: PartnerHead::sample("applied"), is_test_key: true, ..live.clone() };
        let plain = Self { head: PartnerHead::sample_of_many(), preview: None, has_oauth: false, ..live.clone() };
        vec![live, applied, plain, Self::default()]
    }
}
