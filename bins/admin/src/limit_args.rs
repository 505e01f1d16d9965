//! The commands about limits, rates, suspensions and changes of keys.

use crate::confirm::{Agreement, Previewed, agreed};
use crate::error::AdminError;
use clap::{Args, Subcommand, ValueEnum};
use opencredits_api::admin::{
    AdminRequest, Amount, Change, EditKey, RateChange, Reset, SetLimit, SetStanding, ShowUser,
};
use opencredits_units::{KeyId, NanoUsd, UnixMs};
use std::str::FromStr;

/// When a limit begins anew, at 00:00 UTC.
#[derive(Clone, Copy, ValueEnum)]
pub(crate) enum ResetArgument {
    /// Every day.
    Daily,
    /// Every Monday.
    Weekly,
    /// On the first of each month.
    Monthly,
}

impl From<ResetArgument> for Reset {
    fn from(reset: ResetArgument) -> Self {
        match reset {
            ResetArgument::Daily => Self::Daily,
            ResetArgument::Weekly => Self::Weekly,
            ResetArgument::Monthly => Self::Monthly,
        }
    }
}

/// A value, or `none`.
#[derive(Clone)]
pub(crate) struct OrNone<T>(Option<T>);

impl<T: FromStr> FromStr for OrNone<T> {
    type Err = T::Err;

    fn from_str(text: &str) -> Result<Self, T::Err> {
        if text == "none" { Ok(Self(None)) } else { text.parse().map(|value| Self(Some(value))) }
    }
}

impl<T> OrNone<T> {
    fn change<U>(self, into: impl FnOnce(T) -> U) -> Change<U> {
        self.0.map_or(Change::Remove, |value| Change::To(into(value)))
    }
}

/// A cap.
#[derive(Args)]
pub(crate) struct Cap {
    /// The amount in credits, or `none`.
    #[arg(value_name = "CREDITS|none", required_unless_present = "usd", conflicts_with = "usd")]
    amount: Option<OrNone<String>>,
    /// The amount in dollars.
    #[arg(long, value_name = "USD")]
    usd: Option<NanoUsd>,
    /// When it begins anew, at 00:00 UTC; never without it.
    #[arg(long)]
    reset: Option<ResetArgument>,
}

impl Cap {
    fn request(&self, user: &str, partner: Option<&String>) -> AdminRequest {
        let credits = self.amount.clone().and_then(|amount| amount.0).map(Amount::Credits);
        AdminRequest::SetLimit(SetLimit {
            user: user.to_owned(),
            partner: partner.cloned(),
            amount: self.usd.map(Amount::Usd).or(credits),
            reset: self.reset.map(Into::into),
        })
    }
}

/// The cap of a person.
#[derive(Args)]
pub(crate) struct PersonCap {
    /// The person, by id or by label.
    #[arg(value_name = "USER")]
    user: String,
    #[command(flatten)]
    cap: Cap,
}

impl PersonCap {
    pub(crate) fn request(&self) -> AdminRequest {
        self.cap.request(&self.user, None)
    }
}

#[derive(Subcommand)]
pub(crate) enum GrantCommand {
    /// Sets or removes what an app may spend of a person's balance, over all keys that it issued to them.
    Limit {
        /// The person, by id or by label.
        #[arg(value_name = "USER")]
        user: String,
        /// The app, by id or by name.
        #[arg(value_name = "PARTNER")]
        partner: String,
        #[command(flatten)]
        cap: Cap,
    },
}

impl GrantCommand {
    pub(crate) fn request(&self) -> AdminRequest {
        let Self::Limit { user, partner, cap } = self;
        cap.request(user, Some(partner))
    }
}

/// A person, and a reason.
#[derive(Args)]
pub(crate) struct WhoAndWhy {
    /// The person, by id or by label.
    #[arg(value_name = "USER")]
    user: String,
    /// The reason, which the record of changes keeps.
    #[arg(long, default_value = "")]
    reason: String,
}

impl WhoAndWhy {
    pub(crate) fn request(&self) -> SetStanding {
        SetStanding { user: self.user.clone(), reason: self.reason.clone() }
    }
}

/// A suspension of a person.
#[derive(Args)]
pub(crate) struct SuspensionOrder {
    #[command(flatten)]
    who: WhoAndWhy,
    #[command(flatten)]
    agreement: Agreement,
}

