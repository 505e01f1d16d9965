//! Errors of mails, and what a sender does about each.

use std::time::Duration;

/// What a mail server refused for good.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RefusedPart {
    /// The recipient's address: no further mail reaches it.
    Recipient,
    /// This message; another to the same address may be taken.
    Message,
}

/// What a sender does after an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Tries again later.
    Retry,
    /// Tries again later; until the operator changes the settings, every mail fails.
    Misconfigured,
    /// Never sends this message again.
    GiveUp(RefusedPart),
}

/// A mail cannot be made or sent. Replies of mail servers are left out: they repeat addresses.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MailError {
    /// A value of a mail is invalid: the caller's fault.
    #[error("{field} {problem}")]
    Invalid {
        /// The value.
        field: &'static str,
        /// The problem and its remedy.
        problem: &'static str,
    },
    /// The peer refused for good.
    #[error("the mail server refuses this mail for good (code {code})")]
    Refused {
        /// The SMTP reply code or the HTTP status.
        code: u16,
        /// The part that it refuses.
        part: RefusedPart,
    },
    /// The peer asks to try later.
    #[error("the mail server asks to try later (code {code})")]
    Busy {
        /// The SMTP reply code or the HTTP status.
        code: u16,
        /// The wait that the peer asks for.
        wait: Option<Duration>,
    },
    /// The peer does not answer, or breaks off.
    #[error("the mail server cannot be reached, or broke off; check its host and port")]
    Unreachable,
    /// The peer took too long.
    #[error("the mail server took longer than {limit_ms} ms")]
    TimedOut {
        /// The time limit.
        limit_ms: u64,
    },
    /// The settings do not fit the peer: ours to mend.
    #[error("the mail settings do not fit the mail server: {problem}")]
    Configuration {
        /// The problem and its remedy.
        problem: &'static str,
    },
    /// A template cannot be rendered.
    #[error("cannot write the mail: {0}")]
    Template(#[from] minijinja::Error),
    /// The text cannot be written.
    #[error("cannot write the mail's text: {0}")]
    Write(#[from] std::io::Error),
    /// A webhook is not what it should be.
    #[error("the webhook {problem}")]
    Webhook {
        /// The problem and its remedy.
        problem: &'static str,
    },
}

impl MailError {
    /// What a sender does about it.
    #[must_use]
    pub const fn verdict(&self) -> Verdict {
        match self {
            Self::Busy { .. } | Self::Unreachable | Self::TimedOut { .. } | Self::Write(_) => Verdict::Retry,
            Self::Configuration { .. } => Verdict::Misconfigured,
            Self::Refused { part, .. } => Verdict::GiveUp(*part),
            Self::Invalid { .. } | Self::Template(_) | Self::Webhook { .. } => Verdict::GiveUp(RefusedPart::Message),
        }
    }

    /// The wait that the peer asks for.
    #[must_use]
    pub const fn wait(&self) -> Option<Duration> {
        match self {
            Self::Busy { wait, .. } => *wait,
            _ => None,
        }
    }
}
