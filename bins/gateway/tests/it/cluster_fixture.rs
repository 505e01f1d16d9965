//! Gateways and workers that share a PostgreSQL database, the vendor that they ask, and clients of theirs.

use crate::cluster_vendor::Upstream;
use crate::fixture::{Fixture, Gateway, ask, bearer};
use opencredits_testkit::Postgres;
use opencredits_units::{GenerationId, NanoUsd};
use serde_json::{Value, json};
use std::collections::HashSet;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// What every chat costs: the input is free, and the answer has as many tokens as its hold counts with.
pub(crate) const CHARGE: i64 = 1_640_000;
/// A client waits so long for the next bytes.
const LONGEST: Duration = Duration::from_secs(120);
/// A client whose request was refused waits so long before its next one.
const AFTER_REFUSAL: Duration = Duration::from_millis(50);
/// How often a wait looks.
const LOOKS: u32 = 200;
/// Lines of each log that are told where a test fails.
const LAST_LINES: usize = 20;
/// What the id of a late charge differs by from that of its hold.
const LATE_BITS: u128 = 0xff;

/// What SQL alone, which shares no code with the ledger, finds wrong: legs that do not sum to zero, balances that are not the sum of
/// their entries, held amounts that are not the sum of the holds, a wallet below zero.
const AUDIT: &str = include_str!("../../../../crates/ledger/tests/it/audit.sql");

const CONFIG_FILE: &str = "config.toml";
/// Holds cover the worst case, so that as many requests are served as the money covers.
const CONFIG: &str = r#"
[billing]
markup_bps = 0
partner_markup_bps_min = 0
partner_markup_bps_max = 10000
exposure_max_usd = "0"
lower_caps = false

[catalog]
refresh_hours = 0

[database]
connections = 4

[ledger]
ack = "durable"

[log]
filter = "info,opencredits_service::jobs=debug"
access = "errors"

[test]
enabled = false

[[vendor]]
id = "house"
dialect = "openai-chat"
base_url = "{URL}/v1"
auth = "none"

[[model]]
id = "house/small"
vendor = "house"
upstream_model = "small"
context_window = 8000
max_output_tokens = 1000
prices = { input = "0", output = "10" }
"#;

/// Where the gateways are; one that has started again is elsewhere.
pub(crate) type Addresses = Arc<Mutex<Vec<String>>>;

/// The server that a cluster has its database on.
enum Server {
    /// That of all tests.
    Shared(&'static Postgres),
    /// One that a test may end.
    Own(Postgres),
}

/// Gateways and workers on one database.
pub(crate) struct Cluster {
    pub(crate) gateways: Vec<Gateway>,
    pub(crate) workers: Vec<Worker>,
    pub(crate) upstream: Upstream,
    pub(crate) addresses: Addresses,
    homes: Vec<Home>,
    homes_of_workers: Vec<Home>,
    files: Fixture,
    config: String,
    url: String,
    server: Server,
}

/// Where a process is started, and again after its end.
struct Home {
    folder: Fixture,
    variables: Vec<(String, String)>,
}

/// A key of a person.
pub(crate) struct Key {
    pub(crate) id: String,
    pub(crate) secret: String,
}

impl Cluster {
    /// So many gateways and workers on a database of the server that all tests share. `None` where PostgreSQL is not there.
    pub(crate) fn of(gateways: usize, workers: usize) -> Option<Self> {
        let mut cluster = Self::on(Server::Shared(Postgres::shared()?));
        cluster.add_gateways(gateways, &[]);
        (0..workers).for_each(|_| cluster.add_worker(&[]));
        Some(cluster)
    }

    /// So many gateways on a server of their own, which waits for its disk.
    pub(crate) fn apart(gateways: usize) -> Option<Self> {
        let mut cluster = Self::on(Server::Own(Postgres::start(&[])?));
        cluster.add_gateways(gateways, &[]);
        Some(cluster)
    }

