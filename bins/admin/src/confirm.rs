//! Asks before what cannot be undone.

use crate::error::AdminError;
use clap::Args;
use opencredits_api::admin::AdminRequest;
use std::io::{BufRead, IsTerminal, Write};

/// Whether the operator has agreed beforehand.
#[derive(Args, Clone, Copy)]
pub(crate) struct Agreement {
    /// Does it without asking.
    #[arg(long)]
    yes: bool,
}

impl Agreement {
    /// What will happen, where the operator has not agreed to it.
    pub(crate) fn unless_given(self, warning: impl FnOnce() -> String) -> Option<String> {
        (!self.yes).then(warning)
    }

    /// A request that is made once the operator agrees to what is shown first.
    pub(crate) fn after(self, preview: AdminRequest, warning: impl Into<String>, request: AdminRequest) -> Previewed {
        Previewed { preview: (!self.yes).then_some(preview), warning: warning.into(), request }
    }
}

/// A request that the operator agrees to when they see what it is about.
pub(crate) struct Previewed {
    /// Answers with what is shown first; `None` where the operator has agreed already.
    pub(crate) preview: Option<AdminRequest>,
    /// What will happen.
    pub(crate) warning: String,
    /// What is done then.
    pub(crate) request: AdminRequest,
}

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
