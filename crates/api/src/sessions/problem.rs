//! Faults of signing in as errors.

use crate::errors::{ErrorType, Problem};
use crate::faults;
use crate::state::App;
use opencredits_service::Fault;
use opencredits_service::accounts::AccountsError;
use opencredits_service::sign_in::SignInFault;

/// The error of a fault.
pub(crate) fn problem(app: &App, fault: SignInFault) -> Problem {
    let message = fault.to_string();
    match fault {
        SignInFault::Refused { what } => Problem::new(ErrorType::InvalidRequest, message).with("param", what),
        SignInFault::TermsRequired { version } => {
            Problem::new(ErrorType::TermsRequired, message).with("terms_version", version)
        }
        SignInFault::Wait(wait) => Problem::new(ErrorType::RateLimitExceeded, message).retry_after_ms(Some(wait.ms)),
        SignInFault::SignUpClosed => Problem::new(ErrorType::PermissionDenied, message),
        SignInFault::NoSession => Problem::new(ErrorType::Authentication, message),
        SignInFault::NoAddress | SignInFault::AddressTaken => {
            Problem::new(ErrorType::InvalidRequest, message).with("param", "email")
        }
        SignInFault::NoSuch { .. } => Problem::new(ErrorType::NotFound, message),
        SignInFault::NoMail => faults::unavailable("no mail can be sent now; try again in a minute"),
        SignInFault::Accounts(AccountsError::Invalid { .. }) => {
            Problem::new(ErrorType::InvalidRequest, message).with("param", "email")
        }
        SignInFault::Accounts(AccountsError::Ledger(error)) => faults::problem(&error.into(), &app.settings),
        SignInFault::Accounts(AccountsError::Store(error)) | SignInFault::Store(error) => {
            faults::problem(&error.into(), &app.settings)
        }
        SignInFault::Accounts(_) => faults::problem(&Fault::Closing, &app.settings),
        _ => Problem::new(ErrorType::InvalidRequest, message),
    }
}
