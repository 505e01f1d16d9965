//! `[payments]`: how credits are sold.

use super::error::ConfigError;
use super::secret::SecretText;
use opencredits_units::NanoUsd;
use serde::{Deserialize, Serialize};

/// Who takes payments.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Processor {
    /// Nobody: credits are given by the operator.
    None,
    /// Stripe.
    Stripe,
    /// A page of our own that takes no money. For trying things out only.
    Sandbox,
}

/// What a fraud warning of a card's issuer leads to, besides an alarm.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FraudWarnings {
    /// Nothing.
    Log,
    /// Top-ups of the person end.
    StopTopUps,
    /// The payment is refunded, and top-ups end.
    Refund,
}

/// `[payments]`: how credits are sold.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct PaymentSettings {
    /// Who takes payments: `none`, `stripe`, or `sandbox`, which takes no money. Default `none`.
    pub processor: Processor,
    /// The processor's key; a restricted key suffices. Better set by its variable, `OPENCREDITS_PAYMENTS_KEY`.
    pub key: Option<SecretText>,
    /// The file that holds the key instead.
    pub key_file: Option<String>,
    /// The secret of the webhook; several, separated by spaces, while one is exchanged. Without it the route does not exist,
    /// and payments are found by polling.
    pub webhook_secret: Option<SecretText>,
    /// The file that holds the secrets instead.
    pub webhook_secret_file: Option<String>,
    /// Where the processor's API answers. Default: its own address.
    pub api_url: Option<String>,
    /// Names this installation at the processor: letters, digits, `_` and `-`. Two installations on one account need two
    /// names. Default `opencredits`.
    pub marker: String,
    /// What a buyer reads on the page and on the receipt. Default `Credits`.
    pub product_name: String,
    /// Where a person goes after paying. Default: the URL of the service.
    pub success_url: Option<String>,
    /// Where a person goes who does not pay. Default: the URL of the service.
    pub cancel_url: Option<String>,
    /// How long a page can be paid on, in minutes: 40 to 1,440. Default 60.
    pub page_minutes: u64,
    /// How many purchases of one person may wait to be paid. Default 10.
    pub open_orders_max: usize,
    /// The operator's fee on a purchase, on top of the amount, in hundredths of a percent. Default 0.
    pub fee_bps: u32,
    /// What a fraud warning of a card's issuer leads to: `log`, `stop_top_ups` or `refund`. Default `stop_top_ups`.
    pub on_fraud_warning: FraudWarnings,
    /// The hours between two reconciliations with the processor; 0 for none. Default 24.
    pub reconcile_hours: u64,
    /// The currencies, the default first. Default: one, `usd`.
    pub currency: Vec<CurrencySection>,
    /// Credits that are given with a purchase, from an amount on. Default none.
    pub bonus: Vec<BonusSection>,
}

/// `[[payments.currency]]`: how credits are sold in a currency. Amounts are decimal strings such as "10" or "0.50".
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct CurrencySection {
    /// `usd` or `eur`. Default `usd`.
    pub code: String,
    /// The price of a credit in it. Default for `usd`: `billing.credit_price_usd`; others need one.
    pub credit_price: Option<String>,
    /// The least that may be bought for. Default "5".
    pub amount_min: String,
    /// The most that may be bought for. Default "500".
    pub amount_max: String,
    /// The amounts that a page offers. Default "10", "25" and "50".
    pub suggested: Vec<String>,
    /// A fee on each purchase besides `fee_bps`. Default "0".
    pub fee_fixed: String,
}

/// `[[payments.bonus]]`: credits that are given with a purchase.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct BonusSection {
    /// From this amount on, in any currency, as a decimal string.
    pub from: String,
    /// So many hundredths of a percent of the credits that are bought.
    pub bps: u32,
}

impl Default for PaymentSettings {
    fn default() -> Self {
        Self {
            processor: Processor::None,
            key: None,
            key_file: None,
            webhook_secret: None,
            webhook_secret_file: None,
            api_url: None,
            marker: "opencredits".to_owned(),
            product_name: "Credits".to_owned(),
            success_url: None,
            cancel_url: None,
            page_minutes: 60,
            open_orders_max: 10,
            fee_bps: 0,
            on_fraud_warning: FraudWarnings::StopTopUps,
            reconcile_hours: 24,
            currency: Vec::new(),
            bonus: Vec::new(),
        }
    }
}

