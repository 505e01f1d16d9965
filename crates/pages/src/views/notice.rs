//! What people are told where there is no page.

use crate::view::View;
use serde::Serialize;

/// Why there is no page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum NoticeKind {
    /// There is nothing at this path.
    NotFound,
    /// The page does not take this method.
    WrongMethod,
    /// The page could not be made.
    Failed,
    /// The request that it is about has not ended.
    Running,
}

/// A page that says what went wrong and what to do; where the fault is ours, also that no money moved.
#[derive(Debug, Clone, Serialize)]
pub struct Notice {
    kind: NoticeKind,
    path: String,
    request_id: String,
}

impl View for Notice {
    const TEMPLATE: &'static str = "notice.html";
}

impl Notice {
    /// There is nothing at this path.
    #[must_use]
    pub fn not_found(path: &str, request_id: &str) -> Self {
        Self::new(NoticeKind::NotFound, path, request_id)
    }

    /// The page does not take the method of the request.
    #[must_use]
    pub fn wrong_method(path: &str, request_id: &str) -> Self {
        Self::new(NoticeKind::WrongMethod, path, request_id)
    }

    /// The page could not be made.
    #[must_use]
    pub fn failed(path: &str, request_id: &str) -> Self {
        Self::new(NoticeKind::Failed, path, request_id)
    }

    /// The request that the page is about has not ended.
    #[must_use]
    pub fn running(path: &str, request_id: &str) -> Self {
        Self::new(NoticeKind::Running, path, request_id)
    }

    fn new(kind: NoticeKind, path: &str, request_id: &str) -> Self {
        Self { kind, path: path.to_owned(), request_id: request_id.to_owned() }
    }

    /// Every state.
    #[must_use]
    pub fn samples() -> Vec<Self> {
        let (path, id) = ("/dashboard/request", "req_01j9zq5k3n8vd2m4");
        vec![Self::not_found(path, id), Self::wrong_method(path, id), Self::failed(path, id), Self::running(path, id)]
    }
}
