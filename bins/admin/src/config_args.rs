//! The config on the command line.

use clap::{Args, Subcommand};
use opencredits_service::config::{Config, ConfigText, EditError};
use std::path::PathBuf;

#[derive(Subcommand)]
pub(crate) enum ConfigCommand {
    /// Checks the config and shows the one in force.
    Check {
        /// The file. Default: that of --config.
        file: Option<PathBuf>,
    },
    /// Prints a compiled-in vendor, to copy into a config.
    Vendor {
        /// Its id.
        id: String,
    },
    /// Prints a setting as the config file has it, or its default.
    Get {
        /// The setting, such as billing.markup_bps.
        key: String,
    },
    /// Sets a setting in the config file and reloads, once you agree.
    Set {
        /// The setting, such as billing.markup_bps.
        key: String,
        /// The value: a text, a number, true or false, or TOML such as ["a", "b"].
        #[arg(allow_hyphen_values = true)]
        value: String,
        #[command(flatten)]
        consent: Consent,
    },
    /// Takes a setting out of the config file, so that its default holds, and reloads, once you agree.
    Unset {
        /// The setting, such as billing.markup_bps.
        key: String,
        #[command(flatten)]
        consent: Consent,
    },
}

#[derive(Args, Clone)]
pub(crate) struct Consent {
    /// Does it without asking.
    #[arg(long)]
    yes: bool,
}

#[derive(Subcommand)]
pub(crate) enum VendorCommand {
    /// Adds a vendor of your own to the config file and reloads, once you agree.
    Add {
        /// Its id.
        id: String,
        /// The URL of its API, such as `https://models.example/v1`.
        #[arg(long)]
        url: String,
        /// Its dialect.
        #[arg(long, default_value = "openai-chat")]
        dialect: String,
        /// The variable with our key there; none where it needs no key.
        #[arg(long, value_name = "VARIABLE")]
        key_env: Option<String>,
        #[command(flatten)]
        consent: Consent,
    },
    /// Removes a vendor of your own from the config file and reloads, once you agree.
    Remove {
        /// Its id.
        id: String,
        #[command(flatten)]
        consent: Consent,
    },
}

#[derive(Subcommand)]
pub(crate) enum ModelCommand {
    /// Which models are offered.
    #[command(subcommand)]
    Offer(OfferCommand),
}

#[derive(Subcommand)]
pub(crate) enum OfferCommand {
    /// Adds a pattern to offer.allow and reloads, once you agree.
    Add {
        /// The pattern, such as author/*.
        pattern: String,
        #[command(flatten)]
        consent: Consent,
    },
    /// Removes a pattern from offer.allow and reloads, once you agree.
    Remove {
        /// The pattern, as offer.allow has it.
        pattern: String,
        #[command(flatten)]
        consent: Consent,
    },
}

#[derive(Subcommand)]
pub(crate) enum MarkupCommand {
    /// Sets the markup on all models, or on some of them, and reloads, once you agree.
    Set {
        /// The markup in hundredths of a percent: 2500 is 25 %.
        bps: u32,
        /// Patterns of models; may be repeated. Without any it is the general markup.
        #[arg(long = "model", value_name = "PATTERN")]
        models: Vec<String>,
        #[command(flatten)]
        consent: Consent,
    },
}

#[derive(Args)]
pub(crate) struct ReloadArguments {
    /// Shows what it would change, and changes nothing.
    #[arg(long)]
    pub(crate) dry_run: bool,
}

/// What is done about the config.
pub(crate) enum ConfigTask {
    /// It is checked.
    Check(Option<PathBuf>),
    /// A compiled-in vendor is printed.
    Vendor(String),
    /// A setting is printed.
    Setting(String),
    /// The config file is changed, once the operator agrees.
    Edit(EditOrder),
}

/// A change of a config file.
pub(crate) struct EditOrder {
    pub(crate) edit: Edit,
    pub(crate) yes: bool,
}

