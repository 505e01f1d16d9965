//! Signing in, the address, what is mailed, and leaving.

use super::samples::{HOSTILE, LONG, ago};
use crate::figures::Money;
use crate::view::View;
use crate::when::When;
use serde::Serialize;

/// A browser that is signed in.
#[derive(Debug, Clone, Default, Serialize)]
pub struct SignedInBrowser {
    /// The id of the session.
    pub id: String,
    /// The name of the browser.
    pub browser: String,
    /// When it signed in.
    pub created_at: When,
    /// When it was last used.
    pub last_used_at: When,
    /// Whether it is the one that asks.
    pub is_current: bool,
}

/// A passkey.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Passkey {
    /// Its id.
    pub id: String,
    /// The name that the person gave it.
    pub name: String,
    /// When it was added.
    pub created_at: When,
    /// When it was last used.
    pub last_used_at: Option<When>,
}

/// What is known about leaving.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Leaving {
    /// When the account is deleted, or would be.
    pub due_at: When,
    /// Whether it was asked for.
    pub is_scheduled: bool,
    /// The balance that would be lost; `None` where there is none.
    pub lost: Option<Money>,
}

/// Which notices come.
#[derive(Debug, Clone, Copy, Default, Serialize)]
pub struct Notices {
    /// Of a low balance.
    pub low_balance: bool,
    /// Of a limit of which 80 % is spent.
    pub limit_80: bool,
    /// Of a limit that is spent.
    pub limit_100: bool,
}

/// What a person has asked for about their data.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Rights {
    /// Since when it is only stored.
    pub restricted_at: Option<When>,
    /// Since when they object to notices.
    pub objected_at: Option<When>,
    /// Which notices come.
    pub notices: Notices,
}

/// The page.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Account {
    /// What can be spent, for the header.
    pub balance: Money,
    /// The person's id.
    pub user_id: String,
    /// The address; `None` where none is known.
    pub email: Option<String>,
    /// Whether mails to it come back.
    pub is_bounced: bool,
    /// When the account was made.
    pub created_at: When,
    /// Signed-in browsers, this one first.
    pub browsers: Vec<SignedInBrowser>,
    /// Passkeys.
    pub passkeys: Vec<Passkey>,
    /// Whether passkeys can be used with this service.
    pub has_passkeys: bool,
    /// What was asked for; `None` where people cannot ask for it here.
    pub rights: Option<Rights>,
    /// What is known about leaving; `None` where people cannot ask for it here.
    pub leaving: Option<Leaving>,
}

impl View for Account {
    const TEMPLATE: &'static str = "dashboard_account.html";
}

impl Account {
    /// Every state.
    #[must_use]
    pub fn samples() -> Vec<Self> {
        let browser = |name: &str, is_current| SignedInBrowser {
            id: "session_1".to_owned(),
            browser: name.to_owned(),
            created_at: ago(9_000),
            last_used_at: ago(2),
            is_current,
        };
        let passkey = |name: &str, last_used_at| Passkey {
            id: "passkey_1".to_owned(),
            name: name.to_owned(),
            created_at: ago(9_000),
            last_used_at,
        };
        let one = Self {
            user_id: "user_1".to_owned(),
            email: Some("ada@example.org".to_owned()),
            created_at: ago(90_000),
            browsers: vec![browser("Firefox on Linux", true)],
            has_passkeys: true,
            ..Self::default()
        };
        let many = Self {
            email: Some(format!("{LONG}@example.org")),
            is_bounced: true,
            browsers: vec![browser("Firefox on Linux", true), browser(HOSTILE, false), browser(LONG, false)],
            passkeys: vec![passkey("phone", Some(ago(3))), passkey(HOSTILE, None)],
            leaving: Some(Leaving { due_at: ago(2), is_scheduled: true, lost: None }),
            rights: Some(Rights {
                restricted_at: Some(ago(3)),
                objected_at: Some(ago(4)),
                notices: Notices::default(),
            }),
            ..one.clone()
        };
        let leaving = Some(Leaving { due_at: ago(2), is_scheduled: false, lost: Some(Money::default()) });
        let notices = Notices { low_balance: true, limit_80: false, limit_100: true };
        let rights = Some(Rights { notices, ..Rights::default() });
        vec![
            Self { email: None, has_passkeys: false, ..one.clone() },
            Self { leaving, rights, ..one.clone() },
            one,
            many,
        ]
    }
}
