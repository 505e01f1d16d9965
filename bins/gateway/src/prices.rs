//! Loads the text of price books, from files and URLs.

use async_trait::async_trait;
use http::HeaderMap;
use opencredits_catalog::BOOK_BYTES_MAX;
use opencredits_providers::TransportError;
use opencredits_providers::http::Client;
use opencredits_service::PriceSource;
use opencredits_service::prices::{PriceFetch, PriceFetchError};
use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::time::Duration;

/// The time limit in seconds, whichever the source.
const WAIT_S: u64 = 30;

/// Loads price books.
pub(crate) struct PriceFetcher(pub(crate) Client);

#[async_trait]
impl PriceFetch for PriceFetcher {
    async fn fetch(&self, source: &PriceSource) -> Result<Vec<u8>, PriceFetchError> {
        let fetched = async {
            match source {
                PriceSource::Url(url) => self.get(url.clone()).await,
                PriceSource::File(path) => {
                    let path = path.clone();
                    let read = tokio::task::spawn_blocking(move || read(&path)).await;
                    read.map_err(|error| PriceFetchError::File(std::io::Error::other(error)))?
                }
            }
        };
        let late = |_| PriceFetchError::Late { max_s: WAIT_S };
        tokio::time::timeout(Duration::from_secs(WAIT_S), fetched).await.map_err(late)?
    }
}

impl PriceFetcher {
    async fn get(&self, url: http::Uri) -> Result<Vec<u8>, PriceFetchError> {
        let response = self.0.get(url, HeaderMap::new()).await?;
        // A redirect is not followed: the address that it names may be anybody's.
        if response.status != http::StatusCode::OK {
            return Err(PriceFetchError::Status(response.status.as_u16()));
        }
        match response.decoded()?.body.read_all(BOOK_BYTES_MAX).await {
            Ok(bytes) => Ok(bytes.to_vec()),
            Err(TransportError::TooLarge { limit_bytes }) => Err(PriceFetchError::TooLong { max: limit_bytes }),
            Err(error) => Err(error.into()),
        }
    }
}

fn read(path: &Path) -> Result<Vec<u8>, PriceFetchError> {
    let mut bytes = Vec::new();
    let max = u64::try_from(BOOK_BYTES_MAX).unwrap_or(u64::MAX);
    // Others, such as a pipe, may never come to an end, and the process would wait for the thread that reads.
    if !std::fs::metadata(path)?.is_file() {
        return Err(PriceFetchError::File(std::io::Error::other("it is no regular file")));
    }
    File::open(path)?.take(max.saturating_add(1)).read_to_end(&mut bytes)?;
    if bytes.len() > BOOK_BYTES_MAX {
        return Err(PriceFetchError::TooLong { max: BOOK_BYTES_MAX });
    }
    Ok(bytes)
}
