//! `opencredits-admin doctor`: checks an installation, and says what to do.

mod certificate;
mod database;
mod finding;
mod folder;
mod mail;
mod peers;

use crate::check;
use crate::error::AdminError;
use crate::ports;
use crate::table::Table;
use clap::Args;
use finding::{Finding, Health};
use opencredits_service::Clock;
use opencredits_service::ServedCatalogue;
use opencredits_service::config::Config;
use serde::Serialize;
use std::fmt;
use std::path::PathBuf;

/// What is looked at besides the config.
#[derive(Args, Clone)]
pub(crate) struct DoctorOrder {
    /// The folder with backups; without it they are not looked at.
    #[arg(long, value_name = "DIR")]
    backups: Option<PathBuf>,
    /// Asks neither providers nor the public address nor the mail server.
    #[arg(long)]
    offline: bool,
}

/// Everything that was looked at.
#[derive(Serialize)]
pub(crate) struct Diagnosis {
    /// The kind of this reply, as in other replies.
    reply: &'static str,
    /// Whether nothing is bad.
    healthy: bool,
    findings: Vec<Finding>,
}

impl Diagnosis {
    pub(crate) const fn is_healthy(&self) -> bool {
        self.healthy
    }
}

/// Looks at everything.
pub(crate) async fn diagnose(order: &DoctorOrder, config: &Config, clock: &dyn Clock) -> Result<Diagnosis, AdminError> {
    let variables = ports::environment();
    let mut findings = of_config(config, &variables)?;
    findings.extend(certificate::findings(&config.server, clock.now()));
    findings.extend(database::finding(&config.database));
    findings.extend(folder::findings(config.data.dir.as_ref()));
    findings.push(folder::backups(order.backups.as_deref(), clock.now()));
    if !order.offline {
        findings.extend(peers::findings(config, &ServedCatalogue::read(config, &variables)?, clock).await?);
    }
    let healthy = findings.iter().all(|finding| finding.health != Health::Bad);
    Ok(Diagnosis { reply: "diagnosed", healthy, findings })
}

fn of_config(config: &Config, variables: &[(String, String)]) -> Result<Vec<Finding>, AdminError> {
    let checked = check::check(config, variables)?;
    let remedy = "see `opencredits-admin config check`";
    let notices = checked.notices().iter().map(|notice| Finding::warning("config", notice, remedy));
    let models = checked.models();
    let offer = match models {
        0 => {
            Finding::bad("offer", "no model is on sale", "set the key of a provider: `opencredits-admin config check`")
        }
        _ => Finding::good("offer", format!("{models} models are on sale")),
    };
    Ok([Finding::good("config", "it is valid")].into_iter().chain(notices).chain([offer]).collect())
}

impl fmt::Display for Diagnosis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut table = Table::new(["what", "is", "found"]);
        for Finding { what, health, found, remedy } in &self.findings {
            let health = match health {
                Health::Good => "good",
                Health::Warning => "warning",
                Health::Bad => "BAD",
            };
            table.row([what.clone(), health.to_owned(), found.clone()]);
            if let Some(remedy) = remedy {
                table.row([String::new(), String::new(), format!("→ {remedy}")]);
            }
        }
        write!(f, "{}", table.text(""))?;
        let count = |health| self.findings.iter().filter(|finding| finding.health == health).count();
        writeln!(f, "{} bad, {} to look at", count(Health::Bad), count(Health::Warning))
    }
}
