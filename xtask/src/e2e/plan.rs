//! Which recordings stand behind which models, and what the clients are told.

use super::conformance::Conformance;
use super::expected::Expected;
use super::install::Tools;
use super::pricing::{Known, MARKUP_BPS, PRICE};
use super::replayed::{CHAT, GEMINI, MESSAGES, RESPONSES, SANDBOX, vendor_lines};
use crate::gateway::{Gateway, Mind, Plan, Rates};
use crate::outcome::Outcome;
use crate::workspace;
use opencredits_keys::UserKey;
use opencredits_testkit::{ExpectedUsage, Recording, recordings};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

/// Scenarios whose usage does not come, or need not: what was produced is counted.
const ESTIMATED: [&str; 3] = ["stream_cut", "stream_long", "stream_no_usage"];
/// Scenarios in which the provider fails.
const FAULTS: [&str; 4] = ["broken", "rate_limited", "stream_cut", "unauthorized"];

/// What the operator asks for the real model: numbers that leave something to round.
const LOCAL_PRICE: Rates =
    Rates { input: 123_457, cache_read: 31_003, cache_write_5m: 123_457, cache_write_1h: 123_457, output: 654_321 };

/// A script and what runs it.
pub(super) struct Client {
    pub(super) name: &'static str,
    /// Clients of a group have the same features.
    pub(super) group: &'static str,
    script: &'static str,
    runs_on: RunsOn,
    /// The dialect of the models that it asks for: its own, or the other one, which is translated.
    pub(super) models: &'static str,
}

enum RunsOn {
    Python,
    Node,
}

/// All clients. Where a client asks for models of another dialect than its own, the gateway translates.
const CLIENTS: [Client; 29] = [
    Client::python("sdk", "python chat", "chat.py", CHAT),
    Client::python("sdk", "python messages", "messages.py", MESSAGES),
    Client::node("sdk", "node chat", "chat.mjs", CHAT),
    Client::node("sdk", "node messages", "messages.mjs", MESSAGES),
    Client::python("sdk", "py chat across", "chat.py", MESSAGES),
    Client::python("sdk", "py msgs across", "messages.py", CHAT),
    Client::node("sdk", "node chat across", "chat.mjs", MESSAGES),
    Client::node("sdk", "node msgs across", "messages.mjs", CHAT),
    Client::python("fronts", "to chat", "fronts.py", CHAT),
    Client::python("fronts", "to messages", "fronts.py", MESSAGES),
    Client::python("fronts", "to responses", "fronts.py", RESPONSES),
    Client::python("fronts", "to gemini", "fronts.py", GEMINI),
    Client::python("kits", "langchain chat", "langchain_kit.py", CHAT),
    Client::python("kits", "langchain msgs", "langchain_kit.py", MESSAGES),
    Client::node("kits", "vercel chat", "vercel.mjs", CHAT),
    Client::node("kits", "vercel msgs", "vercel.mjs", MESSAGES),
    Client::python("litellm", "litellm to chat", "litellm_kit.py", CHAT),
    Client::python("litellm", "litellm to msgs", "litellm_kit.py", MESSAGES),
    Client::python("litellm", "litellm to gem", "litellm_kit.py", GEMINI),
    Client::node("browsers", "browser chat", "browser.mjs", CHAT),
    Client::node("browsers", "browser msgs", "browser.mjs", MESSAGES),
    Client::python("types", "types of chat", "conformance.py", CHAT),
    Client::python("types", "types of msgs", "conformance.py", MESSAGES),
    Client::python("types", "types of resp", "conformance.py", RESPONSES),
    Client::python("types", "types of gemini", "conformance.py", GEMINI),
    Client::python("look-ups", "types of rest", "conformance_rest.py", CHAT),
    Client::python("docs", "first requests", "first_requests.py", CHAT),
    Client::python("agents", "agents chat", "agents.py", CHAT),
    Client::python("agents", "agents msgs", "agents.py", MESSAGES),
];

/// The clients whose name contains the text.
pub(super) fn clients(only: Option<&str>) -> Vec<Client> {
    let wanted = |client: &Client| only.is_none_or(|text| client.name.contains(text));
    CLIENTS.into_iter().filter(wanted).collect()
}

