//! Everything about a person, as one archive. It is written while it is sent.

use super::confirmed::{confirmed, privacy, problem};
use crate::address::{Path, Query};
use crate::answer::{Answer, private};
use crate::errors::{ErrorType, Problem};
use crate::faults;
use crate::json;
use crate::openapi::shapes;
use crate::operator::{Operator, OperatorApp};
use crate::query::Parameters;
use crate::sessions::signed_in;
use crate::state::App;
use async_trait::async_trait;
use axum::body::{Body, Bytes};
use axum::extract::State;
use futures_util::future::BoxFuture;
use futures_util::stream::{Stream, unfold};
use http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, Response, Uri};
use opencredits_service::accounts::on_behalf_of;
use opencredits_service::privacy::{Asker, ExportClosed, ExportSink, Exporter, PrivacyError};
use opencredits_service::sign_in::Purpose;
use opencredits_store::User;
use opencredits_units::UnixMs;
use serde_json::json;
use std::io;
use std::sync::Arc;
use tokio::sync::OwnedSemaphorePermit;
use tokio::sync::mpsc::{self, Receiver, Sender};

/// Portions that wait for the client.
const WAITING_MAX: usize = 2;
/// The file's name for a browser.
const FILE: HeaderValue = HeaderValue::from_static("attachment; filename=\"opencredits-export.zip\"");

/// `POST /v1/account/export`: confirms an export, which this session may fetch for some minutes.
#[utoipa::path(
    post,
    path = "/v1/account/export",
    summary = "Confirm an export",
    description = "The session may fetch it for some minutes then.",
    security(("session" = [])),
    request_body = shapes::ConfirmedBy,
    responses((status = 200, description = "What was asked for.", body = shapes::ExportConfirmed)),
)]
pub(crate) async fn confirm(State(app): State<Arc<App>>, headers: HeaderMap, body: Body) -> Answer {
    let who = confirmed(&app, Purpose::Export, &headers, body).await?;
    let privacy = privacy(&app)?;
    privacy.privacy.record_export(who.user, Asker::Person).await.map_err(|error| problem(&app, error))?;
    let expires_in = privacy.confirm_export(who.session);
    Ok(private(json::ok(&json!({ "expires_in": expires_in, "formats": ["zip"] }))))
}

/// `GET /v1/account/export`: the archive.
#[utoipa::path(
    get,
    path = "/v1/account/export",
    summary = "The export",
    description = "Everything about the person, as one archive.",
    security(("session" = [])),
    params(("format" = Option<String>, Query, pattern = "^zip$", description = "zip, the only one.")),
    responses((status = 200, description = "The archive.", body = shapes::Archive, content_type = "application/zip")),
)]
pub(crate) async fn download(
    State(app): State<Arc<App>>,
    Query(query): Query<Parameters>,
    headers: HeaderMap,
) -> Answer {
    let who = signed_in(&app, &headers).await?;
    let privacy = privacy(&app)?;
    if query.iter().any(|(name, value)| name != "format" || value != "zip") {
        let message = "an export has one form; ask for format=zip, or for nothing";
        return Err(Problem::new(ErrorType::InvalidRequest, message).with("param", "format"));
    }
    if !privacy.is_export_confirmed(who.session) {
        let message = "confirm the export first: POST /v1/auth/code with {\"purpose\": \"export\"}, then POST the challenge \
                       and the code here";
        return Err(Problem::new(ErrorType::PermissionDenied, message));
    }
    let user = privacy.privacy.find(&who.user.to_string()).await.map_err(|error| problem(&app, error))?;
    let place = place(privacy.export_place())?;
    Ok(archive((Arc::clone(&privacy.exporter), place), user, app.gateway.clock().now()))
}

/// `GET /v1/operator/people/{id}/export`: the archive of a person, for an operator.
pub(crate) async fn by_operator(
    State(state): State<OperatorApp>,
    id: Result<Path<String>, Problem>,
    uri: Uri,
    headers: HeaderMap,
) -> Answer {
    let who = Operator::of(&state, &uri, &headers).await?;
    // Whoever is no operator is told nothing of the path.
    let Path(id) = id?;
    let app = &state.app;
    let (privacy, exporter) = state.admin.privacy.as_ref().ok_or_else(elsewhere)?;
    let user = privacy.find(&id).await.map_err(|error| problem(app, error))?;
    let place = place(state.export_place())?;
    let recorded = privacy.record_export(user.id, Asker::Operator);
    on_behalf_of(who.user.id, recorded).await.map_err(|error| problem(app, error))?;
    Ok(archive((Arc::clone(exporter), place), user, app.gateway.clock().now()))
}

fn elsewhere() -> Problem {
    Problem::new(ErrorType::NotFound, "people's data is elsewhere")
}

fn place(place: Option<OwnedSemaphorePermit>) -> Result<OwnedSemaphorePermit, Problem> {
    place.ok_or_else(|| faults::unavailable("others export now; try again in a minute"))
}

fn archive((exporter, place): (Arc<Exporter>, OwnedSemaphorePermit), user: User, now: UnixMs) -> Response<Body> {
    let (sender, receiver) = mpsc::channel(WAITING_MAX);
    let export = Box::pin(async move { exporter.export(&user, now, &mut Sink(sender)).await });
    let writing = Writing { export: Some(export), receiver, _place: place };
    let mut response = Response::new(Body::from_stream(portions(writing)));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/zip"));
    response.headers_mut().insert(CONTENT_DISPOSITION, FILE);
    private(response)
}

struct Sink(Sender<Vec<u8>>);

#[async_trait]
impl ExportSink for Sink {
    async fn put(&mut self, bytes: Vec<u8>) -> Result<(), ExportClosed> {
        self.0.send(bytes).await.map_err(|_| ExportClosed("the client went away".to_owned()))
    }
}

/// An archive that is being written. It goes on as the client takes it, and ends with the connection.
struct Writing {
    export: Option<BoxFuture<'static, Result<(), PrivacyError>>>,
    receiver: Receiver<Vec<u8>>,
    _place: OwnedSemaphorePermit,
}

fn portions(writing: Writing) -> impl Stream<Item = io::Result<Bytes>> {
    unfold(writing, |mut writing| async move {
        while let Some(export) = &mut writing.export {
            tokio::select! {
                biased;
                portion = writing.receiver.recv() => {
                    return portion.map(|portion| (Ok(Bytes::from(portion)), writing));
                }
                ended = export => {
                    writing.export = None;
                    if let Err(error) = ended {
                        tracing::error!(%error, "an export broke off");
                        // The client learns of it by a body that is cut.
                        return Some((Err(io::Error::other("the export broke off")), writing));
                    }
                }
            }
        }
        let portion = writing.receiver.recv().await?;
        Some((Ok(Bytes::from(portion)), writing))
    })
}
