//! `opencredits-gateway init`: five questions, and a config that works with the keys that it needs.

mod answers;
mod files;
mod say;
mod written;

use crate::build;
use crate::error::StartError;
use crate::ports::{self, SystemEntropy};
use answers::Given;
use opencredits_service::Entropy;
use opencredits_service::config::Config;
use say::say;
use std::path::PathBuf;
use std::process::ExitCode;
use written::Plan;

/// The number of bytes of a key.
const KEY_BYTES: usize = 32;

/// Where to write, and what is known without asking.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The folder for config and keys, which is created where there is none.
    #[arg(long, value_name = "DIR", default_value = ".")]
    to: PathBuf,
    /// Asks nothing: what is not given has its default.
    #[arg(long)]
    unattended: bool,
    #[command(flatten)]
    given: Given,
}

/// Asks, writes, checks what was written, and says how to go on.
pub(crate) fn run(args: &Args) -> Result<ExitCode, StartError> {
    let folder = files::folder(&args.to)?;
    let answers = if args.unattended { args.given.answers()? } else { args.given.ask()? };
    let plan = written::plan(&answers, &folder, || fresh_key(&SystemEntropy));
    files::write(&plan)?;
    // The check reads the files, so they are there before it; what it refuses does not stay.
    let notices = checked(&plan).inspect_err(|_| files::remove(&plan))?;
    say(&plan.words(&notices));
    Ok(ExitCode::SUCCESS)
}

/// What may be a mistake in what was written.
fn checked(plan: &Plan) -> Result<Vec<String>, StartError> {
    let mut variables = ports::environment();
    variables.extend(plan.variables.iter().cloned());
    let config = Config::read(&plan.config, variables.iter().cloned())?;
    build::check(&config, &variables)
}

fn fresh_key(entropy: &dyn Entropy) -> String {
    let mut bytes = [0; KEY_BYTES];
    entropy.fill(&mut bytes);
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
