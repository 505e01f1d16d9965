//! What answers the clients: one gateway with its data in files, or four gateways and two workers on one database.

use super::spread;
use crate::cluster::member::{GATEWAY, Member, Place, WORKER, free_ports};
use crate::cluster::nginx::{self, Spread};
use crate::gateway::{Gateway, KEY_VARIABLE, Plan, UPSTREAM_KEY};
use crate::outcome::Outcome;
use crate::process::{Running, exchange};
use opencredits_testkit::Postgres;
use std::path::Path;
use std::time::{Duration, Instant};

/// Gateways and workers on a database.
const GATEWAYS: usize = 4;
const WORKERS: usize = 2;
/// More connections than all of them have.
const CONNECTIONS: (&str, &str) = ("max_connections", "300");
/// The variable that says where a process tells its metrics.
const ADMIN_LISTEN: &str = "OPENCREDITS_ADMIN_LISTEN";
/// The metric with the requests for inference, by API.
const REQUESTS: &str = "opencredits_inference_requests_total{";
/// Of so many requests each gateway has served one at least. A run with one small client has fewer.
const ENOUGH: u64 = 32;
/// How long a gateway may take to finish and flush.
const STOP_MAX: Duration = Duration::from_secs(20);
const SCRAPE_MAX: Duration = Duration::from_secs(10);

/// All that runs. It ends with this value: programs of ours first, then what they need.
pub(super) struct Servers {
    /// The gateway that the admin tool speaks to.
    pub(super) first: Gateway,
    /// Where clients send requests.
    pub(super) url: String,
    /// The other gateways, and the workers.
    others: Vec<Member>,
    /// Where each gateway of several tells its metrics.
    metrics: Vec<u16>,
    _nginx: Option<Running>,
    _database: Option<Postgres>,
}

impl Servers {
    /// One gateway, with its data in files.
    pub(super) fn one(plan: &Plan) -> Outcome<Self> {
        let first = Gateway::start(plan)?;
        let url = url(first.port);
        Ok(Self { first, url, others: Vec::new(), metrics: Vec::new(), _nginx: None, _database: None })
    }

    /// Several gateways on a database of PostgreSQL, behind what gives each request to the next one, and workers. `folder` is that of
    /// the plan.
    pub(super) fn several(mut plan: Plan, folder: &Path) -> Outcome<Self> {
        let database = Postgres::start(&[CONNECTIONS]).ok_or("PostgreSQL is not there")?;
        // The first gateway chooses the port of its API by itself.
        let mut ports = free_ports(2 * GATEWAYS - 1)?;
        let metrics = ports.split_off(GATEWAYS - 1);
        let (url_of_database, own) = (database.database(), metrics.first().ok_or("there is no gateway")?);
        plan.settings(&format!("[database]\nurl = \"{url_of_database}\"\n[admin]\nlisten = \"127.0.0.1:{own}\"\n"));
        let first = Gateway::start(&plan)?;
        let mut others = Vec::new();
        for ((number, port), metrics) in (2..).zip(&ports).zip(metrics.iter().skip(1)) {
            let variables = variables(format!("127.0.0.1:{metrics}"));
            let (name, port, folder) = (format!("gateway-{number}"), Some(*port), folder.to_owned());
            others.push(Member::start(Place { name, program: GATEWAY, port, folder, variables })?);
        }
        ports.push(first.port);
        for number in 1..=WORKERS {
            let (name, folder, variables) = (format!("worker-{number}"), folder.to_owned(), variables(String::new()));
            others.push(Member::start(Place { name, program: WORKER, port: None, folder, variables })?);
        }
        let (nginx, port) = in_front(folder, ports)?;
        Ok(Self { first, url: url(port), others, metrics, _nginx: nginx, _database: Some(database) })
    }

    /// That each of several gateways has served requests: how many.
    pub(super) fn shares(&self) -> Outcome<String> {
        let mut served = Vec::with_capacity(self.metrics.len());
        for port in &self.metrics {
            // In HTTP/1.0 an answer has no chunks.
            let answer = exchange(*port, "GET /metrics HTTP/1.0\r\nhost: localhost\r\n\r\n", SCRAPE_MAX)?;
            served.push(requests(&answer)?);
        }
        let shown = served.iter().map(u64::to_string).collect::<Vec<_>>().join(", ");
        let is_uneven = served.contains(&0) && served.iter().sum::<u64>() >= ENOUGH;
        if is_uneven { Err(format!("they have served {shown}").into()) } else { Ok(shown) }
    }

    /// Tells every program of ours to end; how long all of them took.
    pub(super) fn end(&mut self) -> Outcome<String> {
        let start = Instant::now();
        let status = self.first.running.stop(STOP_MAX)?;
        if !status.success() {
            return Err(format!("it ended with {status}").into());
        }
        for other in &mut self.others {
            other.stop()?;
        }
        Ok(format!("{} ms", start.elapsed().as_millis()))
    }
}

/// The variables of a process, which tells its metrics at an address, or nowhere.
fn variables(admin_listen: String) -> Vec<(&'static str, String)> {
    vec![(KEY_VARIABLE, UPSTREAM_KEY.to_owned()), (ADMIN_LISTEN, admin_listen)]
}

fn url(port: u16) -> String {
    format!("http://127.0.0.1:{port}")
}

/// What gives each request to the next gateway, and its port: nginx, or what is made of threads where it is not installed.
fn in_front(folder: &Path, gateways: Vec<u16>) -> Outcome<(Option<Running>, u16)> {
    match nginx::start(folder, &gateways, Spread::InTurn)? {
        Some((nginx, port)) => Ok((Some(nginx), port)),
        None => Ok((None, spread::start(gateways)?)),
    }
}

/// The requests for inference that a gateway's metrics tell of.
fn requests(metrics: &str) -> Outcome<u64> {
    let mut sum = 0;
    for line in metrics.lines().filter(|line| line.starts_with(REQUESTS)) {
        let (_, count) = line.rsplit_once(' ').ok_or("a metric has no value")?;
        sum += count.trim().parse::<u64>()?;
    }
    Ok(sum)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_the_sum_of_all_apis() {
        let check = |metrics: &str, expect: Option<u64>| assert_eq!(requests(metrics).ok(), expect, "{metrics}");
        check("HTTP/1.0 200 OK\r\n\r\n# TYPE opencredits_inference_requests_total counter\n", Some(0));
        let one = r#"opencredits_inference_requests_total{mode="live",api="chat"} 3"#;
        let other = r#"opencredits_inference_requests_total{mode="live",api="messages"} 4"#;
        check(&format!("{one}\n{other}\nopencredits_inference_errors_total{{mode=\"live\"}} 9\n"), Some(7));
        check(&format!("{one}x"), None);
    }
}