impl Default for CurrencySection {
    fn default() -> Self {
        Self {
            code: "usd".to_owned(),
            credit_price: None,
            amount_min: "5".to_owned(),
            amount_max: "500".to_owned(),
            suggested: ["10", "25", "50"].map(str::to_owned).to_vec(),
            fee_fixed: "0".to_owned(),
        }
    }
}

/// The shortest and the longest time of a page, in minutes: the processor takes half an hour to a day, and the way there takes
/// some of it.
const PAGE_MINUTES: std::ops::RangeInclusive<u64> = 40..=1_440;
/// Billionths of a currency in its minor unit.
const NANO_A_MINOR: i64 = 10_000_000;
/// The whole of an amount, in hundredths of a percent.
const WHOLE_BPS: u32 = 10_000;

impl PaymentSettings {
    /// The currencies on offer.
    #[must_use]
    pub fn currencies(&self) -> Vec<CurrencySection> {
        if self.currency.is_empty() { vec![CurrencySection::default()] } else { self.currency.clone() }
    }

    /// Checks what types leave open.
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        let invalid = |field, problem| Err(ConfigError::Invalid { field, problem });
        if self.processor == Processor::Stripe && self.key.is_none() && self.key_file.is_none() {
            return invalid("payments.key", "is missing; set OPENCREDITS_PAYMENTS_KEY to the processor's key");
        }
        if !PAGE_MINUTES.contains(&self.page_minutes) {
            return invalid("payments.page_minutes", "is not between 40 and 1440; set how long a page can be paid on");
        }
        if self.open_orders_max == 0 {
            return invalid("payments.open_orders_max", "is 0, so nothing could be bought; set it to 10, say");
        }
        if self.fee_bps >= WHOLE_BPS {
            return invalid("payments.fee_bps", "is the whole amount or more; 300 is three percent");
        }
        if self.marker.parse::<opencredits_billing::Marker>().is_err() {
            return invalid("payments.marker", "must have 1 to 64 letters, digits, '_' or '-'");
        }
        for currency in &self.currency {
            currency.check()?;
        }
        let codes: std::collections::BTreeSet<_> = self.currency.iter().map(|currency| &currency.code).collect();
        if codes.len() < self.currency.len() {
            return invalid("payments.currency", "names a currency twice; remove one of the two");
        }
        let urls = [&self.success_url, &self.cancel_url];
        if urls.into_iter().flatten().any(|url| !url.starts_with("https://") && !url.starts_with("http://")) {
            return invalid("payments.success_url or cancel_url", "is no http or https URL; write it whole");
        }
        let is_near = |url: &String| {
            ["http://127.0.0.1", "http://localhost", "http://[::1]"].iter().any(|at| url.starts_with(at))
        };
        if self.api_url.as_ref().is_some_and(|url| !url.starts_with("https://") && !is_near(url)) {
            return invalid("payments.api_url", "is no https URL, and the key would be read on the way; leave it out");
        }
        for bonus in &self.bonus {
            if minor(&bonus.from).is_none() || bonus.bps > WHOLE_BPS {
                return invalid("payments.bonus", "needs `from`, an amount such as \"50\", and `bps` up to 10000");
            }
        }
        Ok(())
    }
}

impl CurrencySection {
    fn check(&self) -> Result<(), ConfigError> {
        let invalid = |field, problem| Err(ConfigError::Invalid { field, problem });
        let code: Result<opencredits_billing::Currency, _> = self.code.parse();
        if !code.is_ok_and(opencredits_billing::Currency::is_sold) {
            return invalid("payments.currency.code", "is none that credits are sold in; use usd or eur");
        }
        match &self.credit_price {
            Some(price) if nano(price).is_none_or(|price| price <= 0) => {
                return invalid("payments.currency.credit_price", "is no price above zero; set it to \"0.01\", say");
            }
            None if self.code != "usd" => {
                return invalid("payments.currency.credit_price", "is missing; a currency that is not usd needs one");
            }
            _ => {}
        }
        let amounts = [&self.amount_min, &self.amount_max, &self.fee_fixed].into_iter().chain(&self.suggested);
        if amounts.into_iter().any(|amount| minor(amount).is_none_or(|minor| minor < 0)) {
            return invalid("payments.currency", "has an amount that is none; write them as \"10\" or \"0.50\"");
        }
        let bounds = minor(&self.amount_min).zip(minor(&self.amount_max));
        if bounds.is_none_or(|(least, most)| least <= 0 || most < least) {
            return invalid(
                "payments.currency.amount_min",
                "is not above zero, or above amount_max; correct one of both",
            );
        }
        Ok(())
    }
}

