//! Executes requests about people's data.

use super::amount_view::AmountView;
use super::answer::{Admin, Answer};
use super::privacy_views::{DeletionPreviewView, PrivacyReply, PrivacyRequest};
use super::reply::{AdminReply, Refusal, RefusalCode};
use async_trait::async_trait;
use opencredits_service::privacy::{Asker, ExportClosed, ExportSink, Exporter, NewPolicy, Privacy, PrivacyError};
use opencredits_store::User;
use opencredits_units::Progress;
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// An export is for its person.
#[cfg(unix)]
const FILE_MODE: u32 = 0o600;

impl Admin {
    /// Answers about people's data by these use cases.
    #[must_use]
    pub fn of_privacy(mut self, privacy: Arc<Privacy>, exporter: Arc<Exporter>) -> Self {
        self.privacy = Some((privacy, exporter));
        self
    }

    pub(super) async fn privacy(&self, request: PrivacyRequest) -> Answer {
        let (privacy, exporter) =
            self.privacy.as_ref().ok_or_else(|| Refusal::invalid("people's data is elsewhere"))?;
        Ok(AdminReply::Privacy { of: Box::new(self.about_data(request, privacy, exporter).await?) })
    }

    async fn about_data(
        &self,
        request: PrivacyRequest,
        privacy: &Privacy,
        exporter: &Exporter,
    ) -> Result<PrivacyReply, Refusal> {
        let by = Asker::Operator;
        Ok(match request {
            PrivacyRequest::Report => privacy.report().await?.into(),
            PrivacyRequest::PreviewDeletion { user } => self.preview(privacy, privacy.find(&user).await?).await?,
            PrivacyRequest::Delete { user, now: true } => {
                let user = privacy.find(&user).await?.id;
                privacy.erase(user, by).await?;
                PrivacyReply::Deleted { user }
            }
            PrivacyRequest::Delete { user, now: false } => {
                let user = privacy.find(&user).await?.id;
                let due_at_ms = privacy.schedule_deletion(user, by).await?.due_at;
                PrivacyReply::DeletionScheduled { user, due_at_ms }
            }
            PrivacyRequest::Keep { user } => {
                let user = privacy.find(&user).await?.id;
                privacy.cancel_deletion(user, by).await?;
                PrivacyReply::Kept { user }
            }
            PrivacyRequest::Export { user, to } => {
                let user = privacy.find(&user).await?;
                export((exporter, &self.progress), &user, to, self.accounts.now_ms()).await?.recorded(privacy).await?
            }
            PrivacyRequest::Restrict { user, on } => {
                let user = privacy.find(&user).await?.id;
                let state = privacy.restrict(user, on, by).await?;
                let (restricted_at_ms, objected_at_ms) = (state.restricted_at, state.objected_at);
                PrivacyReply::State { user, restricted_at_ms, objected_at_ms }
            }
            PrivacyRequest::Object { user, on } => {
                let user = privacy.find(&user).await?.id;
                let state = privacy.object(user, on, by).await?;
                let (restricted_at_ms, objected_at_ms) = (state.restricted_at, state.objected_at);
                PrivacyReply::State { user, restricted_at_ms, objected_at_ms }
            }
            PrivacyRequest::Publish { version, effective_at_ms: effective_at, summary } => {
                let published = privacy.publish(NewPolicy { version, effective_at, summary }).await?;
                PrivacyReply::Policies { policies: vec![published.into()] }
            }
            PrivacyRequest::Policies => {
                let policies = privacy.policies().await?;
                PrivacyReply::Policies { policies: policies.into_iter().map(Into::into).collect() }
            }
        })
    }

    async fn preview(&self, privacy: &Privacy, user: User) -> Result<PrivacyReply, Refusal> {
        let found = privacy.preview_deletion(user.id).await?;
        let preview = DeletionPreviewView {
            user: user.id,
            label: user.label,
            due_at_ms: found.due_at,
            is_scheduled: false,
            is_deleted: false,
            balance: AmountView::new(found.balance, self.price()),
            debt: AmountView::new(found.debt, self.price()),
            has_address: false,
            keys: 0,
            management_keys: 0,
            orders: 0,
            open_orders: 0,
            partners: 0,
        };
        Ok(PrivacyReply::DeletionPreviewed { preview: preview.with(found.footprint, found.state) })
    }
}

impl PrivacyReply {
    /// Records that an export was made.
    async fn recorded(self, privacy: &Privacy) -> Result<Self, Refusal> {
        if let Self::Exported { user, .. } = &self {
            privacy.record_export(*user, Asker::Operator).await?;
        }
        Ok(self)
    }
}

/// Writes an archive into a new file; one that is cut is removed.
async fn export(
    (exporter, progress): (&Exporter, &Progress),
    user: &User,
    to: PathBuf,
    now: opencredits_units::UnixMs,
) -> Result<PrivacyReply, Refusal> {
    if !to.is_absolute() {
        return Err(Refusal::invalid(format!("{} is no absolute path", to.display())));
    }
    let file = create(&to).map_err(|error| Refusal::invalid(format!("cannot create {}: {error}", to.display())))?;
    let mut sink = FileSink { file, bytes: 0 };
    if let Err(error) = exporter.export_watched((user, now), &mut sink, progress).await {
        let _gone_or_left = std::fs::remove_file(&to);
        return Err(error.into());
    }
    Ok(PrivacyReply::Exported { user: user.id, to, bytes: sink.bytes })
}

#[cfg(unix)]
fn create(path: &Path) -> std::io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt;
    File::options().create_new(true).write(true).mode(FILE_MODE).open(path)
}

#[cfg(not(unix))]
fn create(path: &Path) -> std::io::Result<File> {
    File::options().create_new(true).write(true).open(path)
}

struct FileSink {
    file: File,
    bytes: u64,
}

#[async_trait]
impl ExportSink for FileSink {
    async fn put(&mut self, bytes: Vec<u8>) -> Result<(), ExportClosed> {
        self.bytes = self.bytes.saturating_add(u64::try_from(bytes.len()).unwrap_or(u64::MAX));
        self.file.write_all(&bytes).map_err(|error| ExportClosed(error.to_string()))?;
        tokio::task::yield_now().await;
        Ok(())
    }
}

impl From<PrivacyError> for Refusal {
    fn from(error: PrivacyError) -> Self {
        let code = match &error {
            PrivacyError::NoUser { .. } => RefusalCode::NotFound,
            PrivacyError::PolicyExists { .. } => RefusalCode::Conflict,
            PrivacyError::RunsPartners { .. }
            | PrivacyError::NotLeaving
            | PrivacyError::Erased
            | PrivacyError::Processor
            | PrivacyError::Invalid { .. } => RefusalCode::Invalid,
            _ => RefusalCode::Failed,
        };
        Self { code, refused: error.to_string() }
    }
}
