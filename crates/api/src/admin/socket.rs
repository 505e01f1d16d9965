//! The endpoint, and its Unix socket.

use super::answer::Admin;
use super::follow::{FOLLOW_PATH, FollowRequest};
use super::progress::WATCH_HEADER;
use super::reply::Refusal;
use super::request::AdminRequest;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, State};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Json, Router};
use http::HeaderMap;
use http::header::CACHE_CONTROL;
use std::fs::{DirBuilder, Permissions};
use std::future::Future;
use std::io;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::net::UnixListener;

/// The socket's name in the data folder.
pub const SOCKET_FILE: &str = "admin.sock";
/// A private folder in which the socket is created before it has its permissions.
const MAKING_DIR: &str = ".admin.sock.new";
/// The longest request, in bytes.
const BODY_BYTES_MAX: usize = 2 << 20;
/// The time that running requests get once the socket closes.
const CLOSE_MAX: Duration = Duration::from_secs(5);

/// The admin socket cannot be opened.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on the admin socket {}: {source}; its path must be free, writable and under 100 bytes", path.display())]
pub struct SocketError {
    /// The path of the socket.
    path: PathBuf,
    source: io::Error,
}

/// The endpoint that takes an [`AdminRequest`], and the one by which the access log is followed.
pub fn admin_router(admin: Admin) -> Router {
    Router::new()
        .route("/admin", post(endpoint))
        .route(FOLLOW_PATH, post(follow))
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        .with_state(admin)
}

async fn endpoint(State(admin): State<Admin>, headers: HeaderMap, body: Bytes) -> Response {
    let request: AdminRequest = match serde_json::from_slice(&body) {
        Ok(request) => request,
        Err(error) => {
            let words = format!("this is no request of the admin tool: {error}");
            return refuse(Refusal::invalid(words));
        }
    };
    let id = headers.get(WATCH_HEADER).and_then(|id| id.to_str().ok()?.parse().ok());
    let answered = match id {
        Some(id) => {
            let (admin, _watched) = admin.watched(id);
            admin.answer(request).await
        }
        None => admin.answer(request).await,
    };
    match answered {
        // A reply may hold a secret: no cache may store it.
        Ok(reply) => ([(CACHE_CONTROL, "no-store")], Json(reply)).into_response(),
        Err(refusal) => refuse(refusal),
    }
}

async fn follow(State(admin): State<Admin>, body: Bytes) -> Response {
    let request: FollowRequest = match serde_json::from_slice(&body) {
        Ok(request) => request,
        Err(error) => return refuse(Refusal::invalid(format!("this is no request to follow the access log: {error}"))),
    };
    admin.follow(request).await.unwrap_or_else(refuse)
}

fn refuse(refusal: Refusal) -> Response {
    (refusal.code.status(), Json(refusal)).into_response()
}

/// A Unix socket that only the gateway's own user can open. Dropping it deletes its file.
#[derive(Debug)]
pub struct AdminSocket {
    listener: UnixListener,
    file: SocketFile,
}

impl AdminSocket {
    /// Listens on `admin.sock` in this folder. The caller has locked the folder's ledger, so an existing socket was
    /// left by a process that is gone.
    ///
    /// # Errors
    /// When the socket cannot be made there. Needs a tokio runtime.
    pub fn bind(dir: &Path) -> Result<Self, SocketError> {
        let path = dir.join(SOCKET_FILE);
        match bind_privately(dir, &path) {
            Ok(listener) => Ok(Self { listener, file: SocketFile(path) }),
            Err(source) => Err(SocketError { path, source }),
        }
    }

    /// Answers until `stop` resolves, then gives running requests some seconds to finish.
    pub async fn serve(self, admin: Admin, stop: impl Future<Output = ()> + Send + 'static) {
        let Self { listener, file } = self;
        let (stopped, stopping) = tokio::sync::oneshot::channel();
        let access = admin.access.clone();
        let stop = async move {
            stop.await;
            // Those who follow would hold the socket open for ever.
            if let Some(access) = access {
                access.end_following();
            }
            let _nobody_waits = stopped.send(());
        };
        let serving = axum::serve(listener, admin_router(admin)).with_graceful_shutdown(stop);
        let bound = async move {
            let _stopped = stopping.await;
            tokio::time::sleep(CLOSE_MAX).await;
        };
        tokio::select! {
            ended = serving.into_future() => {
                if let Err(error) = ended {
                    tracing::error!(%error, "the admin socket has failed; restart the gateway to have it back");
                }
            }
            () = bound => tracing::warn!("a request on the admin socket was cut off"),
        }
        drop(file);
    }
}

/// Deletes the socket's file with the socket.
#[derive(Debug)]
struct SocketFile(PathBuf);

impl Drop for SocketFile {
    fn drop(&mut self) {
        let _best_effort = std::fs::remove_file(&self.0);
    }
}

/// A socket is created with the permissions that the process's umask leaves, and set right only then. Created in a
/// private folder, it is never open to others, not for an instant.
fn bind_privately(dir: &Path, path: &Path) -> io::Result<UnixListener> {
    let making = dir.join(MAKING_DIR);
    let _left_by_a_crash = std::fs::remove_dir_all(&making);
    DirBuilder::new().mode(0o700).create(&making)?;
    let new = making.join("s");
    let listener = UnixListener::bind(&new)?;
    std::fs::set_permissions(&new, Permissions::from_mode(0o600))?;
    std::fs::rename(&new, path)?;
    std::fs::remove_dir(&making)?;
    Ok(listener)
}
