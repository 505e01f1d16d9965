//! The accept loop: accepts connections, spreads them over worker threads, and ends in an orderly way.

use crate::app::Routes;
use crate::limits::Limits;
use crate::parse_errors::WithErrors;
use crate::places::Places;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Handle;
use tokio::time::Instant;
use tokio_io_timeout::TimeoutStream;

/// The largest number of header lines.
const HEADERS_MAX: usize = 128;
/// The wait after a failed accept (out of file descriptors, say).
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// The least time between two lines about refused connections.
const REFUSED_PAUSE: Duration = Duration::from_secs(60);

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

/// Serves `routes` on `listener` until `stop` resolves, then lets running requests finish within their time limit.
pub async fn serve(
    listener: TcpListener,
    routes: Routes,
    limits: Limits,
    mut workers: WorkerThreads,
    stop: impl Future<Output = ()>,
) -> Ended {
    let graceful = GracefulShutdown::new();
    let places = Arc::new(Places::new(&limits));
    let mut refused = Refused::default();
    let mut stop = std::pin::pin!(stop);
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
        let Some(place) = places.take(from.ip()).map(Arc::new) else {
            refused.tell();
            continue;
        };
        let worker = workers.next();
        let Ok(stream) = move_to_worker(stream, &worker) else {
            continue;
        };
        let connection = graceful.watch(connection(stream, routes.at(Arc::clone(&place)), &limits));
        worker.spawn(async move {
            // A client that breaks the protocol or disconnects ends its own connection only.
            tokio::select! {
                _ended = connection => {}
                () = place.closed() => {}
            }
        });
    }
    drop(listener);
    match tokio::time::timeout(limits.shutdown, graceful.shutdown()).await {
        Ok(()) => Ended::Drained,
        Err(_) => Ended::Abandoned,
    }
}

/// Tells of refused connections, without a line for each.
#[derive(Default)]
struct Refused {
    told: Option<Instant>,
    since: u64,
}

impl Refused {
    fn tell(&mut self) {
        self.since = self.since.saturating_add(1);
        if self.told.is_none_or(|told| told.elapsed() >= REFUSED_PAUSE) {
            tracing::warn!(
                connections = self.since,
                "an address has as many connections as it may have; raise server.connections_per_address_max, or name a proxy in server.trusted_proxies"
            );
            *self = Self { told: Some(Instant::now()), since: 0 };
        }
    }
}

/// The connection, registered with its worker's runtime instead of the accept loop's.
fn move_to_worker(stream: TcpStream, worker: &Handle) -> std::io::Result<TcpStream> {
    let stream = stream.into_std()?;
    let _entered = worker.enter();
    TcpStream::from_std(stream)
}

/// A connection with a time limit for writes.
type Io = TokioIo<WithErrors<Pin<Box<TimeoutStream<TcpStream>>>>>;

fn connection(
    stream: TcpStream,
    routes: Routes,
    limits: &Limits,
) -> http1::Connection<Io, hyper_util::service::TowerToHyperService<Routes>> {
    // Without it, Nagle's algorithm and delayed acknowledgements stall an answer by some 40 ms.
    let _best_effort = stream.set_nodelay(true);
    // A client that does not read would keep its place, its request and its hold for ever.
    let mut stream = TimeoutStream::new(stream);
    stream.set_write_timeout(Some(limits.write));
    let io = WithErrors::new(Box::pin(stream), limits.header_bytes_max, Box::new(routes.clone()));
    http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.header_read)
        .max_buf_size(limits.header_bytes_max)
        .max_headers(HEADERS_MAX)
        // A client may close its sending side once it has sent its request (RFC 9112, section 9.6).
        .half_close(true)
        .serve_connection(TokioIo::new(io), hyper_util::service::TowerToHyperService::new(routes))
}