    fn on(server: Server) -> Self {
        let (upstream, files) = (Upstream::start(), Fixture::new());
        let config = files.file(CONFIG_FILE, &CONFIG.replace("{URL}", &upstream.url));
        let url = server.get().database();
        Self {
            gateways: Vec::new(),
            workers: Vec::new(),
            upstream,
            addresses: Addresses::default(),
            homes: Vec::new(),
            homes_of_workers: Vec::new(),
            files,
            config,
            url,
            server,
        }
    }

    /// Starts so many gateways at once, with these variables besides.
    pub(crate) fn add_gateways(&mut self, count: usize, variables: &[(&str, &str)]) {
        let homes: Vec<Home> = (0..count).map(|_| Home::new(variables)).collect();
        let place = (self.config.as_str(), self.url.as_str());
        let started: Vec<Gateway> = std::thread::scope(|scope| {
            let starting: Vec<_> = homes.iter().map(|home| scope.spawn(move || home.gateway(place))).collect();
            starting.into_iter().map(|one| one.join().unwrap()).collect()
        });
        self.addresses.lock().unwrap().extend(started.iter().map(|gateway| gateway.address.clone()));
        self.gateways.extend(started);
        self.homes.extend(homes);
    }

    /// Starts a worker, with these variables besides.
    pub(crate) fn add_worker(&mut self, variables: &[(&str, &str)]) {
        let home = Home::new(variables);
        self.workers.push(home.worker((&self.config, &self.url)));
        self.homes_of_workers.push(home);
    }

    /// Kills a gateway and starts it again in its folder, with its variables.
    pub(crate) fn restart_gateway(&mut self, at: usize) {
        self.gateways[at].signal("-KILL");
        let gateway = self.homes[at].gateway((&self.config, &self.url));
        self.addresses.lock().unwrap()[at].clone_from(&gateway.address);
        self.gateways[at] = gateway;
    }

    /// Kills a worker and starts it again in its folder, with its variables.
    pub(crate) fn restart_worker(&mut self, at: usize) {
        self.workers[at].signal("-KILL");
        self.workers[at] = self.homes_of_workers[at].worker((&self.config, &self.url));
    }

    /// Adds to the config that all read. Who runs already has not read it.
    pub(crate) fn add_to_config(&self, more: &str) {
        self.file(CONFIG_FILE, &format!("{}{more}", CONFIG.replace("{URL}", &self.upstream.url)));
    }

    /// Writes a file that every gateway can read, and gives its path.
    pub(crate) fn file(&self, name: &str, text: &str) -> String {
        self.files.file(name, text)
    }

    pub(crate) fn server(&self) -> &Postgres {
        self.server.get()
    }

    /// The answer to an operator's request through a gateway.
    pub(crate) fn admin(&self, gateway: usize, request: &Value) -> Value {
        let (status, answer) = ask(&self.homes[gateway].folder, request);
        assert_eq!(status, 200, "{request}: {answer}");
        answer
    }

    /// A person with so much money, and a key of theirs.
    pub(crate) fn person(&self, label: &str, funds: i64) -> Key {
        self.admin(0, &json!({"do": "add_user", "id": null, "label": label}));
        self.grant(label, funds);
        self.key(label, None, &json!({}))
    }

    pub(crate) fn grant(&self, label: &str, funds: i64) {
        let amount = NanoUsd::new(funds).to_string();
        let grant =
            json!({"do": "grant_credits", "user": label, "amount": {"usd": amount}, "id": null, "reason": "a test"});
        self.admin(0, &grant);
    }

    /// Another key of a person, perhaps of a partner, that may send so fast.
    pub(crate) fn key(&self, label: &str, partner: Option<&str>, rates: &Value) -> Key {
        let add = json!({
            "do": "add_key", "user": label, "partner": partner, "name": "key", "limit": null, "rates": rates,
            "expires_at_ms": null, "models": null,
        });
        let added = self.admin(0, &add);
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        Key { id: text(&added["record"]["id"]), secret: text(&added["key"]) }
    }

