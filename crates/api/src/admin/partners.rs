//! Requests of an operator about partners and their money, and their replies.

use super::amount_view::AmountView;
use super::answer::{Admin, Answer};
use super::partner_views::{EarningsView, PartnerRequest, StatementView};
use super::reply::{AdminReply, Refusal};
use super::values::Change;
use super::views::PartnerView;
use opencredits_ledger::Replay;
use opencredits_service::accounts::{Edit, PartnerEdit, Payout};
use opencredits_service::partners::month_of_text;
use opencredits_store::Standing;

impl Admin {
    pub(super) async fn partners(&self, request: PartnerRequest) -> Answer {
        match request {
            PartnerRequest::Show { partner } => {
                let partner = self.accounts.find_partner(&partner).await?;
                let earnings = self.accounts.earnings_of(&partner).await?;
                let earnings = Box::new(EarningsView::new(&earnings, self.price));
                let charged = self.accounts.markup_charged(&partner).filter(|charged| Some(*charged) != partner.markup);
                let partner = PartnerView { markup_charged_bps: charged, ..partner.into() };
                Ok(AdminReply::Partner { partner: Box::new(partner), earnings })
            }
            PartnerRequest::Edit { partner, name, share_bps, owner, markup_bps } => {
                let owner = match owner {
                    None => Edit::Keep,
                    Some(Change::Remove) => Edit::Clear,
                    Some(Change::To(owner)) => Edit::Set(self.accounts.find_user(&owner).await?.id),
                };
                let (share, markup) = (edit(share_bps), edit(markup_bps));
                let partner = self.accounts.edit_partner(&partner, PartnerEdit { name, share, owner, markup }).await?;
                Ok(AdminReply::PartnerEdited { partner: Box::new(partner.into()) })
            }
            PartnerRequest::Suspend { partner, reason } => {
                self.set_partner_standing(&partner, Standing::Suspended, reason).await
            }
            PartnerRequest::Resume { partner, reason } => {
                self.set_partner_standing(&partner, Standing::Good, reason).await
            }
            PartnerRequest::PayOut { partner, amount, id, reason } => {
                let amount = amount.map(|amount| self.amount(&amount)).transpose()?;
                self.pay_out(Payout { partner, amount, id, reason }).await
            }
            PartnerRequest::Statement { partner, month } => self.statement(&partner, &month).await,
            PartnerRequest::Referrals { partner } => {
                let partner = self.accounts.find_partner(&partner).await?;
                let groups = self.accounts.referrals(&partner).await?;
                let groups = groups.into_iter().map(Into::into).collect();
                Ok(AdminReply::Referrals { partner: partner.name, groups })
            }
            PartnerRequest::Applications(request) => self.applications(request).await,
            PartnerRequest::Publishable(request) => self.publishable_keys(request).await,
            PartnerRequest::AddKey { partner, name } => {
                let (record, secret) = self.accounts.add_partner_key(&partner, name).await?;
                Ok(AdminReply::PartnerKeyAdded { key: secret.reveal().to_owned(), record: record.into() })
            }
            PartnerRequest::ListKeys { partner } => {
                let keys = self.accounts.partner_keys(&partner).await?;
                Ok(AdminReply::PartnerKeys { keys: keys.into_iter().map(Into::into).collect() })
            }
            PartnerRequest::RevokeKey { id } => {
                Ok(AdminReply::PartnerKeyRevoked { record: self.accounts.revoke_partner_key(id).await?.into() })
            }
        }
    }

    async fn set_partner_standing(&self, partner: &str, standing: Standing, reason: String) -> Answer {
        let partner = self.accounts.set_partner_standing(partner, standing, reason).await?;
        Ok(AdminReply::PartnerEdited { partner: Box::new(partner.into()) })
    }

    async fn pay_out(&self, payout: Payout) -> Answer {
        let paid = self.accounts.pay_out(payout).await?;
        let earnings = self.accounts.earnings_of(&paid.partner).await?;
        Ok(AdminReply::PaidOut {
            id: paid.id,
            replayed: paid.replay != Replay::First,
            partner: paid.partner.name,
            amount: AmountView::new(paid.amount, self.price),
            earnings: Box::new(EarningsView::new(&earnings, self.price)),
        })
    }

    async fn statement(&self, partner: &str, month: &str) -> Answer {
        let partner = self.accounts.find_partner(partner).await?;
        let days = month_of_text(month)
            .ok_or_else(|| Refusal::invalid(format!("{month} is no month; write it as 2026-11")))?;
        let statement = self.accounts.partner_statement(&partner, days).await?;
        let earnings = self.accounts.earnings_of(&partner).await?;
        let statement = Box::new(StatementView::new(&statement, &earnings, self.price));
        Ok(AdminReply::PartnerStatement { partner: partner.name, statement })
    }
}

fn edit<T>(change: Option<Change<T>>) -> Edit<T> {
    match change {
        None => Edit::Keep,
        Some(Change::Remove) => Edit::Clear,
        Some(Change::To(value)) => Edit::Set(value),
    }
}
