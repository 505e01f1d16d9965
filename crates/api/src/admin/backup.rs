//! Makes a backup on a thread of its own.

use super::reply::{AdminReply, Refusal, RefusalCode};
use super::request::BackUp;
use super::views::BackupView;
use opencredits_backup::{BackupError, Source, Stop, Taken};
use opencredits_units::Progress;

/// Stops the backup whose request is dropped.
struct StopOnDrop(Stop);

impl Drop for StopOnDrop {
    fn drop(&mut self) {
        self.0.stop();
    }
}

/// Makes a backup. The thread has a low priority, and no runtime waits for it at its end: it may verify for minutes.
pub(super) async fn take(files: Source, order: BackUp, progress: &Progress) -> Result<AdminReply, Refusal> {
    if !order.into.is_absolute() {
        return Err(Refusal::invalid(format!("{} is no absolute path", order.into.display())));
    }
    let stop = Stop::telling(progress);
    let guard = StopOnDrop(stop.clone());
    let (sender, taken) = tokio::sync::oneshot::channel();
    let work = move || {
        opencredits_backup::give_way();
        let _nobody_waits = sender.send(opencredits_backup::take(files, &order.into, order.at_ms, &stop));
    };
    let failed = |refused: String| Refusal { code: RefusalCode::Failed, refused };
    let started = std::thread::Builder::new().name("backup".to_owned()).spawn(work);
    started.map_err(|error| failed(format!("cannot start a thread: {error}")))?;
    let taken = taken.await.map_err(|_| failed("the backup ended without a result; look at the log".to_owned()))?;
    drop(guard);
    let Taken { path, checked, left_out } = taken?;
    Ok(AdminReply::BackedUp { backup: BackupView::new(path, checked), left_out })
}

impl From<BackupError> for Refusal {
    fn from(error: BackupError) -> Self {
        let code = match &error {
            BackupError::Inside { .. } => RefusalCode::Invalid,
            BackupError::Exists { .. } => RefusalCode::Conflict,
            _ => RefusalCode::Failed,
        };
        Self { code, refused: error.to_string() }
    }
}
