//! What is varied, and over which values.

use super::parameters::{Durable, Parameters};

/// Requests a second of all gateways together where their number is varied at one load, unless the parameters say how many.
const LOAD: u64 = 1_000;
/// How long a request takes at its provider, on average, where requests arrive.
const REQUEST_MS: u64 = 1_000;

/// Callers of a gateway at least, where the largest batch is varied.
const CALLERS_OF_BATCHES: u64 = 128;

/// A parameter that is varied.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Which {
    /// Everything below, but for `none`
    All,
    /// One run, with the parameters as they are
    None,
    /// The number of gateways, with callers that never pause
    Gateways,
    /// The number of gateways, with the same requests a second in all
    Load,
    /// Requests a second
    Rate,
    /// Connections that write
    Writers,
    /// The largest batch
    Batch,
    /// The time of a durable commit
    Commit,
    /// Zipf's exponent
    Skew,
    /// The number of gateways: the load that the ledger carries
    Capacity,
    /// Ledgers, each with a server: the load that they carry
    Shards,
    /// Ledgers on one server: the load that they carry
    Together,
}

/// Runs that differ in one parameter.
pub(super) struct Sweep {
    pub(super) name: &'static str,
    pub(super) title: &'static str,
    pub(super) varied: &'static str,
    /// Whether each run is the one with the highest load that the ledger carries.
    pub(super) is_search: bool,
    /// The value that differs, as it is shown, and the parameters.
    pub(super) runs: Vec<(String, Parameters)>,
}

/// The sweeps that were asked for.
pub(super) fn sweeps(base: &Parameters, which: Which) -> Vec<Sweep> {
    const ALL: [Which; 10] = [
        Which::Gateways,
        Which::Load,
        Which::Rate,
        Which::Writers,
        Which::Batch,
        Which::Commit,
        Which::Skew,
        Which::Capacity,
        Which::Shards,
        Which::Together,
    ];
    match which {
        Which::All => ALL.into_iter().map(|which| sweep(base, which)).collect(),
        one => vec![sweep(base, one)],
    }
}

fn sweep(base: &Parameters, which: Which) -> Sweep {
    let gateways = [10, 30, 100, 300, 1_000];
    let shards = [1, 2, 4, 8];
    let (name, varied, title, runs) = match which {
        Which::All | Which::None => ("none", "", "one run", vec![(String::new(), base.clone())]),
        Which::Gateways => {
            let runs = runs(base, gateways, |run, gateways| run.gateways = gateways);
            ("gateways", "gateways", "gateways, whose callers never pause", runs)
        }
        Which::Load => {
            let runs = runs(&requests(base), gateways, |run, gateways| run.gateways = gateways);
            ("load", "gateways", "gateways, with the same load in all", runs)
        }
        Which::Rate => {
            let rates = [500, 1_000, 2_000, 4_000, 8_000];
            let runs = runs(&requests(base), rates, |run, rate| (run.rate, run.total_rate) = (None, Some(rate)));
            ("rate", "requests/s", "requests a second of all gateways", runs)
        }
        Which::Writers => {
            let runs = runs(base, [1, 2, 4, 8], |run, writers| run.writers = writers);
            ("writers", "writers", "connections that write, of each gateway", runs)
        }
        Which::Batch => {
            let base = Parameters { callers: base.callers.max(CALLERS_OF_BATCHES), ..base.clone() };
            let runs = runs(&base, [1, 4, 16, 64, 1_024], |run, batch_max| run.batch_max = batch_max);
            ("batch", "batch max", "commands of a batch, with many callers", runs)
        }
        Which::Commit => {
            let times = [100, 500, 2_000, 5_000, 20_000];
            let runs = runs(&all_durable(base), times, |run, us| run.commit_us = us);
            ("commit", "commit us", "a durable commit, in microseconds", runs)
        }
        Which::Skew => {
            let runs = runs(base, [0, 50, 80, 100, 120], |run, skew| run.skew = skew);
            ("skew", "skew", "Zipf's exponent, in hundredths", runs)
        }
        Which::Capacity => {
            let runs = runs(&requests(base), [1, 3, 10, 30, 100, 300, 1_000], |run, gateways| run.gateways = gateways);
            ("capacity", "gateways", "gateways: the load that the ledger carries", runs)
        }
        Which::Shards => {
            let runs = runs(&requests(base), shards, |run, shards| (run.shards, run.servers) = (shards, 0));
            (
                "shards",
                "shards",
                "ledgers over which persons are divided, each on a server: the load that they carry",
                runs,
            )
        }
        Which::Together => {
            let runs = runs(&requests(base), shards, |run, shards| (run.shards, run.servers) = (shards, 1));
            (
                "together",
                "shards",
                "ledgers over which persons are divided, on one server: the load that they carry",
                runs,
            )
        }
    };
    Sweep { name, varied, title, is_search: matches!(which, Which::Capacity | Which::Shards | Which::Together), runs }
}

fn runs<T: ToString + Copy, const N: usize>(
    base: &Parameters,
    values: [T; N],
    set: impl Fn(&mut Parameters, T),
) -> Vec<(String, Parameters)> {
    let run = |value: T| {
        let mut parameters = base.clone();
        set(&mut parameters, value);
        (value.to_string(), parameters)
    };
    values.into_iter().map(run).collect()
}

/// Requests as gateways make them: they arrive whatever the answers do, are marked, and take their time at a provider.
fn requests(base: &Parameters) -> Parameters {
    let mut run = Parameters { mark: true, ..base.clone() };
    if run.requests_a_second().is_none() {
        run.total_rate = Some(LOAD);
    }
    if run.request_ms == 0 {
        run.request_ms = REQUEST_MS;
    }
    run
}

/// Every command waits for the disk, unless the parameters say which.
fn all_durable(base: &Parameters) -> Parameters {
    let mut run = base.clone();
    if run.durable == Durable::None {
        run.durable = Durable::All;
    }
    run
}
