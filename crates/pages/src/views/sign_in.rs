//! How a person signs in.

use crate::view::View;
use serde::Serialize;

/// The page where a person asks for a code or a link, or uses a passkey.
#[derive(Debug, Clone, Default, Serialize)]
pub struct SignIn {}

/// The page that a mailed link opens: a button spends the link, because programs that look at mails open links too.
#[derive(Debug, Clone, Default, Serialize)]
pub struct SignInLink {}

/// The page that the link in the mail about a deletion opens: a button calls the deletion off.
#[derive(Debug, Clone, Default, Serialize)]
pub struct KeepAccount {}

impl View for KeepAccount {
    const TEMPLATE: &'static str = "keep_account.html";
}

impl KeepAccount {
    /// Every state.
    #[must_use]
    pub fn samples() -> Vec<Self> {
        vec![Self {}]
    }
}

impl View for SignIn {
    const TEMPLATE: &'static str = "sign_in.html";
}

impl View for SignInLink {
    const TEMPLATE: &'static str = "sign_in_link.html";
}

impl SignIn {
    /// Every state.
    #[must_use]
    pub fn samples() -> Vec<Self> {
        vec![Self {}]
    }
}

impl SignInLink {
    /// Every state.
    #[must_use]
    pub fn samples() -> Vec<Self> {
        vec![Self {}]
    }
}
