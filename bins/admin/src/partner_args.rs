//! Partners on the command line.

use crate::application_args::ApplicationCommand;
use crate::confirm::{Agreement, Previewed};
use crate::error::AdminError;
use crate::limit_args::Revocation;
use clap::{Args, Subcommand};
use opencredits_api::admin::{
    AddPartner, AdminRequest, Amount, Change, ListPartners, PartnerRequest, PublishableKeyChange, PublishableKeyRequest,
};
use opencredits_units::{BasisPoints, EntryId, KeyId, NanoUsd, PartnerId};

#[derive(Subcommand)]
pub(crate) enum PartnerCommand {
    /// Adds a partner.
    Add {
        /// The name, which is unique.
        name: String,
        /// Its share of the markup in hundredths of a percent. Default: the config's.
        #[arg(long, value_name = "POINTS")]
        share_bps: Option<u32>,
    },
    /// Lists partners.
    List {
        /// The cursor: the `next` of the page before.
        #[arg(long, value_name = "ID")]
        after: Option<PartnerId>,
        /// The largest number of rows.
        #[arg(long, value_name = "COUNT", default_value_t = 100)]
        max: u32,
    },
    /// Shows a partner and what it has earned.
    Show {
        /// The partner, by id or name.
        partner: String,
    },
    /// Changes a partner, for requests from now on. What is not named stays.
    Edit(EditPartner),
    /// Suspends a partner: keys that it issued earn nothing, and its publishable key is unknown.
    Suspend(PartnerSuspension),
    /// Lifts a suspension.
    Resume(PartnerAndWhy),
    /// Records that matured commission was paid out.
    Payout(PayOutOrder),
    /// Shows a month: requests, commission, what was taken back, payouts, the balance.
    Statement(StatementOf),
    /// Secret keys with which partners read their figures.
    #[command(subcommand)]
    Key(PartnerKeyCommand),
    /// Shows how many people came through a partner, by month, and how many of them bought credits.
    Referrals {
        /// The partner, by id or name.
        partner: String,
    },
    #[command(flatten)]
    Application(ApplicationCommand),
    /// Keys that name partners in browsers.
    #[command(subcommand)]
    Publishable(PublishableKeyCommand),
}

#[derive(Args)]
pub(crate) struct EditPartner {
    /// The partner, by id or name.
    partner: String,
    /// Its new name.
    #[arg(long)]
    name: Option<String>,
    /// Its share of the markup in hundredths of a percent.
    #[arg(long, value_name = "POINTS", conflicts_with = "default_share")]
    share_bps: Option<u32>,
    /// Gives it the share of the config.
    #[arg(long)]
    default_share: bool,
    /// The markup on requests through it, in hundredths of a percent, within the bounds of the config.
    #[arg(long = "markup", value_name = "POINTS", conflicts_with = "default_markup")]
    markup_bps: Option<u32>,
    /// Gives it no markup of its own: those of the models and of the config hold.
    #[arg(long)]
    default_markup: bool,
    /// The person who runs it, by id or label: their own spending earns it nothing.
    #[arg(long, value_name = "USER", conflicts_with = "no_owner")]
    owner: Option<String>,
    /// Nobody is known to run it.
    #[arg(long)]
    no_owner: bool,
}

#[derive(Args)]
pub(crate) struct PartnerAndWhy {
    /// The partner, by id or name.
    partner: String,
    /// The reason, for the record of changes.
    #[arg(long, default_value = "")]
    reason: String,
}

/// A suspension of a partner.
#[derive(Args)]
pub(crate) struct PartnerSuspension {
    #[command(flatten)]
    of: PartnerAndWhy,
    #[command(flatten)]
    agreement: Agreement,
}

