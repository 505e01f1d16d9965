//! What a reload would change: the difference of two configs.

use super::bounds;
use super::error::ConfigError;
use super::live::{restart_reason, take_over};
use super::secret::SecretText;
use super::sections::Config;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use toml::{Table, Value};

/// Shown in place of what changes in a secret.
const REDACTED: &str = "(not shown)";
/// The longest value that is shown whole, in letters.
const SHOWN_LETTERS_MAX: usize = 400;

/// A setting that differs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SettingChange {
    /// The setting, such as `billing.markup_bps` or `vendor.house.base_url`.
    pub setting: String,
    /// What it was, as TOML; none where it was not set. Secrets are not shown.
    pub before: Option<String>,
    /// What it is from now on.
    pub after: Option<String>,
}

/// A setting that differs and keeps its value until the next start.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NeedsRestart {
    /// The setting with both values.
    #[serde(flatten)]
    pub change: SettingChange,
    /// Why it cannot change while the process runs.
    pub reason: String,
}

/// What a reload changes, and what it leaves until the next start.
///
/// ```
/// use opencredits_service::config::{Config, ReloadPlan};
/// let read = |text: &str| Config::read(text, []).unwrap();
/// let plan = ReloadPlan::between(&read(""), &read("[billing]\nmarkup_bps = 1000\n[server]\nthreads = 2"));
/// assert_eq!(plan.changes[0].setting, "billing.markup_bps");
/// assert_eq!(plan.needs_restart[0].change.setting, "server.threads");
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReloadPlan {
    /// What changes.
    pub changes: Vec<SettingChange>,
    /// What does not.
    pub needs_restart: Vec<NeedsRestart>,
}

impl ReloadPlan {
    /// The difference between the config in force and another one.
    #[must_use]
    pub fn between(old: &Config, new: &Config) -> Self {
        let mut plan = Self::default();
        let (before, after) = (flat(old), flat(new));
        let mut names: Vec<&String> = before.keys().chain(after.keys()).collect();
        names.sort_unstable();
        names.dedup();
        for name in names {
            let (before, after) = (before.get(name), after.get(name));
            if before == after {
                continue;
            }
            let (before, after) = (before.map(Shown::text), after.map(Shown::text));
            plan.add(SettingChange { setting: name.clone(), before, after });
        }
        plan
    }

    fn add(&mut self, change: SettingChange) {
        match restart_reason(&change.setting) {
            Some(reason) => self.needs_restart.push(NeedsRestart { change, reason: reason.to_owned() }),
            None => self.changes.push(change),
        }
    }

    /// Whether there is nothing to change now.
    #[must_use]
    pub const fn changes_nothing(&self) -> bool {
        self.changes.is_empty()
    }
}

impl Config {
    /// This config with what a reload takes over from another one.
    ///
    /// # Errors
    /// When a setting that changes does not fit one that cannot.
    pub fn reloaded(&self, new: &Self) -> Result<Self, ConfigError> {
        let mut reloaded = self.clone();
        take_over(&mut reloaded, new);
        bounds::check(&reloaded)?;
        Ok(reloaded)
    }
}

/// A value, and how it is shown.
#[derive(PartialEq)]
struct Shown {
    /// What is compared.
    value: Value,
    is_secret: bool,
}

impl Shown {
    fn text(&self) -> String {
        if self.is_secret {
            return REDACTED.to_owned();
        }
        let text = self.value.to_string();
        match text.char_indices().nth(SHOWN_LETTERS_MAX) {
            Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
            None => text,
        }
    }
}

