//! The admin socket.

use crate::StartError;
use opencredits_service::accounts::Accounts;
use opencredits_service::config::Config;
use std::sync::Arc;
use tokio::task::JoinSet;

/// Serves the operator's command line on a socket in the data folder.
pub(crate) fn start(_tasks: &mut JoinSet<()>, _accounts: Arc<Accounts>, _config: &Config) -> Result<(), StartError> {
    Ok(())
}
