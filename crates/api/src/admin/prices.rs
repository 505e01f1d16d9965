//! Executes requests about price books.

use super::answer::{Admin, Answer};
use super::price_views::PriceRequest;
use super::reply::{AdminReply, Refusal, RefusalCode};
use opencredits_catalog::BookVersion;
use opencredits_service::PriceSource;
use opencredits_service::prices::{Applies, Prices, PricesError, Refresh};

impl Admin {
    pub(super) async fn prices(&self, request: PriceRequest) -> Answer {
        let Some(prices) = &self.prices else {
            return Err(PricesError::NoGateway.into());
        };
        match request {
            PriceRequest::List => {
                let books = prices.list().await?.into_iter().map(Into::into).collect();
                Ok(AdminReply::PriceBooks { books })
            }
            PriceRequest::RollBack { version, apply } => {
                let applies = if apply { Applies::Yes } else { Applies::No };
                let refreshed = Box::new(prices.roll_back(&version, applies).await?.into());
                Ok(AdminReply::PricesRefreshed { refreshed })
            }
            PriceRequest::Refresh { from, accept, apply, version } => {
                let from = from.map(|text| PriceSource::parse(&text).ok_or(PricesError::Source { text }));
                let refresh = Refresh { from: from.transpose()?, accept, applies: applies(apply, version)? };
                load(prices, refresh).await
            }
        }
    }
}

async fn load(prices: &Prices, refresh: Refresh) -> Answer {
    let refreshed = Box::new(prices.refresh(refresh).await?.into());
    Ok(AdminReply::PricesRefreshed { refreshed })
}

fn applies(apply: bool, version: Option<String>) -> Result<Applies, Refusal> {
    match version {
        _ if !apply => Ok(Applies::No),
        None => Ok(Applies::Yes),
        Some(text) => {
            let version = BookVersion::parse(&text);
            version.map(Applies::If).ok_or_else(|| Refusal::invalid(format!("{text} is no version of a price book")))
        }
    }
}

impl From<PricesError> for Refusal {
    fn from(error: PricesError) -> Self {
        let code = match &error {
            PricesError::NoBook { .. } => RefusalCode::NotFound,
            PricesError::Moved { .. } | PricesError::Replaced { .. } => RefusalCode::Conflict,
            PricesError::NoSource
            | PricesError::Source { .. }
            | PricesError::NoText
            | PricesError::Models(_)
            | PricesError::NoGateway => RefusalCode::Invalid,
            _ => RefusalCode::Failed,
        };
        Self { code, refused: error.to_string() }
    }
}