    /// Chats through a gateway.
    pub(crate) fn chat(&self, gateway: usize, key: &Key, chat: Chat<'_>) -> Answer {
        chat_at(&self.gateways[gateway].address, &key.secret, chat)
    }

    /// Begins a stream through a gateway.
    pub(crate) fn stream(&self, gateway: usize, key: &Key) -> Running {
        Running::begin(&self.gateways[gateway].address, &key.secret)
    }

    /// What a query in the database shows: a line a row.
    pub(crate) fn sql(&self, query: &str) -> String {
        self.server().psql(self.url.rsplit_once("dbname=").unwrap().1, query)
    }

    /// The number that a query shows.
    pub(crate) fn number(&self, query: &str) -> i64 {
        self.sql(query).trim().parse().unwrap()
    }

    /// The number of open holds.
    pub(crate) fn holds(&self) -> i64 {
        self.number("SELECT count(*) FROM ledger_holds")
    }

    /// Waits until the requests of so many holds were sent to the vendor.
    pub(crate) fn has_in_flight(&self, holds: i64) {
        let are_sent = || self.number("SELECT count(*) FROM ledger_holds WHERE phase = 1") == holds;
        within(Duration::from_secs(20), &format!("{holds} requests are in flight"), are_sent);
    }

    /// The numbers of charges, and of holds that were released.
    pub(crate) fn charges_and_releases(&self) -> (i64, i64) {
        let of = |which: &str| self.number(&format!("SELECT count(*) FROM ledger_entries WHERE {which}"));
        (of("kind = 1 AND charged > 0"), of("kind = 2"))
    }

    /// Checks the books by SQL alone.
    pub(crate) fn audit(&self) {
        assert_eq!(self.sql(AUDIT), "");
    }

    /// Checks that what was acknowledged was charged, that nothing was charged twice, at another price or without the vendor's
    /// answer, and the books. Gives the number of charges that were acknowledged.
    pub(crate) fn check_charges(&self, answers: &[Answer]) -> usize {
        let found = self.sql("SELECT encode(id, 'hex') FROM ledger_entries WHERE kind = 1 AND charged > 0");
        let charged: HashSet<u128> = found.lines().map(|id| u128::from_str_radix(id, 16).unwrap()).collect();
        let acknowledged: Vec<GenerationId> = answers.iter().filter_map(Answer::acknowledged).collect();
        for id in &acknowledged {
            let is_charged = [0, LATE_BITS].iter().any(|late| charged.contains(&(id.bits() ^ late)));
            assert!(is_charged, "the charge of {id} was acknowledged and is lost");
        }
        let doubled = charged.iter().filter(|id| charged.contains(&(**id ^ LATE_BITS))).count();
        assert_eq!(doubled, 0, "requests with two charges");
        let others = format!("SELECT count(*) FROM ledger_entries WHERE kind = 1 AND charged NOT IN (0, {CHARGE})");
        assert_eq!(self.number(&others), 0, "charges of another amount");
        assert!(charged.len() <= self.upstream.answered(), "{} charges without an answer of the vendor", charged.len());
        self.audit();
        acknowledged.len()
    }
}

impl Drop for Cluster {
    #[expect(clippy::print_stderr, reason = "where a test fails, the logs tell why")]
    fn drop(&mut self) {
        if !std::thread::panicking() {
            return;
        }
        let (of_gateways, of_workers) = (self.gateways.iter().map(Gateway::log), self.workers.iter().map(Worker::log));
        for log in of_gateways.chain(of_workers) {
            let lines: Vec<&str> = log.lines().collect();
            eprintln!("…\n{}", lines[lines.len().saturating_sub(LAST_LINES)..].join("\n"));
        }
    }
}

impl Server {
    fn get(&self) -> &Postgres {
        match self {
            Self::Shared(server) => server,
            Self::Own(server) => server,
        }
    }
}

impl Home {
    fn new(variables: &[(&str, &str)]) -> Self {
        let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Self { folder: Fixture::new(), variables }
    }

