//! `cargo xtask e2e`: the official SDKs against the gateway, with recorded providers and a real model behind it.

mod books;
mod conformance;
#[cfg(test)]
mod docs;
mod expected;
mod install;
mod matrix;
mod plan;
mod pricing;
mod replayed;
mod servers;
mod spread;

use crate::gateway::{Ack, Gateway, Plan, UPSTREAM_KEY};
use crate::outcome::Outcome;
use crate::process::{Running, free_port};
use crate::workspace;
use install::Tools;
use matrix::{Cell, Matrix};
use opencredits_testkit::{Received, ReplayUpstream};
use plan::{Client, Scenarios};
use servers::Servers;
use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

/// How long one client's whole run may take.
const CLIENT_MAX: Duration = Duration::from_secs(240);
/// How long the real model may take to load.
const MODEL_MAX: Duration = Duration::from_secs(90);
/// How long the last charge may take to be made.
const SETTLE_MAX: Duration = Duration::from_secs(10);

/// What to run.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Only the clients whose name contains this, such as `python` or `messages`
    #[arg(long)]
    only: Option<String>,
    /// With the data in PostgreSQL, which is started for the run, four gateways that take the requests in turn, and two workers
    #[arg(long)]
    database: bool,
}

/// Runs every client, checks the books, prints the matrix, and fails when a cell did.
pub(crate) fn run(args: &Args) -> Outcome {
    let start = Instant::now();
    let clients = plan::clients(args.only.as_deref());
    if clients.is_empty() {
        return Err("no client has such a name".into());
    }
    let tools = install::install()?;
    Gateway::build()?;
    let ready = start.elapsed();
    let scenarios = Scenarios::read(&clients)?;
    let folder = fresh_folder()?;
    let matrix = drive(&clients, &scenarios, &tools, (&folder, args.database))?;
    println!("\n{matrix}\n{} s, {} of them installing and building", start.elapsed().as_secs(), ready.as_secs());
    match matrix.failures() {
        0 => Ok(()),
        count => Err(format!("{count} results are bad; what was said is in *.log of {}", folder.display()).into()),
    }
}

/// Starts what the clients need, runs them one after the other, and looks at what they leave behind.
fn drive(
    clients: &[Client],
    scenarios: &Scenarios,
    tools: &Tools,
    (folder, is_on_database): (&Path, bool),
) -> Outcome<Matrix> {
    let replay = ReplayUpstream::start(scenarios.recordings())?;
    let (_model_server, model_port) = start_model(tools)?;
    let mut plan = Plan::new(folder, Ack::Accepted);
    scenarios.add_to(&mut plan, &replay.base_url(), &format!("http://127.0.0.1:{model_port}"));
    let mut servers = if is_on_database { Servers::several(plan, folder)? } else { Servers::one(&plan)? };
    let plan_file = folder.join("plan.json");
    fs::write(&plan_file, scenarios.for_clients((&servers.first, &servers.url), clients, &tools.node)?)?;
    let mut matrix = Matrix::default();
    for client in clients {
        println!("{}", client.name);
        run_client(client, tools, &plan_file, &mut matrix)?;
    }
    let cancelled =
        clients.iter().filter(|client| client.cancels() && client.stops_the_bill() && scenarios.has_recordings());
    matrix.check("the provider saw no key and no header of a client", seen(&replay.received()));
    matrix
        .check("a cancelled stream is stopped upstream where that ends its bill", stopped(&replay, cancelled.count()));
    matrix.check("every hold is settled or released", no_hold_left(&servers.first));
    // Of files, what was not on disk at the end would be missed. A database is read by a gateway.
    if !is_on_database {
        matrix.check("SIGTERM ends it with 0", servers.end());
    }
    matrix.check("the ledger verifies", servers.first.verify());
    matrix.check("no charge differs from what is expected", audit(&servers.first, scenarios));
    if is_on_database {
        matrix.check("each gateway has served requests", servers.shares());
        matrix.check("SIGTERM ends each with 0", servers.end());
    }
    Ok(matrix)
}

fn fresh_folder() -> Outcome<std::path::PathBuf> {
    let folder = workspace::target_dir().join("e2e/run");
    if folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    fs::create_dir_all(&folder)?;
    Ok(folder)
}

