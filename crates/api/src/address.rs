//! What handlers take from the address of a request. The framework's own extractors refuse in plain text; these refuse in
//! the form of the API.

use crate::errors::{ErrorType, Problem};
use axum::extract::{self, FromRequestParts};
use http::request::Parts;
use serde::de::DeserializeOwned;

/// The parameters in the path.
pub(crate) struct Path<T>(pub(crate) T);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for Path<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Self::Rejection> {
        match extract::Path::from_request_parts(parts, state).await {
            Ok(extract::Path(found)) => Ok(Self(found)),
            Err(_) => Err(refused("the path is not one that belongs here; escape it as UTF-8")),
        }
    }
}

/// The parameters of the query.
pub(crate) struct Query<T>(pub(crate) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Query<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Self::Rejection> {
        match extract::Query::from_request_parts(parts, state).await {
            Ok(extract::Query(found)) => Ok(Self(found)),
            // The error's own text would repeat values.
            Err(_) => Err(refused("a parameter of the query is missing, there twice or malformed")),
        }
    }
}

fn refused(message: &str) -> Problem {
    Problem::new(ErrorType::InvalidRequest, message)
}
