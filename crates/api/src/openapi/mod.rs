//! The OpenAPI document at `/openapi.json`.
//!
//! Each operation stands as an attribute on its handler. `routes!` takes path and method from there and from nowhere else,
//! so that no route of a program is without its operation. What a handler's attribute leaves out, because it follows from
//! the path or is the same everywhere, is added by `complete`: tags, ids of operations, refusals, headers.
//!
//! To add a route: give its handler the attribute `#[utoipa::path(…)]`, with the shapes of its bodies from `shapes`, and
//! name the handler in a `routes!` of its room. A test fails where a path of the router is missing here.

mod apart;
mod complete;
mod document;
mod refusals;
mod rooms;
pub(crate) mod shapes;
#[cfg(test)]
mod tests;

pub(crate) use document::Document;
pub(crate) use rooms::PATH;
