//! The settings of the database, where ledger and store are in one. It is not asked.

use super::finding::Finding;
use crate::migrate_args::{parsed, url};
use opencredits_service::config::DatabaseSection;

const WHAT: &str = "database";
const REMEDY: &str = "see [database] in the config; run this as a user who may read its files, such as the gateway's";

/// Whether the URLs and the authorities of their servers can be read; nothing where the data is in files.
pub(super) fn finding(set: &DatabaseSection) -> Option<Finding> {
    let all = [
        ("database.url", &set.url, &set.url_file),
        ("database.read_url", &set.read_url, &set.read_url_file),
        ("database.test_url", &set.test_url, &set.test_url_file),
    ];
    for (setting, text, file) in all {
        let read = url(None, text.as_ref(), file.as_deref());
        let read = read.and_then(|text| text.map(|text| parsed(&text, set)).transpose());
        if let Err(error) = read {
            return Some(Finding::bad(WHAT, format!("{setting}: {error}"), REMEDY));
        }
    }
    let by = if set.ca_file.is_some() { "authorities of database.ca_file" } else { "authorities of browsers" };
    set.is_on().then(|| Finding::good(WHAT, format!("its URLs can be read; certificates are checked against the {by}")))
}
