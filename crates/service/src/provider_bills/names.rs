//! One name for a model on both sides. Pure.

use opencredits_catalog::Catalog;
use std::collections::BTreeMap;

/// Ends of names that stand for the newest version.
const NEWEST: &str = "-latest";
/// Beginnings of names that say that a model is named.
const PATHS: [&str; 1] = ["models/"];
/// The digits of a date, and its length where the parts are separated.
const DATE_DIGITS: usize = 8;
const DATE_LENGTH: usize = 10;

/// The names of a vendor's models.
pub(super) struct ModelNames<'a> {
    /// What our models are called at the vendor.
    upstream: BTreeMap<&'a str, &'a str>,
    /// What models of the bill are called in requests.
    billed: &'a BTreeMap<String, String>,
}

impl<'a> ModelNames<'a> {
    pub(super) fn new(catalog: &'a Catalog, vendor: &str, billed: &'a BTreeMap<String, String>) -> Self {
        let routes = catalog.models().iter().flat_map(|model| model.routes().map(move |route| (model, route)));
        let of_vendor = routes.filter(|(_, route)| *route.vendor == *vendor);
        Self { upstream: of_vendor.map(|(model, route)| (&*model.id, &*route.upstream_model)).collect(), billed }
    }

    /// The name of one of our models. One that is no longer on sale has its name without the author.
    pub(super) fn of_ours(&self, model: &str) -> String {
        let bare = || model.split_once('/').map_or(model, |(_, name)| name);
        plain(self.upstream.get(model).copied().unwrap_or_else(bare))
    }

    /// The name of a model of the bill.
    pub(super) fn of_theirs(&self, model: &str) -> String {
        plain(self.billed.get(model).map_or(model, String::as_str))
    }
}

/// A name without path, date and case. A request for an undated name is often billed under the dated one, so versions of a
/// model are compared together.
fn plain(name: &str) -> String {
    let name = name.trim().to_lowercase();
    let name = PATHS.iter().find_map(|path| name.strip_prefix(path)).unwrap_or(&name);
    let name = name.strip_suffix(NEWEST).unwrap_or(name);
    without_date(name).unwrap_or(name).to_owned()
}

fn without_date(name: &str) -> Option<&str> {
    [DATE_LENGTH, DATE_DIGITS].into_iter().find_map(|length| {
        let (rest, date) = name.split_at_checked(name.len().checked_sub(length)?)?;
        let digits = date.bytes().filter(u8::is_ascii_digit).count();
        let is_date = date.starts_with("20")
            && digits == DATE_DIGITS
            && date.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-');
        rest.strip_suffix(['-', '@', ':']).filter(|rest| is_date && !rest.is_empty())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dated_names_are_those_of_their_models() {
        let check = |name: &str, expect: &str| assert_eq!(plain(name), expect, "{name}");
        check("gpt-4o-2024-08-06", "gpt-4o");
        check("claude-sonnet-4-20250514", "claude-sonnet-4");
        check("claude-3-5-haiku@20241022", "claude-3-5-haiku");
        check("Mistral-Large-Latest", "mistral-large");
        check("models/gemini-2.5-pro", "gemini-2.5-pro");
        check("gpt-4-0613", "gpt-4-0613");
        check("m-12345678", "m-12345678");
        check("20250514", "20250514");
        check("", "");
    }

    #[test]
    fn our_models_have_the_vendors_names_and_bills_may_have_others() {
        let models = r#"
            [[model]]
            id = "house/small"
            vendor = "v"
            upstream_model = "small-2025-01-01"
            context_window = 8192
            max_output_tokens = 2048
            prices = { input = "1", output = "1" }
        "#;
        let catalog = Catalog::empty().with_operator(models).unwrap();
        let billed = BTreeMap::from([("Small (standard)".to_owned(), "small".to_owned())]);
        let names = ModelNames::new(&catalog, "v", &billed);
        assert_eq!(names.of_ours("house/small"), "small");
        assert_eq!(names.of_theirs("Small (standard)"), "small");
        assert_eq!(names.of_ours("house/gone-2025-01-01"), "gone");
        let elsewhere = ModelNames::new(&catalog, "w", &billed);
        assert_eq!(elsewhere.of_ours("house/small"), "small", "a vendor without a route keeps our name");
    }
}
