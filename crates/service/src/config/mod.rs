//! The operator's settings: one TOML file, overridden by `OPENCREDITS_…` variables, read once.
//!
//! A variable names a section and a field: `OPENCREDITS_SERVER_LISTEN` sets `listen` in `[server]`. An unknown key or
//! variable is refused by name, so that a typo is noticed.

mod admin;
mod alarms;
mod bounds;
mod connections;
mod database;
mod edit;
mod email;
mod error;
mod identity;
mod live;
mod network;
mod payments;
mod plan;
mod privacy;
mod secret;
mod sections;
mod site;
mod traces;

pub use admin::{AdminSection, AdminTokenError, admin_token};
pub use alarms::AlarmSection;
pub use connections::ConnectionSection;
pub use database::DatabaseSection;
pub use edit::{ConfigText, EditError, SettingValue};
pub use email::{Email, MailTls, MailTransport};
pub use error::ConfigError;
pub use identity::{Identity, keys_of};
pub use live::live_settings;
pub use network::{Network, NetworkError};
pub use payments::{BonusSection, CurrencySection, FraudWarnings, PaymentSettings, Processor, minor, nano};
pub use plan::{NeedsRestart, ReloadPlan, SettingChange};
pub use privacy::PrivacySettings;
pub use secret::SecretText;
pub use sections::{
    Ack, Billing, Catalogue, Config, Data, Discover, LedgerSettings, Log, LogFormat, MarkupRule, OfferSection,
    Reconcile, Retention, Server, TestMode, Upstream,
};
pub use site::SiteSection;
pub use traces::Traces;

use toml::{Table, Value};

/// The prefix of all our variables.
const VARIABLE_PREFIX: &str = "OPENCREDITS_";
/// Variables of ours that set no field of a section.
const OTHER_VARIABLES: [&str; 3] = ["OPENCREDITS_CONFIG", "OPENCREDITS_DATA", "OPENCREDITS_SHARED"];

impl Config {
    /// Reads settings from the text of a file (empty for none) and from the environment's variables.
    ///
    /// # Errors
    /// When a key, a variable or a value is invalid; the error names it.
    pub fn read(file: &str, variables: impl IntoIterator<Item = (String, String)>) -> Result<Self, ConfigError> {
        let mut table: Table = toml::from_str(file)?;
        // Fields without a default are text.
        let defaults = Table::try_from(Self::default()).unwrap_or_default();
        for (name, value) in variables {
            if name.starts_with(VARIABLE_PREFIX) && !OTHER_VARIABLES.contains(&name.as_str()) {
                override_with(&mut table, &defaults, (&name, &value))?;
            }
        }
        let config: Self = table.try_into()?;
        bounds::check(&config)?;
        Ok(config)
    }

    /// The settings in force as TOML, for `--check`. It has no secrets: keys come from their own variables, and only
    /// the names of headers are shown.
    ///
    /// # Errors
    /// When a value cannot be written as TOML.
    pub fn show(&self) -> Result<String, toml::ser::Error> {
        toml::to_string_pretty(self)
    }

    /// The operator's vendors as the TOML text of a vendor file.
    #[must_use]
    pub fn vendors_toml(&self) -> String {
        listed("vendor", &self.vendor)
    }

    /// The operator's models as the TOML text of a price book.
    #[must_use]
    pub fn models_toml(&self) -> String {
        listed("model", &self.model)
    }
}

fn listed(name: &str, tables: &[Table]) -> String {
    if tables.is_empty() {
        return String::new();
    }
    let list = tables.iter().cloned().map(Value::Table).collect();
    Table::from_iter([(name.to_owned(), Value::Array(list))]).to_string()
}

fn override_with(table: &mut Table, defaults: &Table, (name, value): (&str, &str)) -> Result<(), ConfigError> {
    let known = sections::NAMES;
    let rest = name.strip_prefix(VARIABLE_PREFIX).unwrap_or(name).to_ascii_lowercase();
    let target = known.into_iter().find_map(|section| Some((section, rest.strip_prefix(section)?.strip_prefix('_')?)));
    let Some((section, field)) = target else {
        return Err(ConfigError::Variable { name: name.to_owned(), sections: known.join(", ") });
    };
    let entry = table.entry(section).or_insert_with(|| Value::Table(Table::new()));
    if let Value::Table(fields) = entry {
        let default = defaults.get(section).and_then(|fields| fields.get(field));
        fields.insert(field.to_owned(), like(default, value));
    }
    Ok(())
}

