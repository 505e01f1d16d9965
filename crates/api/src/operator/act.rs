//! What operators do, and the request of the admin interface that does it.

use crate::admin::{
    AddKey, AddManagementKey, AddPartner, AdminRequest, Amount, ApplicationRequest, Change, CorrectCredits,
    CorrectionWay, EditKey, EmailChange, EmailOfUser, GrantCredits, IdentityRequest, JobRequest, OrderRequest,
    PartnerRequest, PriceRequest, PrivacyRequest, PublishableKeyRequest, RateChange, Refusal, RefusalCode, RenameUser,
    Reset, RevokeKey, RotateKey, SetLimit, SetStanding,
};
use opencredits_units::{BasisPoints, EntryId, GenerationId, KeyId, OrderId, PartnerId, UnixMs, UserId};
use serde::{Deserialize, Serialize};

const HOUR_MS: u64 = 3_600_000;

/// What a key may do, and for how long. What is absent stays as it is, or is not bounded; zero takes a bound away.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct KeyTerms {
    pub(crate) reset: Option<Reset>,
    /// Counted from when the act was looked at.
    pub(crate) expires_in_days: Option<u32>,
    pub(crate) models: Option<Vec<String>>,
    pub(crate) requests_per_minute: Option<u32>,
    pub(crate) tokens_per_minute: Option<u32>,
    pub(crate) parallel: Option<u32>,
}

impl KeyTerms {
    const fn rates(&self) -> RateChange {
        let Self { requests_per_minute, tokens_per_minute, parallel: parallel_max, .. } = *self;
        RateChange { requests_per_minute, tokens_per_minute, parallel_max }
    }

    /// The end of so many days; `None` for none.
    fn expiry(&self, now: UnixMs) -> Option<Change<UnixMs>> {
        let end = |days: u32| now.saturating_add_ms(u64::from(days).saturating_mul(UnixMs::DAY_MS));
        self.expires_in_days.map(|days| if days == 0 { Change::Remove } else { Change::To(end(days)) })
    }
}

/// What an operator does. Each is one request of the admin interface.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub(crate) enum Act {
    Credits(CreditAct),
    Person(PersonAct),
    Key(KeyAct),
    Partner(PartnerAct),
    Service(ServiceAct),
}

/// An amount that is moved to or from a person's wallet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Move {
    pub(crate) user: UserId,
    /// A decimal number of credits.
    pub(crate) credits: String,
    pub(crate) reason: String,
}

/// What moves credits of a person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case")]
pub(crate) enum CreditAct {
    Grant(Move),
    Take(Move),
    Add(Move),
    Deduct(Move),
    Refund {
        #[serde(flatten)]
        of: Move,
        generation: GenerationId,
    },
}

/// What is done to a person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case")]
pub(crate) enum PersonAct {
    Rename { user: UserId, label: String },
    SetEmail { user: UserId, email: String },
    RemoveEmail { user: UserId },
    Suspend { user: UserId, reason: String },
    Resume { user: UserId, reason: String },
    EndSessions { user: UserId },
    Restrict { user: UserId },
    Unrestrict { user: UserId },
    Object { user: UserId },
    Unobject { user: UserId },
    Delete { user: UserId },
    DeleteNow { user: UserId },
    Keep { user: UserId },
    SetLimit { user: UserId, partner: Option<PartnerId>, credits: String, reset: Option<Reset> },
    RemoveLimit { user: UserId, partner: Option<PartnerId> },
    AddKey(NewKey),
    AddManagementKey { user: UserId, name: String },
}

/// A key to be made for a person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct NewKey {
    pub(crate) user: UserId,
    /// The partner that issues it.
    pub(crate) partner: Option<PartnerId>,
    pub(crate) name: String,
    pub(crate) credits: Option<String>,
    #[serde(flatten)]
    pub(crate) terms: KeyTerms,
}

