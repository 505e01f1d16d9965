//! Changes the text of a config file: one setting or one entry at a time. Comments, order and all other lines stay.

use super::sections::{Config, NAMES};
use toml_edit::{Array, ArrayOfTables, Document, DocumentMut, Item, Table, TableLike, Value};

/// A config file cannot be changed so.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EditError {
    /// The file is no TOML.
    #[error("the config is no TOML, mend it first: {0}")]
    NoToml(#[from] toml_edit::TomlError),
    /// There is no such setting.
    #[error("there is no setting {key}; write it as section.field, such as billing.markup_bps")]
    NoSetting {
        /// What was named.
        key: String,
    },
    /// A secret does not belong on a command line.
    #[error(
        "{key} is a secret, which others could read in the list of processes; write it into the file that {key}_file names"
    )]
    Secret {
        /// The setting.
        key: String,
    },
    /// The file says it in another form.
    #[error("{key} has a form in this file that cannot be changed by a command; change it in an editor")]
    Form {
        /// What was to be changed.
        key: String,
    },
    /// There is an entry of this id.
    #[error("there is a [[{list}]] {id} already; remove it first, or change it in an editor")]
    Exists {
        /// The list.
        list: String,
        /// The id.
        id: String,
    },
    /// There is no such entry.
    #[error("no [[{list}]] {id} is in the config")]
    Missing {
        /// The list.
        list: String,
        /// The id.
        id: String,
    },
}

/// The text of a config file, to change.
///
/// ```
/// use opencredits_service::config::ConfigText;
/// let mut text = ConfigText::parse("[billing] # money\nmarkup_bps = 2500 # 25 %\n").unwrap();
/// // A number, or else a text: the first one that the setting accepts.
/// let values = ConfigText::values("billing.markup_bps", "3000").unwrap();
/// text.set("billing.markup_bps", &values[0]).unwrap();
/// assert_eq!(text.to_string(), "[billing] # money\nmarkup_bps = 3000 # 25 %\n");
/// ```
#[derive(Debug, Clone)]
pub struct ConfigText(DocumentMut);

/// A value of a setting, as TOML.
#[derive(Debug, Clone)]
pub struct SettingValue(Value);

impl std::fmt::Display for ConfigText {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.0)
    }
}

impl ConfigText {
    /// The text of a file.
    ///
    /// # Errors
    /// When it is no TOML.
    pub fn parse(text: &str) -> Result<Self, EditError> {
        Ok(Self(text.parse()?))
    }

    /// What a text may mean as the value of a setting: a number, a list and the like, or the text itself. Of several the
    /// first that the config accepts is meant.
    ///
    /// # Errors
    /// When there is no such setting, or it is a secret.
    pub fn values(key: &str, text: &str) -> Result<Vec<SettingValue>, EditError> {
        let (section, field) = split(key)?;
        if super::plan::secrets(&Config::default()).iter().any(|(secret, _)| *secret == key) {
            return Err(EditError::Secret { key: key.to_owned() });
        }
        let defaults = toml::Table::try_from(Config::default()).unwrap_or_default();
        let default = defaults.get(section).and_then(|fields| fields.get(field));
        let is_text = default.is_some_and(toml::Value::is_str);
        let as_toml = text.trim().parse::<Value>().ok().filter(|value| !is_text || value.is_str());
        let as_text = Value::from(text);
        Ok(as_toml.into_iter().chain([as_text]).map(SettingValue).collect())
    }

    /// A setting as the file has it; none where it has not.
    ///
    /// # Errors
    /// When there is no such setting.
    pub fn get(&self, key: &str) -> Result<Option<String>, EditError> {
        let (section, field) = split(key)?;
        let item = self.0.get(section).and_then(Item::as_table_like).and_then(|fields| fields.get(field));
        // Without the comment behind it.
        let value = |value: &Value| value.clone().decorated("", "").to_string();
        Ok(item.map(|item| item.as_value().map_or_else(|| item.to_string().trim().to_owned(), value)))
    }

    /// Sets a setting. What stands behind it on its line stays.
    ///
    /// # Errors
    /// When there is no such setting, or the file has its section in another form.
    pub fn set(&mut self, key: &str, SettingValue(value): &SettingValue) -> Result<(), EditError> {
        let (section, field) = split(key)?;
        let fields = self.section(section).ok_or_else(|| EditError::Form { key: key.to_owned() })?;
        put(fields, field, value.clone());
        Ok(())
    }

