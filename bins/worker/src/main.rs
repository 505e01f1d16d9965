//! The OpenCredits worker: `opencredits-worker --config FILE` runs the jobs of an installation on PostgreSQL.
//!
//! It is built of the same parts as the gateway, which has them as a library. The packages have none of it: there the gateway's program,
//! under this name, is the worker.

use std::process::ExitCode;

/// As the gateway's.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    opencredits_gateway::worker()
}
