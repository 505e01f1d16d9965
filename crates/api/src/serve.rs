//! The accept loop: accepts connections, spreads them over worker threads, and ends in an orderly way.

use crate::app::Routes;
use crate::certificate::LiveCertificate;
use crate::connection::{connection, run};
use crate::handshake::{Acceptor, Handshake};
use crate::limits::Limits;
use hyper_util::server::graceful::GracefulShutdown;
use std::future::Future;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Handle;
use tokio::sync::watch;

/// How long a connection that was accepted last has for its request to arrive.
const FIRST_REQUEST: Duration = Duration::from_millis(100);
/// The connections that may wait to be accepted when the process is told to stop; the system lets no more wait (listen(2)).
const WAITING_MAX: usize = 4_096;
/// The wait after a failed accept (out of file descriptors, say).
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// A listening socket, and what its connections speak.
pub struct Listening {
    /// The listening socket.
    pub listener: TcpListener,
    /// The certificate, where connections speak TLS.
    pub tls: Option<Arc<LiveCertificate>>,
}

impl From<TcpListener> for Listening {
    fn from(listener: TcpListener) -> Self {
        Self { listener, tls: None }
    }
}

/// The runtimes that connections are assigned to, in turn. A connection stays on one for life.
///
/// Where each has one thread, a request, its connection to the provider and its timers all live on one core, and waking
/// one part of it never wakes another core.
pub struct WorkerThreads {
    handles: Vec<Handle>,
    next: usize,
}

impl WorkerThreads {
    /// Assigns connections to these; to the caller's own runtime when there are none.
    #[must_use]
    pub const fn new(handles: Vec<Handle>) -> Self {
        Self { handles, next: 0 }
    }

    fn next(&mut self) -> Handle {
        let at = self.next;
        self.next = at.wrapping_add(1);
        at.checked_rem(self.handles.len()).and_then(|at| self.handles.get(at)).cloned().unwrap_or_else(Handle::current)
    }
}

/// The end of the loop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// Every request was finished.
    Drained,
    /// Some requests were still running when their time was over.
    Abandoned,
}

/// Serves `routes` on this socket until `stop` resolves, then lets running requests finish within their time limit.
pub async fn serve(
    listening: Listening,
    routes: Routes,
    limits: Limits,
    mut workers: WorkerThreads,
    stop: impl Future<Output = ()>,
) -> Ended {
    let Listening { listener, tls } = listening;
    let graceful = GracefulShutdown::new();
    let shutdown = limits.shutdown;
    let acceptor = Arc::new(Acceptor::new(limits, tls));
    // Connections that do not speak HTTP yet end with the loop, as idle ones do.
    let (stopping, stopped) = watch::channel(());
    let mut stop = std::pin::pin!(stop);
    let mut take = |stream: TcpStream, from: IpAddr| {
        let Some(place) = acceptor.place(from) else { return };
        let worker = workers.next();
        let Ok(stream) = move_to_worker(stream, &worker) else { return };
        // Without it, Nagle's algorithm and delayed acknowledgements stall an answer by some 40 ms.
        let _best_effort = stream.set_nodelay(true);
        if acceptor.is_plain(from) {
            let place = Arc::new(place);
            let connection = connection(stream, routes.at(Arc::clone(&place)), &acceptor.limits);
            worker.spawn(run(graceful.watch(connection), place));
        } else {
            let (acceptor, routes) = (Arc::clone(&acceptor), routes.clone());
            let handshake = Handshake { acceptor, from, routes, watcher: graceful.watcher(), stopped: stopped.clone() };
            worker.spawn(handshake.serve(stream, place));
        }
    };
    loop {
        let accepted = tokio::select! {
            biased;
            () = &mut stop => break,
            next = listener.accept() => next,
        };
        let Ok((stream, from)) = accepted else {
            tracing::warn!("cannot accept a connection; are there too few file descriptors?");
            tokio::time::sleep(ACCEPT_PAUSE).await;
            continue;
        };
        take(stream, from.ip());
    }
    // Whoever is connected already is served: closing the listener would reset their connections.
    if let Ok(listener) = listener.into_std() {
        for _ in 0..WAITING_MAX {
            let Ok((stream, from)) = listener.accept() else { break };
            if let Ok(stream) = stream.set_nonblocking(true).and_then(|()| TcpStream::from_std(stream)) {
                take(stream, from.ip());
            }
        }
    }
    // A connection that has sent nothing yet is closed by what follows. Most send their request with the first packet.
    tokio::time::sleep(FIRST_REQUEST).await;
    drop(stopping);
    match tokio::time::timeout(shutdown, graceful.shutdown()).await {
        Ok(()) => Ended::Drained,
        Err(_) => Ended::Abandoned,
    }
}

/// The connection, registered with its worker's runtime instead of the accept loop's.
fn move_to_worker(stream: TcpStream, worker: &Handle) -> std::io::Result<TcpStream> {
    let stream = stream.into_std()?;
    let _entered = worker.enter();
    TcpStream::from_std(stream)
}
