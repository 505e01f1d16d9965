//! The records of the store, as the pure machines of identity know them.

use opencredits_identity::oauth::{
    AuthorizationCode, CodeChallenge, Consent, DeviceGrant, DeviceState, GrantLifetimes, TokenFamily,
};
use opencredits_store::{CodeGives, CodeRecord, ConsentRecord, DeviceRecord, DeviceStanding, FamilyRecord};
use opencredits_units::NanoUsd;

fn consent(record: &ConsentRecord) -> Consent {
    let ConsentRecord { client_id, user, scopes, resources } = record.clone();
    Consent { client_id, user, scopes, resources }
}

fn consent_record(consent: &Consent) -> ConsentRecord {
    let Consent { client_id, user, scopes, resources } = consent.clone();
    ConsentRecord { client_id, user, scopes, resources }
}

pub(super) fn code(record: &CodeRecord) -> AuthorizationCode {
    AuthorizationCode {
        digest: record.digest,
        consent: consent(&record.consent),
        redirect_url: record.redirect_url.clone(),
        challenge: CodeChallenge::from_bytes(record.challenge),
        family: record.family.cast(),
        expires_at: record.expires_at,
        used_at: record.used_at,
    }
}

pub(super) fn code_record(code: &AuthorizationCode, gives: CodeGives, cap: Option<NanoUsd>) -> CodeRecord {
    CodeRecord {
        digest: code.digest,
        consent: consent_record(&code.consent),
        redirect_url: code.redirect_url.clone(),
        challenge: *code.challenge.as_bytes(),
        family: code.family.cast(),
        gives,
        cap,
        expires_at: code.expires_at,
        used_at: code.used_at,
    }
}

pub(super) fn family(record: &FamilyRecord) -> TokenFamily {
    TokenFamily {
        id: record.id.cast(),
        consent: consent(&record.consent),
        current: record.current.clone(),
        replaced: record.replaced,
        created_at: record.created_at,
        refreshed_at: record.refreshed_at,
        revoked_at: record.revoked_at,
    }
}

pub(super) fn family_record(family: &TokenFamily, version: u64, lifetimes: &GrantLifetimes) -> FamilyRecord {
    FamilyRecord {
        id: family.id.cast(),
        consent: consent_record(&family.consent),
        current: family.current.clone(),
        replaced: family.replaced,
        created_at: family.created_at,
        refreshed_at: family.refreshed_at,
        ends_at: family.ends_at(lifetimes),
        revoked_at: family.revoked_at,
        version,
    }
}

pub(super) fn device(record: &DeviceRecord) -> DeviceGrant {
    DeviceGrant {
        digest: record.digest,
        user_code: record.user_code,
        client_id: record.client_id.clone(),
        scopes: record.scopes.clone(),
        resources: record.resources.clone(),
        expires_at: record.expires_at,
        interval_ms: record.interval_ms,
        polled_at: record.polled_at,
        state: match record.standing {
            DeviceStanding::Pending => DeviceState::Pending,
            DeviceStanding::Approved { user, family } => DeviceState::Approved { user, family: family.cast() },
            DeviceStanding::Denied => DeviceState::Denied,
            DeviceStanding::Redeemed { family } => DeviceState::Redeemed { family: family.cast() },
        },
    }
}

pub(super) fn device_record(device: DeviceGrant, version: u64) -> DeviceRecord {
    DeviceRecord {
        digest: device.digest,
        user_code: device.user_code,
        client_id: device.client_id,
        scopes: device.scopes,
        resources: device.resources,
        expires_at: device.expires_at,
        interval_ms: device.interval_ms,
        polled_at: device.polled_at,
        standing: match device.state {
            DeviceState::Pending => DeviceStanding::Pending,
            DeviceState::Approved { user, family } => DeviceStanding::Approved { user, family: family.cast() },
            DeviceState::Denied => DeviceStanding::Denied,
            DeviceState::Redeemed { family } => DeviceStanding::Redeemed { family: family.cast() },
        },
        version,
    }
}