/// What is done to a key of a person. What is absent stays.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case")]
pub(crate) enum KeyAct {
    EditKey {
        key: KeyId,
        name: Option<String>,
        credits: Option<String>,
        #[serde(default)]
        no_limit: bool,
        #[serde(default)]
        all_models: bool,
        #[serde(flatten)]
        terms: KeyTerms,
    },
    SwitchOff {
        key: KeyId,
    },
    SwitchOn {
        key: KeyId,
    },
    RotateKey {
        key: KeyId,
        overlap_hours: u32,
    },
    RevokeKey {
        key: KeyId,
    },
}

/// What is done to partners and to those who want to be one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case")]
pub(crate) enum PartnerAct {
    EditPartner {
        partner: PartnerId,
        name: Option<String>,
        share_bps: Option<BasisPoints>,
        markup_bps: Option<BasisPoints>,
    },
    SuspendPartner {
        partner: PartnerId,
        reason: String,
    },
    ResumePartner {
        partner: PartnerId,
        reason: String,
    },
    PayOut {
        partner: PartnerId,
        credits: Option<String>,
        reason: String,
    },
    AddPartnerKey {
        partner: PartnerId,
        name: String,
    },
    RevokePartnerKey {
        partner: PartnerId,
        key: KeyId,
    },
    RevokePublishable {
        partner: PartnerId,
        key: KeyId,
    },
    Approve {
        application: PartnerId,
        share_bps: Option<BasisPoints>,
        markup_bps: Option<BasisPoints>,
    },
    Reject {
        application: PartnerId,
        reason: String,
    },
}

/// What is done to orders, prices and jobs, and new partners.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case")]
pub(crate) enum ServiceAct {
    AddPartner {
        name: String,
        share_bps: Option<BasisPoints>,
    },
    RefundOrder {
        order: OrderId,
        amount_minor: Option<i64>,
        reason: String,
    },
    Reread {
        order: OrderId,
    },
    Reconcile,
    Refresh {
        version: String,
        #[serde(default)]
        accept: Vec<String>,
    },
    RollBack {
        version: String,
    },
    RunJob {
        job: String,
    },
}

impl Act {
    /// The reason, where the act needs one.
    fn reason(&self) -> Option<&str> {
        match self {
            Self::Credits(
                CreditAct::Grant(of)
                | CreditAct::Take(of)
                | CreditAct::Add(of)
                | CreditAct::Deduct(of)
                | CreditAct::Refund { of, .. },
            ) => Some(&of.reason),
            Self::Person(PersonAct::Suspend { reason, .. } | PersonAct::Resume { reason, .. })
            | Self::Partner(
                PartnerAct::SuspendPartner { reason, .. }
                | PartnerAct::ResumePartner { reason, .. }
                | PartnerAct::PayOut { reason, .. }
                | PartnerAct::Reject { reason, .. },
            )
            | Self::Service(ServiceAct::RefundOrder { reason, .. }) => Some(reason),
            _ => None,
        }
    }

    /// Refuses an act without the reason that it needs. What else is wrong is found where it is done.
    ///
    /// # Errors
    /// When the reason is blank.
    pub(crate) fn check(&self) -> Result<(), Refusal> {
        if self.reason().is_none_or(|reason| !reason.trim().is_empty()) {
            return Ok(());
        }
        let refused = "give a reason: it stands in the record of changes".to_owned();
        Err(Refusal { code: RefusalCode::Invalid, refused })
    }

    /// The request that does it. What moves money does so once under `id`.
    pub(crate) fn into_request(self, id: EntryId) -> AdminRequest {
        match self {
            Self::Credits(act) => of_credits(act, id),
            Self::Person(act) => of_person(act, id.made_at()),
            Self::Key(act) => of_key(act, id.made_at()),
            Self::Partner(act) => AdminRequest::Partners(of_partner(act, id)),
            Self::Service(act) => of_service(act, id),
        }
    }
}

