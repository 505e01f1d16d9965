//! The accept loop: accepts connections, spreads them over worker threads, and ends in an orderly way.

use axum::body::Body;
use http::{Request, Response};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use std::convert::Infallible;
use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_io_timeout::TimeoutStream;
use tower_service::Service;

/// The largest number of header lines.
const HEADERS_MAX: usize = 128;
/// The wait after a failed accept (out of file descriptors, say).
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Limits of connections.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// The largest number of connections.
    pub connections_max: usize,
    /// The longest request head, in bytes.
    pub header_bytes_max: usize,
    /// The time to send a request head.
    pub header_read: Duration,
    /// The time that a client may leave its response unread.
    pub write: Duration,
    /// The time that running requests get to finish once the loop is told to stop.
    pub shutdown: Duration,
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

/// Serves `service` on `listener` until `stop` resolves, then lets running requests finish within their time limit.
pub async fn serve<S>(
    listener: TcpListener,
    service: S,
    limits: Limits,
    mut workers: WorkerThreads,
    stop: impl Future<Output = ()>,
) -> Ended
where
    S: Service<Request<Incoming>, Response = Response<Body>, Error = Infallible> + Clone + Send + Sync + 'static,
    S::Future: Send,
{
    let graceful = GracefulShutdown::new();
    let places = Arc::new(Semaphore::new(limits.connections_max));
    let mut stop = std::pin::pin!(stop);
    loop {
        let (place, accepted) = tokio::select! {
            biased;
            () = &mut stop => break,
            next = next_connection(&listener, &places) => next,
        };
        let Ok((stream, _)) = accepted else {
            tracing::warn!("cannot accept a connection; are there too few file descriptors?");
            tokio::time::sleep(ACCEPT_PAUSE).await;
            continue;
        };
        let worker = workers.next();
        let Ok(stream) = move_to_worker(stream, &worker) else {
            continue;
        };
        let connection = graceful.watch(connection(stream, service.clone(), limits));
        worker.spawn(async move {
            // A client that breaks the protocol or disconnects ends its own connection only.
            let _ended = connection.await;
            drop(place);
        });
    }
    drop(listener);
    match tokio::time::timeout(limits.shutdown, graceful.shutdown()).await {
        Ok(()) => Ended::Drained,
        Err(_) => Ended::Abandoned,
    }
}

/// Takes a permit first, then accepts: further connections wait in the kernel's queue.
async fn next_connection(
    listener: &TcpListener,
    places: &Arc<Semaphore>,
) -> (Option<OwnedSemaphorePermit>, std::io::Result<(TcpStream, SocketAddr)>) {
    let place = Arc::clone(places).acquire_owned().await.ok();
    (place, listener.accept().await)
}

/// The connection, registered with its worker's runtime instead of the accept loop's.
fn move_to_worker(stream: TcpStream, worker: &Handle) -> std::io::Result<TcpStream> {
    let stream = stream.into_std()?;
    let _entered = worker.enter();
    TcpStream::from_std(stream)
}

/// A connection with a time limit for writes.
type Io = TokioIo<Pin<Box<TimeoutStream<TcpStream>>>>;

fn connection<S>(
    stream: TcpStream,
    service: S,
    limits: Limits,
) -> http1::Connection<Io, hyper_util::service::TowerToHyperService<S>>
where
    S: Service<Request<Incoming>, Response = Response<Body>, Error = Infallible> + Clone + Send + Sync + 'static,
    S::Future: Send,
{
    // Without it, Nagle's algorithm and delayed acknowledgements stall an answer by some 40 ms.
    let _best_effort = stream.set_nodelay(true);
    // A client that does not read would keep its permit, its request and its hold for ever.
    let mut stream = TimeoutStream::new(stream);
    stream.set_write_timeout(Some(limits.write));
    http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.header_read)
        .max_buf_size(limits.header_bytes_max)
        .max_headers(HEADERS_MAX)
        .serve_connection(TokioIo::new(Box::pin(stream)), hyper_util::service::TowerToHyperService::new(service))
}
