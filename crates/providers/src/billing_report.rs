//! Where a vendor says what it billed, as data.

use crate::auth::Auth;
use crate::base_url;
use opencredits_units::CostClass;
use serde::Deserialize;
use std::collections::BTreeMap;

/// The form of a billing report. Both are read by days (UTC) and in pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BillingReportKind {
    /// Buckets with the amount of each line item, in dollars; times are Unix seconds. A line item is a model and a class,
    /// separated by a comma, or one of the two.
    CostsApi,
    /// A report of amounts in cents, by description, and beside it one of tokens, by model; times are RFC 3339.
    UsageReport,
}

/// Where a vendor says what it billed: the `[billing_report]` of its file.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BillingReport {
    /// Its form.
    pub kind: BillingReportKind,
    /// The base URL, where it is not the vendor's.
    #[serde(default)]
    pub base_url: Option<String>,
    /// The path of the amounts.
    pub path: String,
    /// The path of the tokens, in `usage_report`.
    #[serde(default)]
    pub usage_path: Option<String>,
    /// The environment variable with the administrative key.
    pub key_env: String,
    /// How that key is sent, where it is not as the vendor's other one.
    #[serde(default)]
    pub auth: Option<Auth>,
    /// Further parameters of each request for amounts, such as the project that the gateway's keys belong to.
    #[serde(default)]
    pub query: BTreeMap<String, String>,
    /// The classes by the vendor's names. In a report of tokens the name is the path of a member, with points.
    pub classes: BTreeMap<String, CostClass>,
    /// Classes that the vendor bills together with another one.
    #[serde(default)]
    pub merge: BTreeMap<CostClass, CostClass>,
    /// Names of models in the report, and what they are called in requests, where that differs by more than a date.
    #[serde(default)]
    pub models: BTreeMap<String, String>,
}

impl BillingReport {
    /// Why it cannot be used.
    pub(crate) fn problem(&self) -> Option<&'static str> {
        let is_path = |path: &str| path.starts_with('/') && !path.contains(['?', '#', ' ']);
        let tokens_apart = self.kind == BillingReportKind::UsageReport;
        match () {
            () if self.base_url.as_ref().is_some_and(|url| !base_url::is_valid(url)) => {
                Some("has a base_url that is no http or https address; write it as https://host/path")
            }
            () if !is_path(&self.path) || !self.usage_path.as_deref().is_none_or(is_path) => {
                Some("has a path that does not begin with a slash, or has more than a path; parameters belong in query")
            }
            () if self.usage_path.is_some() && !tokens_apart => {
                Some("has a usage_path, which only the kind usage_report reads; leave it out")
            }
            () if self.key_env.trim().is_empty() => {
                Some("has no key_env; name the environment variable of the administrative key")
            }
            () => None,
        }
    }
}
