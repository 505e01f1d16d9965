//! Asks the gateway, or opens the files where none runs.

use crate::args::Arguments;
use crate::check;
use crate::client::{Client, Place};
use crate::error::AdminError;
use crate::progress::{self, Reader, Shown};
use opencredits_api::admin::{AdminReply, AdminRequest, PartnerRequest};
use opencredits_keys::Mode;
use opencredits_service::config::Config;
use tokio::runtime::{Builder, Runtime};

/// The reply of the gateway or the files.
pub(crate) fn asked(request: AdminRequest, arguments: &Arguments) -> Result<AdminReply, AdminError> {
    let config = located(arguments)?;
    let shown = progress::what(&request).map(|what| Shown::new(what, Reader::of(arguments.json)));
    runtime()?.block_on(ask(request, arguments, (&config, shown.as_ref())))
}

/// What runs a command.
pub(crate) fn runtime() -> Result<Runtime, AdminError> {
    Builder::new_current_thread().enable_all().build().map_err(AdminError::Runtime)
}

/// The folder, and the mode of it.
pub(crate) fn place(arguments: &Arguments) -> Result<Place, AdminError> {
    let mode = if arguments.test { Mode::Test } else { Mode::Live };
    Ok(Place { data: located(arguments)?.data.dir.into(), mode })
}

/// The config, with the data folder of the command line.
pub(crate) fn located(arguments: &Arguments) -> Result<Config, AdminError> {
    let mut config = check::read_config(arguments.config.as_ref())?;
    if let Some(dir) = &arguments.data {
        config.data.dir.clone_from(dir);
    }
    Ok(config)
}

async fn ask(
    request: AdminRequest,
    arguments: &Arguments,
    (config, shown): (&Config, Option<&Shown>),
) -> Result<AdminReply, AdminError> {
    // The files of test mode are opened for what gives partners their part of it only.
    let with_desk =
        matches!(request, AdminRequest::AddPartner(_) | AdminRequest::Partners(PartnerRequest::Applications(_)));
    Client::open(&place(arguments)?, config, with_desk).await?.ask(request, shown).await
}