#[derive(Args)]
pub(crate) struct PayOutOrder {
    /// The partner, by id or name.
    partner: String,
    /// The amount in credits, a decimal number.
    #[arg(value_name = "CREDITS", required_unless_present_any = ["usd", "all"], conflicts_with_all = ["usd", "all"])]
    credits: Option<String>,
    /// The amount in dollars, a decimal number.
    #[arg(long, value_name = "USD", conflicts_with = "all")]
    usd: Option<NanoUsd>,
    /// All that has matured.
    #[arg(long)]
    all: bool,
    /// The reason, for the ledger and the record of changes.
    #[arg(long, default_value = "payout")]
    reason: String,
    /// The entry's id, to repeat a request whose answer was lost: under one id it is paid out once.
    #[arg(long, value_name = "ID")]
    id: Option<EntryId>,
    #[command(flatten)]
    agreement: Agreement,
}

#[derive(Args)]
pub(crate) struct StatementOf {
    /// The partner, by id or name.
    partner: String,
    /// The month, such as 2026-11, UTC.
    #[arg(long, value_name = "MONTH")]
    month: String,
    /// Prints CSV.
    #[arg(long, conflicts_with = "json")]
    pub(crate) csv: bool,
}

#[derive(Subcommand)]
pub(crate) enum PartnerKeyCommand {
    /// Makes a key and shows its secret, once.
    Add {
        /// The partner, by id or name.
        partner: String,
        /// A name for the key.
        #[arg(long, default_value = "key")]
        name: String,
    },
    /// Lists a partner's keys.
    List {
        /// The partner, by id or name.
        partner: String,
    },
    /// Revokes a key.
    Revoke(Revocation),
}

#[derive(Subcommand)]
pub(crate) enum PublishableKeyCommand {
    /// Makes a further key.
    Add {
        /// The partner, by id or name.
        partner: String,
        #[command(flatten)]
        change: PublishableKeyArguments,
    },
    /// Lists a partner's keys.
    List {
        /// The partner, by id or name.
        partner: String,
    },
    /// Changes a key. What is not named stays.
    Edit {
        /// The key's id, `key_…`.
        id: KeyId,
        #[command(flatten)]
        change: PublishableKeyArguments,
    },
    /// Revokes a key.
    Revoke(Revocation),
}

#[derive(Args)]
pub(crate) struct PublishableKeyArguments {
    /// A name for the key.
    #[arg(long)]
    name: Option<String>,
    /// An origin whose pages may use it, such as `https://app.example`; may be repeated. Without any, all may.
    #[arg(long = "origin", value_name = "ORIGIN", conflicts_with = "any_origin")]
    origins: Vec<String>,
    /// The pages of all origins may use it.
    #[arg(long)]
    any_origin: bool,
    /// A URL to which people may be sent back; may be repeated.
    #[arg(long = "redirect", value_name = "URL", conflicts_with = "no_redirect")]
    redirect_urls: Vec<String>,
    /// People may be sent back nowhere.
    #[arg(long)]
    no_redirect: bool,
}

impl PublishableKeyArguments {
    fn change(&self) -> PublishableKeyChange {
        let list = |listed: &[String], none: bool| (none || !listed.is_empty()).then(|| listed.to_vec());
        PublishableKeyChange {
            name: self.name.clone(),
            origins: list(&self.origins, self.any_origin),
            redirect_urls: list(&self.redirect_urls, self.no_redirect),
        }
    }
}

impl PublishableKeyCommand {
    fn request(&self) -> Result<PublishableKeyRequest, AdminError> {
        Ok(match self {
            Self::Add { partner, change } => {
                PublishableKeyRequest::Add { partner: partner.clone(), change: change.change() }
            }
            Self::List { partner } => PublishableKeyRequest::List { partner: partner.clone() },
            Self::Edit { id, change } => PublishableKeyRequest::Edit { id: *id, change: change.change() },
            Self::Revoke(order) => PublishableKeyRequest::Revoke { id: order.agreed()? },
        })
    }
}