/// The secrets of a config, which its serialized form does not have.
pub(super) fn secrets(config: &Config) -> [(&'static str, Option<&SecretText>); 13] {
    let Config { data, database, payments, email, alarms, identity, privacy, .. } = config;
    [
        ("data.key", data.key.as_ref()),
        ("database.url", database.url.as_ref()),
        ("database.read_url", database.read_url.as_ref()),
        ("database.test_url", database.test_url.as_ref()),
        ("payments.key", payments.key.as_ref()),
        ("payments.webhook_secret", payments.webhook_secret.as_ref()),
        ("email.password", email.password.as_ref()),
        ("email.api_key", email.api_key.as_ref()),
        ("email.webhook_secret", email.webhook_secret.as_ref()),
        ("alarms.webhook_secret", alarms.webhook_secret.as_ref()),
        ("identity.hash_key", identity.hash_key.as_ref()),
        ("identity.link_keys", identity.link_keys.as_ref()),
        ("privacy.address_keys", privacy.address_keys.as_ref()),
    ]
}

/// All settings by name. Entries of lists are named by what tells them apart.
fn flat(config: &Config) -> BTreeMap<String, Shown> {
    let mut settings = BTreeMap::new();
    let sections = Table::try_from(config).unwrap_or_default();
    for (section, value) in sections {
        if let Value::Table(fields) = value {
            for (field, value) in fields {
                settings.insert(format!("{section}.{field}"), Shown { value, is_secret: false });
            }
        }
    }
    for (name, secret) in secrets(config) {
        if let Some(secret) = secret {
            let value = Value::String(secret.reveal().to_owned());
            settings.insert(name.to_owned(), Shown { value, is_secret: true });
        }
    }
    entries(&mut settings, "vendor", &config.vendor);
    entries(&mut settings, "model", &config.model);
    for (at, asked) in config.discover.iter().enumerate() {
        let value = Value::try_from(asked).unwrap_or(Value::Boolean(true));
        settings.insert(format!("discover.{at}"), Shown { value, is_secret: false });
    }
    // Their order counts: the first that has a model holds for it.
    for (at, rule) in config.markup.iter().enumerate() {
        let value = Value::try_from(rule).unwrap_or(Value::Boolean(true));
        settings.insert(format!("markup.{at}"), Shown { value, is_secret: false });
    }
    settings
}

/// The fields of vendors or models. The values of headers may be secrets.
fn entries(settings: &mut BTreeMap<String, Shown>, list: &str, entries: &[Table]) {
    for (at, entry) in entries.iter().enumerate() {
        let id = entry.get("id").and_then(Value::as_str).map_or_else(|| at.to_string(), str::to_owned);
        for (field, value) in entry {
            let shown = Shown { value: value.clone(), is_secret: field == "headers" };
            settings.insert(format!("{list}.{id}.{field}"), shown);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::live::{LIVE, RESTART};
    use super::*;
    use std::collections::BTreeSet;

    fn read(text: &str) -> Config {
        Config::read(text, []).unwrap()
    }

    /// Every setting, by section and field, whether its default is none or not.
    fn all() -> BTreeSet<String> {
        let config = serde_json::to_value(Config::default()).unwrap();
        let mut names = BTreeSet::new();
        for (section, value) in config.as_object().unwrap() {
            match value.as_object() {
                Some(fields) => names.extend(fields.keys().map(|field| format!("{section}.{field}"))),
                None => assert!(names.insert(section.clone())),
            }
        }
        names
    }

    #[test]
    fn every_setting_is_live_or_needs_a_restart_and_none_is_both() {
        let restart = RESTART.iter().flat_map(|(_, settings)| settings.iter().copied());
        let listed: Vec<&str> = LIVE.iter().copied().chain(restart).collect();
        let unique: BTreeSet<String> = listed.iter().map(|name| (*name).to_owned()).collect();
        assert_eq!(unique.len(), listed.len(), "a setting is listed twice");
        assert_eq!(unique, all());
    }

    #[test]
    fn the_page_lists_the_settings_that_change_with_a_reload() {
        let page = include_str!("../../../../docs/OPERATIONS.md");
        let (_, rest) = page.split_once("| section | settings |\n| --- | --- |\n").unwrap();
        let mut listed: BTreeSet<String> = ["vendor", "model", "discover", "markup"].map(str::to_owned).into();
        for (section, fields) in rest.lines().map_while(|line| line.strip_prefix("| `[")?.split_once("]` | ")) {
            let fields = fields.split('`').skip(1).step_by(2);
            listed.extend(fields.map(|field| format!("{section}.{field}")));
        }
        assert_eq!(listed, LIVE.iter().map(|name| (*name).to_owned()).collect());
    }

    /// What changes, and what needs a restart.
    fn check(old: &str, new: &str, changes: &[(&str, Option<&str>, Option<&str>)], restart: &[&str]) {
        let plan = ReloadPlan::between(&read(old), &read(new));
        let found: Vec<_> = plan
            .changes
            .iter()
            .map(|change| (&*change.setting, change.before.as_deref(), change.after.as_deref()))
            .collect();
        assert_eq!(found, changes, "{new}");
        let waits: Vec<_> = plan.needs_restart.iter().map(|waits| &*waits.change.setting).collect();
        assert_eq!(waits, restart, "{new}");
    }

    #[test]
    fn a_plan_names_each_setting_that_differs_with_both_values() {
        check("", "", &[], &[]);
        check("", "[server]\nstrict = false", &[], &[]);
        check("", "[billing]\nmarkup_bps = 10", &[("billing.markup_bps", Some("2500"), Some("10"))], &[]);
        let min = [("billing.partner_markup_bps_min", None, Some("7"))];
        check("", "[billing]\npartner_markup_bps_min = 7", &min, &[]);
        check("", "[server]\nthreads = 2", &[], &["server.threads"]);
        let both = "[log]\nfilter = \"warn\"\nformat = \"pretty\"";
        check("", both, &[("log.filter", Some("\"info\""), Some("\"warn\""))], &["log.format"]);
        let vendor = |url: &str| format!("[[vendor]]\nid = \"house\"\nbase_url = \"{url}\"");
        let moved = [("vendor.house.base_url", Some("\"http://a\""), Some("\"http://b\""))];
        check(&vendor("http://a"), &vendor("http://b"), &moved, &[]);
        let gone =
            [("vendor.house.base_url", Some("\"http://a\""), None), ("vendor.house.id", Some("\"house\""), None)];
        check(&vendor("http://a"), "", &gone, &[]);
        let rules = "[[markup]]\nbps = 1\nmodels = [\"a/*\"]";
        check("", rules, &[("markup.0", None, Some("{ bps = 1, models = [\"a/*\"] }"))], &[]);
    }

    #[test]
    fn a_secret_that_changes_is_named_and_not_shown() {
        let header = |value: &str| format!("[[vendor]]\nid = \"house\"\nheaders = {{ x-key = \"{value}\" }}");
        let hidden = Some("(not shown)");
        check(&header("canary-1"), &header("canary-2"), &[("vendor.house.headers", hidden, hidden)], &[]);
        let key = |value: &str| format!("[data]\nkey = \"{}\"", value.repeat(64));
        let plan = ReloadPlan::between(&read(&key("a")), &read(&key("b")));
        assert_eq!(plan.needs_restart[0].change.setting, "data.key");
        assert!(!format!("{plan:?}").contains("aaaa"), "{plan:?}");
    }

    #[test]
    fn every_secret_of_the_sections_is_compared() {
        let sources = [
            include_str!("sections.rs"),
            include_str!("database.rs"),
            include_str!("email.rs"),
            include_str!("alarms.rs"),
            include_str!("identity.rs"),
            include_str!("payments.rs"),
            include_str!("privacy.rs"),
            include_str!("connections.rs"),
            include_str!("site.rs"),
        ];
        let declared: usize = sources.iter().map(|source| source.matches(": Option<SecretText>,").count()).sum();
        assert_eq!(declared, secrets(&Config::default()).len());
    }

    #[test]
    fn a_reload_takes_over_what_is_live_and_nothing_else() {
        let old = read("");
        let new = read("[billing]\nmarkup_bps = 10\n[server]\nthreads = 2\nstrict = true\n[[model]]\nid = \"a/b\"");
        let reloaded = old.reloaded(&new).unwrap();
        assert_eq!((reloaded.billing.markup_bps, reloaded.server.strict, reloaded.server.threads), (10, true, 0));
        assert_eq!(reloaded.model.len(), 1);
        let left = ReloadPlan::between(&reloaded, &new);
        assert!(left.changes_nothing() && left.needs_restart.len() == 1, "{left:?}");
    }
}
