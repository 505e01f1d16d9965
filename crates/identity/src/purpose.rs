//! What a code or a link was made for.

use serde::{Deserialize, Serialize};

/// What a code or a link permits, once. One that was made for a purpose never passes for another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Purpose {
    /// To sign in, or to make an account.
    SignIn,
    /// To get back in after the passkeys are lost.
    Recovery,
    /// To change the address: the consent of the old one.
    AddressOld,
    /// To change the address: the proof that the new one is theirs.
    AddressNew,
    /// To have everything about a person exported.
    Export,
    /// To correct what is kept about a person.
    Correction,
    /// To delete an account.
    Deletion,
    /// To cancel a deletion within its grace period.
    DeletionCancel,
    /// To restrict processing, or to object to it.
    Restriction,
    /// To register a passkey.
    PasskeyAdd,
    /// To remove a passkey.
    PasskeyRemove,
    /// To get no more mails of a kind. It ends nothing else, so its links last longer than a day and may be used again.
    Unsubscribe,
}

impl Purpose {
    /// All of them.
    pub const ALL: [Self; 12] = [
        Self::SignIn,
        Self::Recovery,
        Self::AddressOld,
        Self::AddressNew,
        Self::Export,
        Self::Correction,
        Self::Deletion,
        Self::DeletionCancel,
        Self::Restriction,
        Self::PasskeyAdd,
        Self::PasskeyRemove,
        Self::Unsubscribe,
    ];

    /// Its name in a store and in what is signed. It never changes.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::SignIn => "sign_in",
            Self::Recovery => "recovery",
            Self::AddressOld => "address_old",
            Self::AddressNew => "address_new",
            Self::Export => "export",
            Self::Correction => "correction",
            Self::Deletion => "deletion",
            Self::DeletionCancel => "deletion_cancel",
            Self::Restriction => "restriction",
            Self::PasskeyAdd => "passkey_add",
            Self::PasskeyRemove => "passkey_remove",
            Self::Unsubscribe => "unsubscribe",
        }
    }

    /// The purpose of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|purpose| purpose.name() == name)
    }
}
