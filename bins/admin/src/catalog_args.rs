//! Price books on the command line.

use crate::error::AdminError;
use clap::{Args, Subcommand};
use opencredits_api::admin::{AdminReply, AdminRequest, PriceRequest, RefreshOutcomeView, RefreshView};
use opencredits_service::prices::ACCEPT_ALL;

#[derive(Subcommand, Clone)]
pub(crate) enum CatalogCommand {
    /// Loads a price book, shows what it changes, and puts it into force once you agree.
    Refresh(RefreshOrder),
    /// Lists the price books that are kept, and which one is in force.
    List,
    /// Puts a price book that is kept into force again, once you agree.
    Rollback(RollBackOrder),
}

#[derive(Args, Clone)]
pub(crate) struct RefreshOrder {
    /// A file that the gateway's user can read, or a URL. Default: the config's.
    #[arg(long, value_name = "FILE|URL")]
    from: Option<String>,
    /// Shows what it changes, and changes nothing.
    #[arg(long)]
    dry_run: bool,
    /// Agrees to what was found of this model, by its id; may be repeated.
    #[arg(long = "accept", value_name = "MODEL")]
    accept: Vec<String>,
    /// Agrees to everything that was found. Without --yes it is shown first.
    #[arg(long, conflicts_with_all = ["dry_run", "accept"])]
    accept_all: bool,
    /// Does it without asking.
    #[arg(long, conflicts_with = "dry_run")]
    yes: bool,
}

#[derive(Args, Clone)]
pub(crate) struct RollBackOrder {
    /// Its version, as `catalog list` shows it.
    version: String,
    /// Does it without asking.
    #[arg(long)]
    yes: bool,
}

/// What is asked first, and what is asked once the operator has agreed to what the first reply shows.
pub(crate) struct Steps {
    pub(crate) first: AdminRequest,
    then: Option<CatalogCommand>,
}

impl CatalogCommand {
    /// The steps. Where nothing needs to be agreed to, there is one.
    pub(crate) fn steps(&self) -> Result<Steps, AdminError> {
        let then = |asks: bool| asks.then(|| self.clone());
        Ok(match self {
            Self::List => Steps { first: AdminRequest::Prices(PriceRequest::List), then: None },
            Self::Refresh(order) => {
                let first = order.request(order.yes, None)?;
                Steps { first, then: then(!order.yes && !order.dry_run) }
            }
            Self::Rollback(order) => Steps { first: order.request(order.yes), then: then(!order.yes) },
        })
    }
}

impl Steps {
    /// The second request, once the operator has agreed to what the first reply shows; none where nothing is left to do.
    pub(crate) fn second(
        &self,
        reply: &AdminReply,
        agreed: impl Fn(String) -> Result<(), AdminError>,
    ) -> Result<Option<AdminRequest>, AdminError> {
        let (Some(then), AdminReply::PricesRefreshed { refreshed }) = (&self.then, reply) else {
            return Ok(None);
        };
        let is_done = refreshed.outcome != RefreshOutcomeView::Compared;
        match then {
            CatalogCommand::Refresh(order) if !is_done && (refreshed.findings.is_empty() || order.accept_all) => {
                agreed(warning(refreshed))?;
                order.request(true, Some(refreshed.version.clone())).map(Some)
            }
            CatalogCommand::Rollback(order) if !is_done => {
                agreed(warning(refreshed))?;
                Ok(Some(order.request(true)))
            }
            _ => Ok(None),
        }
    }
}

fn warning(refreshed: &RefreshView) -> String {
    format!("This puts the price book {} into force, in place of {}.", refreshed.version, refreshed.before)
}

impl RefreshOrder {
    fn request(&self, apply: bool, version: Option<String>) -> Result<AdminRequest, AdminError> {
        let from = self.from.as_deref().map(absolute).transpose()?;
        let accept = if apply && self.accept_all { vec![ACCEPT_ALL.to_owned()] } else { self.accept.clone() };
        Ok(AdminRequest::Prices(PriceRequest::Refresh { from, accept, apply, version }))
    }
}

impl RollBackOrder {
    fn request(&self, apply: bool) -> AdminRequest {
        AdminRequest::Prices(PriceRequest::RollBack { version: self.version.clone(), apply })
    }
}

/// The gateway has another working directory.
fn absolute(from: &str) -> Result<String, AdminError> {
    if from.contains("://") {
        return Ok(from.to_owned());
    }
    let path = std::path::absolute(from).map_err(|source| AdminError::File { path: from.into(), source })?;
    Ok(path.to_string_lossy().into_owned())
}
