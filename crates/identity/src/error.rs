//! What can go wrong. The reasons are for logs and tests; what a person is told is one sentence for all of them.

/// Something that a peer sent does not hold, or a value of the caller breaks a rule.
///
/// `Display` may be shown to anybody: it does not tell which check failed. `Debug` does, and belongs in a log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum IdentityError {
    /// The peer's: a signed link does not hold.
    #[error("the link does not hold; ask for a new one")]
    Link(LinkProblem),
    /// The peer's: an authenticator's answer does not hold.
    #[error("the passkey was not accepted; try it again, or sign in with a code")]
    Passkey(PasskeyProblem),
    /// The caller's: passkeys cannot be used on this site.
    #[error("passkeys cannot be used at this url: {0}")]
    Site(SiteProblem),
    /// The caller's: a value breaks a rule.
    #[error("{field} is not usable; it must {rule}")]
    Malformed {
        /// What the value is for.
        field: &'static str,
        /// What it must do, after "it must".
        rule: &'static str,
    },
}

/// Why a signed link does not hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum LinkProblem {
    /// It is none, was cut, or has a field of another form.
    Malformed,
    /// No key of ours has signed it.
    Signature,
    /// It was signed for something else.
    Purpose,
    /// Its time is over.
    Expired,
}

/// Why an authenticator's answer does not hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum PasskeyProblem {
    /// A part of it has another form than the specification gives it, or is too long.
    Malformed(&'static str),
    /// The key is for an algorithm that was not offered.
    Algorithm,
    /// It answers another ceremony: a registration in place of an assertion, or the reverse.
    Ceremony,
    /// It answers another challenge, or one whose time is over.
    Challenge,
    /// It was made on another site.
    Origin,
    /// It was made in a frame of a site that may not show one.
    Frame,
    /// It was made for another relying party.
    RelyingParty,
    /// Nobody touched the authenticator.
    NotPresent,
    /// The authenticator did not verify who touched it, and must.
    NotVerified,
    /// The flags about backups contradict each other, or the registration.
    Backup,
    /// It is of another credential or person.
    Credential,
    /// The credential's key has not signed it.
    Signature,
}

/// Why passkeys cannot be used on a site.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SiteProblem {
    /// It is no URL with a host.
    #[error("it is no url with a host; write it as https://credits.example")]
    Url,
    /// Its host is an address, and a passkey belongs to a domain.
    #[error("its host is an ip address, and a passkey belongs to a domain; use a name, such as http://localhost:8080")]
    Address,
    /// Browsers give no passkeys to http, but on the machine itself.
    #[error("it is not https; http is for localhost only")]
    Insecure,
    /// The host's name has characters that a browser would write otherwise.
    #[error("its host is no domain name in ascii; write an international one in its xn-- form")]
    Domain,
}

pub(crate) const fn link(problem: LinkProblem) -> IdentityError {
    IdentityError::Link(problem)
}

pub(crate) const fn passkey(problem: PasskeyProblem) -> IdentityError {
    IdentityError::Passkey(problem)
}
