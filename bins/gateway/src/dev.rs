//! `dev`: the same server, with a sample person and the offline sandbox, and lines to paste.

use crate::build::Built;
use crate::error::StartError;
use crate::ports;
use crate::privacy;
use opencredits_service::accounts::{AccountsError, Grant, NewKey, NewUser};
use opencredits_service::config::{Config, LogFormat, MailTransport, Processor};
use opencredits_store::Rates;
use opencredits_units::NanoUsd;
use std::path::Path;

/// The credits of the sample person: 1,000 at the default price.
const SAMPLE_GRANT: NanoUsd = NanoUsd::new(10_000_000_000);

/// The label of the sample person.
const SAMPLE_LABEL: &str = "sample person";
/// Who mails come from.
const SENDER: &str = "OpenCredits <mail@localhost>";
/// The operator's command line, whose binary is beside ours.
const ADMIN: &str = "opencredits-admin";

/// Adjusts the config for `dev`: the sandbox is on sale, and log lines are for people.
pub(crate) fn adjust(config: &mut Config) {
    config.catalog.sandbox = true;
    if config.payments.processor == Processor::None {
        config.payments.processor = Processor::Sandbox;
    }
    config.log.format = LogFormat::Pretty;
    config.identity.keys_in_data = true;
    privacy::adjust_dev(config);
    if config.email.transport == MailTransport::None {
        config.email.transport = MailTransport::Console;
        config.email.from.get_or_insert_with(|| SENDER.to_owned());
    }
}

/// Names this machine as browsers know it: passkeys belong to a name, and `127.0.0.1` is none.
pub(crate) fn name_locally(config: &mut Config) {
    let server = &mut config.server;
    if server.public_url.is_none()
        && let Some(port) = server.listen.strip_prefix("127.0.0.1:")
    {
        server.public_url = Some(format!("{}://localhost:{port}", server.scheme()));
    }
}

/// Creates the sample person where the folder has none, and prints lines to paste.
pub(crate) async fn greet(built: &Built, config: &Config) -> Result<(), StartError> {
    let accounts = &built.accounts;
    let user = match accounts.add_user(NewUser { id: None, label: SAMPLE_LABEL.to_owned() }).await {
        Ok(user) => user,
        Err(AccountsError::UserExists { .. }) => {
            print(&again(config, &admin()));
            return Ok(());
        }
        Err(error) => return Err(error.into()),
    };
    let reason = "sample credits".to_owned();
    accounts.grant_credits(Grant { user: user.id, amount: SAMPLE_GRANT, id: None, reason }).await?;
    let new = NewKey {
        user: user.id,
        partner: None,
        name: "sample key".to_owned(),
        limit: None,
        expires_at: None,
        allowed_models: None,
        rates: Rates::default(),
    };
    let (_, key) = accounts.add_key(new).await?;
    print(&first(config, key.reveal()));
    Ok(())
}

#[expect(clippy::print_stdout, reason = "what `dev` is for")]
fn print(text: &str) {
    println!("{text}");
}

/// What the first start says; the places to fill in are in capital letters.
const FIRST: &str = include_str!("dev.txt");

fn first(config: &Config, key: &str) -> String {
    let filled =
        FIRST.replace("{CODES}", codes(config)).replace("{URL}", &config.server.public_url()).replace("{KEY}", key);
    filled.replace("{DIR}", &config.data.dir)
}

/// The command that calls the admin tool: beside this program, through cargo where cargo started it, else by its name.
fn admin() -> String {
    let called = std::env::args().next().unwrap_or_default();
    let beside = Path::new(&called).with_file_name(ADMIN);
    if beside.components().count() > 1 && beside.is_file() {
        return beside.display().to_string();
    }
    let by_cargo = ports::environment().iter().any(|(name, _)| name == "CARGO_MANIFEST_DIR");
    if by_cargo { format!("cargo run --release -p {ADMIN} --") } else { ADMIN.to_owned() }
}

/// Where a code to sign in is to be found.
const fn codes(config: &Config) -> &'static str {
    match config.email.transport {
        MailTransport::Console => "Mails are not sent: a code to sign in is printed here.",
        _ => "Codes to sign in are mailed, as [email] says.",
    }
}

fn again(config: &Config, admin: &str) -> String {
    format!(
        r#"
OpenCredits is at {url}, with the data in {dir} as you left it.
{CODES}
The key of the {SAMPLE_LABEL} was shown when it was made; only its digest is kept, so it cannot be shown again. Make another with

    {admin} --data {dir} key add "{SAMPLE_LABEL}"
"#,
        url = config.server.public_url(),
        dir = config.data.dir,
        CODES = codes(config),
    )
}