/// The real model, once it is loaded.
fn start_model(tools: &Tools) -> Outcome<(Running, u16)> {
    let port = free_port()?;
    let log = fs::File::create(workspace::target_dir().join("e2e/model.log"))?;
    let mut command = Command::new(&tools.python);
    command
        .arg(workspace::root().join("tests/e2e/python/model_server.py"))
        .arg(port.to_string())
        .stdin(Stdio::null())
        .stdout(log.try_clone()?)
        .stderr(log);
    let mut running = Running::start(&mut command)?;
    let start = Instant::now();
    while !is_healthy(port) {
        running.check()?;
        if start.elapsed() > MODEL_MAX {
            return Err(format!("the model is not loaded after {MODEL_MAX:?}").into());
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    Ok((running, port))
}

fn is_healthy(port: u16) -> bool {
    let ask = || -> std::io::Result<String> {
        let mut stream = TcpStream::connect(("127.0.0.1", port))?;
        stream.set_read_timeout(Some(Duration::from_secs(2)))?;
        stream.write_all(b"GET /health HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        Ok(answer)
    };
    ask().is_ok_and(|answer| answer.starts_with("HTTP/1.1 200"))
}

/// Runs one client's script and takes in its cells; a script that hangs or dies is a failed cell.
fn run_client(client: &Client, tools: &Tools, plan: &Path, matrix: &mut Matrix) -> Outcome {
    let mut command = client.command(tools);
    command.env("E2E_PLAN", plan).env("E2E_CLIENT", client.name).env("E2E_MODELS", client.models);
    command.stdin(Stdio::null()).stdout(Stdio::piped());
    let mut running = Running::start(&mut command)?;
    let lines = BufReader::new(running.stdout()?).lines();
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || {
        for line in lines.map_while(Result::ok) {
            // Nobody listens any more once the client's time is up.
            let _ = sender.send(line);
        }
    });
    let deadline = Instant::now() + CLIENT_MAX;
    let end = loop {
        let left = deadline.saturating_duration_since(Instant::now());
        match receiver.recv_timeout(left) {
            Ok(line) => {
                // Libraries print warnings of their own.
                let Ok(cell) = serde_json::from_str::<Cell>(&line) else {
                    println!("  {line}");
                    continue;
                };
                println!("  {cell}");
                matrix.add(client.group, cell);
            }
            Err(mpsc::RecvTimeoutError::Disconnected) => break "",
            Err(mpsc::RecvTimeoutError::Timeout) => break "not done in its time",
        }
    };
    let failed = match running.wait(Duration::from_secs(5)) {
        Ok(status) if status.success() && end.is_empty() => return Ok(()),
        Ok(status) => format!("{end} {status}"),
        Err(error) => format!("{end} {error}"),
    };
    matrix.check(&format!("{} ran to its end", client.name), Err(failed.into()));
    Ok(())
}

/// What must not have crossed: people's keys, what SDKs say of themselves, cookies, ids of state.
fn seen(received: &[Received]) -> Outcome<String> {
    let headers = ["cookie", "x-user-key", "idempotency-key"];
    for one in received {
        if !one.mentions(UPSTREAM_KEY) {
            return Err("a request went upstream without the operator's key".into());
        }
        if one.mentions("oc_sk_") {
            return Err("a person's key went upstream".into());
        }
        for name in one.headers.keys().map(ToString::to_string) {
            if name.starts_with("x-stainless") || headers.contains(&name.as_str()) {
                return Err(format!("the header {name} went upstream").into());
            }
        }
    }
    Ok(format!("{} requests", received.len()))
}

/// Each client cancels one stream. Where the vendor goes on with its bill the stream is read to its end instead.
fn stopped(replay: &ReplayUpstream, expected: usize) -> Outcome<String> {
    let count = replay.abandoned();
    if count == expected { Ok(format!("{count} streams")) } else { Err(format!("{count}, not {expected}").into()) }
}

/// Settling goes on after a client's answer; not for long.
fn no_hold_left(gateway: &Gateway) -> Outcome<String> {
    let start = Instant::now();
    loop {
        match gateway.holds()? {
            0 => return Ok(String::new()),
            count if start.elapsed() > SETTLE_MAX => return Err(format!("{count} are left").into()),
            _ => std::thread::sleep(Duration::from_millis(100)),
        }
    }
}

fn audit(gateway: &Gateway, scenarios: &Scenarios) -> Outcome<String> {
    books::audit(&gateway.entries()?, &scenarios.known())
}
