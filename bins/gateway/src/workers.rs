//! Worker threads: one for each core, each with its own runtime.

use crate::machine;
use opencredits_api::WorkerThreads;
use std::io;
use std::thread::JoinHandle;
use tokio::runtime::{Builder, Handle};
use tokio::sync::oneshot;

/// The blocking threads of each worker for name resolution, and for the store, which runs one statement at a time. Others
/// work on large bodies.
const BLOCKING_MAX: usize = 4;

/// The worker threads. Dropping them ends them and everything that runs on them.
pub(crate) struct WorkerPool {
    workers: Vec<Worker>,
}

struct Worker {
    handle: Handle,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl WorkerPool {
    /// Starts so many workers; one for each core where it is zero.
    pub(crate) fn start(count: usize) -> io::Result<Self> {
        let count = if count == 0 { std::thread::available_parallelism()?.get() } else { count };
        let workers = (0..count).map(Worker::start).collect::<io::Result<_>>()?;
        Ok(Self { workers })
    }

    /// The workers, for the accept loop.
    pub(crate) fn workers(&self) -> WorkerThreads {
        WorkerThreads::new(self.workers.iter().map(|worker| worker.handle.clone()).collect())
    }
}

impl Worker {
    fn start(number: usize) -> io::Result<Self> {
        let blocking = BLOCKING_MAX.saturating_add(machine::large_at_once());
        let runtime = Builder::new_current_thread().enable_all().max_blocking_threads(blocking).build()?;
        let handle = runtime.handle().clone();
        let (stop, stopped) = oneshot::channel();
        let thread = std::thread::Builder::new().name(format!("worker-{number}")).spawn(move || {
            let _stopped_or_dropped = runtime.block_on(stopped);
            runtime.shutdown_background();
        })?;
        Ok(Self { handle, stop: Some(stop), thread: Some(thread) })
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ended = thread.join();
        }
    }
}
