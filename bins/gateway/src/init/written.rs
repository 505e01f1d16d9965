//! What is written: the config, the files with secrets, and the words for the person.

use super::answers::Answers;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use toml::Value;

/// The sender of mails that are printed.
const PRINTED_FROM: &str = "OpenCredits <mail@localhost>";
const LISTEN: &str = "127.0.0.1:8787";
/// Where people on this machine reach it. Passkeys belong to a name, and an address is none.
const LOCAL_URL: &str = "http://localhost:8787";
const CONFIG: &str = "gateway.toml";
const VARIABLES: &str = "gateway.env";

/// Everything to write. It holds secrets, and so has no `Debug`.
pub(super) struct Plan {
    pub(super) folder: PathBuf,
    pub(super) config: String,
    /// The files with one secret each.
    pub(super) secrets: Vec<(PathBuf, String)>,
    /// What the process needs in its environment.
    pub(super) variables: Vec<(String, String)>,
}

/// The plan for these answers. `fresh_key` makes a new key.
pub(super) fn plan(answers: &Answers, folder: &Path, fresh_key: impl Fn() -> String) -> Plan {
    let mut plan =
        Plan { folder: folder.to_owned(), config: String::new(), secrets: Vec::new(), variables: Vec::new() };
    let mut text =
        String::from("# Written by `opencredits-gateway init`. Every setting is described in OPERATIONS.md.\n");
    let mut section = |name: &str, settings: &[(&str, Value)]| {
        let _infallible = writeln!(text, "\n[{name}]");
        for (name, value) in settings {
            let _infallible = writeln!(text, "{name} = {value}");
        }
    };
    let url = answers.public_url.as_deref().map_or(LOCAL_URL, |url| url.trim_end_matches('/'));
    section("server", &[("listen", Value::from(LISTEN)), ("public_url", Value::from(url))]);
    section("data", &[("dir", Value::from(folder.join("data").display().to_string()))]);
    section("site", &[("name", Value::from(&*answers.name))]);
    let (hash, links) = (plan.secret("identity-hash", fresh_key()), plan.secret("identity-links", fresh_key()));
    section("identity", &[("hash_key_file", hash), ("link_keys_file", links)]);
    section("privacy", &[("address_keys_file", plan.secret("addresses", fresh_key()))]);
    section("email", &plan.email(answers));
    if let Some(key) = &answers.stripe_key {
        let file = plan.secret("stripe", key.clone());
        section("payments", &[("processor", Value::from("stripe")), ("key_file", file)]);
    }
    match &answers.vendor {
        Some(vendor) => {
            let file = plan.path_of(&vendor.variable.to_lowercase());
            plan.variables.push((format!("{}_FILE", vendor.variable), file.display().to_string()));
            plan.secrets.push((file, vendor.key.clone()));
        }
        None => section("catalog", &[("sandbox", Value::from(true))]),
    }
    plan.config = text;
    plan
}

impl Plan {
    fn path_of(&self, secret: &str) -> PathBuf {
        self.folder.join("keys").join(secret)
    }

    /// Adds a file with a secret; its path, as a setting.
    fn secret(&mut self, name: &str, secret: String) -> Value {
        let path = self.path_of(name);
        self.secrets.push((path.clone(), secret));
        Value::from(path.display().to_string())
    }

    fn email(&mut self, answers: &Answers) -> Vec<(&'static str, Value)> {
        let Some(mail) = &answers.mail else {
            return vec![("transport", Value::from("console")), ("from", Value::from(PRINTED_FROM))];
        };
        let server = &mail.server;
        let mut settings = vec![
            ("transport", Value::from("smtp")),
            ("from", Value::from(&*mail.from)),
            ("host", Value::from(&*server.host)),
            ("port", Value::from(i64::from(server.port))),
        ];
        settings.extend(server.username.as_ref().map(|name| ("username", Value::from(&**name))));
        if let Some(password) = &mail.password {
            settings.push(("password_file", self.secret("smtp-password", password.clone())));
        }
        settings
    }

