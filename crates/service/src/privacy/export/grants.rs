//! What a person has agreed to at apps, and which mails they chose. No secret: digests of codes and tokens are left out.

use super::exporter::Exporter;
use super::rows::{Cursor, Described, PAGE, Page, Row, full, time, time_or_null};
use crate::privacy::error::PrivacyError;
use opencredits_store::{
    CodeGives, CodeRecord, ConnectedKey, DeviceRecord, DeviceStanding, FamilyRecord, GrantId, NoticeKind,
};
use opencredits_units::{UnixMs, UserId};
use serde_json::json;

pub(super) const CODES: Described = (
    "authorization_codes",
    "Codes that apps got when you agreed, without the codes.",
    &["family_id", "client_id", "scopes", "resources", "redirect_url", "gives", "cap_usd", "expires_at", "used_at"],
);
pub(super) const FAMILIES: Described = (
    "token_families",
    "What apps may do in your name until when, without their tokens.",
    &["id", "client_id", "scopes", "resources", "created_at", "refreshed_at", "ends_at", "revoked_at"],
);
pub(super) const DEVICES: Described = (
    "device_requests",
    "Devices that you let in and that have not fetched their tokens yet.",
    &["family_id", "client_id", "scopes", "resources", "expires_at"],
);
pub(super) const CONNECTED: Described = (
    "connected_keys",
    "Which of your keys which app got, and how.",
    &["key_id", "client_id", "family_id", "session_id", "family_ends_at"],
);
pub(super) const NOTICES: Described =
    ("notices", "Which notices you get. Other mails are always sent.", &["kind", "is_on", "off_since"]);

impl Exporter {
    pub(super) async fn codes(&self, user: UserId, from: Cursor) -> Page {
        let found = self.tables.grants.codes_of(user, from.grant(), PAGE).await?;
        let next = full(&found).map(|last| Cursor::Grant(last.family));
        Ok((found.into_iter().map(code).collect(), next))
    }

    pub(super) async fn families(&self, user: UserId, from: Cursor) -> Page {
        let found = self.tables.grants.families_of(user, from.grant(), PAGE).await?;
        let next = full(&found).map(|last| Cursor::Grant(last.id));
        Ok((found.into_iter().map(family).collect(), next))
    }

    pub(super) async fn devices(&self, user: UserId, from: Cursor) -> Page {
        let found = self.tables.grants.devices_of(user, from.grant(), PAGE).await?;
        let next = full(&found).and_then(family_of).map(Cursor::Grant);
        Ok((found.into_iter().map(device).collect(), next))
    }

    pub(super) async fn connected(&self, user: UserId) -> Result<Vec<Row>, PrivacyError> {
        let found = self.tables.connected.connected_keys_of(user, UnixMs::default()).await?;
        let row = |(one, ends_at): (ConnectedKey, Option<UnixMs>)| {
            vec![json!(one.key), json!(one.client_id), json!(one.family), json!(one.session), time_or_null(ends_at)]
        };
        Ok(found.into_iter().map(row).collect())
    }

    pub(super) async fn notices(&self, user: UserId) -> Result<Vec<Row>, PrivacyError> {
        let muted = self.tables.choices.muted_of(user).await?;
        let row = |kind: NoticeKind| {
            let since = muted.iter().find(|one| one.kind == kind).map(|one| one.since);
            vec![json!(kind.name()), json!(since.is_none()), time_or_null(since)]
        };
        Ok(NoticeKind::ALL.into_iter().map(row).collect())
    }
}

fn code(one: CodeRecord) -> Row {
    let gives = match one.gives {
        CodeGives::Tokens => "tokens",
        CodeGives::Key => "key",
    };
    vec![
        json!(one.family),
        json!(one.consent.client_id),
        json!(one.consent.scopes),
        json!(one.consent.resources),
        json!(one.redirect_url),
        json!(gives),
        json!(one.cap),
        time(one.expires_at),
        time_or_null(one.used_at),
    ]
}

fn family(one: FamilyRecord) -> Row {
    vec![
        json!(one.id),
        json!(one.consent.client_id),
        json!(one.consent.scopes),
        json!(one.consent.resources),
        time(one.created_at),
        time(one.refreshed_at),
        time(one.ends_at),
        time_or_null(one.revoked_at),
    ]
}

const fn family_of(one: &DeviceRecord) -> Option<GrantId> {
    match one.standing {
        DeviceStanding::Approved { family, .. } | DeviceStanding::Redeemed { family } => Some(family),
        DeviceStanding::Pending | DeviceStanding::Denied => None,
    }
}

fn device(one: DeviceRecord) -> Row {
    let family = family_of(&one);
    vec![json!(family), json!(one.client_id), json!(one.scopes), json!(one.resources), time(one.expires_at)]
}
