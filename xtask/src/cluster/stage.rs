//! The cluster: everything that runs, and what is asked of it.

use super::front::Front;
use super::member::{self, ADMIN, CONFIG, GATEWAY, Member, Place, WORKER, free_ports};
use super::nginx::{self, Spread};
use super::servers::{LIVE, Servers, TEST};
use super::{clock, upstream};
use crate::gateway::{journal, open_holds};
use crate::outcome::Outcome;
use crate::process::{Running, without_settings};
use crate::workspace;
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::Duration;

/// The model that the provider of the cluster has.
pub(super) const MODEL: &str = "try/model";
/// People for each gateway, so that nginx, which goes by the key, has something for every one.
const PEOPLE_EACH: usize = 8;
/// Credits of each: more than any walk spends.
const CREDITS: &str = "1000000";
/// The files with the URLs of the databases.
const LIVE_URL: &str = "database-url";
const TEST_URL: &str = "test-database-url";
/// A change reaches all gateways within a second.
const HEARD: Duration = Duration::from_secs(1);
/// How far a clock is ahead, or behind, where clocks are apart.
const APART_S: i64 = 240;

/// What is started.
pub(super) struct Size {
    pub(super) gateways: usize,
    pub(super) workers: usize,
    /// Whether the last gateway's clock is minutes ahead, and the last worker's as much behind.
    pub(super) has_clocks_apart: bool,
}

/// What runs. It ends with this value: the gateways first, then what they need.
pub(super) struct Cluster {
    pub(super) gateways: Vec<Member>,
    pub(super) workers: Vec<Member>,
    pub(super) servers: Servers,
    pub(super) front: Front,
    /// A key of each person.
    pub(super) keys: Vec<String>,
    /// Config, logs and data folders.
    pub(super) folder: PathBuf,
    /// The data folder of the gateway that the admin tool speaks to.
    admin_data: PathBuf,
    _nginx: Option<Running>,
}

impl Cluster {
    /// Builds and starts everything, and makes people with credits and keys.
    pub(super) fn start(size: &Size) -> Outcome<Self> {
        member::build()?;
        let (folder, upstream) = (fresh_folder()?, upstream::start()?);
        let servers = Servers::start(size.gateways + size.workers)?;
        let ports = free_ports(size.gateways)?;
        let (front, nginx) = in_front(&folder, &ports)?;
        fs::write(folder.join(LIVE_URL), servers.url(LIVE))?;
        fs::write(folder.join(TEST_URL), servers.url(TEST))?;
        fs::write(folder.join(CONFIG), config(&folder, &front.url(), upstream))?;
        let places = places(size, &folder, &ports)?;
        let admin_data = places.first().ok_or("there is no gateway")?.data();
        let mut gateways = places.into_iter().map(Member::start).collect::<Outcome<Vec<Member>>>()?;
        let workers = gateways.split_off(size.gateways);
        let keys = Vec::new();
        let mut cluster = Self { gateways, workers, servers, front, keys, folder, admin_data, _nginx: nginx };
        for number in 1..=PEOPLE_EACH * size.gateways {
            let key = cluster.add_person(&format!("person-{number}"))?;
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
        let (config, data) = (self.folder.join(CONFIG), self.admin_data.clone());
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

    /// Gateways and workers.
    pub(super) fn members(&mut self) -> impl Iterator<Item = &mut Member> {
        self.gateways.iter_mut().chain(&mut self.workers)
    }

    /// Starts gateways and workers again that have ended some seconds ago.
    pub(super) fn revive(&mut self) {
        self.members().for_each(Member::revive);
    }
}

/// nginx, or the gateways themselves where it is not installed.
fn in_front(folder: &Path, ports: &[u16]) -> Outcome<(Front, Option<Running>)> {
    if let Some((running, port)) = nginx::start(folder, ports, Spread::ByKey)? {
        return Ok((Front::new(vec![port]), Some(running)));
    }
    eprintln!("skipped: nginx is not installed (Debian: nginx), so requests go to the gateways directly");
    Ok((Front::new(ports.to_vec()), None))
}

/// What every process is: first the gateways on these ports, then the workers.
fn places(size: &Size, folder: &Path, ports: &[u16]) -> Outcome<Vec<Place>> {
    let place =
        |name: String, program, port| Place { name, program, port, folder: folder.to_owned(), variables: Vec::new() };
    let mut gateways: Vec<Place> =
        (1..).zip(ports).map(|(number, port)| place(format!("gateway-{number}"), GATEWAY, Some(*port))).collect();
    let mut workers: Vec<Place> =
        (1..=size.workers).map(|number| place(format!("worker-{number}"), WORKER, None)).collect();
    if size.has_clocks_apart {
        for (last, ahead_s) in [(gateways.last_mut(), APART_S), (workers.last_mut(), -APART_S)] {
            let library = clock::library(folder, ahead_s)?;
            if let (Some(last), Some(library)) = (last, library) {
                println!("the clock of {} differs by {ahead_s} s", last.name);
                last.variables.push((clock::PRELOADED, library.display().to_string()));
            }
        }
    }
    gateways.append(&mut workers);
    Ok(gateways)
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
