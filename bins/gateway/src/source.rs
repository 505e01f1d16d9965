//! Where the config comes from: a file, variables, the command line.

use crate::dev;
use crate::error::StartError;
use crate::ports;
use opencredits_service::config::Config;
use std::path::PathBuf;

/// The source of the config, which can be read again.
pub(crate) struct ConfigSource {
    pub(crate) path: Option<PathBuf>,
    /// The data folder of the command line.
    pub(crate) data: Option<String>,
    pub(crate) dev: bool,
    /// The address that the config asked for, and the one that was bound.
    bound: Option<(String, String)>,
}

impl ConfigSource {
    pub(crate) const fn new(path: Option<PathBuf>, data: Option<String>, dev: bool) -> Self {
        Self { path, data, dev, bound: None }
    }

    /// The config, as its source is now.
    pub(crate) fn read(&self) -> Result<Config, StartError> {
        let text = match &self.path {
            Some(path) => {
                let what = "the config";
                std::fs::read_to_string(path).map_err(|source| StartError::File { what, path: path.clone(), source })?
            }
            None => String::new(),
        };
        self.read_text(&text)
    }

    /// The same, with another text in place of the file's.
    pub(crate) fn read_text(&self, text: &str) -> Result<Config, StartError> {
        let mut config = Config::read(text, ports::environment())?;
        if let Some(dir) = &self.data {
            config.data.dir.clone_from(dir);
        }
        if self.dev {
            dev::adjust(&mut config);
        }
        if let Some((asked, bound)) = &self.bound {
            if config.server.listen == *asked {
                config.server.listen.clone_from(bound);
            }
            if self.dev {
                dev::name_locally(&mut config);
            }
        }
        Ok(config)
    }

    /// From now on the config names the address that was bound, where it asks for the same as then.
    pub(crate) fn bound(&mut self, asked: String, bound: &str) {
        self.bound = Some((asked, bound.to_owned()));
    }
}
