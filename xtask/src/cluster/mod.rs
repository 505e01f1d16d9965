//! `cargo xtask cluster`: gateways, workers, PostgreSQL with a synchronous standby, and nginx in front, as processes of this machine.
//!
//! It is what `ops/compose` and `ops/systemd/cluster` start on machines, to be tried out. docs/scaling.md has the walk for a
//! newcomer; `--try` walks by itself and compares the books with what clients were told.

mod books;
mod clock;
mod front;
mod guide;
mod load;
pub(crate) mod member;
pub(crate) mod nginx;
mod servers;
mod stage;
mod upstream;
mod walk;

#[cfg(test)]
mod tests;

use crate::outcome::Outcome;
use stage::{Cluster, Size};
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};

/// How often is looked for programs that have ended.
const LOOK_AGAIN: Duration = Duration::from_millis(500);
/// Gateways and workers for a newcomer, and for the walk.
const OF_NEWCOMER: (u8, u8) = (2, 1);
const OF_WALK: (u8, u8) = (4, 2);

/// What to do besides starting it.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Walk by itself under load: kill a gateway, restart all, kill the primary; then verify the books, and end
    #[arg(long = "try")]
    try_it: bool,
    /// How many gateways: 2, or 4 with --try, where nothing else is said
    #[arg(long, value_parser = clap::value_parser!(u8).range(2..=8))]
    gateways: Option<u8>,
    /// How many workers: 1, or 2 with --try, where nothing else is said
    #[arg(long, value_parser = clap::value_parser!(u8).range(1..=4))]
    workers: Option<u8>,
}

impl Args {
    fn size(&self) -> Size {
        let (gateways, workers) = if self.try_it { OF_WALK } else { OF_NEWCOMER };
        Size {
            gateways: self.gateways.unwrap_or(gateways).into(),
            workers: self.workers.unwrap_or(workers).into(),
            has_clocks_apart: self.try_it,
        }
    }
}

/// Starts the cluster. It runs until it is interrupted, or until the walk is over.
pub(crate) fn run(args: &Args) -> Outcome {
    let mut cluster = Cluster::start(&args.size())?;
    if args.try_it {
        return walk::walk(&mut cluster);
    }
    println!("{}", guide::text(&cluster)?);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(watch(&mut cluster))
}

/// Starts gateways and workers again where they have ended, until the process is told to end.
async fn watch(cluster: &mut Cluster) -> Outcome {
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    loop {
        tokio::select! {
            _ = interrupt.recv() => return Ok(()),
            _ = terminate.recv() => return Ok(()),
            () = tokio::time::sleep(LOOK_AGAIN) => cluster.revive(),
        }
    }
}
