//! The tasks of a process, by how they end.

use opencredits_service::ChangeFeed;
use std::sync::Arc;
use tokio::task::JoinSet;

/// The tasks of a process.
#[derive(Default)]
pub(crate) struct TaskSets {
    /// Those that are stopped.
    pub(crate) tasks: JoinSet<()>,
    /// Those that end by themselves once the gateway is gone.
    pub(crate) draining: JoinSet<()>,
    /// Admin sockets, which end once they are told to.
    pub(crate) sockets: JoinSet<()>,
    /// Those that follow config and other processes until nothing is served any more.
    pub(crate) following: JoinSet<()>,
    /// What tells other processes of changes, to the end.
    pub(crate) feeds: Vec<Arc<ChangeFeed>>,
}
