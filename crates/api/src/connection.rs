//! A connection that speaks HTTP.

use crate::app::Routes;
use crate::limits::Limits;
use crate::parse_errors::WithErrors;
use crate::places::Place;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_io_timeout::TimeoutStream;

/// The largest number of header lines.
const HEADERS_MAX: usize = 128;

/// A connection with a time limit for writes.
type Io<S> = TokioIo<WithErrors<Pin<Box<TimeoutStream<S>>>>>;

/// The connection over a stream, which is a socket or TLS over one.
pub(crate) fn connection<S>(stream: S, routes: Routes, limits: &Limits) -> http1::Connection<Io<S>, Routes>
where
    S: AsyncRead + AsyncWrite + Send + 'static,
{
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
        .serve_connection(TokioIo::new(io), routes)
}

/// Runs a connection to its end, or until its place is another's. A client that breaks the protocol or disconnects ends its
/// own connection only.
pub(crate) async fn run(connection: impl Future, place: Arc<Place>) {
    tokio::select! {
        _ended = connection => {}
        () = place.closed() => {}
    }
}
