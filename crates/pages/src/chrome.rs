//! What stands around a page: the header with its navigation, and the footer.

use serde::Serialize;

/// The part of the service that a page belongs to; each has a navigation of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Area {
    /// What everybody may read.
    Public,
    /// A person's dashboard.
    Account,
    /// A partner's portal.
    Partner,
    /// The operator's pages.
    Operator,
    /// A step that nothing should distract from, such as consent.
    Step,
}

/// A place of the navigation: its path, and the key of its word in `[nav]`.
type Place = (&'static str, &'static str);

const PUBLIC: [Place; 2] = [("/models", "models"), ("/docs", "docs")];
const ACCOUNT: [Place; 7] = [
    ("/dashboard", "overview"),
    ("/dashboard/activity", "activity"),
    ("/dashboard/requests", "requests"),
    ("/dashboard/keys", "keys"),
    ("/dashboard/apps", "apps"),
    ("/dashboard/transactions", "transactions"),
    ("/playground", "playground"),
];
const PARTNER: [Place; 4] = [
    ("/partner", "overview"),
    ("/partner/keys", "keys"),
    ("/partner/statements", "statements"),
    ("/partner/guide", "guide"),
];
const OPERATOR: [Place; 7] = [
    ("/operator", "overview"),
    ("/operator/people", "people"),
    ("/operator/partners", "partners"),
    ("/operator/orders", "orders"),
    ("/operator/routes", "routes"),
    ("/operator/prices", "prices"),
    ("/operator/jobs", "jobs"),
];

/// What stands around a page.
#[derive(Debug, Clone, Serialize)]
pub struct Chrome {
    area: Area,
    path: String,
    places: &'static [Place],
    is_shell: bool,
    is_listed: bool,
}

impl Chrome {
    /// Around the page at this path, in a part of the service.
    #[must_use]
    pub fn new(area: Area, path: &str) -> Self {
        let places: &[Place] = match area {
            Area::Public => &PUBLIC,
            Area::Account => &ACCOUNT,
            Area::Partner => &PARTNER,
            Area::Operator => &OPERATOR,
            Area::Step => &[],
        };
        Self { area, path: path.to_owned(), places, is_shell: false, is_listed: area == Area::Public }
    }

    /// Around a page that everybody may read.
    #[must_use]
    pub fn public(path: &str) -> Self {
        Self::new(Area::Public, path)
    }

    /// Around nothing yet: the script fetches the page at this path with the session.
    #[must_use]
    pub fn shell(area: Area, path: &str) -> Self {
        Self { is_shell: true, is_listed: false, ..Self::new(area, path) }
    }

    /// The same for a page that search engines should leave out.
    #[must_use]
    pub fn unlisted(self) -> Self {
        Self { is_listed: false, ..self }
    }
}
