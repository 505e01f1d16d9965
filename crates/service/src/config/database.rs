//! `[database]`: a PostgreSQL database in place of the files.

use super::secret::SecretText;
use serde::{Deserialize, Serialize};

/// More connections than a server takes from one program.
const CONNECTIONS_MAX: usize = 1_000;
/// More connections that write than processors that decide.
const WRITERS_MAX: usize = 64;

/// `[database]`: a PostgreSQL database in place of the files of ledger and store, which several gateways may have at once.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct DatabaseSection {
    /// The database of ledger and store, such as `postgres://app:password@db.example/credits?sslmode=require`. Default: they are
    /// files in the data folder.
    pub url: Option<SecretText>,
    /// A file with the URL.
    pub url_file: Option<String>,
    /// A copy of the database, from which the store reads what may be old. Default: it is read from `url`.
    pub read_url: Option<SecretText>,
    /// A file with the URL of the copy.
    pub read_url_file: Option<String>,
    /// The database of test mode, another than that of `url`. Default: none, and no test mode where `url` is set.
    pub test_url: Option<SecretText>,
    /// A file with the URL of test mode.
    pub test_url_file: Option<String>,
    /// A file with certificates (PEM) of the authorities that may vouch for the servers of all these URLs, in place of those of
    /// browsers. It may be set without a URL: a move of the data to a database is told one.
    pub ca_file: Option<String>,
    /// Connections of the store to each database at most; the ledger reads with a quarter as many besides. Default 16.
    pub connections: usize,
    /// Connections of the ledger that write. Default 1.
    pub writers: usize,
}

impl Default for DatabaseSection {
    fn default() -> Self {
        Self {
            url: None,
            url_file: None,
            read_url: None,
            read_url_file: None,
            test_url: None,
            test_url_file: None,
            ca_file: None,
            connections: 16,
            writers: 1,
        }
    }
}

impl DatabaseSection {
    /// Whether ledger and store are in a database.
    #[must_use]
    pub const fn is_on(&self) -> bool {
        self.url.is_some() || self.url_file.is_some()
    }

    /// Whether test mode has a database.
    #[must_use]
    pub const fn has_test_mode(&self) -> bool {
        self.test_url.is_some() || self.test_url_file.is_some()
    }

    /// What is wrong, by field, and its remedy.
    pub(super) fn bounds(&self) -> [(bool, &'static str, &'static str); 8] {
        const TWICE: &str = "is set besides the URL itself; remove one of them";
        const ALONE: &str = "is set without database.url; set database.url, or remove it: without a database, all is in the data folder";
        let read = if self.read_url.is_some() { "database.read_url" } else { "database.read_url_file" };
        let test = if self.test_url.is_some() { "database.test_url" } else { "database.test_url_file" };
        let reads = self.read_url.is_some() || self.read_url_file.is_some();
        [
            (self.url.is_none() || self.url_file.is_none(), "database.url_file", TWICE),
            (self.read_url.is_none() || self.read_url_file.is_none(), "database.read_url_file", TWICE),
            (self.test_url.is_none() || self.test_url_file.is_none(), "database.test_url_file", TWICE),
            (self.is_on() || !reads, read, ALONE),
            (self.is_on() || !self.has_test_mode(), test, ALONE),
            (
                self.url.is_none() || self.url != self.test_url,
                "database.test_url",
                "is that of database.url; give test mode a database of its own, or remove it",
            ),
            (
                (1..=CONNECTIONS_MAX).contains(&self.connections),
                "database.connections",
                "is not between 1 and 1000; set how many connections the store may have to each database",
            ),
            (
                (1..=WRITERS_MAX).contains(&self.writers),
                "database.writers",
                "is not between 1 and 64; set how many connections of the ledger write",
            ),
        ]
    }
}

#[cfg(test)]
mod tests {
    use crate::config::Config;

    fn check(database: &str, problem: Option<&str>) {
        let error = Config::read(&format!("[database]\n{database}"), []).err().map(|error| error.to_string());
        match problem {
            None => assert_eq!(error, None, "{database}"),
            Some(field) => {
                let error = error.unwrap_or_default();
                assert!(error.starts_with(&format!("{field} ")), "{database}: {error}");
            }
        }
    }

    #[test]
    fn what_goes_with_a_database_needs_one() {
        check("url = \"postgres://db/a\"", None);
        check("url = \"postgres://db/a\"\nca_file = \"/etc/ca.pem\"", None);
        check("ca_file = \"/etc/ca.pem\"", None);
        check("url = \"postgres://db/a\"\nread_url = \"postgres://copy/a\"\ntest_url_file = \"/run/test\"", None);
        check("read_url = \"postgres://copy/a\"", Some("database.read_url"));
        check("read_url_file = \"/run/copy\"", Some("database.read_url_file"));
        check("test_url = \"postgres://db/b\"", Some("database.test_url"));
        check("test_url_file = \"/run/test\"", Some("database.test_url_file"));
        check("url = \"postgres://db/a\"\nurl_file = \"/run/url\"", Some("database.url_file"));
        check("url_file = \"/run/url\"\nread_url = \"a\"\nread_url_file = \"b\"", Some("database.read_url_file"));
        check("url = \"a\"\ntest_url = \"a\"", Some("database.test_url"));
        check("url = \" \"", Some("cannot"));
    }

    #[test]
    fn an_url_is_set_by_a_variable_too_and_never_shown() {
        let names = ["URL", "READ_URL", "TEST_URL"];
        let variable = |name: &str| (format!("OPENCREDITS_DATABASE_{name}"), format!("postgres://a:canary@db/{name}"));
        let config = Config::read("", names.map(variable)).unwrap();
        assert!(config.database.is_on() && config.database.has_test_mode());
        assert_eq!(config.database.url.as_ref().unwrap().reveal(), "postgres://a:canary@db/URL");
        for shown in [config.show().unwrap(), serde_json::to_string(&config).unwrap(), format!("{config:?}")] {
            assert!(!shown.contains("canary") && shown.contains("(not shown)"), "{shown}");
        }
    }
}
