//! Notifications of a server.

use crate::error::PostgresError;
use crate::settings::Settings;
use std::convert::Infallible;
use std::future::poll_fn;
use std::pin::pin;
use std::time::Duration;
use tokio::time::sleep;
use tokio_postgres::AsyncMessage;

/// Between a connection that was lost and the next, and between those that fail: the second is twice as long as the first, and so on.
const PAUSE_MIN: Duration = Duration::from_millis(100);
const PAUSE_MAX: Duration = Duration::from_secs(2);

/// Calls `heard` at each notification on a channel, and each time that it begins to listen: what was notified before that was not heard.
/// The channel is a plain name, which becomes a part of a statement. It has a connection of its own and never ends: to end it, drop it.
///
/// A connection that is lost is made anew after a pause, and `failed` is called once until it listens again. A pool before the server
/// that gives connections to transactions takes the order to listen, and nothing is heard.
pub async fn listen(
    settings: &Settings,
    channel: &'static str,
    heard: impl Fn() + Send + Sync,
    failed: impl Fn(PostgresError) + Send + Sync,
) {
    let mut pause = PAUSE_MIN;
    let mut is_told = false;
    loop {
        let mut has_listened = false;
        let Err(error) = listen_until_lost(settings, channel, &heard, &mut has_listened).await;
        if has_listened {
            pause = PAUSE_MIN;
            is_told = false;
        }
        if !is_told {
            failed(error);
            is_told = true;
        }
        sleep(pause).await;
        pause = pause.saturating_mul(2).min(PAUSE_MAX);
    }
}

async fn listen_until_lost(
    settings: &Settings,
    channel: &str,
    heard: &(impl Fn() + Send + Sync),
    has_listened: &mut bool,
) -> Result<Infallible, PostgresError> {
    let (client, mut connection) = settings.config().connect(settings.tls()?).await?;
    let order = format!("LISTEN {channel}");
    let mut begun = pin!(client.batch_execute(&order));
    loop {
        tokio::select! {
            done = &mut begun, if !*has_listened => {
                done?;
                *has_listened = true;
                heard();
            }
            message = poll_fn(|context| connection.poll_message(context)) => match message {
                Some(Ok(AsyncMessage::Notification(_))) => heard(),
                Some(Ok(_)) => {}
                Some(Err(error)) => return Err(error.into()),
                None => return Err(PostgresError::Closed),
            },
        }
    }
}
