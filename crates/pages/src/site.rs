//! The service that the pages belong to.

use serde::Serialize;

/// The service, as its pages name it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Site {
    /// Its name for people.
    pub name: String,
    /// Its URL, without a slash at the end.
    pub url: String,
    /// Who runs it.
    pub operator: Operator,
    /// The terms of use in force.
    pub terms: Policy,
    /// The privacy policy in force.
    pub privacy: Policy,
    /// Whether it is one for trying out.
    pub is_dev: bool,
}

/// Who runs the service, for the legal pages.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Operator {
    /// The name of the person or the company.
    pub name: Option<String>,
    /// The postal address, in one line.
    pub address: Option<String>,
    /// Where questions go: an email address or a URL.
    pub contact: Option<String>,
}

/// A version of a policy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Policy {
    /// Its version, such as `2026-01`.
    pub version: String,
    /// The day from which it holds, such as `2026-01-15`.
    pub effective: String,
}

impl Site {
    /// A service for tests and examples.
    #[must_use]
    pub fn sample() -> Self {
        let policy = || Policy { version: "1".to_owned(), effective: "2026-01-15".to_owned() };
        Self {
            name: "OpenCredits".to_owned(),
            url: "https://credits.example".to_owned(),
            operator: Operator {
                name: Some("Example Ltd".to_owned()),
                address: Some("1 Example Street, 1000 Example".to_owned()),
                contact: Some("help@credits.example".to_owned()),
            },
            terms: policy(),
            privacy: policy(),
            is_dev: false,
        }
    }
}
