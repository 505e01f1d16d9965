//! Mails that carry a secret.
//!
//! They are sent at once and kept nowhere: the type has neither `Serialize` nor a `Debug` that shows anything, so that it
//! cannot become a row of a queue.

use minijinja::context;
use minijinja::value::Value;
use std::fmt;

/// What a code permits, for the words of its mail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum CodePurpose {
    /// To sign in.
    SignIn,
    /// To change the address: to the old one.
    AddressOld,
    /// To change the address: to the new one.
    AddressNew,
    /// To have everything about a person exported.
    Export,
    /// To correct what is kept about a person.
    Correction,
    /// To delete an account.
    Deletion,
    /// To keep an account that is to be deleted.
    DeletionCancel,
    /// To restrict what is done with a person's data.
    Restriction,
    /// To add a passkey.
    PasskeyAdd,
    /// To remove a passkey.
    PasskeyRemove,
}

impl CodePurpose {
    /// What the code is for, after "to".
    const fn words(self) -> &'static str {
        match self {
            Self::SignIn => "sign in",
            Self::AddressOld => "change your address",
            Self::AddressNew => "use this address",
            Self::Export => "export your data",
            Self::Correction => "correct your data",
            Self::Deletion => "delete your account",
            Self::DeletionCancel => "keep your account",
            Self::Restriction => "restrict the use of your data",
            Self::PasskeyAdd => "add a passkey",
            Self::PasskeyRemove => "remove a passkey",
        }
    }
}

/// A mail that carries a secret. `Debug` does not show it.
#[derive(Clone, PartialEq, Eq)]
pub enum SecretLetter {
    /// A code of six digits.
    Code {
        /// The digits.
        code: String,
        /// What they permit.
        purpose: CodePurpose,
    },
    /// A link that signs in.
    Link {
        /// The URL.
        url: String,
    },
}

impl SecretLetter {
    pub(crate) const fn template(&self) -> &'static str {
        match self {
            Self::Code { .. } => "secret_code",
            Self::Link { .. } => "secret_link",
        }
    }

    pub(crate) fn figures(&self) -> Value {
        match self {
            // In two groups, as people read numbers aloud.
            Self::Code { code, purpose } => {
                let (first, second) = code.split_at_checked(3).unwrap_or((code, ""));
                context! { first, second, purpose => purpose.words(), signs_in => matches!(purpose, CodePurpose::SignIn) }
            }
            Self::Link { url } => context! { url },
        }
    }
}

impl fmt::Debug for SecretLetter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretLetter(not shown)")
    }
}