impl Client {
    const fn python(group: &'static str, name: &'static str, script: &'static str, models: &'static str) -> Self {
        Self { name, group, script, runs_on: RunsOn::Python, models }
    }

    const fn node(group: &'static str, name: &'static str, script: &'static str, models: &'static str) -> Self {
        Self { name, group, script, runs_on: RunsOn::Node, models }
    }

    /// Whether it cancels a stream.
    pub(super) fn cancels(&self) -> bool {
        self.group == "sdk"
    }

    /// Whether it reads recorded answers with its SDK's types.
    fn reads_types(&self) -> bool {
        self.script.starts_with("conformance")
    }

    /// Whether its vendor stops billing when its stream is stopped.
    pub(super) fn stops_the_bill(&self) -> bool {
        self.models == CHAT
    }

    pub(super) fn command(&self, tools: &Tools) -> Command {
        match self.runs_on {
            RunsOn::Python => {
                let mut command = Command::new(&tools.python);
                let folder = workspace::root().join("tests/e2e/python");
                // Compiled files would lie beside the scripts.
                command.arg("-B").arg(folder.join(self.script));
                command
            }
            RunsOn::Node => {
                let mut command = Command::new("node");
                command.arg(tools.node.join(self.script));
                command
            }
        }
    }
}

/// What stands behind the models.
#[derive(Deserialize)]
pub(super) struct Scenarios {
    /// By dialect and name: the recording's id, and perhaps how it is answered.
    replayed: BTreeMap<String, BTreeMap<String, String>>,
    /// By dialect: the vendor as which the real model is known.
    local: BTreeMap<String, String>,
    /// The recordings of both dialects; none without the shared folder.
    #[serde(skip)]
    recordings: Vec<Recording>,
    /// All that are read with the SDKs' types; none where no client does.
    #[serde(skip)]
    conformance: Conformance,
}

impl Scenarios {
    pub(super) fn read(clients: &[Client]) -> Outcome<Self> {
        let file = workspace::root().join("tests/e2e/scenarios.json");
        let mut scenarios: Self = serde_json::from_str(&fs::read_to_string(file)?)?;
        scenarios.recordings = recordings(|row| [CHAT, MESSAGES, RESPONSES, GEMINI].contains(&row.api.as_str()));
        if clients.iter().any(Client::reads_types) {
            scenarios.conformance = Conformance::read()?;
        }
        Ok(scenarios)
    }

    /// Whether there are recordings.
    pub(super) fn has_recordings(&self) -> bool {
        !self.recordings.is_empty()
    }

    /// All that is replayed.
    pub(super) fn recordings(&self) -> Vec<Recording> {
        self.recordings.iter().cloned().chain(self.conformance.recordings()).collect()
    }

    /// What stands behind a model, where it is a recording.
    fn recording(&self, upstream_model: &str) -> Option<&Recording> {
        let id = upstream_model.split('+').next().unwrap_or_default();
        self.recordings.iter().find(|recording| recording.id == id)
    }

    /// The replayed vendor with a model for each scenario, and the real model.
    ///
    /// What goes wrong has a vendor for each way: a gateway that gives a failing one a rest must not rest the others.
    pub(super) fn add_to(&self, plan: &mut Plan, replay_url: &str, local_url: &str) {
        for (dialect, scenarios) in &self.replayed {
            let more = vendor_lines(dialect);
            plan.vendor(&format!("replay-{dialect}"), dialect, replay_url, more);
            for (name, upstream_model) in scenarios {
                let mut vendor = format!("replay-{dialect}");
                if FAULTS.contains(&name.as_str()) {
                    vendor = format!("{vendor}-{}", name.replace('_', "-"));
                    plan.vendor(&vendor, dialect, replay_url, more);
                }
                // One that thinks is not stopped at once when its client leaves.
                let mind = if name == "stream_long" { Mind::Plain } else { Mind::Thinks };
                plan.model(&model(dialect, name), (&vendor, upstream_model), mind, &PRICE);
            }
        }
        self.conformance.add_to(plan, replay_url);
        for (dialect, vendor) in &self.local {
            plan.vendor(vendor, dialect, local_url, "auth = \"none\"");
            plan.model(&local_model(dialect), (vendor, "smollm2"), Mind::Plain, &LOCAL_PRICE);
        }
    }

