//! `cargo xtask cluster`: two gateways, a worker, PostgreSQL with a synchronous standby, and nginx in front, as processes of this
//! machine.
//!
//! It is what `ops/compose` and `ops/systemd/cluster` start on machines, to be tried out. docs/scaling.md has the walk for a
//! newcomer; `--try` walks by itself and compares the books with what clients were told.

mod books;
mod front;
mod guide;
mod load;
mod member;
mod nginx;
mod servers;
mod stage;
mod upstream;
mod walk;

#[cfg(test)]
mod tests;

use crate::outcome::Outcome;
use stage::Cluster;
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};

/// How often is looked for programs that have ended.
const LOOK_AGAIN: Duration = Duration::from_millis(500);

/// What to do besides starting it.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Walk by itself under load: kill a gateway, restart both, kill the primary; then verify the books, and end
    #[arg(long = "try")]
    try_it: bool,
}

/// Starts the cluster. It runs until it is interrupted, or until the walk is over.
pub(crate) fn run(args: &Args) -> Outcome {
    let mut cluster = Cluster::start()?;
    if args.try_it {
        return walk::walk(&mut cluster);
    }
    println!("{}", guide::text(&cluster)?);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(watch(&mut cluster))
}

/// Starts gateways and worker again where they have ended, until the process is told to end.
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
