//! Signing in, and what a person has and asks of their account.

use super::{AnyObject, Credits, Time, Usd};
use utoipa::ToSchema;

/// A code to be mailed: to an address, to sign in; or, with a session, for a purpose.
#[derive(ToSchema)]
pub(crate) struct CodeToSend {
    #[schema(format = Email)]
    email: Option<String>,
    /// `export`, `correction`, `deletion`, `deletion_cancel`, `restriction`, `passkey_add` or `passkey_remove`.
    purpose: Option<String>,
}

/// A code was mailed.
#[derive(ToSchema)]
pub(crate) struct CodeSent {
    /// Sent with the code that the person types.
    challenge: String,
    /// Seconds.
    expires_in: u64,
}

/// An address.
#[derive(ToSchema)]
pub(crate) struct Address {
    #[schema(format = Email)]
    email: String,
}

/// A link was mailed.
#[derive(ToSchema)]
pub(crate) struct LinkSent {
    /// Seconds.
    expires_in: u64,
}

/// What proves who signs in: `challenge` and `code`, or `link`, or `passkey`.
#[derive(ToSchema)]
pub(crate) struct SessionToBegin {
    challenge: Option<String>,
    code: Option<String>,
    link: Option<String>,
    passkey: Option<PasskeyAnswer>,
    accept: Option<Acceptance>,
}

/// What an authenticator answered.
#[derive(ToSchema)]
pub(crate) struct PasskeyAnswer {
    challenge: String,
    /// What `PublicKeyCredential.toJSON()` gives.
    credential: AnyObject,
    embedder: Option<EmbedderPage>,
}

/// The page around the checkout, where the passkey was asked for in its frame.
#[derive(ToSchema)]
pub(crate) struct EmbedderPage {
    publishable_key: String,
    /// The origin of the page, as `GET /embed/config` is asked for it.
    origin: String,
}

/// What a person accepts when they first sign in.
#[derive(ToSchema)]
pub(crate) struct Acceptance {
    /// The version of the terms.
    terms: String,
    #[schema(nullable = false)]
    age_16: Option<bool>,
}

/// A session that was begun.
#[derive(ToSchema)]
pub(crate) struct SessionBegun {
    /// Sent as `Authorization: Bearer …`. It is in this answer and nowhere else.
    session_token: String,
    session: OwnSession,
    user: SignedInUser,
    is_new: bool,
}

/// The session that asks.
#[derive(ToSchema)]
pub(crate) struct OwnSession {
    id: String,
    browser: String,
    created_at: Time,
    expires_at: Time,
}

/// A person.
#[derive(ToSchema)]
pub(crate) struct SignedInUser {
    id: String,
    email: Option<String>,
}

/// Who is signed in.
#[derive(ToSchema)]
pub(crate) struct WhoIsSignedIn {
    user: Account,
    session: OwnSession,
    /// The version of the terms that the person accepted.
    terms_version: Option<String>,
}

/// A person with their role.
#[derive(ToSchema)]
pub(crate) struct Account {
    id: String,
    email: Option<String>,
    role: String,
}

/// A session of a person.
#[derive(ToSchema)]
pub(crate) struct SessionRow {
    id: String,
    browser: String,
    created_at: Time,
    last_used_at: Time,
    /// Whether it is the one that asks.
    current: bool,
}

/// Sessions that were ended.
#[derive(ToSchema)]
pub(crate) struct Ended {
    ended: u64,
}

/// A passkey of a person.
#[derive(ToSchema)]
pub(crate) struct PasskeyRow {
    id: String,
    name: String,
    is_synced: bool,
    created_at: Time,
    last_used_at: Option<Time>,
}

/// A passkey to register.
#[derive(ToSchema)]
pub(crate) struct PasskeyToRegister {
    /// That of the options.
    challenge: String,
    /// What `PublicKeyCredential.toJSON()` gives.
    credential: AnyObject,
    name: String,
    /// A code for `passkey_add`, where the sign-in was long ago.
    confirmation: Option<ConfirmedBy>,
}

/// A name.
#[derive(ToSchema)]
pub(crate) struct Name {
    name: String,
}

/// A code that confirms a request, as `POST /v1/auth/code` mails it.
#[derive(ToSchema)]
pub(crate) struct ConfirmedBy {
    challenge: String,
    code: String,
}

/// Codes were mailed to both addresses.
#[derive(ToSchema)]
pub(crate) struct BothCodesSent {
    challenge_old: String,
    challenge_new: String,
    /// Seconds.
    expires_in: u64,
}

/// Both codes.
#[derive(ToSchema)]
pub(crate) struct BothCodesTyped {
    challenge_old: String,
    code_old: String,
    challenge_new: String,
    code_new: String,
}

/// A person with their new address.
#[derive(ToSchema)]
pub(crate) struct AddressChanged {
    user: SignedInUser,
}

/// What a person has asked for about their data.
#[derive(ToSchema)]
pub(crate) struct PrivacyStanding {
    restricted_since: Option<Time>,
    objected_since: Option<Time>,
    deletion: Option<DeletionDue>,
    /// Whether nothing is done for the person at the moment.
    paused: bool,
}

/// A deletion that is due.
#[derive(ToSchema)]
pub(crate) struct DeletionDue {
    asked_at: Option<Time>,
    due_at: Time,
}

/// Which notices come.
#[derive(ToSchema)]
#[expect(clippy::struct_excessive_bools, reason = "the members of an answer")]
pub(crate) struct Notices {
    low_balance: bool,
    limit_80: bool,
    limit_100: bool,
    /// Whether the person objected, so that none of these comes.
    objected: bool,
    /// The mails that nobody can switch off.
    always: Vec<String>,
}

/// Notices to switch on or off: what is absent stays.
#[derive(ToSchema)]
pub(crate) struct NoticesToChoose {
    #[schema(nullable = false)]
    low_balance: Option<bool>,
    #[schema(nullable = false)]
    limit_80: Option<bool>,
    #[schema(nullable = false)]
    limit_100: Option<bool>,
}

/// A restriction, confirmed by a code.
#[derive(ToSchema)]
pub(crate) struct RestrictionToSet {
    challenge: String,
    code: String,
    restricted: bool,
}

/// An objection, confirmed by a code.
#[derive(ToSchema)]
pub(crate) struct ObjectionToSet {
    challenge: String,
    code: String,
    objected: bool,
}

/// An export that may be fetched.
#[derive(ToSchema)]
pub(crate) struct ExportConfirmed {
    /// Seconds.
    expires_in: u64,
    formats: Vec<String>,
}

/// What a deletion takes.
#[derive(ToSchema)]
pub(crate) struct DeletionPreview {
    scheduled: bool,
    due_at: Time,
    balance_lost: Credits,
    balance_lost_usd: Usd,
    debt_usd: Usd,
    keys: u64,
    management_keys: u64,
    orders_kept: u64,
    open_orders: u64,
    /// Partners that somebody else must run first.
    partners_to_hand_over: u64,
}

/// A deletion that was scheduled.
#[derive(ToSchema)]
pub(crate) struct DeletionScheduled {
    asked_at: Time,
    due_at: Time,
    balance_lost: Credits,
    balance_lost_usd: Usd,
}

/// The token of a mailed link.
#[derive(ToSchema)]
pub(crate) struct MailedToken {
    link: String,
}

/// An archive.
#[derive(ToSchema)]
#[schema(format = Binary)]
pub(crate) struct Archive(String);