    pub(super) fn config_path(&self) -> PathBuf {
        self.folder.join(CONFIG)
    }

    pub(super) fn variables_path(&self) -> PathBuf {
        self.folder.join(VARIABLES)
    }

    /// The variables as a file for `EnvironmentFile=` and for a shell.
    pub(super) fn variables_text(&self) -> String {
        self.variables.iter().map(|(name, value)| format!("{name}={value}\n")).collect()
    }

    /// What was written, what to know of it, and how to start.
    pub(super) fn words(&self, notices: &[String]) -> String {
        let mut words = format!("wrote {}\n", self.config_path().display());
        for (path, _) in &self.secrets {
            let _infallible = writeln!(words, "wrote {}", path.display());
        }
        for notice in notices {
            let _infallible = writeln!(words, "note: {notice}");
        }
        let load = if self.variables.is_empty() {
            String::new()
        } else {
            let _infallible = writeln!(words, "wrote {}", self.variables_path().display());
            format!("set -a; . {}; set +a\n  ", self.variables_path().display())
        };
        let _infallible = write!(
            words,
            "\nKeep a copy of the folder keys elsewhere: without it nobody can be written to.\nStart it with:\n\n  \
             {load}opencredits-gateway --config {}\n",
            self.config_path().display()
        );
        words
    }
}

#[cfg(test)]
mod tests {
    use super::super::answers::{Answers, Mail, Server, VendorKey};
    use super::*;
    use opencredits_service::config::Config;

    fn answers() -> Answers {
        Answers { name: "Ada's \"AI\"".to_owned(), public_url: None, mail: None, stripe_key: None, vendor: None }
    }

    fn check(answers: &Answers, expect: &[&str]) -> Plan {
        let plan = plan(answers, Path::new("/srv/ai"), || "5".repeat(64));
        for line in expect {
            assert!(plan.config.lines().any(|found| found == *line), "{line} is not in\n{}", plan.config);
        }
        assert!(Config::read(&plan.config, []).is_ok(), "the gateway reads what is written:\n{}", plan.config);
        for (_, secret) in &plan.secrets {
            assert!(!plan.config.contains(&**secret), "no secret is in the config");
        }
        plan
    }

    #[test]
    fn without_answers_it_runs_on_this_machine_with_the_sandbox() {
        let lines = [
            "public_url = \"http://localhost:8787\"",
            "transport = \"console\"",
            "sandbox = true",
            "dir = \"/srv/ai/data\"",
        ];
        let plan = check(&answers(), &lines);
        assert!(plan.variables.is_empty());
        assert_eq!(plan.secrets.len(), 3, "the keys of hashes, of links and of addresses");
    }

    #[test]
    fn each_answer_has_its_setting_and_each_secret_its_file() {
        let server = Server { username: Some("ada".to_owned()), host: "smtp.example.com".to_owned(), port: 465 };
        let from = "Example AI <mail@example.com>".to_owned();
        let answers = Answers {
            public_url: Some("https://ai.example.com/".to_owned()),
            mail: Some(Mail { server, from, password: Some("a mail secret".to_owned()) }),
            stripe_key: Some("rk_test_1".to_owned()),
            vendor: Some(VendorKey { variable: "OPENAI_API_KEY".to_owned(), key: "sk-1".to_owned() }),
            ..answers()
        };
        let lines = [
            "public_url = \"https://ai.example.com\"",
            "host = \"smtp.example.com\"",
            "port = 465",
            "username = \"ada\"",
            "password_file = \"/srv/ai/keys/smtp-password\"",
            "processor = \"stripe\"",
            "key_file = \"/srv/ai/keys/stripe\"",
        ];
        let plan = check(&answers, &lines);
        assert_eq!(plan.variables_text(), "OPENAI_API_KEY_FILE=/srv/ai/keys/openai_api_key\n");
        assert!(plan.words(&[]).contains("set -a; . /srv/ai/gateway.env"));
    }
}
