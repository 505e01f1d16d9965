//! One thread a core, each with a runtime of its own.

use opencredits_api::Lanes;
use std::io;
use std::thread::JoinHandle;
use tokio::runtime::{Builder, Handle};
use tokio::sync::oneshot;

/// Threads of each lane that may block: for looking names up, and for the store, which does one thing at a time.
const BLOCKING_MAX: usize = 4;

/// The threads that serve. Dropping this ends them, and whatever still runs on them.
pub(crate) struct Threads {
    lanes: Vec<Lane>,
}

struct Lane {
    handle: Handle,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Threads {
    /// Starts so many; as many as the machine has cores when it is none.
    pub(crate) fn start(count: usize) -> io::Result<Self> {
        let count = if count == 0 { std::thread::available_parallelism()?.get() } else { count };
        let lanes = (0..count).map(Lane::start).collect::<io::Result<_>>()?;
        Ok(Self { lanes })
    }

    /// For the accept loop.
    pub(crate) fn lanes(&self) -> Lanes {
        Lanes::new(self.lanes.iter().map(|lane| lane.handle.clone()).collect())
    }
}

impl Lane {
    fn start(number: usize) -> io::Result<Self> {
        let runtime = Builder::new_current_thread().enable_all().max_blocking_threads(BLOCKING_MAX).build()?;
        let handle = runtime.handle().clone();
        let (stop, stopped) = oneshot::channel();
        let thread = std::thread::Builder::new().name(format!("lane-{number}")).spawn(move || {
            let _stopped_or_dropped = runtime.block_on(stopped);
            runtime.shutdown_background();
        })?;
        Ok(Self { handle, stop: Some(stop), thread: Some(thread) })
    }
}

impl Drop for Lane {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ended = thread.join();
        }
    }
}