/// A number or a boolean where the default is one, else a text: a price of `1` is a text, too.
fn like(default: Option<&Value>, text: &str) -> Value {
    let value = match default {
        Some(Value::Integer(_)) => text.parse().ok().map(Value::Integer),
        Some(Value::Boolean(_)) => text.parse().ok().map(Value::Boolean),
        _ => None,
    };
    value.unwrap_or_else(|| Value::String(text.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(file: &str, variables: &[(&str, &str)]) -> Result<Config, String> {
        let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        Config::read(file, variables).map_err(|error| error.to_string())
    }

    #[test]
    fn an_empty_file_gives_the_defaults() {
        let config = check("", &[]).unwrap();
        assert_eq!(config.billing.markup_bps, 2_500);
        assert_eq!(config.ledger.ack, Ack::Accepted);
    }

    #[test]
    fn a_variable_overrides_the_file() {
        let config =
            check("[server]\nlisten = \"0.0.0.0:1\"", &[("OPENCREDITS_SERVER_LISTEN", "127.0.0.1:9")]).unwrap();
        assert_eq!(config.server.listen, "127.0.0.1:9");
        let config = check("", &[("OPENCREDITS_BILLING_MARKUP_BPS", "100"), ("HOME", "/x")]).unwrap();
        assert_eq!(config.billing.markup_bps, 100);
        let config = check("", &[("OPENCREDITS_BILLING_CREDIT_PRICE_USD", "1"), ("OPENCREDITS_SERVER_COUNTRY", "12")]);
        let config = config.unwrap();
        assert_eq!(config.billing.credit_price_usd, opencredits_units::NanoUsd::new(1_000_000_000));
        assert_eq!(config.server.country.as_deref(), Some("12"));
        let error = check("", &[("OPENCREDITS_SERVER_STRICT", "yes")]).unwrap_err();
        assert!(error.contains("expected a boolean"), "{error}");
    }

    #[test]
    fn who_lacks_credits_is_sent_to_the_page_that_sells_them() {
        let url = |file: &str| check(file, &[]).unwrap().server.top_up_url();
        assert_eq!(url(""), "http://127.0.0.1:8787/dashboard/top-up");
        assert_eq!(url("[server]\npublic_url = \"https://a.example/\""), "https://a.example/dashboard/top-up");
        assert_eq!(url("[server]\ntop_up_url = \"https://a.example/buy\""), "https://a.example/buy");
    }

    #[test]
    fn a_listener_with_a_certificate_is_public_by_https() {
        let pair = "[server]\ntls_certificate_file = \"a.pem\"\ntls_key_file = \"b.pem\"\n";
        let url = |more: &str| check(&format!("{pair}{more}"), &[]).unwrap().server.public_url();
        assert_eq!(url(""), "https://127.0.0.1:8787");
        assert_eq!(url("public_url = \"http://a.example\""), "http://a.example");
        let by_variables =
            [("OPENCREDITS_SERVER_TLS_CERTIFICATE_FILE", "a.pem"), ("OPENCREDITS_SERVER_TLS_KEY_FILE", "b.pem")];
        assert_eq!(check("", &by_variables).unwrap().server.scheme(), "https");
    }

    #[test]
    fn what_means_nothing_is_refused_by_name() {
        assert!(check("[server]\nlisen = \"x\"", &[]).unwrap_err().contains("lisen"));
        assert!(check("", &[("OPENCREDITS_SERVR_LISTEN", "x")]).unwrap_err().contains("OPENCREDITS_SERVR_LISTEN"));
        assert!(check("", &[("OPENCREDITS_SERVER_LISEN", "x")]).unwrap_err().contains("lisen"));
    }

    #[test]
    fn a_vendors_headers_are_used_and_not_shown() {
        let vendor = "[[vendor]]\nid = \"own\"\nheaders = { x-secret = \"abc-canary\" }";
        let config = check(vendor, &[]).unwrap();
        for shown in [config.show().unwrap(), serde_json::to_string(&config).unwrap()] {
            assert!(shown.contains("x-secret") && !shown.contains("canary"), "{shown}");
        }
        assert!(config.vendors_toml().contains("abc-canary"));
    }

    #[test]
    fn the_effective_config_reads_back_as_itself() {
        let config = check("[[model]]\nid = \"local/m\"", &[]).unwrap();
        let shown = config.show().unwrap();
        assert_eq!(check(&shown, &[]).unwrap().show().unwrap(), shown);
        assert!(config.models_toml().contains("local/m"));
    }

    /// The names and defaults in the table under a heading of the page.
    fn shown(heading: &str) -> Vec<(String, String)> {
        let page = include_str!("../../../../docs/OPERATIONS.md");
        let (_, rest) = page.split_once(&format!("### `{heading}`\n")).unwrap_or_else(|| panic!("no {heading}"));
        let (_, rows) = rest.split_once("| --- | --- | --- |\n").unwrap();
        let rows = rows.lines().map_while(|line| line.strip_prefix("| `")?.split_once("` | "));
        let mut rows: Vec<_> = rows
            .map(|(name, rest)| (name.to_owned(), rest.split(" | ").next().unwrap().trim_matches('`').to_owned()))
            .collect();
        rows.sort_unstable();
        rows
    }

    #[test]
    fn every_setting_stands_on_the_page_with_its_default() {
        let defaults = serde_json::to_value(Config::default()).unwrap();
        for section in sections::NAMES {
            let fields = defaults[section].as_object().unwrap().iter();
            let mut fields: Vec<_> = fields.map(|(name, value)| (name.clone(), value.to_string())).collect();
            fields.iter_mut().filter(|(_, value)| value == "null").for_each(|(_, value)| *value = "none".to_owned());
            fields.sort_unstable();
            assert_eq!(shown(&format!("[{section}]")), fields);
        }
        let terms = Discover { vendor: String::new(), context_window: 1, max_output_tokens: 1, prices: [].into() };
        let terms = serde_json::to_value(terms).unwrap();
        let fields: Vec<_> =
            terms.as_object().unwrap().keys().map(|name| (name.clone(), "needed".to_owned())).collect();
        assert_eq!(shown("[[discover]]"), fields);
        let terms = serde_json::to_value(MarkupRule { models: vec![], bps: 1 }).unwrap();
        let fields: Vec<_> =
            terms.as_object().unwrap().keys().map(|name| (name.clone(), "needed".to_owned())).collect();
        assert_eq!(shown("[[markup]]"), fields);
    }
}
