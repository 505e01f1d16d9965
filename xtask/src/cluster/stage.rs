//! The cluster: everything that runs, and what is asked of it.

use super::front::Front;
use super::member::{self, ADMIN, CONFIG, GATEWAY, Member, Place, WORKER};
use super::servers::{LIVE, Servers, TEST};
use super::{nginx, upstream};
use crate::gateway::{journal, open_holds};
use crate::outcome::Outcome;
use crate::process::{Running, free_port, without_settings};
use crate::workspace;
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::Duration;

/// The model that the provider of the cluster has.
pub(super) const MODEL: &str = "try/model";
/// People, so that nginx, which goes by the key, has something for both gateways.
const PEOPLE: [&str; 8] = ["Ada", "Blaise", "Charles", "Donald", "Edith", "Frances", "Grace", "Heinz"];
/// Credits of each: more than any walk spends.
const CREDITS: &str = "1000000";
/// The files with the URLs of the databases.
const LIVE_URL: &str = "database-url";
const TEST_URL: &str = "test-database-url";
/// A change reaches all gateways within a second.
const HEARD: Duration = Duration::from_secs(1);

/// What runs. It ends with this value: the gateways first, then what they need.
pub(super) struct Cluster {
    pub(super) gateways: [Member; 2],
    pub(super) worker: Member,
    pub(super) servers: Servers,
    pub(super) front: Front,
    /// A key of each person.
    pub(super) keys: Vec<String>,
    /// Config, logs and data folders.
    pub(super) folder: PathBuf,
    _nginx: Option<Running>,
}

impl Cluster {
    /// Builds and starts everything, and makes people with credits and keys.
    pub(super) fn start() -> Outcome<Self> {
        member::build()?;
        let (folder, servers, upstream) = (fresh_folder()?, Servers::start()?, upstream::start()?);
        let ports = [free_port()?, free_port()?];
        let (front, nginx) = match nginx::start(&folder, ports)? {
            Some((running, port)) => (Front::new(vec![port]), Some(running)),
            None => (Front::new(ports.to_vec()), None),
        };
        fs::write(folder.join(LIVE_URL), servers.url(LIVE))?;
        fs::write(folder.join(TEST_URL), servers.url(TEST))?;
        fs::write(folder.join(CONFIG), config(&folder, &front.url(), upstream))?;
        let place = |name, program, port| Member::start(Place { name, program, port, folder: folder.clone() });
        let [one, two] = ports;
        let gateways = [place("gateway-one", GATEWAY, Some(one))?, place("gateway-two", GATEWAY, Some(two))?];
        let worker = place("worker", WORKER, None)?;
        let mut cluster = Self { gateways, worker, servers, front, keys: Vec::new(), folder, _nginx: nginx };
        for name in PEOPLE {
            let key = cluster.add_person(name)?;
            cluster.keys.push(key);
        }
        thread::sleep(HEARD);
        Ok(cluster)
    }

    /// A person with credits; their key.
    fn add_person(&self, name: &str) -> Outcome<String> {
        self.admin(&["user", "add", name])?;
        self.admin(&["credits", "grant", name, CREDITS])?;
        let added = self.admin(&["key", "add", name])?;
        Ok(added["key"].as_str().ok_or("the admin tool tells no key")?.to_owned())
    }

    /// How the admin tool is called: it speaks to the first gateway.
    pub(super) fn admin_words(&self) -> [PathBuf; 5] {
        let [first, _] = &self.gateways;
        let (config, data) = (self.folder.join(CONFIG), first.place.data());
        [member::program(ADMIN), "--config".into(), config, "--data".into(), data]
    }

    /// Runs the admin tool, and gives what it told as JSON.
    fn admin(&self, arguments: &[&str]) -> Outcome<Value> {
        let [program, options @ ..] = self.admin_words();
        let mut command = Command::new(program);
        let output = without_settings(&mut command).args(options).arg("--json").args(arguments).output()?;
        if output.status.success() {
            return Ok(serde_json::from_slice(&output.stdout)?);
        }
        let said = [output.stdout, output.stderr].concat();
        Err(format!("{ADMIN} {}: {}", arguments.join(" "), String::from_utf8_lossy(&said).trim()).into())
    }

    /// How many holds are open.
    pub(super) fn holds(&self) -> Outcome<u64> {
        open_holds(|arguments| self.admin(arguments))
    }

    /// The whole journal.
    pub(super) fn entries(&self) -> Outcome<Vec<Value>> {
        journal(|arguments| self.admin(arguments))
    }

    /// Has every balance worked out again from the entries, and the chain of commits checked.
    pub(super) fn verify(&self) -> Outcome {
        let verdict = self.admin(&["ledger", "verify"])?;
        if verdict["clean"] == true { Ok(()) } else { Err(format!("the books do not add up: {verdict}").into()) }
    }

    /// Starts gateways and worker again that have ended some seconds ago.
    pub(super) fn revive(&mut self) {
        for member in self.gateways.iter_mut().chain([&mut self.worker]) {
            member.revive();
        }
    }
}

/// The admin socket's path has a bound of its own, so the folder has a short name.
fn fresh_folder() -> Outcome<PathBuf> {
    let folder = workspace::target_dir().join("cluster");
    if folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    fs::create_dir_all(&folder)?;
    Ok(folder)
}

/// One config for gateways and worker: variables say where each keeps its data and listens.
pub(super) fn config(folder: &Path, public_url: &str, upstream: u16) -> String {
    let file = |name: &str| folder.join(name).display().to_string();
    let (live, test) = (file(LIVE_URL), file(TEST_URL));
    format!(
        r#"[server]
public_url = "{public_url}"
[database]
url_file = "{live}"
test_url_file = "{test}"
[ledger]
ack = "durable"
[admin]
listen = ""
[log]
filter = "warn"
[[vendor]]
id = "try"
dialect = "openai-chat"
auth = "none"
base_url = "http://127.0.0.1:{upstream}/v1"
[[model]]
id = "{MODEL}"
vendor = "try"
upstream_model = "model"
context_window = 128000
max_output_tokens = 4096
prices = {{ input = "1", output = "4" }}
"#
    )
}
