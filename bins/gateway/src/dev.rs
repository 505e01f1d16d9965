//! `dev`: the same server, with a sample person and the offline sandbox, and lines to paste.

use crate::StartError;
use crate::build::Built;
use opencredits_service::accounts::{Grant, NewKey, NewUser};
use opencredits_service::config::{Config, LogFormat};
use opencredits_units::{NanoUsd, UserId};

/// What the sample person is given: 1,000 credits at the default price.
const SAMPLE_GRANT: NanoUsd = NanoUsd::new(10_000_000_000);

/// What `dev` changes in the config: the sandbox is offered, and log lines are for people.
pub(crate) fn adjust(config: &mut Config) {
    config.catalog.sandbox = true;
    config.log.format = LogFormat::Pretty;
}

/// Makes the sample person at the first start and prints lines to paste.
pub(crate) async fn greet(built: &Built, config: &Config) -> Result<(), StartError> {
    let accounts = &built.accounts;
    if !accounts.list_users(UserId::default(), 1).await?.is_empty() {
        print(&again(config));
        return Ok(());
    }
    let user = accounts.add_user(NewUser { id: None, label: "sample person".to_owned() }).await?;
    let reason = "sample credits".to_owned();
    accounts.grant_credits(Grant { user: user.id, amount: SAMPLE_GRANT, id: None, reason }).await?;
    let new = NewKey {
        user: user.id,
        partner: None,
        name: "sample key".to_owned(),
        limit: None,
        expires_at: None,
        allowed_models: None,
    };
    let (_, key) = accounts.add_key(new).await?;
    print(&first(config, key.reveal()));
    Ok(())
}

#[expect(clippy::print_stdout, reason = "what `dev` is for")]
fn print(text: &str) {
    println!("{text}");
}

fn first(config: &Config, key: &str) -> String {
    let url = config.server.public_url();
    format!(
        r#"
OpenCredits is at {url}, with its data in {dir}.
A sample person has 1,000 credits. Their key is shown this once:

    {key}

Models: {url}/v1/models

    curl {url}/v1/chat/completions -H "Authorization: Bearer {key}" -H "Content-Type: application/json" \
      -d '{{"model": "sandbox/gpt", "messages": [{{"role": "user", "content": "Hello"}}]}}'

    curl -N {url}/v1/messages -H "x-api-key: {key}" -H "Content-Type: application/json" \
      -d '{{"model": "sandbox/claude", "max_tokens": 200, "stream": true, "messages": [{{"role": "user", "content": "Hello"}}]}}'

    curl {url}/v1/credits/balance -H "Authorization: Bearer {key}"
"#,
        dir = config.data.dir,
    )
}

fn again(config: &Config) -> String {
    format!(
        r#"
OpenCredits is at {url}, with the data in {dir} as you left it.
The key of your first start still works; only its digest is kept, so it cannot be shown again. Make another with

    cargo run --release -p opencredits-admin -- --data {dir} user list
    cargo run --release -p opencredits-admin -- --data {dir} key add --user USER
"#,
        url = config.server.public_url(),
        dir = config.data.dir,
    )
}