    fn gateway(&self, (config, url): (&str, &str)) -> Gateway {
        let own = self.variables.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let variables: Vec<(&str, &str)> = own.chain([("OPENCREDITS_DATABASE_URL", url)]).collect();
        self.folder.start(&["--config", config], &variables)
    }

    fn worker(&self, (config, url): (&str, &str)) -> Worker {
        let mut command = worker_command();
        command.env("OPENCREDITS_DATABASE_URL", url).envs(self.variables.iter().map(|(name, value)| (name, value)));
        command.args(["--config", config, "--data"]).arg(self.folder.data());
        Worker::started(command)
    }
}

/// A worker. Dropped, it is killed.
pub(crate) struct Worker {
    child: Child,
    log: Arc<Mutex<String>>,
}

impl Worker {
    fn started(mut command: Command) -> Self {
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let (lines, log) = (BufReader::new(child.stderr.take().unwrap()).lines(), Arc::<Mutex<String>>::default());
        let heard = Arc::clone(&log);
        std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                *heard.lock().unwrap() += &(line + "\n");
            }
        });
        Self { child, log }
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn signal(&self, signal: &str) {
        assert!(Command::new("kill").arg(signal).arg(self.id().to_string()).status().unwrap().success());
    }

    /// What it has logged so far.
    pub(crate) fn log(&self) -> String {
        self.log.lock().unwrap().clone()
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        let _ended_before = self.child.kill();
        let _reaped_before = self.child.wait();
    }
}

/// The worker, which is the gateway's binary under another name, with none of the caller's own settings.
pub(crate) fn worker_command() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_opencredits-gateway"));
    command.arg0("opencredits-worker");
    command.env_clear().env("OPENCREDITS_SERVER_LISTEN", "127.0.0.1:0").env("OPENCREDITS_ADMIN_LISTEN", "");
    command
}

/// What a client asks for.
#[derive(Clone, Copy)]
pub(crate) struct Chat<'a> {
    pub(crate) model: &'a str,
    pub(crate) is_streamed: bool,
    pub(crate) headers: &'a str,
}

/// A chat whose answer comes in one piece.
pub(crate) const WHOLE: Chat<'static> = Chat { model: "house/small", is_streamed: false, headers: "" };
/// One whose answer is streamed.
pub(crate) const STREAMED: Chat<'static> = Chat { is_streamed: true, ..WHOLE };

/// What came back, also where it was cut off.
pub(crate) struct Answer(pub(crate) String);

impl Answer {
    /// Its status; 0 where nothing came.
    pub(crate) fn status(&self) -> u16 {
        self.0.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or_default()
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let (head, _) = self.0.split_once("\r\n\r\n")?;
        head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
    }

    pub(crate) fn generation(&self) -> GenerationId {
        let id = self.header("x-generation-id").and_then(|id| id.parse().ok());
        id.unwrap_or_else(|| panic!("no generation in {}", self.0))
    }

    /// The request whose charge it acknowledges.
    pub(crate) fn acknowledged(&self) -> Option<GenerationId> {
        let is_streamed = self.header("content-type").is_some_and(|kind| kind.starts_with("text/event-stream"));
        let has_charge =
            self.0.contains("\"generation_id\":\"gen_") && (!is_streamed || self.0.contains("data: [DONE]"));
        (self.status() == 200 && has_charge).then(|| self.generation())
    }
}

/// Chats at an address. Where nobody is there, or the answer is cut off, it is what came.
pub(crate) fn chat_at(address: &str, secret: &str, chat: Chat<'_>) -> Answer {
    send(address, secret, chat).map_or_else(|_| Answer(String::new()), |socket| rest(socket, Vec::new()))
}

