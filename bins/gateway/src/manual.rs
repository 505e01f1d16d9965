//! The manual page and the completions of shells, for packages.

use crate::error::StartError;
use clap::CommandFactory;
use clap_complete::{Shell, generate_to};
use std::path::Path;
use std::process::ExitCode;

/// Writes a manual page for each command, and the completions of the shells that packages have a folder for.
pub(crate) fn write<C: CommandFactory>(folder: &Path) -> Result<ExitCode, StartError> {
    let wrong = |source| StartError::Io { what: folder.display().to_string(), source };
    files::<C>(folder).map_err(wrong)?;
    Ok(ExitCode::SUCCESS)
}

fn files<C: CommandFactory>(folder: &Path) -> std::io::Result<()> {
    std::fs::create_dir_all(folder)?;
    clap_mangen::generate_to(C::command(), folder)?;
    let mut command = C::command();
    let name = command.get_name().to_owned();
    for shell in [Shell::Bash, Shell::Fish, Shell::Zsh] {
        generate_to(shell, &mut command, &name, folder)?;
    }
    Ok(())
}
