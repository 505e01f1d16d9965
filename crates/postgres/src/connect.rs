//! Connections.

use crate::error::PostgresError;
use crate::settings::Settings;
use deadpool_postgres::{Manager, ManagerConfig, RecyclingMethod, Runtime};
use std::future::poll_fn;
use std::time::Duration;
use tokio::task::AbortHandle;
use tokio_postgres::AsyncMessage;
use tokio_postgres::error::DbError;

pub use deadpool_postgres::Pool;
pub use tokio_postgres::Client;

/// Nobody waits longer for a connection of a pool.
const WAIT_MAX: Duration = Duration::from_secs(10);

/// Connects. A task on the current runtime works for the connection and ends with it.
///
/// # Errors
/// When the server cannot be reached, or refuses.
pub async fn connect(settings: &Settings) -> Result<Client, PostgresError> {
    Ok(connect_with_notices(settings, |_| {}).await?.0)
}

/// The same, and each notice of the server is given to `notice` before the statement that it belongs to is answered. The handle ends the
/// connection at once, whatever it waits for: the server undoes its transaction as soon as it would read from it again.
///
/// # Errors
/// As [`connect`].
pub async fn connect_with_notices(
    settings: &Settings,
    notice: impl Fn(&DbError) + Send + 'static,
) -> Result<(Client, AbortHandle), PostgresError> {
    let (client, mut connection) = settings.config().connect(settings.tls()?).await?;
    let work = async move {
        // The client tells whoever uses it next that the connection is lost.
        while let Some(Ok(message)) = poll_fn(|context| connection.poll_message(context)).await {
            if let AsyncMessage::Notice(said) = message {
                notice(&said);
            }
        }
    };
    #[expect(clippy::disallowed_methods, reason = "the one task of a connection, which ends with its client")]
    let work = tokio::spawn(work).abort_handle();
    Ok((client, work))
}

/// A pool of at most so many connections, each made when it is needed first. One that was lost is replaced.
///
/// # Errors
/// When TLS cannot be set up. The server is not asked yet.
pub fn pool(settings: &Settings, connections_max: usize) -> Result<Pool, PostgresError> {
    let config = ManagerConfig { recycling_method: RecyclingMethod::Fast };
    let manager = Manager::from_config(settings.config().clone(), settings.tls()?, config);
    let builder = Pool::builder(manager).max_size(connections_max.max(1)).runtime(Runtime::Tokio1);
    let waits = Some(WAIT_MAX);
    let built = builder.wait_timeout(waits).create_timeout(waits).recycle_timeout(waits).build();
    // It fails only without a runtime.
    built.map_err(|_| PostgresError::Closed)
}