impl PartnerCommand {
    /// The request; `fresh` is a payout's entry where the operator gives none.
    ///
    /// # Errors
    /// When the operator is asked and does not agree.
    pub(crate) fn request(&self, fresh: EntryId) -> Result<AdminRequest, AdminError> {
        let of = |partner: &String| partner.clone();
        Ok(AdminRequest::Partners(match self {
            Self::Add { name, share_bps } => {
                let share_bps = share_bps.map(BasisPoints::new);
                return Ok(AdminRequest::AddPartner(AddPartner { name: name.clone(), share_bps }));
            }
            Self::List { after, max } => {
                return Ok(AdminRequest::ListPartners(ListPartners { after: *after, max: *max }));
            }
            Self::Referrals { partner } => PartnerRequest::Referrals { partner: of(partner) },
            Self::Application(command) => PartnerRequest::Applications(command.request()),
            Self::Show { partner } => PartnerRequest::Show { partner: of(partner) },
            Self::Edit(edit) => edit.request(),
            Self::Suspend(PartnerSuspension { of: PartnerAndWhy { partner, reason }, .. }) => {
                PartnerRequest::Suspend { partner: of(partner), reason: reason.clone() }
            }
            Self::Resume(PartnerAndWhy { partner, reason }) => {
                PartnerRequest::Resume { partner: of(partner), reason: reason.clone() }
            }
            Self::Payout(order) => order.request(fresh),
            Self::Statement(StatementOf { partner, month, .. }) => {
                PartnerRequest::Statement { partner: of(partner), month: month.clone() }
            }
            Self::Key(PartnerKeyCommand::Add { partner, name }) => {
                PartnerRequest::AddKey { partner: of(partner), name: name.clone() }
            }
            Self::Key(PartnerKeyCommand::List { partner }) => PartnerRequest::ListKeys { partner: of(partner) },
            Self::Publishable(command) => PartnerRequest::Publishable(command.request()?),
            Self::Key(PartnerKeyCommand::Revoke(order)) => PartnerRequest::RevokeKey { id: order.agreed()? },
        }))
    }

    /// What is shown and agreed to first, for what moves money or stops a partner.
    pub(crate) fn previewed(&self, fresh: EntryId) -> Option<Previewed> {
        let (partner, agreement, warning, request) = match self {
            Self::Payout(order) => (&order.partner, order.agreement, order.warning(), order.request(fresh)),
            Self::Suspend(PartnerSuspension { of: PartnerAndWhy { partner, reason }, agreement }) => {
                let warning = "Keys that it issued earn it nothing from now on, and its publishable keys are unknown.";
                let request = PartnerRequest::Suspend { partner: partner.clone(), reason: reason.clone() };
                (partner, *agreement, warning.to_owned(), request)
            }
            _ => return None,
        };
        let show = AdminRequest::Partners(PartnerRequest::Show { partner: partner.clone() });
        Some(agreement.after(show, warning, AdminRequest::Partners(request)))
    }
}

impl PayOutOrder {
    fn warning(&self) -> String {
        let amount = match (&self.credits, self.usd) {
            (Some(credits), _) => format!("{credits} credits"),
            (None, Some(usd)) => format!("${usd}"),
            (None, None) => "all that has matured".to_owned(),
        };
        format!("This records that {amount} of commission were paid to {}.", self.partner)
    }
}

impl EditPartner {
    fn request(&self) -> PartnerRequest {
        let share = self.share_bps.map(|share| Change::To(BasisPoints::new(share)));
        let markup = self.markup_bps.map(|markup| Change::To(BasisPoints::new(markup)));
        let owner = self.owner.clone().map(Change::To);
        PartnerRequest::Edit {
            partner: self.partner.clone(),
            name: self.name.clone(),
            share_bps: if self.default_share { Some(Change::Remove) } else { share },
            owner: if self.no_owner { Some(Change::Remove) } else { owner },
            markup_bps: if self.default_markup { Some(Change::Remove) } else { markup },
        }
    }
}

impl PayOutOrder {
    fn request(&self, fresh: EntryId) -> PartnerRequest {
        let credits = self.credits.clone().map(Amount::Credits);
        PartnerRequest::PayOut {
            partner: self.partner.clone(),
            amount: credits.or(self.usd.map(Amount::Usd)),
            id: Some(self.id.unwrap_or(fresh)),
            reason: self.reason.clone(),
        }
    }
}
