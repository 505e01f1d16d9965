//! The service manager: the socket that it hands over (sd_listen_fds(3)), and what it is told (sd_notify(3)).

use crate::error::StartError;
use listenfd::ListenFd;
use sd_notify::NotifyState;
use std::net::TcpListener;

/// The listening socket that the service manager hands over, if it does. Connections wait in it while no gateway runs, so a
/// restart refuses none.
///
/// It takes the variables out of the environment, so it comes before there are threads.
pub(crate) fn handed_over() -> Result<Option<TcpListener>, StartError> {
    let mut sockets = ListenFd::from_env();
    if sockets.len() > 1 {
        return Err(StartError::Sockets { count: sockets.len() });
    }
    let wrong = |source| StartError::Io { what: "the socket of the service manager".to_owned(), source };
    let listener = sockets.take_tcp_listener(0).map_err(wrong)?;
    if let Some(listener) = &listener {
        listener.set_nonblocking(true).map_err(wrong)?;
    }
    Ok(listener)
}

/// Tells the service manager that requests are served.
pub(crate) fn serves() {
    tell(&[NotifyState::Ready, NotifyState::Status("serving")]);
}

/// Tells it that the process ends, and what it waits for.
pub(crate) fn ends() {
    tell(&[NotifyState::Stopping, NotifyState::Status("running requests are being finished")]);
}

fn tell(state: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(state) {
        tracing::warn!(%error, "the service manager could not be told of the state of the process");
    }
}
