//! People's data on the command line.

use crate::confirm::{Agreement, Previewed, agreed};
use crate::dates;
use crate::error::AdminError;
use crate::ports::{SystemEntropy, absolute};
use clap::{Args, Subcommand};
use opencredits_api::admin::{AdminRequest, PrivacyRequest};
use opencredits_service::privacy::fresh_address_key;
use std::fs::File;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

/// Only the operator may read a key.
const KEY_MODE: u32 = 0o600;

#[derive(Subcommand)]
pub(crate) enum PrivacyCommand {
    /// Lists what is held, how old it is, which setting bounds that, and which keys encrypt addresses.
    Report,
}

#[derive(Subcommand)]
pub(crate) enum PolicyCommand {
    /// Publishes a version of the policy: everybody with an account and an address gets one mail about it.
    Publish {
        /// Its name, such as 2026-12.
        #[arg(long, value_name = "VERSION")]
        version: String,
        /// From when on it holds: a day, or a time, UTC.
        #[arg(long, value_name = "DATE")]
        effective: String,
        /// What changes, in a sentence or two.
        #[arg(long, value_name = "TEXT")]
        summary: String,
        /// Does it without asking.
        #[arg(long)]
        yes: bool,
    },
    /// Lists the versions, and how many people were told of each.
    List,
}

#[derive(Subcommand)]
pub(crate) enum KeyFileCommand {
    /// Makes a key for addresses in a new file that only you can read. Name the file in privacy.address_keys_file.
    New {
        /// The file.
        path: PathBuf,
    },
}

/// A deletion.
#[derive(Args, Clone)]
pub(crate) struct DeletionOrder {
    /// The person, by id or by label.
    user: String,
    /// Deletes the account at once, without the days of privacy.deletion_grace_days.
    #[arg(long)]
    now: bool,
    #[command(flatten)]
    agreement: Agreement,
}

impl DeletionOrder {
    pub(crate) fn previewed(&self) -> Previewed {
        let user = || self.user.clone();
        let warning = if self.now {
            "This deletes the account now. It cannot be undone."
        } else {
            "This stops the person's keys now, and deletes the account after its grace period."
        };
        let preview = AdminRequest::Privacy(PrivacyRequest::PreviewDeletion { user: user() });
        let request = AdminRequest::Privacy(PrivacyRequest::Delete { user: user(), now: self.now });
        self.agreement.after(preview, warning, request)
    }
}

/// Everything about a person, into a file.
#[derive(Args)]
pub(crate) struct ExportOrder {
    /// The person, by id or by label.
    user: String,
    /// The new file, a ZIP archive. While a gateway runs, it is the gateway that writes it.
    #[arg(long, value_name = "FILE")]
    to: PathBuf,
}

impl ExportOrder {
    pub(crate) fn request(&self) -> Result<AdminRequest, AdminError> {
        let (user, to) = (self.user.clone(), absolute(&self.to)?);
        Ok(AdminRequest::Privacy(PrivacyRequest::Export { user, to }))
    }
}

/// A flag of a person.
#[derive(Args)]
pub(crate) struct FlagOrder {
    /// The person, by id or by label.
    pub(crate) user: String,
    /// Lifts it again.
    #[arg(long)]
    pub(crate) lift: bool,
}

impl PolicyCommand {
    pub(crate) fn request(&self) -> Result<AdminRequest, AdminError> {
        Ok(AdminRequest::Privacy(match self {
            Self::List => PrivacyRequest::Policies,
            Self::Publish { version, effective, summary, yes } => {
                let (effective_at_ms, _) = dates::parse(effective)?;
                let warning = format!("This mails everybody with an account about version {version}, once.");
                agreed((!yes).then_some(warning))?;
                PrivacyRequest::Publish { version: version.clone(), effective_at_ms, summary: summary.clone() }
            }
        }))
    }
}

/// Makes a key in a new file; returns what to say.
pub(crate) fn new_key_file(path: &Path) -> Result<String, AdminError> {
    let wrong = |source| AdminError::File { path: path.to_owned(), source };
    let mut file = File::options().create_new(true).write(true).mode(KEY_MODE).open(path).map_err(wrong)?;
    file.write_all(fresh_address_key(&SystemEntropy).as_bytes()).map_err(wrong)?;
    let shown = std::path::absolute(path).map_err(wrong)?;
    Ok(format!(
        "made a key in {0}\n\nSet it in the config, keep a copy where no backup of the data folder lies, and start the gateway again:\n\n    \
         [privacy]\n    address_keys_file = \"{0}\"\n",
        shown.display()
    ))
}
