//! Shows replies.

use crate::args::Arguments;
use crate::error::AdminError;
use crate::output::print;
use crate::{exit, show, show_reload, show_users};
use opencredits_api::admin::AdminReply;
use std::process::ExitCode;

/// Shows a reply, as JSON where that is wanted.
///
/// # Errors
/// When nothing can be printed.
pub(crate) fn answered(arguments: &Arguments, reply: &AdminReply) -> Result<ExitCode, AdminError> {
    print(&if arguments.json { serde_json::to_string_pretty(reply)? } else { words(reply) })?;
    Ok(exit::code_of(reply))
}

/// A reply in words.
pub(crate) fn words(reply: &AdminReply) -> String {
    show_users::show(reply).or_else(|| show_reload::show(reply)).unwrap_or_else(|| show::show(reply))
}
