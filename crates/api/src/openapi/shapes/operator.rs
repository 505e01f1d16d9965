//! What operators do.

use super::common::open;
use std::borrow::Cow;
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{Schema, Type};
use utoipa::{PartialSchema, ToSchema};

/// An act that was previewed.
#[derive(ToSchema)]
pub(crate) struct ActionToDo {
    act: OperatorAct,
    /// The id that the preview gave. What moves money does so once under it.
    id: String,
    /// The confirmation that the preview gave.
    confirm: String,
}

/// What an operator does.
pub(crate) struct OperatorAct;

impl PartialSchema for OperatorAct {
    fn schema() -> RefOr<Schema> {
        let what = "What is done, such as `grant`, `suspend` or `run_job`; the other members are what it needs.";
        open(&[("do", &[Type::String], what)], &[]).into()
    }
}

impl ToSchema for OperatorAct {
    fn name() -> Cow<'static, str> {
        "OperatorAct".into()
    }
}

/// What was done, as the admin tool prints it with `--json`.
pub(crate) struct ActionDone;

impl PartialSchema for ActionDone {
    fn schema() -> RefOr<Schema> {
        open(&[("reply", &[Type::String], "What the other members tell of.")], &[]).into()
    }
}

impl ToSchema for ActionDone {
    fn name() -> Cow<'static, str> {
        "ActionDone".into()
    }
}
