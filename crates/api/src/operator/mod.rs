//! What people with the operator's role may do in a browser: the same as the admin tool, but for backups and the role
//! itself.
//!
//! Whoever has no session with the role is answered as at an unknown path, whatever they send. That there is such a route is public:
//! it is in the OpenAPI document.

mod act;
mod confirm;
mod guard;
mod perform;
mod problem;
mod state;

pub(crate) use act::{Act, CreditAct, KeyAct, KeyTerms, Move, PartnerAct, PersonAct, ServiceAct};
pub(crate) use guard::Operator;
pub(crate) use perform::routes;
pub(crate) use problem::problem;
pub use state::OperatorApp;
