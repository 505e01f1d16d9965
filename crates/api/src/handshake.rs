//! What comes before HTTP on a connection: the header of the PROXY protocol, from load balancers, and then TLS.

use crate::app::Routes;
use crate::certificate::{Certificate, LiveCertificate};
use crate::connection::{connection, run};
use crate::errors::{ErrorType, Problem};
use crate::limits::Limits;
use crate::parse_errors::whole_answer;
use crate::places::{Place, Places};
use crate::proxy_protocol::{HEADER_BYTES_MAX, Header, NoHeader, Source, header};
use crate::warning::Warning;
use hyper_util::server::graceful::Watcher;
use std::future::Future;
use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::Instant;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

/// How the first record of TLS begins (RFC 8446, section 5.1).
const HANDSHAKE: u8 = 22;

/// What the connections of a listener share.
pub(crate) struct Acceptor {
    pub(crate) places: Arc<Places>,
    pub(crate) limits: Limits,
    tls: Option<Arc<LiveCertificate>>,
    refused: Warning,
    without_header: Warning,
}

impl Acceptor {
    pub(crate) fn new(limits: Limits, tls: Option<Arc<LiveCertificate>>) -> Self {
        let refused = Warning::new(
            "an address has as many connections as it may have; raise server.connections_per_address_max, or name a proxy in server.trusted_proxies",
        );
        let without_header = Warning::new(
            "a load balancer of server.proxy_protocol_from sent no valid header of the PROXY protocol; switch it on there, or take its address out of the setting",
        );
        Self { places: Arc::new(Places::new(&limits)), limits, tls, refused, without_header }
    }

    /// A place for a new connection from this address; `None` where the address has as many as it may have.
    pub(crate) fn place(&self, from: IpAddr) -> Option<Place> {
        // Whose connection it is, a load balancer has yet to tell.
        let place = self.places.take(Some(from).filter(|from| !self.is_balancer(*from)));
        if place.is_none() {
            self.refused.tell();
        }
        place
    }

    /// Whether a connection from this address begins with HTTP.
    pub(crate) fn is_plain(&self, from: IpAddr) -> bool {
        self.tls.is_none() && !self.is_balancer(from)
    }

    fn is_balancer(&self, from: IpAddr) -> bool {
        self.limits.proxy_protocol_from.iter().any(|network| network.contains(from))
    }

    /// Whose connection it is; `None` where the load balancer does not say.
    fn checked(&self, read: io::Result<Option<Source>>) -> Option<Source> {
        // A connection that ends before its first byte is a check of the port alone.
        read.unwrap_or_else(|error| {
            tracing::debug!(%error, "a load balancer told no client");
            self.without_header.tell();
            None
        })
    }
}

/// A connection that does not begin with HTTP.
pub(crate) struct Handshake {
    pub(crate) acceptor: Arc<Acceptor>,
    pub(crate) from: IpAddr,
    pub(crate) routes: Routes,
    pub(crate) watcher: Watcher,
    /// Its sender is dropped when no more connections are taken.
    pub(crate) stopped: watch::Receiver<()>,
}

impl Handshake {
    /// Opens the connection within the time that a head may take, and serves it to its end.
    pub(crate) async fn serve(self, mut stream: TcpStream, mut place: Place) {
        let Self { acceptor, from, routes, watcher, mut stopped } = self;
        let deadline = Instant::now() + acceptor.limits.header_read;
        if acceptor.is_balancer(from) {
            let Some(read) = within(deadline, (&place, &mut stopped), source(&mut stream)).await else { return };
            let address = match acceptor.checked(read) {
                Some(Source::Client(address)) => address,
                Some(Source::Balancer) => from,
                None => return,
            };
            let Some(counted) = place.at(address) else { return acceptor.refused.tell() };
            place = counted;
        }
        let Some(tls) = &acceptor.tls else {
            let place = Arc::new(place);
            let connection = connection(stream, routes.at(Arc::clone(&place)), &acceptor.limits);
            return run(watcher.watch(connection), place).await;
        };
        let accepted = accept_tls(stream, tls.now(), &routes);
        let Some(Ok(Some(stream))) = within(deadline, (&place, &mut stopped), accepted).await else { return };
        let place = Arc::new(place);
        let connection = connection(stream, routes.at(Arc::clone(&place)), &acceptor.limits);
        run(watcher.watch(connection), place).await;
    }
}

/// What a step gives; `None` where its time is over, its place is another's, or no more connections are taken.
async fn within<T>(
    deadline: Instant,
    (place, stopped): (&Place, &mut watch::Receiver<()>),
    step: impl Future<Output = T>,
) -> Option<T> {
    tokio::select! {
        done = tokio::time::timeout_at(deadline, step) => done.ok(),
        () = place.closed() => None,
        _sender_is_gone = stopped.changed() => None,
    }
}

/// Takes the header of the PROXY protocol from a connection, and nothing that comes after it; `None` where the connection
/// ends before its first byte.
async fn source(stream: &mut TcpStream) -> io::Result<Option<Source>> {
    let mut bytes = vec![0; HEADER_BYTES_MAX];
    let mut taken = 0_usize;
    loop {
        let seen = stream.peek(bytes.get_mut(taken..).unwrap_or_default()).await?;
        let end = taken.saturating_add(seen);
        let read = header(bytes.get(..end).unwrap_or_default()).map_err(io::Error::other)?;
        match (seen, taken) {
            (0, 0) => return Ok(None),
            (0, _) => return Err(io::ErrorKind::UnexpectedEof.into()),
            _ => {}
        }
        // All bytes of a part belong to the header, and none that follow a whole one.
        let (found, end) = match read {
            Header::Whole { source, length } => (Some(source), length),
            Header::Part => (None, end),
        };
        stream.read_exact(bytes.get_mut(taken..end).ok_or_else(|| io::Error::other(NoHeader::Malformed))?).await?;
        if found.is_some() {
            return Ok(found);
        }
        taken = end;
    }
}

/// Speaks TLS from here on; `None` where the client speaks HTTP, and was told so.
async fn accept_tls(
    mut stream: TcpStream,
    certificate: Arc<Certificate>,
    routes: &Routes,
) -> io::Result<Option<TlsStream<TcpStream>>> {
    let mut first = [HANDSHAKE];
    stream.peek(&mut first).await?;
    if first.iter().all(u8::is_ascii_uppercase) {
        refuse_http(&mut stream, routes).await?;
        return Ok(None);
    }
    match TlsAcceptor::from(certificate.config()).accept(stream).await {
        Ok(stream) => Ok(Some(stream)),
        Err(error) => {
            tracing::debug!(%error, "a handshake of TLS has failed");
            Err(error)
        }
    }
}

/// Tells a client that it must speak TLS, in the form of our errors.
async fn refuse_http(stream: &mut TcpStream, routes: &Routes) -> io::Result<()> {
    let message = "this port speaks TLS; begin the URL with https:// instead of http://";
    stream.write_all(&whole_answer(Problem::new(ErrorType::InvalidRequest, message), routes)).await?;
    stream.shutdown().await?;
    // A connection closed with bytes unread is reset, and the client may not see the answer.
    let mut unread = [0; 1_024];
    while stream.read(&mut unread).await? > 0 {}
    Ok(())
}
