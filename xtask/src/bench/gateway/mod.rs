//! The gateway against nginx as a reverse proxy and against the upstream called directly, all in one run, in turns.

mod held;
pub(crate) mod load;
pub(crate) mod mock;
mod nginx;
mod samples;
mod targets;

use super::effort::{Effort, scratch};
use super::report::Report;
use crate::gateway::{Ack, Gateway, Mind, Plan, Rates};
use crate::outcome::Outcome;
use crate::process::Running;
use opencredits_testkit::Postgres;
use samples::{Measured, Samples};
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;
use targets::{SHAPES, Shape, Timing, Who};

/// The requested model; the upstream takes any.
const MODEL: &str = "bench/model";
/// Its price: it only matters that there is one.
const PRICE: Rates =
    Rates { input: 150_000, cache_read: 75_000, cache_write_5m: 150_000, cache_write_1h: 150_000, output: 600_000 };

/// A target.
struct Target<'a> {
    who: Who,
    port: u16,
    stream_port: u16,
    key: &'a str,
    running: &'a Running,
}

/// Measures everything and reports it.
pub(super) fn run(effort: Effort, report: &mut Report) -> Outcome {
    let timing = Timing::from(effort);
    Gateway::build()?;
    let folder = scratch()?;
    let (mock, mock_port) = start_mock()?;
    let nginx = nginx::start(folder.path(), mock_port)?;
    let first_answer_ms = first_answers_ms(&folder.path().join("start"), mock_port, &timing)?;
    let accepted = start(&folder.path().join("accepted"), mock_port, Ack::Accepted)?;
    let durable = start(&folder.path().join("durable"), mock_port, Ack::Durable)?;

    let mut targets =
        vec![Target { who: Who::Direct, port: mock_port, stream_port: mock_port, key: "none", running: &mock }];
    targets.extend(nginx.as_ref().map(|nginx| Target {
        who: Who::Nginx,
        port: nginx.port,
        stream_port: nginx.stream_port,
        key: "none",
        running: &nginx.running,
    }));
    for (who, gateway) in [(Who::Accepted, &accepted), (Who::Durable, &durable)] {
        targets.push(Target {
            who,
            port: gateway.port,
            stream_port: gateway.port,
            key: &gateway.key,
            running: &gateway.running,
        });
    }
    let limited_key = accepted.add_limited_key("sample")?;
    targets.push(Target {
        who: Who::Limited,
        port: accepted.port,
        stream_port: accepted.port,
        key: &limited_key,
        running: &accepted.running,
    });
    let server = Postgres::start(&[("max_connections", "100")]);
    let shared =
        server.as_ref().map(|server| start_on(server, &folder.path().join("shared"), mock_port)).transpose()?;
    targets.extend(shared.as_ref().map(|gateway| Target {
        who: Who::Database,
        port: gateway.port,
        stream_port: gateway.port,
        key: &gateway.key,
        running: &gateway.running,
    }));
    let samples = measure(&targets, &timing)?;
    samples::report(&samples, report);
    report.heading("the process");
    report.at_most("peak_rss_mb", accepted.running.peak_rss_mb()?, 60.0);
    report.figure("peak_rss_mb_durable", durable.running.peak_rss_mb()?);
    report.at_most("first_answer_ms", first_answer_ms, 100.0);
    let fresh = start(&folder.path().join("held"), mock_port, Ack::Accepted)?;
    held::report(&fresh, &timing, report)?;
    report.heading("the program");
    report.at_most("binary_mb", Gateway::binary_mb()?, 25.0);
    Ok(())
}

/// Measures all loads on all targets in turns, so that a slow minute of the machine affects all.
fn measure(targets: &[Target<'_>], timing: &Timing) -> Outcome<Samples> {
    let mut samples = Samples::default();
    for round in 1..=timing.rounds {
        eprintln!("round {round} of {}", timing.rounds);
        for shape in SHAPES {
            // Only the gateway translates.
            let asked = |target: &&Target<'_>| shape != Shape::Translated || target.who == Who::Accepted;
            for target in targets.iter().filter(asked) {
                let measured = measure_one(target, shape, timing.ms)
                    .map_err(|error| format!("{:?}, {shape:?}: {error}", target.who))?;
                samples.add(target.who, shape, measured);
            }
        }
    }
    Ok(samples)
}

fn measure_one(target: &Target<'_>, shape: Shape, ms: u64) -> Outcome<Measured> {
    let (connections, port) = match shape {
        Shape::Wide | Shape::Translated => ("64", target.port),
        Shape::Narrow => ("1", target.port),
        Shape::Streams => ("64", target.stream_port),
    };
    let mut load = Command::new(std::env::current_exe()?);
    load.arg("load").args(["--connections", connections, "--key", target.key]).args(["--model", MODEL]).args([
        "--port",
        &port.to_string(),
        "--ms",
        &ms.to_string(),
    ]);
    match shape {
        Shape::Streams => drop(load.arg("--stream")),
        Shape::Translated => drop(load.arg("--messages")),
        Shape::Wide | Shape::Narrow => {}
    }
    let before_s = target.running.cpu_s()?;
    let output = load.stderr(Stdio::piped()).output()?;
    let cpu_s = target.running.cpu_s()? - before_s;
    if !output.status.success() {
        let error = String::from_utf8_lossy(&output.stderr);
        return Err(format!("the load failed: {}", error.trim()).into());
    }
    let outcomes = serde_json::from_slice(&output.stdout)?;
    Ok(Measured { outcomes, cpu_s })
}

fn start_mock() -> Outcome<(Running, u16)> {
    let mut command = Command::new(std::env::current_exe()?);
    let mut mock = Running::start(command.arg("mock-upstream").stdout(Stdio::piped()))?;
    let mut line = String::new();
    BufReader::new(mock.stdout()?).read_line(&mut line)?;
    let port = line.trim().parse()?;
    Ok((mock, port))
}

fn start(folder: &Path, mock_port: u16, ack: Ack) -> Outcome<Gateway> {
    Gateway::start(&plan(folder, mock_port, ack))
}

/// The same with its data in a database.
fn start_on(server: &Postgres, folder: &Path, mock_port: u16) -> Outcome<Gateway> {
    let mut plan = plan(folder, mock_port, Ack::Accepted);
    plan.settings(&format!("[database]\nurl = \"{}\"\n", server.database()));
    Gateway::start(&plan)
}

/// One vendor, the mock, and one model with a price.
fn plan(folder: &Path, mock_port: u16, ack: Ack) -> Plan {
    let mut plan = Plan::new(folder, ack);
    let mock = format!("http://127.0.0.1:{mock_port}");
    plan.vendor("mock", "openai-chat", &mock, "");
    plan.model(MODEL, ("mock", "bench"), Mind::Plain, &PRICE);
    plan.model(held::MODEL, ("mock", mock::HELD_MODEL), Mind::Plain, &PRICE);
    plan
}

/// The time from the start of the process to its first answer; the folder exists already.
fn first_answers_ms(folder: &Path, mock_port: u16, timing: &Timing) -> Outcome<f64> {
    let plan = plan(folder, mock_port, Ack::Accepted);
    // The first start creates files, person and key, and is not measured.
    let mut gateway = Gateway::start(&plan)?;
    let mut times_ms = Vec::new();
    for _ in 0..timing.starts {
        gateway.running.stop(Duration::from_secs(10))?;
        let (started, time) = Gateway::start_and_ask(&plan, &gateway.key, MODEL)?;
        gateway = started;
        times_ms.push(time.as_secs_f64() * 1e3);
    }
    Ok(super::machine::median(&mut times_ms))
}
