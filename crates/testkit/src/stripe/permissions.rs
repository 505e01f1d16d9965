//! What a restricted key may do.

use super::books::{Refusal, invalid};
use super::query::Params;

/// The table of permissions begins with this line of a page.
const HEAD: &str = "| resource | permission |";

/// A resource, as the dashboard names it, and the paths of its objects.
const RESOURCES: [(&str, &[&str]); 11] = [
    ("Checkout Sessions", &["/v1/checkout/sessions"]),
    ("PaymentIntents", &["/v1/payment_intents"]),
    ("Charges", &["/v1/charges"]),
    ("Refunds", &["/v1/refunds"]),
    ("Disputes", &["/v1/disputes"]),
    ("Radar: early fraud warnings", &["/v1/radar/early_fraud_warnings"]),
    ("Balance transactions", &["/v1/balance_transactions"]),
    ("Events", &["/v1/events"]),
    ("Customers", &["/v1/customers"]),
    ("Payment Methods", &["/v1/payment_methods"]),
    ("Customer portal", &["/v1/billing_portal"]),
];

/// What is read of another resource where a request names it or asks for it in place of its id.
const MENTIONED: [(&str, &str); 5] = [
    ("customer", "Customers"),
    ("payment_method", "Payment Methods"),
    ("payment_intent", "PaymentIntents"),
    ("latest_charge", "Charges"),
    ("balance_transaction", "Balance transactions"),
];

/// Whether something is looked at or changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Access {
    Read,
    Write,
}

/// The permissions of a restricted key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Permissions(Vec<(String, Access)>);

impl Permissions {
    /// Those in the table of a page of documentation, whose first two columns are the resources and `read` or `write`.
    ///
    /// # Panics
    /// When the page has no such table, or names what is not known.
    #[must_use]
    pub fn of_page(page: &str) -> Self {
        let (_, table) = page.split_once(HEAD).expect("a page with a table of permissions");
        let rows = table.lines().skip(2).map_while(|line| line.strip_prefix("| ")?.split_once(" | "));
        let mut all = Vec::new();
        for (resources, rest) in rows {
            let access = match rest.split_once(" |").map_or(rest, |(access, _)| access) {
                "read" => Access::Read,
                "write" => Access::Write,
                other => panic!("{other} is no permission"),
            };
            for resource in resources.split(" and ").flat_map(|names| names.split(", ")) {
                assert!(RESOURCES.iter().any(|(known, _)| *known == resource), "{resource} is no resource");
                all.push((resource.to_owned(), access));
            }
        }
        Self(all)
    }

    /// The resources, in the order of the page.
    pub fn resources(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(resource, _)| resource.as_str())
    }

    /// The same, with one resource less.
    #[must_use]
    pub fn without(&self, resource: &str) -> Self {
        Self(self.0.iter().filter(|(known, _)| known != resource).cloned().collect())
    }

    /// The same, with one resource to read only.
    #[must_use]
    pub fn only_reading(&self, resource: &str) -> Self {
        let mut all = self.clone();
        all.0.iter_mut().filter(|(known, _)| known == resource).for_each(|(_, access)| *access = Access::Read);
        all
    }

    fn allows(&self, resource: &str, access: Access) -> bool {
        self.0.iter().any(|(known, allowed)| known == resource && *allowed >= access)
    }

    /// Refuses a request that a key with these permissions may not make.
    pub(super) fn check(&self, method: &str, path: &str, params: &Params) -> Result<(), Refusal> {
        let access = if method == "GET" { Access::Read } else { Access::Write };
        let at = |paths: &[&str]| paths.iter().any(|known| path.starts_with(known));
        let of_path = RESOURCES.iter().find(|(_, paths)| at(paths)).map(|(resource, _)| (*resource, access));
        let mentioned = MENTIONED.iter().filter(|(word, _)| params.iter().any(|param| mentions(param, word)));
        let mentioned = mentioned.map(|(_, resource)| (*resource, Access::Read));
        match of_path.into_iter().chain(mentioned).find(|(resource, access)| !self.allows(resource, *access)) {
            None => Ok(()),
            Some((resource, access)) => {
                let message = format!("The provided key does not have the permission: {resource}, {access:?}.");
                Err(Refusal { status: 403, ..invalid("", "", &message) })
            }
        }
    }
}

/// Whether a parameter names an object of this kind, or asks for one in place of its id.
fn mentions((name, value): &(String, String), word: &str) -> bool {
    name == word || name.starts_with("expand[") && value.split('.').any(|part| part.ends_with(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_may_do_what_the_table_of_the_page_says_and_nothing_else() {
        let page = "words\n\n| resource | permission | for |\n| --- | --- | --- |\n| Charges and Refunds | write | x |\n| Events, Disputes | read | y |\n\nmore";
        let permissions = Permissions::of_page(page);
        assert_eq!(permissions.resources().collect::<Vec<_>>(), ["Charges", "Refunds", "Events", "Disputes"]);
        let check = |method: &str, path: &str, expand: &str| {
            permissions.check(method, path, &[("expand[0]".to_owned(), expand.to_owned())]).is_ok()
        };
        for (method, path, expand, is_allowed) in [
            ("POST", "/v1/refunds", "", true),
            ("GET", "/v1/refunds/re_1", "", true),
            ("GET", "/v1/refunds", "data.failure_balance_transaction", false),
            ("GET", "/v1/events", "", true),
            ("POST", "/v1/disputes/du_1", "", false),
            ("DELETE", "/v1/customers/cus_1", "", false),
        ] {
            assert_eq!(check(method, path, expand), is_allowed, "{method} {path} {expand}");
        }
    }
}
