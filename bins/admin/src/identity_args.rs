//! The commands about how people sign in.

use clap::{Args, ValueEnum};
use opencredits_api::admin::{AdminRequest, IdentityRequest, RoleName};

#[derive(Clone, Copy, ValueEnum)]
enum RoleArgument {
    /// Nothing besides the own account.
    None,
    /// The operator's pages.
    Operator,
}

#[derive(Args)]
pub(crate) struct RoleOrder {
    /// The person, by id or by label.
    user: String,
    /// The role to give; it is shown where this is left out.
    role: Option<RoleArgument>,
}

#[derive(Args)]
pub(crate) struct SessionsOrder {
    /// The person, by id or by label.
    user: String,
    /// Ends all of them, at once.
    #[arg(long)]
    end_all: bool,
}

impl RoleOrder {
    pub(crate) fn request(&self) -> AdminRequest {
        let role = self.role.map(|role| match role {
            RoleArgument::None => RoleName::None,
            RoleArgument::Operator => RoleName::Operator,
        });
        AdminRequest::Identity(IdentityRequest::Role { user: self.user.clone(), role })
    }
}

impl SessionsOrder {
    pub(crate) fn request(&self) -> AdminRequest {
        let user = self.user.clone();
        AdminRequest::Identity(match self.end_all {
            true => IdentityRequest::EndSessions { user },
            false => IdentityRequest::Sessions { user },
        })
    }
}
