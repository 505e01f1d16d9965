//! Checks a config without touching the data folder.

use crate::error::AdminError;
use crate::ports;
use crate::table::Table;
use opencredits_catalog::Catalog;
use opencredits_service::config::Config;
use opencredits_service::{ConfiguredVendor, ServedCatalogue};
use serde::Serialize;
use std::fmt;
use std::path::PathBuf;

/// A valid config, and its catalogue.
#[derive(Serialize)]
pub(crate) struct Checked {
    /// The kind of this reply, as in other replies.
    reply: &'static str,
    vendors: Vec<Offered>,
    models: usize,
    /// Notices for the operator.
    notices: Vec<String>,
    config: Config,
    #[serde(skip)]
    shown: String,
}

#[derive(Serialize)]
struct Offered {
    id: String,
    /// The variable with our key.
    key_env: Option<String>,
    /// The variables that it needs and that are not set.
    missing: Vec<String>,
    offered: bool,
    models: usize,
}

impl Checked {
    pub(crate) fn notices(&self) -> &[String] {
        &self.notices
    }

    /// Models on sale.
    pub(crate) const fn models(&self) -> usize {
        self.models
    }
}

/// Checks settings, vendors and models. Which vendors are on sale depends on the environment, too.
pub(crate) fn check(config: &Config, variables: &[(String, String)]) -> Result<Checked, AdminError> {
    let offer = ServedCatalogue::read(config, variables)?;
    let notices = offer.notices(config).iter().map(ToString::to_string).collect();
    let catalog = offer.offered();
    let ServedCatalogue { vendors, .. } = offer;
    let offered: Vec<Offered> = vendors
        .into_iter()
        .map(|ConfiguredVendor { vendor, missing, offered, .. }| Offered {
            id: vendor.id.to_string(),
            key_env: vendor.key_env.clone(),
            missing,
            offered,
            models: served_by(&catalog, &vendor.id),
        })
        .collect();
    let models = offered.iter().filter(|vendor| vendor.offered);
    Ok(Checked {
        reply: "config_checked",
        models: models.map(|vendor| vendor.models).sum(),
        vendors: offered,
        notices,
        config: config.clone(),
        shown: config.show().unwrap_or_default(),
    })
}

pub(crate) fn served_by(catalog: &Catalog, vendor: &str) -> usize {
    let models = catalog.models().iter();
    models.filter(|model| model.routes().any(|route| &*route.vendor == vendor)).count()
}

impl fmt::Display for Checked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut table = Table::new(["vendor", "offered", "models", "key from", "not set"]);
        let none = || "-".to_owned();
        for vendor in &self.vendors {
            let offered = if vendor.offered { "yes" } else { "no" };
            table.row([
                vendor.id.clone(),
                offered.to_owned(),
                vendor.models.to_string(),
                vendor.key_env.clone().unwrap_or_else(none),
                Some(vendor.missing.join(", ")).filter(|missing| !missing.is_empty()).unwrap_or_else(none),
            ]);
        }
        writeln!(f, "{}", self.shown.trim_end())?;
        writeln!(f)?;
        write!(f, "{}", table.text(""))?;
        for notice in &self.notices {
            writeln!(f, "warning: {notice}")?;
        }
        writeln!(f, "the config is good; {} models are offered", self.models)
    }
}

/// The config in a file; the defaults without one.
pub(crate) fn read_config(file: Option<&PathBuf>) -> Result<Config, AdminError> {
    let text = match file {
        Some(path) => {
            std::fs::read_to_string(path).map_err(|source| AdminError::File { path: path.clone(), source })?
        }
        None => String::new(),
    };
    Ok(Config::read(&text, ports::environment())?)
}