fn of_credits(act: CreditAct, id: EntryId) -> AdminRequest {
    let (of, way, generation) = match act {
        CreditAct::Grant(Move { user, credits, reason }) => {
            let (user, amount) = (user.to_string(), Amount::Credits(credits));
            return AdminRequest::GrantCredits(GrantCredits { user, amount, id: Some(id), reason });
        }
        CreditAct::Take(of) => (of, CorrectionWay::Take, None),
        CreditAct::Add(of) => (of, CorrectionWay::Add, None),
        CreditAct::Deduct(of) => (of, CorrectionWay::Deduct, None),
        CreditAct::Refund { of, generation } => (of, CorrectionWay::Refund, Some(generation)),
    };
    let (user, amount) = (of.user.to_string(), Amount::Credits(of.credits));
    AdminRequest::CorrectCredits(CorrectCredits { user, way, amount, generation, id: Some(id), reason: of.reason })
}

fn of_person(act: PersonAct, now: UnixMs) -> AdminRequest {
    let standing = |user: UserId, reason| SetStanding { user: user.to_string(), reason };
    let restrict = |user: UserId, on| AdminRequest::Privacy(PrivacyRequest::Restrict { user: user.to_string(), on });
    let object = |user: UserId, on| AdminRequest::Privacy(PrivacyRequest::Object { user: user.to_string(), on });
    match act {
        PersonAct::Rename { user, label } => AdminRequest::RenameUser(RenameUser { user: user.to_string(), label }),
        PersonAct::SetEmail { user, email } => address(user, EmailChange::Set(email)),
        PersonAct::RemoveEmail { user } => address(user, EmailChange::Remove),
        PersonAct::Suspend { user, reason } => AdminRequest::SuspendUser(standing(user, reason)),
        PersonAct::Resume { user, reason } => AdminRequest::ResumeUser(standing(user, reason)),
        PersonAct::EndSessions { user } => {
            AdminRequest::Identity(IdentityRequest::EndSessions { user: user.to_string() })
        }
        PersonAct::Restrict { user } => restrict(user, true),
        PersonAct::Unrestrict { user } => restrict(user, false),
        PersonAct::Object { user } => object(user, true),
        PersonAct::Unobject { user } => object(user, false),
        PersonAct::Delete { user } => delete(user, false),
        PersonAct::DeleteNow { user } => delete(user, true),
        PersonAct::Keep { user } => AdminRequest::Privacy(PrivacyRequest::Keep { user: user.to_string() }),
        PersonAct::SetLimit { user, partner, credits, reset } => {
            limit((user, partner), Some(Amount::Credits(credits)), reset)
        }
        PersonAct::RemoveLimit { user, partner } => limit((user, partner), None, None),
        PersonAct::AddKey(key) => new_key(key, now),
        PersonAct::AddManagementKey { user, name } => {
            AdminRequest::AddManagementKey(AddManagementKey { user: user.to_string(), name })
        }
    }
}

fn delete(user: UserId, now: bool) -> AdminRequest {
    AdminRequest::Privacy(PrivacyRequest::Delete { user: user.to_string(), now })
}

fn new_key(NewKey { user, partner, name, credits, terms }: NewKey, now: UnixMs) -> AdminRequest {
    let expires_at_ms = match terms.expiry(now) {
        Some(Change::To(end)) => Some(end),
        Some(Change::Remove) | None => None,
    };
    AdminRequest::AddKey(AddKey {
        user: user.to_string(),
        partner: partner.map(|partner| partner.to_string()),
        name,
        limit: credits.map(Amount::Credits),
        limit_reset: terms.reset,
        rates: terms.rates(),
        expires_at_ms,
        models: terms.models,
    })
}

fn of_key(act: KeyAct, now: UnixMs) -> AdminRequest {
    let edit = match act {
        KeyAct::RotateKey { key, overlap_hours } => {
            let overlap_ms = u64::from(overlap_hours).saturating_mul(HOUR_MS);
            return AdminRequest::RotateKey(RotateKey { id: key, overlap_ms });
        }
        KeyAct::RevokeKey { key } => return AdminRequest::RevokeKey(RevokeKey { id: key }),
        KeyAct::SwitchOff { key } => EditKey { disabled: Some(true), ..unchanged(key) },
        KeyAct::SwitchOn { key } => EditKey { disabled: Some(false), ..unchanged(key) },
        KeyAct::EditKey { key, name, credits, no_limit, all_models, terms } => {
            let limit = credits.map(|credits| Change::To(Amount::Credits(credits)));
            EditKey {
                name,
                limit: if no_limit { Some(Change::Remove) } else { limit },
                expires_at_ms: terms.expiry(now),
                rates: terms.rates(),
                models: if all_models { Some(Change::Remove) } else { terms.models.map(Change::To) },
                limit_reset: terms.reset.map(Change::To),
                ..unchanged(key)
            }
        }
    };
    AdminRequest::EditKey(Box::new(edit))
}

