//! The device flow: a terminal shows a code, a person types it on a page of ours.

use super::error::INVALID_GRANT;
use super::tokens::narrowed;
use super::{AppClient, Ask, ConnectionError, Connections, Decision, Person, records};
use crate::accounts::Actor;
use crate::ports::fresh_id;
use opencredits_identity::oauth::{
    Bearer, BearerKind, Decided, DeviceAnswer, DeviceGrant, DevicePoll, DeviceRequest, DeviceState, OauthError,
    OauthRefusal, TokenAnswer, TokenFamily, UserCode,
};
use opencredits_keys::KeyDigest;
use opencredits_store::{DeviceRecord, StoreError};

/// Open requests of one client: more cannot be waited for by people.
const OPEN_MAX: u32 = 1_000;
/// How often a code is drawn, or a change tried again, where another one came first.
const TRIES_MAX: usize = 8;

/// What a person is shown of a terminal's request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeviceAsk {
    /// The app and the caps.
    pub ask: Ask,
    /// The code as the terminal shows it.
    pub user_code: String,
}

impl Connections {
    /// Begins a terminal's request.
    ///
    /// # Errors
    /// [`ConnectionError::Oauth`] where it does not hold or too many wait; or when the store fails.
    pub async fn begin_device(&self, form: &str) -> Result<DeviceAnswer, ConnectionError> {
        let request = self.with_offer(|offer| DeviceRequest::read(form, offer))?;
        self.client(&request.client_id).await?;
        for _ in 0..TRIES_MAX {
            let now = self.now();
            let Some(user_code) = UserCode::draw(self.random()) else { continue };
            let device_code = Bearer::generate(BearerKind::Device, self.random());
            let digest = user_code.digest(&self.parts.hash_key);
            let grant = DeviceGrant::new(request.clone(), &device_code, digest, now);
            let record = records::device_record(grant.clone(), 0);
            match self.parts.tables.devices.add_device(&record, now, OPEN_MAX).await {
                Ok(true) => return Ok(DeviceAnswer::new(&grant, &device_code, &user_code, self.issuer(), now)),
                Ok(false) => break,
                // Another terminal shows the same code.
                Err(StoreError::Exists) => {}
                Err(error) => return Err(error.into()),
            }
        }
        let busy = "too many terminals of this client wait; try again in some minutes";
        Err(OauthRefusal::new(OauthError::TemporarilyUnavailable, busy).into())
    }

    /// What the terminal with this code asks for.
    ///
    /// # Errors
    /// [`ConnectionError::NoUserCode`] where none waits; or when the store fails.
    pub async fn ask_of_device(&self, typed: &str) -> Result<DeviceAsk, ConnectionError> {
        let (record, code) = self.waiting(typed).await?;
        let app = self.app(&record.client_id).await?;
        Ok(DeviceAsk { ask: self.ask_of(Some(app.partner), String::new()), user_code: code.reveal() })
    }

    /// Does what a person decided about a terminal. Returns the name of its app.
    ///
    /// # Errors
    /// [`ConnectionError::NoUserCode`] where none waits, [`ConnectionError::Cap`] where the cap is out of bounds; or when ledger
    /// or store fail.
    pub async fn decide_device(
        &self,
        typed: &str,
        person: Person,
        decision: Decision,
    ) -> Result<String, ConnectionError> {
        for _ in 0..TRIES_MAX {
            let (record, _) = self.waiting(typed).await?;
            let app = self.app(&record.client_id).await?;
            let (mut device, now) = (records::device(&record), self.now());
            let decided = match decision {
                Decision::Allow(cap) => {
                    self.set_cap(person, &app.partner, cap).await?;
                    device.approve(person.user, fresh_id(now, &*self.parts.entropy), now)
                }
                Decision::Deny => device.deny(now),
            };
            if decided == Decided::TooLate {
                break;
            }
            let changed = records::device_record(device, record.version);
            if self.parts.tables.devices.update_device(&changed, None).await? {
                return Ok(app.partner.name);
            }
        }
        Err(ConnectionError::NoUserCode)
    }

    /// The request that waits for this code.
    async fn waiting(&self, typed: &str) -> Result<(DeviceRecord, UserCode), ConnectionError> {
        let code: UserCode = typed.parse().map_err(|_| ConnectionError::NoUserCode)?;
        let found = self.parts.tables.devices.device_by_user_code(&code.digest(&self.parts.hash_key)).await?;
        let is_open = |record: &DeviceRecord| {
            records::device(record).state == DeviceState::Pending && self.now() < record.expires_at
        };
        Ok((found.filter(is_open).ok_or(ConnectionError::NoUserCode)?, code))
    }

    /// A terminal asks whether the person has decided.
    pub(super) async fn poll(
        &self,
        app: &AppClient,
        code: &KeyDigest,
        asked: &[String],
    ) -> Result<TokenAnswer, ConnectionError> {
        for _ in 0..TRIES_MAX {
            let record = self.parts.tables.devices.device(code).await?.ok_or(INVALID_GRANT)?;
            let resources = narrowed(&record.resources, asked)?;
            let (mut device, now) = (records::device(&record), self.now());
            let polled = device.poll(&app.key.key, now);
            let changed = records::device_record(device.clone(), record.version);
            match polled {
                DevicePoll::Granted { user, family } => {
                    let refresh = Bearer::generate(BearerKind::Refresh, self.random());
                    let family = TokenFamily::new(family, device.consent(user), &refresh, now);
                    let begun = records::family_record(&family, 0, &self.lifetimes);
                    if self.parts.tables.devices.update_device(&changed, Some(&begun)).await? {
                        return self.first_tokens(app, &family, (&refresh, now), resources).await;
                    }
                }
                DevicePoll::Refused(error) => {
                    if changed == record || self.parts.tables.devices.update_device(&changed, None).await? {
                        return Err(OauthRefusal::new(error, told(error)).into());
                    }
                }
                DevicePoll::Reused(family) => {
                    self.end_family(family.cast(), Actor::App).await?;
                    return Err(INVALID_GRANT.into());
                }
            }
        }
        Err(OauthRefusal::new(OauthError::SlowDown, told(OauthError::SlowDown)).into())
    }
}

/// What a terminal's developer is told.
const fn told(error: OauthError) -> &'static str {
    match error {
        OauthError::AuthorizationPending => "the person has not decided yet; ask again after the interval",
        OauthError::SlowDown => "ask less often: the interval is 5 seconds longer from now on",
        OauthError::ExpiredToken => "the time to type the code is over; begin anew",
        OauthError::AccessDenied => "the person refused",
        _ => "it is not known, or not any more; begin anew",
    }
}
