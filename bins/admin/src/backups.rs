//! Restores and checks backups, on files that no gateway has open.

use crate::args::RestoreOrder;
use crate::error::AdminError;
use opencredits_api::admin::{AdminReply, BackupView};
use opencredits_backup::{Restored, Restoring};
use opencredits_service::Clock;
use std::path::Path;

/// Restores a backup into the folder that the order names, else into `data`; or checks it only.
pub(crate) fn restore(order: &RestoreOrder, data: &Path, clock: &dyn Clock) -> Result<AdminReply, AdminError> {
    let from = &order.backup;
    if order.check {
        let checked = opencredits_backup::check(from)?;
        return Ok(AdminReply::BackupChecked { backup: BackupView::new(from.clone(), checked) });
    }
    let to = order.to.as_deref().unwrap_or(data);
    let restoring = Restoring { from, to, replace: order.replace, at: clock.now() };
    let Restored { path, checked, replaced } = opencredits_backup::restore(restoring)?;
    Ok(AdminReply::Restored { backup: BackupView::new(from.clone(), checked), to: path, replaced })
}