impl SuspensionOrder {
    pub(crate) fn previewed(&self) -> Previewed {
        let show = AdminRequest::ShowUser(ShowUser { user: self.who.user.clone(), address: false });
        let warning = "All keys of this person are refused from now on, until `user resume`.";
        self.agreement.after(show, warning, AdminRequest::SuspendUser(self.who.request()))
    }
}

/// A key to revoke.
#[derive(Args)]
pub(crate) struct Revocation {
    /// The key's id, `key_…`.
    id: KeyId,
    #[command(flatten)]
    agreement: Agreement,
}

impl Revocation {
    /// The key, once the operator agrees.
    ///
    /// # Errors
    /// When they do not.
    pub(crate) fn agreed(&self) -> Result<KeyId, AdminError> {
        let warning = || format!("Whoever has {} is refused from now on. It cannot be undone.", self.id);
        agreed(self.agreement.unless_given(warning))?;
        Ok(self.id)
    }
}

/// How fast a key may send; 0 removes a bound.
#[derive(Args, Clone, Copy)]
pub(crate) struct RateArguments {
    /// Requests in a minute.
    #[arg(long, value_name = "COUNT")]
    requests_per_minute: Option<u32>,
    /// Tokens in a minute, input and output together.
    #[arg(long, value_name = "COUNT")]
    tokens_per_minute: Option<u32>,
    /// Requests at once.
    #[arg(long, value_name = "COUNT")]
    parallel: Option<u32>,
}

impl RateArguments {
    pub(crate) fn change(self) -> RateChange {
        let Self { requests_per_minute, tokens_per_minute, parallel } = self;
        RateChange { requests_per_minute, tokens_per_minute, parallel_max: parallel }
    }
}

/// A change of a key. What is not named stays.
#[derive(Args)]
pub(crate) struct KeyChange {
    /// The key's id, `key_…`.
    id: KeyId,
    /// The name.
    #[arg(long)]
    name: Option<String>,
    /// Switches it off until it is enabled again.
    #[arg(long, conflicts_with = "enable")]
    disable: bool,
    /// Switches it on again.
    #[arg(long)]
    enable: bool,
    /// Its limit in credits, or `none`. What was spent stays spent.
    #[arg(long, value_name = "CREDITS|none", conflicts_with = "limit_usd")]
    limit_credits: Option<OrNone<String>>,
    /// Its limit in dollars.
    #[arg(long, value_name = "USD")]
    limit_usd: Option<NanoUsd>,
    /// When its limit begins anew: daily, weekly, monthly or none.
    #[arg(long, value_name = "PERIOD|none", value_parser = reset_or_none)]
    limit_reset: Option<OrNone<ResetArgument>>,
    /// The number of days from now until it expires, or `none`.
    #[arg(long, value_name = "DAYS|none")]
    expires_in_days: Option<OrNone<u32>>,
    /// A model that it may use; may be repeated.
    #[arg(long = "model", value_name = "MODEL", conflicts_with = "all_models")]
    models: Vec<String>,
    /// It may use all models.
    #[arg(long)]
    all_models: bool,
    #[command(flatten)]
    rates: RateArguments,
}

fn reset_or_none(text: &str) -> Result<OrNone<ResetArgument>, String> {
    if text == "none" {
        Ok(OrNone(None))
    } else {
        ResetArgument::from_str(text, false).map(|reset| OrNone(Some(reset)))
    }
}

impl KeyChange {
    pub(crate) fn request(&self, now: UnixMs) -> AdminRequest {
        let in_days = |days: u32| now.saturating_add_ms(u64::from(days).saturating_mul(UnixMs::DAY_MS));
        let credits = self.limit_credits.clone().map(|limit| limit.change(Amount::Credits));
        let usd = self.limit_usd.map(|usd| Change::To(Amount::Usd(usd)));
        let models = (!self.models.is_empty()).then(|| Change::To(self.models.clone()));
        AdminRequest::EditKey(Box::new(EditKey {
            id: self.id,
            name: self.name.clone(),
            disabled: (self.disable || self.enable).then_some(self.disable),
            limit: credits.or(usd),
            limit_reset: self.limit_reset.clone().map(|reset| reset.change(Into::into)),
            expires_at_ms: self.expires_in_days.clone().map(|days| days.change(in_days)),
            models: models.or(self.all_models.then_some(Change::Remove)),
            rates: self.rates.change(),
        }))
    }
}