fn send(address: &str, secret: &str, chat: Chat<'_>) -> std::io::Result<TcpStream> {
    let mut socket = TcpStream::connect(address)?;
    socket.set_read_timeout(Some(LONGEST))?;
    let messages = json!([{"role": "user", "content": "Hi"}]);
    let body = json!({"model": chat.model, "max_tokens": 100, "stream": chat.is_streamed, "messages": messages});
    let (body, key) = (body.to_string(), bearer(secret));
    let head =
        "POST /v1/chat/completions HTTP/1.1\r\nhost: a\r\nconnection: close\r\ncontent-type: application/json\r\n";
    write!(socket, "{head}{key}{}content-length: {}\r\n\r\n{body}", chat.headers, body.len())?;
    Ok(socket)
}

fn rest(mut socket: TcpStream, mut seen: Vec<u8>) -> Answer {
    let _cut_off = socket.read_to_end(&mut seen);
    Answer(String::from_utf8_lossy(&seen).into_owned())
}

/// A stream that goes on.
pub(crate) struct Running {
    socket: TcpStream,
    seen: Vec<u8>,
}

impl Running {
    /// Asks for a stream, and waits for its first word.
    fn begin(address: &str, secret: &str) -> Self {
        let mut running = Self { socket: send(address, secret, STREAMED).unwrap(), seen: Vec::new() };
        while !running.so_far().0.contains("Hello") {
            let mut some = [0; 1_024];
            let count = running.socket.read(&mut some).unwrap();
            assert!(count > 0, "it ended before it began: {}", running.so_far().0);
            running.seen.extend_from_slice(&some[..count]);
        }
        running
    }

    /// What has come.
    pub(crate) fn so_far(&self) -> Answer {
        Answer(String::from_utf8_lossy(&self.seen).into_owned())
    }

    /// All of it, once it has ended.
    pub(crate) fn end(self) -> Answer {
        rest(self.socket, self.seen)
    }
}

/// So many clients chat through the gateways in turn, one request after the other, while `meanwhile` goes on; all of their answers.
pub(crate) fn under_load(
    addresses: &Addresses,
    (key, clients): (&Key, usize),
    meanwhile: impl FnOnce(),
) -> Vec<Answer> {
    /// Ends the clients, also where the test has failed.
    struct Stop<'a>(&'a AtomicBool);
    impl Drop for Stop<'_> {
        fn drop(&mut self) {
            self.0.store(true, Ordering::Relaxed);
        }
    }
    let (stop, answers) = (AtomicBool::new(false), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for client in 0..clients {
            let (stop, answers) = (&stop, &answers);
            scope.spawn(move || {
                for at in client.. {
                    if stop.load(Ordering::Relaxed) {
                        break;
                    }
                    let address = turn(addresses, at);
                    let answer = chat_at(&address, &key.secret, if at.is_multiple_of(3) { STREAMED } else { WHOLE });
                    if answer.status() != 200 {
                        std::thread::sleep(AFTER_REFUSAL);
                    }
                    answers.lock().unwrap().push(answer);
                }
            });
        }
        let _stop = Stop(&stop);
        meanwhile();
    });
    answers.into_inner().unwrap()
}

fn turn(addresses: &Addresses, at: usize) -> String {
    let all = addresses.lock().unwrap();
    all[at % all.len()].clone()
}

/// Waits until something holds, and tells how long it took.
pub(crate) fn within(most: Duration, what: &str, holds: impl Fn() -> bool) -> Duration {
    let since = now();
    while !holds() {
        assert!(since.elapsed() < most, "{what} within {most:?}");
        std::thread::sleep(most / LOOKS);
    }
    since.elapsed()
}

#[expect(clippy::disallowed_methods, reason = "a test measures how long a cluster takes")]
pub(crate) fn now() -> Instant {
    Instant::now()
}
