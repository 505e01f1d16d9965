//! `[site]`: the pages for people.

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

/// The longest name of a service, in letters: it stands in every header.
const NAME_LETTERS_MAX: usize = 40;
/// The longest version of a policy, in letters.
const VERSION_LETTERS_MAX: usize = 32;

/// `[site]`: the pages for people.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct SiteSection {
    /// The name of the service, at most 40 letters. Default `OpenCredits`.
    pub name: String,
    /// Who runs it: the name of a person or a company, for the legal pages.
    pub operator_name: Option<String>,
    /// The operator's postal address, in one line.
    pub operator_address: Option<String>,
    /// Where questions go: an email address, or a URL.
    pub contact: Option<String>,
    /// The day from which the terms of use hold, as `YYYY-MM-DD`; their version is `identity.terms_version`. Default
    /// 2026-01-01.
    pub terms_effective: String,
    /// The version of the privacy policy. Default `1`.
    pub privacy_version: String,
    /// The day from which the privacy policy holds, as `YYYY-MM-DD`. Default 2026-01-01.
    pub privacy_effective: String,
}

impl Default for SiteSection {
    fn default() -> Self {
        let (version, effective) = ("1", "2026-01-01");
        Self {
            name: "OpenCredits".to_owned(),
            operator_name: None,
            operator_address: None,
            contact: None,
            terms_effective: effective.to_owned(),
            privacy_version: version.to_owned(),
            privacy_effective: effective.to_owned(),
        }
    }
}

/// A setting, and its problem with the remedy.
type Problem = (&'static str, &'static str);

impl SiteSection {
    /// The first problem of this section.
    pub(super) fn problem(&self) -> Option<Problem> {
        let fits = |text: &str, max: usize| (1..=max).contains(&text.trim().chars().count());
        let is_day = |text: &str| text.parse::<Date>().is_ok() && text.len() == "2026-01-01".len();
        let day = "is no day; write it as \"2026-01-31\"";
        let version = "is empty or longer than 32 letters; set it to \"1\", say";
        let rows = [
            (
                fits(&self.name, NAME_LETTERS_MAX),
                ("site.name", "is empty or longer than 40 letters; set it to \"Acme\", say"),
            ),
            (fits(&self.privacy_version, VERSION_LETTERS_MAX), ("site.privacy_version", version)),
            (is_day(&self.terms_effective), ("site.terms_effective", day)),
            (is_day(&self.privacy_effective), ("site.privacy_effective", day)),
        ];
        rows.into_iter().find(|(holds, _)| !holds).map(|(_, problem)| problem)
    }
}

#[cfg(test)]
mod tests {
    use crate::config::Config;

    fn check(site: &str, problem: Option<&str>) {
        let error = Config::read(&format!("[site]\n{site}"), []).err().map(|error| error.to_string());
        match problem {
            None => assert_eq!(error, None, "{site}"),
            Some(field) => {
                let error = error.unwrap_or_default();
                assert!(error.starts_with(field), "{site}: {error}");
            }
        }
    }

    #[test]
    fn names_versions_and_days_are_checked() {
        check("", None);
        check("name = \"Acme\"\noperator_name = \"Acme Ltd\"\ncontact = \"help@acme.example\"", None);
        check("name = \" \"", Some("site.name"));
        check(&format!("name = \"{}\"", "a".repeat(41)), Some("site.name"));
        check(&format!("privacy_version = \"{}\"", "1".repeat(33)), Some("site.privacy_version"));
        check("terms_effective = \"2026-02-30\"", Some("site.terms_effective"));
        check("privacy_effective = \"1 May 2026\"", Some("site.privacy_effective"));
        check("operator = \"Acme\"", Some("cannot use the config"));
    }
}
