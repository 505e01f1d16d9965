//! Restores and checks backups, on files that no gateway has open.

use crate::client::Place;
use crate::error::AdminError;
use crate::task::RestoreOrder;
use opencredits_api::admin::{AdminReply, BackupView};
use opencredits_backup::{Restored, Restoring};
use opencredits_service::Clock;
use opencredits_units::Progress;

/// Restores a backup into the folder that the order names, else into that of `place`; or checks it only.
pub(crate) fn restore(
    order: &RestoreOrder,
    place: &Place,
    clock: &dyn Clock,
    progress: &Progress,
) -> Result<AdminReply, AdminError> {
    let from = &order.backup;
    if order.check {
        let checked = opencredits_backup::check_watched(from, progress)?;
        return Ok(AdminReply::BackupChecked { backup: BackupView::new(from.clone(), checked) });
    }
    let data = place.dir();
    let to = order.to.as_deref().unwrap_or(&data);
    let Place { mode, .. } = *place;
    let restoring = Restoring { from, to, replace: order.replace, mode, at: clock.now(), progress };
    let Restored { path, checked, replaced } = opencredits_backup::restore(restoring)?;
    Ok(AdminReply::Restored { backup: BackupView::new(from.clone(), checked), to: path, replaced })
}
