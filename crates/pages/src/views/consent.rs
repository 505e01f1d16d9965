//! The page on which a person lets an app use their credits.

use crate::view::View;
use serde::Serialize;

/// What the page is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ConsentKind {
    /// An app on the web or a program asks.
    Authorize,
    /// A callback asks for a key that lasts.
    Callback,
    /// An app on the person's own machine asks for a key.
    HandOver,
    /// The person types the code of a terminal.
    DeviceEnter,
    /// A terminal asks.
    DeviceConfirm,
    /// No terminal waits for the code.
    DeviceUnknown,
    /// The request does not hold.
    Refused,
    /// Apps that are not registered may not ask.
    Unregistered,
}

/// What is said of the app.
#[derive(Debug, Clone, Serialize)]
pub struct ConsentApp {
    /// Its name; none where it is not registered.
    pub name: Option<String>,
    /// The host that the person is sent to, or the scheme of an app on their machine; empty for a terminal.
    pub host: String,
    /// How many models it may use.
    pub models: usize,
    /// The markup, in percent.
    pub markup: String,
    /// The highest markup, where it is not the same for all models.
    pub markup_max: Option<String>,
    /// What the app gets of the markup, in percent; none where it is not registered.
    pub share: Option<String>,
    /// The cap that stands in the field, in dollars.
    pub cap: String,
    /// The highest cap, in dollars.
    pub cap_max: String,
}

/// The page.
#[derive(Debug, Clone, Serialize)]
pub struct Consent {
    kind: ConsentKind,
    /// Where the decision goes.
    action: String,
    user_code: String,
    /// What the developer of the app is told.
    detail: String,
    app: Option<ConsentApp>,
}

impl View for Consent {
    const TEMPLATE: &'static str = "consent.html";
}

impl Consent {
    /// An app asks; the decision goes to `action`.
    #[must_use]
    pub fn asks(kind: ConsentKind, action: &str, app: ConsentApp) -> Self {
        let (user_code, detail) = Default::default();
        Self { kind, action: action.to_owned(), user_code, detail, app: Some(app) }
    }

    /// A field for the code of a terminal, with what was typed so far.
    #[must_use]
    pub fn device_enter(user_code: &str) -> Self {
        Self::of_device(ConsentKind::DeviceEnter, user_code, None)
    }

    /// A terminal asks.
    #[must_use]
    pub fn device_confirm(user_code: &str, app: ConsentApp) -> Self {
        Self::of_device(ConsentKind::DeviceConfirm, user_code, Some(app))
    }

    /// No terminal waits for this code.
    #[must_use]
    pub fn device_unknown(user_code: &str) -> Self {
        Self::of_device(ConsentKind::DeviceUnknown, user_code, None)
    }

    fn of_device(kind: ConsentKind, user_code: &str, app: Option<ConsentApp>) -> Self {
        Self { kind, action: "/device".to_owned(), user_code: user_code.to_owned(), detail: String::new(), app }
    }

    /// The request cannot be answered; `detail` is for the developer of the app.
    #[must_use]
    pub fn refused(kind: ConsentKind, detail: &str) -> Self {
        let (action, user_code) = Default::default();
        Self { kind, action, user_code, detail: detail.to_owned(), app: None }
    }

    /// Every state.
    #[must_use]
    pub fn samples() -> Vec<Self> {
        let app = ConsentApp {
            name: Some("Quick Notes".to_owned()),
            host: "notes.example".to_owned(),
            models: 312,
            markup: "25".to_owned(),
            markup_max: None,
            share: Some("50".to_owned()),
            cap: "10".to_owned(),
            cap_max: "1000".to_owned(),
        };
        let stranger = ConsentApp {
            name: None,
            host: "localhost:3000".to_owned(),
            markup_max: Some("30".to_owned()),
            share: None,
            cap: "5".to_owned(),
            cap_max: "5".to_owned(),
            ..app.clone()
        };
        let editor = ConsentApp { host: "vscode".to_owned(), models: 1, ..app.clone() };
        let terminal = ConsentApp { host: String::new(), ..app.clone() };
        vec![
            Self::asks(ConsentKind::Authorize, "/oauth/authorize", app),
            Self::asks(ConsentKind::Callback, "/auth", stranger),
            Self::asks(ConsentKind::HandOver, "/connect", editor),
            Self::device_enter(""),
            Self::device_enter("BCDF-GHJK"),
            Self::device_confirm("BCDF-GHJK", terminal),
            Self::device_unknown("BCDF-GHJK"),
            Self::refused(ConsentKind::Refused, "redirect_uri is not registered for this client"),
            Self::refused(ConsentKind::Unregistered, ""),
        ]
    }
}