fn of_partner(act: PartnerAct, id: EntryId) -> PartnerRequest {
    match act {
        PartnerAct::EditPartner { partner, name, share_bps, markup_bps } => PartnerRequest::Edit {
            partner: partner.to_string(),
            name,
            share_bps: share_bps.map(Change::To),
            owner: None,
            markup_bps: markup_bps.map(Change::To),
        },
        PartnerAct::SuspendPartner { partner, reason } => {
            PartnerRequest::Suspend { partner: partner.to_string(), reason }
        }
        PartnerAct::ResumePartner { partner, reason } => {
            PartnerRequest::Resume { partner: partner.to_string(), reason }
        }
        PartnerAct::PayOut { partner, credits, reason } => {
            let (partner, amount) = (partner.to_string(), credits.map(Amount::Credits));
            PartnerRequest::PayOut { partner, amount, id: Some(id), reason }
        }
        PartnerAct::AddPartnerKey { partner, name } => PartnerRequest::AddKey { partner: partner.to_string(), name },
        PartnerAct::RevokePartnerKey { key, .. } => PartnerRequest::RevokeKey { id: key },
        PartnerAct::RevokePublishable { key, .. } => {
            PartnerRequest::Publishable(PublishableKeyRequest::Revoke { id: key })
        }
        PartnerAct::Approve { application: id, share_bps, markup_bps } => {
            let approve = ApplicationRequest::Approve { id, name: None, share_bps, markup_bps };
            PartnerRequest::Applications(approve)
        }
        PartnerAct::Reject { application: id, reason } => {
            PartnerRequest::Applications(ApplicationRequest::Reject { id, reason })
        }
    }
}

fn of_service(act: ServiceAct, id: EntryId) -> AdminRequest {
    match act {
        ServiceAct::AddPartner { name, share_bps } => AdminRequest::AddPartner(AddPartner { name, share_bps }),
        ServiceAct::RefundOrder { order, amount_minor, reason } => {
            AdminRequest::Orders(OrderRequest::Refund { id: order, amount_minor, key: id.to_string(), reason })
        }
        ServiceAct::Reread { order } => AdminRequest::Orders(OrderRequest::Show { id: order }),
        ServiceAct::Reconcile => AdminRequest::Orders(OrderRequest::Reconcile),
        ServiceAct::Refresh { version, accept } => {
            let version = Some(version);
            AdminRequest::Prices(PriceRequest::Refresh { from: None, accept, apply: true, version })
        }
        ServiceAct::RollBack { version } => AdminRequest::Prices(PriceRequest::RollBack { version, apply: true }),
        ServiceAct::RunJob { job } => AdminRequest::Jobs(JobRequest::Run { name: job }),
    }
}

fn address(user: UserId, change: EmailChange) -> AdminRequest {
    AdminRequest::UserEmail(EmailOfUser { user: user.to_string(), change })
}

fn limit((user, partner): (UserId, Option<PartnerId>), amount: Option<Amount>, reset: Option<Reset>) -> AdminRequest {
    let (user, partner) = (user.to_string(), partner.map(|partner| partner.to_string()));
    AdminRequest::SetLimit(SetLimit { user, partner, amount, reset })
}

fn unchanged(key: KeyId) -> EditKey {
    EditKey {
        id: key,
        name: None,
        disabled: None,
        limit: None,
        limit_reset: None,
        expires_at_ms: None,
        models: None,
        rates: RateChange::default(),
    }
}