    /// The fields of a section, which is made where there is none.
    fn section(&mut self, section: &str) -> Option<&mut dyn TableLike> {
        if !self.0.contains_key(section) {
            let mut table = Table::new();
            table.decor_mut().set_prefix(self.in_front());
            self.0.insert(section, Item::Table(table));
        }
        self.0.get_mut(section)?.as_table_like_mut()
    }

    /// Takes a setting out of the file, with its line; whether there was one.
    ///
    /// # Errors
    /// When there is no such setting, or the file has it in another form.
    pub fn unset(&mut self, key: &str) -> Result<bool, EditError> {
        let (section, field) = split(key)?;
        let text = self.0.to_string();
        let document = Document::parse(text.as_str())?;
        let Some(fields) = document.get(section).and_then(Item::as_table_like) else { return Ok(false) };
        let Some((name, item)) = fields.get_key_value(field) else { return Ok(false) };
        let form = || EditError::Form { key: key.to_owned() };
        let begin = name.span().ok_or_else(form)?.start;
        let end = item.as_value().and_then(Value::span).ok_or_else(form)?.end;
        let line_begin = text.get(..begin).and_then(|before| before.rfind('\n')).map_or(0, |at| at.saturating_add(1));
        let line_end = text.get(end..).and_then(|after| after.find('\n'));
        let line_end = line_end.map_or(text.len(), |at| end.saturating_add(at).saturating_add(1));
        let without = [text.get(..line_begin), text.get(line_end..)].map(Option::unwrap_or_default).concat();
        let without: DocumentMut = without.parse().map_err(|_| form())?;
        let still = without.get(section).and_then(Item::as_table_like).is_some_and(|fields| fields.contains_key(field));
        let others = |document: &DocumentMut| {
            let fields = document.get(section).and_then(Item::as_table_like).map_or(0, TableLike::len);
            (document.len(), fields)
        };
        let (before, after) = (others(&self.0), others(&without));
        // Something else stands on the same line.
        if still || after.1.saturating_add(1) != before.1 || after.0 > before.0 {
            return Err(form());
        }
        self.0 = without;
        Ok(true)
    }

    /// Adds an entry to a list of tables, such as `vendor`, at its end.
    ///
    /// # Errors
    /// When there is an entry of this id, or the file has the list in another form.
    pub fn add_entry(&mut self, list: &str, fields: &[(&str, toml::Value)]) -> Result<(), EditError> {
        let id = fields.iter().find(|(name, _)| *name == "id").and_then(|(_, id)| id.as_str());
        if let Some(id) = id.filter(|id| self.position(list, id).is_some()) {
            return Err(EditError::Exists { list: list.to_owned(), id: id.to_owned() });
        }
        let form = || EditError::Form { key: list.to_owned() };
        let mut table = Table::new();
        for (name, value) in fields {
            table.insert(name, Item::Value(value.to_string().parse().map_err(|_| form())?));
        }
        if self.0.contains_key(list) {
            table.decor_mut().set_prefix("\n");
        } else {
            table.decor_mut().set_prefix(self.in_front());
            self.0.insert(list, Item::ArrayOfTables(ArrayOfTables::new()));
        }
        self.0.get_mut(list).and_then(Item::as_array_of_tables_mut).ok_or_else(form)?.push(table);
        Ok(())
    }

    /// Removes an entry from a list of tables, with the comments above it.
    ///
    /// # Errors
    /// When there is none of this id.
    pub fn remove_entry(&mut self, list: &str, id: &str) -> Result<(), EditError> {
        let missing = || EditError::Missing { list: list.to_owned(), id: id.to_owned() };
        let at = self.position(list, id).ok_or_else(missing)?;
        let entries = self.0.get_mut(list).and_then(Item::as_array_of_tables_mut).ok_or_else(missing)?;
        entries.remove(at);
        if entries.is_empty() {
            self.0.remove(list);
        }
        Ok(())
    }

