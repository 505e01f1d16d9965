//! A connection to the database, and what it hears besides answers.

use super::error::Trouble;
use opencredits_postgres::Settings;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::task::AbortHandle;
use tokio_postgres::Client;

/// Where in PostgreSQL's source a notice is from when a commit stopped waiting for the standby (syncrep.c, since 9.1). Unlike its text
/// it is in no language.
const WAIT_CANCELLED: &str = "SyncRepWaitForLSN";
/// A database that does not answer a read for so long is taken as away.
pub(crate) const PATIENCE: Duration = Duration::from_secs(5);

/// A new connection.
pub(crate) struct Connected {
    pub(crate) client: Client,
    /// Ends it at once.
    pub(crate) work: AbortHandle,
    /// Whether a commit has stopped waiting for the standby.
    pub(crate) was_cancelled: Arc<AtomicBool>,
}

/// Connects.
pub(crate) async fn connect(settings: &Settings) -> Result<Connected, Trouble> {
    let was_cancelled = Arc::new(AtomicBool::new(false));
    let theirs = Arc::clone(&was_cancelled);
    let client = opencredits_postgres::connect_with_notices(settings, move |notice| {
        if notice.routine() == Some(WAIT_CANCELLED) {
            theirs.store(true, Ordering::Release);
        }
    });
    let (client, work) = tokio::time::timeout(PATIENCE, client).await.map_err(|_| Trouble::silent())??;
    Ok(Connected { client, work, was_cancelled })
}
