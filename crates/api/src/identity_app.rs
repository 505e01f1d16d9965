//! What the routes of people who sign in work on.

use opencredits_service::sign_in::SignIn;
use std::sync::Arc;

/// What the routes of signing in need. Without it nobody signs in, and the routes say so.
pub struct IdentityApp {
    /// The use cases.
    pub sign_in: Arc<SignIn>,
}
