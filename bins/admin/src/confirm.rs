//! Asks before what cannot be undone.

use crate::error::AdminError;
use std::io::{BufRead, IsTerminal, Write};

/// Shows what will happen and asks; goes on where there is nothing to ask.
///
/// # Errors
/// When the operator does not agree, or is not at a terminal and cannot be asked.
pub(crate) fn agreed(warning: Option<String>) -> Result<(), AdminError> {
    let Some(warning) = warning else {
        return Ok(());
    };
    if !std::io::stdin().is_terminal() {
        return Err(AdminError::NotAgreed { warning });
    }
    let mut error = std::io::stderr();
    // Where nothing can be shown, nothing is read either, and the answer is no.
    let _shown = write!(error, "{warning} Go on? [y/N] ").and_then(|()| error.flush());
    let mut answer = String::new();
    let read = std::io::stdin().lock().read_line(&mut answer);
    if read.is_ok() && matches!(answer.trim(), "y" | "Y" | "yes") {
        return Ok(());
    }
    Err(AdminError::NotAgreed { warning })
}
