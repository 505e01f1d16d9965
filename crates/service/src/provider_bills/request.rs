//! The requests for a vendor's bill. Pure.

use crate::served_catalogue::ConfiguredVendor;
use crate::usage::day_text;
use http::header::{ACCEPT, ACCEPT_ENCODING, HeaderMap, HeaderName, HeaderValue};
use opencredits_keys::Secret;
use opencredits_providers::{BillingReport, BillingReportKind, Vendor};
use opencredits_store::Days;
use std::sync::Arc;

/// Days that are asked for at once: the most that both forms take for one page.
pub(super) const DAYS_MAX: u64 = 31;
const DAY_SECONDS: u64 = 86_400;

/// Which of the two parts of a bill.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    Amounts,
    Quantities,
}

/// A vendor whose bill may be asked for.
#[derive(Clone)]
pub struct BilledVendor {
    pub(super) vendor: Arc<Vendor>,
    pub(super) key: Option<Secret<String>>,
}

impl BilledVendor {
    /// The vendor with this key for its billing report.
    #[must_use]
    pub const fn new(vendor: Arc<Vendor>, key: Option<Secret<String>>) -> Self {
        Self { vendor, key }
    }

    pub(super) fn report(&self) -> Option<&BillingReport> {
        self.vendor.billing_report.as_ref()
    }
}

impl From<&ConfiguredVendor> for BilledVendor {
    fn from(configured: &ConfiguredVendor) -> Self {
        Self::new(Arc::clone(&configured.vendor), configured.billing_key.clone())
    }
}

/// The address of a page of a part; `None` where the vendor has no such part.
pub(super) fn address(vendor: &Vendor, part: Part, days: Days, cursor: Option<&str>) -> Option<http::Uri> {
    let report = vendor.billing_report.as_ref()?;
    let path = match part {
        Part::Amounts => &report.path,
        Part::Quantities => report.usage_path.as_ref()?,
    };
    let mut query = form_urlencoded::Serializer::new(String::new());
    let after = days.to.saturating_add(1);
    let count = after.saturating_sub(days.from).to_string();
    match report.kind {
        BillingReportKind::CostsApi => {
            query.append_pair("start_time", &days.from.saturating_mul(DAY_SECONDS).to_string());
            query.append_pair("end_time", &after.saturating_mul(DAY_SECONDS).to_string());
            query.append_pair("group_by", "line_item");
        }
        BillingReportKind::UsageReport => {
            query.append_pair("starting_at", &format!("{}T00:00:00Z", day_text(days.from)));
            query.append_pair("ending_at", &format!("{}T00:00:00Z", day_text(after)));
            query.append_pair("group_by[]", if part == Part::Amounts { "description" } else { "model" });
        }
    }
    query.append_pair("bucket_width", "1d").append_pair("limit", &count);
    if part == Part::Amounts {
        query.extend_pairs(&report.query);
    }
    if let Some(cursor) = cursor {
        query.append_pair("page", cursor);
    }
    let base = report.base_url.as_ref().unwrap_or(&vendor.base_url).trim_end_matches('/');
    format!("{base}{path}?{}", query.finish()).parse().ok()
}

/// The headers of a request; `None` where one cannot be sent.
pub(super) fn headers(vendor: &Vendor, key: &Secret<String>) -> Option<HeaderMap> {
    let report = vendor.billing_report.as_ref()?;
    let mut headers = HeaderMap::new();
    headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
    headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    for (name, value) in &vendor.headers {
        headers.insert(HeaderName::try_from(name.as_str()).ok()?, HeaderValue::try_from(value.as_str()).ok()?);
    }
    let (name, scheme) = report.auth.as_ref().unwrap_or(&vendor.auth).header()?;
    let mut value = HeaderValue::try_from(format!("{scheme}{}", key.reveal())).ok()?;
    value.set_sensitive(true);
    headers.insert(HeaderName::from_static(name), value);
    Some(headers)
}
