//! What is said of a path at which there is nothing, and of one that does not take a method.

use super::headers::{is_of_programs, wants_html};
use super::request::PageRequest;
use crate::errors::{ErrorType, Problem};
use crate::surface::is_custom_method;
use crate::{paths, redact};
use axum::body::Body;
use axum::response::{IntoResponse, Response};

/// There is nothing at this path.
pub(crate) async fn unknown_path(request: PageRequest) -> Response<Body> {
    let path = request.uri.path();
    if is_for_people(&request) {
        return request.not_found();
    }
    let shown = redact::path(path);
    let message = match paths::meant(path) {
        Some((right, remedy)) => format!("there is nothing at {shown}; the path is {right}: {remedy}"),
        None => format!("there is nothing at {shown}; {}", paths::ALL),
    };
    Problem::new(ErrorType::NotFound, message).into_response()
}

/// The path does not take this method.
pub(crate) async fn wrong_method(request: PageRequest) -> Response<Body> {
    let path = request.uri.path();
    if is_custom_method(path) {
        return unknown_path(request).await;
    }
    if is_for_people(&request) {
        return request.wrong_method();
    }
    method_problem(path).into_response()
}

/// The same in the form of programs.
pub(crate) fn method_problem(path: &str) -> Problem {
    Problem::new(ErrorType::MethodNotAllowed, format!("{} does not take this method", redact::path(path)))
}

fn is_for_people(request: &PageRequest) -> bool {
    wants_html(&request.headers) && !is_of_programs(request.uri.path())
}