    /// Adds a text to a list of texts, such as `offer.allow`, or removes it; whether that changes anything.
    ///
    /// # Errors
    /// When there is no such setting, or the file has it in another form.
    pub fn listed(&mut self, key: &str, text: &str, is_listed: bool) -> Result<bool, EditError> {
        let (section, field) = split(key)?;
        let form = || EditError::Form { key: key.to_owned() };
        let fields = self.section(section).ok_or_else(form)?;
        if !fields.contains_key(field) {
            fields.insert(field, Item::Value(Value::Array(Array::new())));
        }
        let array = fields.get_mut(field).and_then(Item::as_array_mut).ok_or_else(form)?;
        let at = array.iter().position(|value| value.as_str() == Some(text));
        match (at, is_listed) {
            (None, true) => array.push(text),
            (Some(at), false) => drop(array.remove(at)),
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// Sets the markup of some models: of the rule that names the same patterns, else of a new one in front of all others,
    /// since the first that has a model holds.
    ///
    /// # Errors
    /// When the file has the rules in another form.
    pub fn set_markup(&mut self, patterns: &[String], bps: u32) -> Result<(), EditError> {
        let form = || EditError::Form { key: "markup".to_owned() };
        let is_same = |rule: &Table| {
            let models = rule.get("models").and_then(Item::as_array);
            models
                .is_some_and(|models| models.iter().map(Value::as_str).eq(patterns.iter().map(|of| Some(of.as_str()))))
        };
        let rules = self.0.get_mut("markup").map(|item| item.as_array_of_tables_mut().ok_or_else(form)).transpose()?;
        if let Some(rule) = rules.and_then(|rules| rules.iter_mut().find(|rule| is_same(rule))) {
            put(rule, "bps", Value::from(i64::from(bps)));
            return Ok(());
        }
        let mut new = Table::new();
        new.insert("models", Item::Value(patterns.iter().map(String::as_str).collect::<Array>().into()));
        new.insert("bps", Item::Value(Value::from(i64::from(bps))));
        let mut first = ArrayOfTables::new();
        match self.0.get("markup").and_then(Item::as_array_of_tables) {
            Some(rules) => {
                new.set_position(rules.get(0).and_then(Table::position));
                new.decor_mut().set_prefix("\n");
                first.push(new);
                rules.iter().for_each(|rule| first.push(rule.clone()));
            }
            None => {
                new.decor_mut().set_prefix(self.in_front());
                first.push(new);
            }
        }
        self.0.insert("markup", Item::ArrayOfTables(first));
        Ok(())
    }

    fn position(&self, list: &str, id: &str) -> Option<usize> {
        let entries = self.0.get(list)?.as_array_of_tables()?;
        entries.iter().position(|entry| entry.get("id").and_then(Item::as_str) == Some(id))
    }

    /// What stands in front of a table that is added at the end: the comments that end the file stay above it, and a blank line.
    fn in_front(&mut self) -> String {
        let trailing = self.0.trailing().as_str().unwrap_or_default().to_owned();
        self.0.set_trailing("");
        if self.0.is_empty() && trailing.is_empty() { String::new() } else { format!("{trailing}\n") }
    }
}

/// Puts a value in place of what was there; its line keeps its comment.
fn put(fields: &mut dyn TableLike, field: &str, mut value: Value) {
    match fields.get_mut(field) {
        Some(Item::Value(old)) => {
            *value.decor_mut() = old.decor().clone();
            *old = value;
        }
        Some(other) => *other = Item::Value(value),
        None => {
            fields.insert(field, Item::Value(value));
        }
    }
}

/// Section and field of a setting that there is.
fn split(key: &str) -> Result<(&str, &str), EditError> {
    let missing = || EditError::NoSetting { key: key.to_owned() };
    let (section, field) = key.split_once('.').ok_or_else(missing)?;
    let defaults = serde_json::to_value(Config::default()).unwrap_or_default();
    let is_known = NAMES.contains(&section) && defaults.get(section).is_some_and(|fields| fields.get(field).is_some());
    is_known.then_some((section, field)).ok_or_else(missing)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const FILE: &str = "# The gateway of Acme.\n\n[server] # front\nlisten = \"127.0.0.1:1\"\n# Who may call.\ncors_origins = [\n  \"https://a.example\", # app\n]\n\n[billing]\nmarkup_bps = 2500   # 25 %\n\n# Our own machine.\n[[vendor]]\nid = \"house\"\nkey_env = \"K\"\n\n[[vendor]]\nid = \"other\"\n\n[log]\nfilter = 'info'\n# The end.\n";

    /// The text after a change, or the error.
    fn check(before: &str, change: impl Fn(&mut ConfigText) -> Result<bool, EditError>, expect: Result<&str, &str>) {
        let mut text = ConfigText::parse(before).unwrap();
        match (change(&mut text), expect) {
            (Ok(_), Ok(expect)) => assert_eq!(text.to_string(), expect),
            (Err(error), Err(expect)) => {
                assert!(error.to_string().contains(expect), "{error}");
                assert_eq!(text.to_string(), before);
            }
            (found, expect) => panic!("{found:?}, {expect:?}"),
        }
    }

    fn set(key: &'static str, value: &'static str) -> impl Fn(&mut ConfigText) -> Result<bool, EditError> {
        move |text| {
            let values = ConfigText::values(key, value)?;
            text.set(key, &values[0])?;
            Ok(true)
        }
    }

    fn unset(key: &'static str) -> impl Fn(&mut ConfigText) -> Result<bool, EditError> {
        move |text| text.unset(key)
    }

    #[test]
    fn a_value_changes_in_its_place_and_its_comment_stays() {
        check(FILE, set("billing.markup_bps", "3000"), Ok(&FILE.replace("2500  ", "3000  ")));
        check(FILE, set("log.filter", "warn"), Ok(&FILE.replace("'info'", "\"warn\"")));
        let listed = FILE.replace("[\n  \"https://a.example\", # app\n]", "[\"*\"]");
        check(FILE, set("server.cors_origins", "[\"*\"]"), Ok(&listed));
        let added = FILE.replace("25 %\n", "25 %\nlower_caps = false\n");
        check(FILE, set("billing.lower_caps", "false"), Ok(&added));
        check(FILE, set("offer.allow", "[\"a/*\"]"), Ok(&format!("{FILE}\n[offer]\nallow = [\"a/*\"]\n")));
        check("", set("log.filter", "warn"), Ok("[log]\nfilter = \"warn\"\n"));
        check("billing = { markup_bps = 1 }\n", set("billing.markup_bps", "2"), Ok("billing = { markup_bps = 2 }\n"));
        check("billing.markup_bps = 1 # x\n", set("billing.markup_bps", "2"), Ok("billing.markup_bps = 2 # x\n"));
    }

    #[test]
    fn a_setting_is_taken_out_with_its_line_and_the_comment_above_it_stays() {
        check(FILE, unset("billing.markup_bps"), Ok(&FILE.replace("markup_bps = 2500   # 25 %\n", "")));
        let without = FILE.replace("cors_origins = [\n  \"https://a.example\", # app\n]\n", "");
        check(FILE, unset("server.cors_origins"), Ok(&without));
        check(FILE, unset("billing.lower_caps"), Ok(FILE));
        check("billing.markup_bps = 1\nlog.filter = \"a\"\n", unset("billing.markup_bps"), Ok("log.filter = \"a\"\n"));
        let two = "billing = { markup_bps = 1, lower_caps = true }\n";
        check(two, unset("billing.markup_bps"), Err("form"));
    }

    #[test]
    fn what_is_no_setting_and_what_is_secret_is_refused() {
        check(FILE, set("billing.markup", "1"), Err("no setting billing.markup"));
        check(FILE, set("markup_bps", "1"), Err("section.field"));
        check(FILE, set("vendor.id", "1"), Err("no setting"));
        check(FILE, set("payments.key", "sk"), Err("payments.key_file"));
        assert!(ConfigText::parse("[billing").is_err());
    }

    #[test]
    fn entries_and_patterns_come_and_go_and_the_others_stay() {
        let vendor = [("id", toml::Value::from("third")), ("dialect", toml::Value::from("openai-chat"))];
        let third = "[[vendor]]\nid = \"third\"\ndialect = \"openai-chat\"\n";
        let add = |text: &mut ConfigText| text.add_entry("vendor", &vendor).map(|()| true);
        check(FILE, add, Ok(&FILE.replace("id = \"other\"\n", &format!("id = \"other\"\n\n{third}"))));
        check("", add, Ok(third));
        check(third, add, Err("already"));
        let remove = |id: &'static str| move |text: &mut ConfigText| text.remove_entry("vendor", id).map(|()| true);
        check(FILE, remove("other"), Ok(&FILE.replace("\n[[vendor]]\nid = \"other\"\n", "")));
        check(third, remove("third"), Ok(""));
        check(FILE, remove("nobody"), Err("no [[vendor]] nobody"));
        let pattern = |is_listed: bool| move |text: &mut ConfigText| text.listed("offer.allow", "b/*", is_listed);
        check("[offer]\nallow = [\"a/*\"] # all\n", pattern(true), Ok("[offer]\nallow = [\"a/*\", \"b/*\"] # all\n"));
        check("[offer]\nallow = [\"a/*\", \"b/*\"]\n", pattern(false), Ok("[offer]\nallow = [\"a/*\"]\n"));
        check("", pattern(true), Ok("[offer]\nallow = [\"b/*\"]\n"));
    }

    #[test]
    fn a_rule_of_the_same_patterns_changes_and_a_new_one_comes_first() {
        let rule = |models: &str, bps: u32| format!("[[markup]]\nmodels = [\"{models}\"]\nbps = {bps}\n");
        let mark = |text: &mut ConfigText| text.set_markup(&["a/*".to_owned()], 7).map(|()| true);
        check("", mark, Ok(&rule("a/*", 7)));
        check(&rule("a/*", 1), mark, Ok(&rule("a/*", 7)));
        let mut text = ConfigText::parse(&format!("[log]\nfilter = \"info\"\n\n{}", rule("b/*", 1))).unwrap();
        text.set_markup(&["a/*".to_owned()], 7).unwrap();
        let rules: Vec<_> = Config::read(&text.to_string(), [])
            .unwrap()
            .markup
            .iter()
            .map(|rule| (rule.models[0].clone(), rule.bps))
            .collect();
        assert_eq!(rules, [("a/*".to_owned(), 7), ("b/*".to_owned(), 1)]);
    }

    /// Whether all of these lines are among the others, in this order.
    fn are_kept(lines: &[&str], text: &str) -> bool {
        let mut others = text.lines();
        lines.iter().all(|line| others.any(|other| other == *line))
    }

    proptest! {
        #[test]
        fn what_is_set_is_read_and_no_other_line_changes(
            blank in 0..3_usize, comment in "[a-z ]{0,12}", value in 0..9_999_u32, at in 0..4_usize, bps in 0..100_u32,
        ) {
            let space = "\n".repeat(blank);
            let sections = [
                format!("[billing]{space}\nmarkup_bps = {bps} # {comment}\n{space}# {comment}\nlower_caps = true\n"),
                format!("# {comment}\n[log]\nfilter = 'info'\n{space}"),
                format!("[[vendor]] # {comment}\nid = \"house\"\n{space}[vendor.headers]\nx-a = \"1\"\n"),
                format!("[server]\n# {comment}\ncors_origins = [\n  \"*\", # {comment}\n]\n{space}"),
            ];
            let file: String = sections.iter().cycle().skip(at).take(4).map(String::as_str).collect();
            let mut text = ConfigText::parse(&file).unwrap();
            let settings = [("billing.markup_bps", "markup_bps"), ("upstream.backoff_ms", ""), ("billing.credit_price_usd", "")];
            for (key, line) in settings {
                let shown = value.saturating_add(1).to_string();
                // A price is a text.
                let accepted = ConfigText::values(key, &shown).unwrap().into_iter().find_map(|value| {
                    let mut candidate = text.clone();
                    candidate.set(key, &value).unwrap();
                    Config::read(&candidate.to_string(), []).is_ok().then_some(candidate)
                });
                let changed = accepted.unwrap();
                let found = changed.get(key).unwrap().unwrap();
                prop_assert_eq!(found.trim_matches('"'), shown);
                let before = text.to_string();
                let kept: Vec<&str> =
                    before.lines().filter(|of| line.is_empty() || !of.starts_with(line)).collect();
                prop_assert!(are_kept(&kept, &changed.to_string()), "{}\n---\n{}", before, changed);
                let mut back = changed.clone();
                prop_assert!(back.unset(key).unwrap() && back.get(key).unwrap().is_none());
                prop_assert!(are_kept(&kept, &back.to_string()), "{}\n---\n{}", changed, back);
                text = changed;
            }
        }
    }
}