/// A decimal amount in billionths.
#[must_use]
pub fn nano(text: &str) -> Option<i64> {
    text.parse::<NanoUsd>().ok().map(NanoUsd::get)
}

/// A decimal amount with at most two places, in hundredths.
#[must_use]
pub fn minor(text: &str) -> Option<i64> {
    let nano = nano(text)?;
    (nano.checked_rem(NANO_A_MINOR)? == 0).then(|| nano.checked_div(NANO_A_MINOR))?
}

#[cfg(test)]
mod tests {
    use crate::config::Config;

    #[test]
    fn a_blank_webhook_secret_is_refused_wherever_it_is_set() {
        for blank in ["", " ", "\n"] {
            let file = format!("[payments]\nwebhook_secret = {blank:?}");
            let variable = ("OPENCREDITS_PAYMENTS_WEBHOOK_SECRET".to_owned(), blank.to_owned());
            for read in [Config::read(&file, []), Config::read("", [variable])] {
                let error = read.unwrap_err().to_string();
                assert!(error.contains("blank"), "{blank:?}: {error}");
            }
        }
    }

    fn check(toml: &str, problem: Option<&str>) {
        let error = Config::read(toml, []).err().map(|error| error.to_string());
        match (problem, error) {
            (None, None) => {}
            (Some(problem), Some(error)) => assert!(error.contains(problem), "{toml}: {error}"),
            (expect, error) => panic!("{toml}: {error:?} instead of {expect:?}"),
        }
    }

    #[test]
    fn a_setting_that_sells_nothing_or_is_no_amount_is_refused_by_name() {
        check("[payments]\nprocessor = \"sandbox\"", None);
        check("[[payments.currency]]\ncode = \"eur\"\ncredit_price = \"0.009\"\namount_max = \"99.50\"", None);
        check("[[payments.bonus]]\nfrom = \"50\"\nbps = 500", None);
        check("[payments]\nprocessor = \"stripe\"", Some("OPENCREDITS_PAYMENTS_KEY"));
        check("[payments]\nprocessor = \"stripe\"\nkey = \"rk_test_1\"", None);
        check("[payments]\nsuccess_url = \"foo\"", Some("success_url"));
        check("[payments]\napi_url = \"http://api.example\"", Some("payments.api_url"));
        check("[payments]\napi_url = \"http://127.0.0.1:9\"", None);
        check("[[payments.currency]]\n[[payments.currency]]", Some("names a currency twice"));
        check("[[payments.currency]]\ncode = \"eur\"", Some("is missing"));
        check("[payments]\npage_minutes = 30", Some("payments.page_minutes"));
        check("[payments]\nopen_orders_max = 0", Some("payments.open_orders_max"));
        check("[payments]\nfee_bps = 10000", Some("payments.fee_bps"));
        check("[payments]\nmarker = \"a b\"", Some("payments.marker"));
        check("[payments]\nprocessor = \"paypal\"", Some("paypal"));
        check("[[payments.currency]]\ncode = \"jpy\"", Some("payments.currency.code"));
        check("[[payments.currency]]\ncredit_price = \"0\"", Some("payments.currency.credit_price"));
        check("[[payments.currency]]\namount_min = \"1.005\"", Some("payments.currency"));
        check("[[payments.currency]]\namount_min = \"9\"\namount_max = \"8\"", Some("payments.currency.amount_min"));
        check("[[payments.bonus]]\nfrom = \"x\"\nbps = 1", Some("payments.bonus"));
    }
}
