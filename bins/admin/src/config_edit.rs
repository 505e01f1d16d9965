//! Reads the config file and changes it: checked first, shown, agreed to, written, then reloaded.

use crate::args::Arguments;
use crate::asked::{asked, place};
use crate::check;
use crate::config_args::{ConfigTask, Edit, EditOrder, setting};
use crate::config_file::ConfigFile;
use crate::config_file_error::ConfigFileError;
use crate::confirm::agreed;
use crate::error::AdminError;
use crate::ports;
use crate::show_reload;
use opencredits_api::admin::{AdminReply, AdminRequest, ReloadRequest, ReloadView, SOCKET_FILE};
use opencredits_providers::Vendors;
use opencredits_service::config::{Config, ReloadPlan};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;

/// What is printed.
pub(crate) enum Outcome {
    Text(String),
    Reply(Box<AdminReply>),
}

/// Does what was asked for.
pub(crate) fn run(task: &ConfigTask, arguments: &Arguments) -> Result<Outcome, AdminError> {
    Ok(match task {
        ConfigTask::Check(file) => {
            let config = check::read_config(file.as_ref().or(arguments.config.as_ref()))?;
            let checked = check::check(&config, &ports::environment())?;
            Outcome::Text(if arguments.json { serde_json::to_string_pretty(&checked)? } else { checked.to_string() })
        }
        ConfigTask::Vendor(id) => {
            let text = Vendors::builtin_text(id).ok_or_else(|| AdminError::UnknownVendor { id: id.clone() })?;
            Outcome::Text(text)
        }
        ConfigTask::Setting(key) => {
            let file = ConfigFile::read(&path(arguments, gateway_runs(arguments)?)?)?;
            Outcome::Text(setting(&file.text, key).map_err(ConfigFileError::from)?)
        }
        ConfigTask::Edit(order) => Outcome::Reply(Box::new(edit(order, arguments)?)),
    })
}

/// Changes the config file. Nothing is written that the check refuses, here or in the gateway that runs.
fn edit(order: &EditOrder, arguments: &Arguments) -> Result<AdminReply, AdminError> {
    let runs = gateway_runs(arguments)?;
    let file = ConfigFile::read(&path(arguments, runs)?)?;
    let text = accepted(&order.edit, &file.text)?;
    let compared = match runs {
        true => reloaded(arguments, ReloadRequest { apply: false, text: Some(text.clone()) })?,
        false => compared(&file, &text)?,
    };
    if let Some(theirs) = compared.config.as_ref().and_then(|path| path.canonicalize().ok())
        && theirs != file.path
    {
        return Err(ConfigFileError::Other { path: file.path, theirs }.into());
    }
    if text == file.text {
        return Ok(AdminReply::Reloaded { reload: compared });
    }
    let warning = format!("{}This writes {}.", show_reload::changes(&compared), file.path.display());
    agreed((!order.yes).then_some(warning))?;
    file.replace(&text)?;
    let reload = if runs { reloaded(arguments, ReloadRequest { apply: true, text: None })? } else { compared };
    Ok(AdminReply::Reloaded { reload })
}

/// The config file: that of the command line, else that of the gateway that runs.
fn path(arguments: &Arguments, runs: bool) -> Result<PathBuf, AdminError> {
    if let Some(path) = &arguments.config {
        return Ok(path.clone());
    }
    if !runs {
        return Err(ConfigFileError::NoFile.into());
    }
    reloaded(arguments, ReloadRequest::default())?.config.ok_or_else(|| ConfigFileError::NoFile.into())
}

/// Whether a gateway answers.
fn gateway_runs(arguments: &Arguments) -> Result<bool, AdminError> {
    Ok(UnixStream::connect(place(arguments)?.dir().join(SOCKET_FILE)).is_ok())
}

/// The first text that the config accepts; the error of the first one where it accepts none.
fn accepted(edit: &Edit, text: &str) -> Result<String, AdminError> {
    let mut refused = None;
    for candidate in edit.candidates(text).map_err(ConfigFileError::from)? {
        let read = Config::read(&candidate, ports::environment()).map_err(AdminError::from);
        match read.and_then(|config| check::check(&config, &ports::environment())) {
            Ok(_) => return Ok(candidate),
            Err(error) => refused = refused.or(Some(error)),
        }
    }
    Err(refused.unwrap_or_else(|| ConfigFileError::NoFile.into()))
}

/// What changes, where no gateway runs.
fn compared(file: &ConfigFile, text: &str) -> Result<ReloadView, AdminError> {
    let read = |text: &str| Config::read(text, ports::environment());
    let plan = ReloadPlan::between(&read(&file.text)?, &read(text)?);
    Ok(ReloadView { config: Some(file.path.clone()), ..plan.into() })
}

fn reloaded(arguments: &Arguments, request: ReloadRequest) -> Result<ReloadView, AdminError> {
    match asked(AdminRequest::Reload(request), arguments)? {
        AdminReply::Reloaded { reload } => Ok(reload),
        _ => Err(ConfigFileError::NoFile.into()),
    }
}