/// What changes in it.
pub(crate) enum Edit {
    Set { key: String, value: String },
    Unset { key: String },
    AddVendor { fields: Vec<(&'static str, toml::Value)> },
    RemoveVendor { id: String },
    Offer { pattern: String, is_listed: bool },
    Markup { bps: u32, models: Vec<String> },
}

impl ConfigCommand {
    pub(crate) fn task(&self) -> ConfigTask {
        match self {
            Self::Check { file } => ConfigTask::Check(file.clone()),
            Self::Vendor { id } => ConfigTask::Vendor(id.clone()),
            Self::Get { key } => ConfigTask::Setting(key.clone()),
            Self::Set { key, value, consent } => consent.task(Edit::Set { key: key.clone(), value: value.clone() }),
            Self::Unset { key, consent } => consent.task(Edit::Unset { key: key.clone() }),
        }
    }
}

impl Consent {
    const fn task(&self, edit: Edit) -> ConfigTask {
        ConfigTask::Edit(EditOrder { edit, yes: self.yes })
    }
}

impl VendorCommand {
    pub(crate) fn task(&self) -> ConfigTask {
        match self {
            Self::Remove { id, consent } => consent.task(Edit::RemoveVendor { id: id.clone() }),
            Self::Add { id, url, dialect, key_env, consent } => {
                let named = [("id", id), ("dialect", dialect), ("base_url", url)];
                let mut fields: Vec<(&str, toml::Value)> =
                    named.into_iter().map(|(name, text)| (name, text.as_str().into())).collect();
                fields.push(match key_env {
                    Some(variable) => ("key_env", variable.as_str().into()),
                    None => ("auth", "none".into()),
                });
                consent.task(Edit::AddVendor { fields })
            }
        }
    }
}

impl ModelCommand {
    pub(crate) fn task(&self) -> ConfigTask {
        let Self::Offer(offer) = self;
        let (pattern, consent, is_listed) = match offer {
            OfferCommand::Add { pattern, consent } => (pattern, consent, true),
            OfferCommand::Remove { pattern, consent } => (pattern, consent, false),
        };
        consent.task(Edit::Offer { pattern: pattern.clone(), is_listed })
    }
}

impl MarkupCommand {
    pub(crate) fn task(&self) -> ConfigTask {
        let Self::Set { bps, models, consent } = self;
        consent.task(Edit::Markup { bps: *bps, models: models.clone() })
    }
}

impl Edit {
    /// The texts that it may mean, the first choice first; of these the first that the config accepts is meant.
    pub(crate) fn candidates(&self, text: &str) -> Result<Vec<String>, EditError> {
        let before = ConfigText::parse(text)?;
        let changed = |change: &dyn Fn(&mut ConfigText) -> Result<(), EditError>| -> Result<String, EditError> {
            let mut text = before.clone();
            change(&mut text)?;
            Ok(text.to_string())
        };
        Ok(match self {
            Self::Set { key, value } => {
                let values = ConfigText::values(key, value)?;
                values.iter().map(|value| changed(&|text| text.set(key, value))).collect::<Result<_, _>>()?
            }
            Self::Unset { key } => vec![changed(&|text| text.unset(key).map(|_| ()))?],
            Self::AddVendor { fields } => vec![changed(&|text| text.add_entry("vendor", fields))?],
            Self::RemoveVendor { id } => vec![changed(&|text| text.remove_entry("vendor", id))?],
            Self::Offer { pattern, is_listed } => {
                vec![changed(&|text| text.listed("offer.allow", pattern, *is_listed).map(|_| ()))?]
            }
            Self::Markup { bps, models } if models.is_empty() => {
                let key = "billing.markup_bps";
                let values = ConfigText::values(key, &bps.to_string())?;
                values.iter().take(1).map(|value| changed(&|text| text.set(key, value))).collect::<Result<_, _>>()?
            }
            Self::Markup { bps, models } => vec![changed(&|text| text.set_markup(models, *bps))?],
        })
    }
}

/// A setting in words: as the file has it, else its default.
pub(crate) fn setting(text: &str, key: &str) -> Result<String, EditError> {
    if let Some(value) = ConfigText::parse(text)?.get(key)? {
        return Ok(format!("{value}\n"));
    }
    let defaults = toml::Table::try_from(Config::default()).unwrap_or_default();
    let default = key.split_once('.').and_then(|(section, field)| defaults.get(section)?.get(field));
    Ok(default.map_or_else(|| "not set\n".to_owned(), |default| format!("{default} (default)\n")))
}