    /// By model, what its charges must be.
    pub(super) fn known(&self) -> BTreeMap<String, Known> {
        let mut known = BTreeMap::new();
        for (dialect, scenarios) in &self.replayed {
            for (name, upstream_model) in scenarios {
                let recorded_pico = self.recording(upstream_model).and_then(|found| recorded_pico(&found.expected));
                let may_be_estimated = ESTIMATED.contains(&name.as_str());
                known.insert(model(dialect, name), Known { rates: Some(PRICE), recorded_pico, may_be_estimated });
            }
        }
        for dialect in self.local.keys() {
            let of_model = Known { rates: Some(LOCAL_PRICE), recorded_pico: None, may_be_estimated: false };
            known.insert(local_model(dialect), of_model);
        }
        known.extend(self.conformance.known());
        known
    }

    /// The file that the clients read.
    pub(super) fn for_clients(
        &self,
        (gateway, url): (&Gateway, &str),
        clients: &[Client],
        node: &Path,
    ) -> Outcome<String> {
        let mut keys = Map::new();
        for client in clients {
            let key = gateway.add_person(client.name, "100000")?;
            keys.insert(client.name.to_owned(), Value::String(key));
        }
        let strange = UserKey::generate([9; 32]);
        let mut scenarios = Map::new();
        for (dialect, names) in &self.replayed {
            let mut of_dialect = Map::new();
            for (name, upstream_model) in names {
                let scenario = scenario(&model(dialect, name), self.recording(upstream_model));
                of_dialect.insert(name.clone(), scenario);
            }
            scenarios.insert(dialect.clone(), Value::Object(of_dialect));
        }
        let plan = json!({
            "base_url": url,
            "keys": keys,
            "poor_key": gateway.add_person("poor", "0.5")?,
            "strange_key": strange.reveal(),
            "nano_usd_a_credit": 10_000_000,
            "markup_bps": MARKUP_BPS,
            "price": PRICE,
            "local": {CHAT: local_model(CHAT), MESSAGES: local_model(MESSAGES), "price": LOCAL_PRICE},
            "sandbox": {CHAT: SANDBOX[0], MESSAGES: SANDBOX[1]},
            "scenarios": scenarios,
            "node": node.display().to_string(),
            "has_recordings": self.has_recordings(),
            "recorded": self.conformance.told(),
        });
        Ok(plan.to_string())
    }
}

/// The real model as it is offered in a dialect; its server speaks both.
fn local_model(dialect: &str) -> String {
    format!("local/smollm2-{dialect}")
}

fn model(dialect: &str, name: &str) -> String {
    format!("{dialect}/{name}")
}

/// What a usage costs at `PRICE`.
fn recorded_pico(usage: &ExpectedUsage) -> Option<i128> {
    let read = usage.cached_input_tokens.unwrap_or(0);
    let write_1h = usage.cache_write_1h_tokens.unwrap_or(0);
    let write_5m = usage.cache_write_tokens.unwrap_or(0) - write_1h;
    let fresh = usage.input_tokens? - read - write_5m - write_1h;
    let classes = [
        (fresh, PRICE.input),
        (read, PRICE.cache_read),
        (write_5m, PRICE.cache_write_5m),
        (write_1h, PRICE.cache_write_1h),
        (usage.output_tokens?, PRICE.output),
    ];
    Some(classes.into_iter().map(|(tokens, rate)| i128::from(tokens) * i128::from(rate)).sum())
}

/// A model, and what its recording holds where it is one.
fn scenario(model: &str, recording: Option<&Recording>) -> Value {
    let Some(recording) = recording else {
        return json!({"model": model});
    };
    let expected = Expected::read(&recording.body);
    let usage = &recording.expected;
    json!({
        "model": model,
        "text": expected.text,
        "tools": expected.tools,
        "usage": {
            "input_tokens": usage.input_tokens,
            "cached_input_tokens": usage.cached_input_tokens,
            "cache_write_tokens": usage.cache_write_tokens,
            "cache_write_1h_tokens": usage.cache_write_1h_tokens,
            "output_tokens": usage.output_tokens,
            "reasoning_tokens": usage.reasoning_tokens,
        },
    })
}
