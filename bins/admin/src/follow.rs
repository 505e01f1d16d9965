//! Follows the access log of the running gateway.

use crate::client::Place;
use crate::error::AdminError;
use bytes::Bytes;
use http::{Method, Request, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use opencredits_api::admin::{FOLLOW_PATH, FollowLine, FollowRequest, Refusal, SOCKET_FILE};
use std::io::ErrorKind;
use tokio::net::UnixStream;
use tokio::sync::mpsc;

/// Lines that are read ahead of those that are shown.
const AHEAD_MAX: usize = 256;

/// Lines as they come. Dropping it ends the connection.
pub(crate) struct Lines {
    lines: mpsc::Receiver<Result<FollowLine, AdminError>>,
    _reading: tokio::task::JoinSet<()>,
}

impl Lines {
    /// Begins to follow.
    pub(crate) async fn open(place: &Place, order: &FollowRequest) -> Result<Self, AdminError> {
        let path = place.dir().join(SOCKET_FILE);
        let stream = UnixStream::connect(&path).await.map_err(|source| match source.kind() {
            ErrorKind::NotFound | ErrorKind::ConnectionRefused => AdminError::NoGateway { path: place.dir() },
            _ => AdminError::Socket { path: path.clone(), source },
        })?;
        let order = Bytes::from(serde_json::to_vec(order)?);
        let (sender, lines) = mpsc::channel(AHEAD_MAX);
        let mut reading = tokio::task::JoinSet::new();
        reading.spawn(async move {
            if let Err(error) = read(stream, order, &sender).await {
                // Who does not listen any more needs no reason.
                let _heard = sender.send(Err(error)).await;
            }
        });
        Ok(Self { lines, _reading: reading })
    }

    /// The next line; `None` once the gateway has ended.
    pub(crate) async fn next(&mut self) -> Option<Result<FollowLine, AdminError>> {
        self.lines.recv().await
    }
}

fn lost(source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> AdminError {
    AdminError::Lost { remedy: None, source: source.into() }
}

async fn read(
    stream: UnixStream,
    order: Bytes,
    lines: &mpsc::Sender<Result<FollowLine, AdminError>>,
) -> Result<(), AdminError> {
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(lost)?;
    let request = Request::builder()
        .method(Method::POST)
        .uri(FOLLOW_PATH)
        .header(http::header::HOST, "admin")
        .header(http::header::CONTENT_TYPE, "application/json")
        .body(Full::new(order))
        .map_err(lost)?;
    let answered = async {
        let answer = sender.send_request(request).await.map_err(lost)?;
        let (status, body) = (answer.status(), answer.into_body());
        if status == StatusCode::OK {
            return hand_on(body, lines).await;
        }
        let refused = body.collect().await.map_err(lost)?.to_bytes();
        Err(serde_json::from_slice::<Refusal>(&refused)?.into())
    };
    tokio::pin!(connection, answered);
    tokio::select! {
        answer = &mut answered => answer,
        ended = &mut connection => match ended {
            Ok(()) => answered.await,
            Err(error) => Err(lost(error)),
        },
    }
}

/// Hands each line on, until the last or until nobody listens.
async fn hand_on(mut body: Incoming, lines: &mpsc::Sender<Result<FollowLine, AdminError>>) -> Result<(), AdminError> {
    let mut rest = Vec::new();
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.map_err(lost)?.into_data() else { continue };
        rest.extend_from_slice(&data);
        while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = rest.drain(..=end).collect();
            if lines.send(Ok(serde_json::from_slice(&line)?)).await.is_err() {
                return Ok(());
            }
        }
    }
    Ok(())
}
