//! What differs between two catalogues and no config says: our keys at vendors.

use super::{ConfiguredVendor, ServedCatalogue};
use crate::config::SettingChange;
use opencredits_keys::Secret;

impl ServedCatalogue {
    /// The vendors whose keys or whose values from the environment differ, as settings `vendor.<id>.keys`.
    #[must_use]
    pub fn key_changes(&self, new: &Self) -> Vec<SettingChange> {
        let pair = |vendor: &ConfiguredVendor| {
            let before = self.vendors.iter().find(|before| before.vendor.id == vendor.vendor.id)?;
            let differs = keys(before) != keys(vendor) || before.offered != vendor.offered;
            differs.then(|| SettingChange {
                setting: format!("vendor.{}.keys", vendor.vendor.id),
                before: Some(shown(before)),
                after: Some(shown(vendor)),
            })
        };
        new.vendors.iter().filter_map(pair).collect()
    }
}

fn keys(vendor: &ConfiguredVendor) -> Vec<&String> {
    vendor.keys.iter().chain(&vendor.billing_key).map(Secret::reveal).collect()
}

/// The number of keys. Keys are not shown.
fn shown(vendor: &ConfiguredVendor) -> String {
    let offered = if vendor.offered { "on sale" } else { "not on sale" };
    match vendor.keys.len() {
        1 => format!("1 key, {offered}"),
        keys => format!("{keys} keys, {offered}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    #[test]
    fn a_key_that_comes_goes_or_is_another_is_a_change_and_is_not_shown() {
        let read = |keys: &str| {
            let variables = [("OPENAI_API_KEY".to_owned(), keys.to_owned())];
            ServedCatalogue::read(&Config::default(), &variables).unwrap()
        };
        let check = |before: &str, after: &str, expect: Option<(&str, &str)>| {
            let changes = read(before).key_changes(&read(after));
            let found = changes.first().map(|change| (change.before.as_deref(), change.after.as_deref()));
            assert_eq!(found, expect.map(|(before, after)| (Some(before), Some(after))), "{before} {after}");
            assert!(changes.iter().all(|change| change.setting == "vendor.openai.keys"), "{changes:?}");
        };
        check("", "", None);
        check("canary-1", "canary-1", None);
        check("", "canary-1", Some(("0 keys, not on sale", "1 key, on sale")));
        check("canary-1", "canary-2", Some(("1 key, on sale", "1 key, on sale")));
        check("canary-1", "canary-1,canary-2", Some(("1 key, on sale", "2 keys, on sale")));
    }
}
