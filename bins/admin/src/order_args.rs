//! Orders and corrections on the command line.

use clap::{Args, Subcommand};
use opencredits_api::admin::{AdminRequest, Amount, CorrectCredits, CorrectionWay, OrderRequest};
use opencredits_service::config::minor;
use opencredits_units::{EntryId, GenerationId, NanoUsd, OrderId};

#[derive(Subcommand)]
pub(crate) enum OrderCommand {
    /// Lists orders, newest first.
    List {
        /// Of this person, by id or by label.
        #[arg(long)]
        user: Option<String>,
        /// The cursor: the `next` of the page before.
        #[arg(long, value_name = "ID")]
        before: Option<OrderId>,
        /// The largest number of rows.
        #[arg(long, value_name = "COUNT", default_value_t = 100)]
        max: u32,
    },
    /// Reads an order's payment at the payment processor, books what differs, and shows the order.
    Show {
        /// The order, `order_…`.
        id: OrderId,
    },
    /// Refunds an order. Its credits are taken back in proportion; what was spent of them becomes a debt.
    Refund(RefundOrder),
}

#[derive(Args)]
pub(crate) struct RefundOrder {
    /// The order, `order_…`.
    id: OrderId,
    /// A part of it, in its currency, such as 2.50. Default: all that is left.
    #[arg(long, value_name = "AMOUNT", value_parser = money)]
    amount: Option<i64>,
    /// The reason, for the record of changes.
    #[arg(long)]
    reason: String,
    /// Tells two refunds of one order apart: under one key money is sent once, so a refund whose answer was lost is repeated
    /// under its key. Default: a new one.
    #[arg(long)]
    key: Option<String>,
    /// Does it without asking.
    #[arg(long)]
    pub(crate) yes: bool,
}

fn money(text: &str) -> Result<i64, String> {
    minor(text).filter(|minor| *minor > 0).ok_or_else(|| "is no amount with at most two decimal places".to_owned())
}

impl OrderCommand {
    /// The request; `fresh` is the key of a refund where the operator gives none.
    pub(crate) fn request(&self, fresh: EntryId) -> AdminRequest {
        AdminRequest::Orders(match self {
            Self::List { user, before, max } => OrderRequest::List { user: user.clone(), before: *before, max: *max },
            Self::Show { id } => OrderRequest::Show { id: *id },
            Self::Refund(refund) => OrderRequest::Refund {
                id: refund.id,
                amount_minor: refund.amount,
                key: refund.key.clone().unwrap_or_else(|| fresh.to_string()),
                reason: refund.reason.clone(),
            },
        })
    }

    /// What will happen, where that cannot be undone and the operator has not agreed to it.
    pub(crate) fn warning(&self) -> Option<String> {
        match self {
            Self::Refund(refund) if !refund.yes => {
                let what = refund.amount.map_or_else(
                    || "all that is left".to_owned(),
                    |minor| format!("{}.{:02}", minor.div_euclid(100), minor.rem_euclid(100)),
                );
                Some(format!("This sends money back for {}: {what}. Its credits are taken back.", refund.id))
            }
            _ => None,
        }
    }
}

/// A correction of a balance.
#[derive(Args)]
pub(crate) struct CorrectionOrder {
    /// The person, by id or by label.
    user: String,
    /// An amount in credits, a decimal number.
    #[arg(
        value_name = "CREDITS",
        required_unless_present = "usd",
        conflicts_with = "usd",
        allow_negative_numbers = true
    )]
    credits: Option<String>,
    /// An amount in dollars, a decimal number.
    #[arg(long, value_name = "USD")]
    usd: Option<NanoUsd>,
    /// The reason, for the ledger and the record of changes.
    #[arg(long)]
    reason: String,
    /// The entry's id, to repeat a request whose answer was lost.
    #[arg(long, value_name = "ID")]
    id: Option<EntryId>,
    /// Does it without asking.
    #[arg(long)]
    yes: bool,
}

impl CorrectionOrder {
    /// The request; `fresh` is the entry's id where the operator gives none. A negative correction is one against the person.
    pub(crate) fn request(&self, way: CorrectionWay, fresh: EntryId) -> AdminRequest {
        let negative = self.credits.as_deref().and_then(|credits| credits.strip_prefix('-'));
        let (way, credits) = match (way, negative) {
            (CorrectionWay::Add, Some(credits)) => (CorrectionWay::Deduct, Some(credits.to_owned())),
            _ => (way, self.credits.clone()),
        };
        let usd = || Amount::Usd(self.usd.unwrap_or_default());
        AdminRequest::CorrectCredits(CorrectCredits {
            user: self.user.clone(),
            way,
            amount: credits.map_or_else(usd, Amount::Credits),
            generation: None,
            id: Some(self.id.unwrap_or(fresh)),
            reason: self.reason.clone(),
        })
    }

    /// What will happen, where the operator has not agreed to it.
    pub(crate) fn warning(&self, what: &str) -> Option<String> {
        let amount = self
            .credits
            .as_ref()
            .map_or_else(|| format!("${}", self.usd.unwrap_or_default()), |credits| format!("{credits} credits"));
        (!self.yes).then(|| format!("This {what} {amount}, for {}.", self.user))
    }
}

/// A charge that is given back.
#[derive(Args)]
pub(crate) struct ChargeRefund {
    #[command(flatten)]
    pub(crate) order: CorrectionOrder,
    /// The request, `gen_…`. All refunds of a request together give back what was collected for it at most.
    #[arg(long, value_name = "ID")]
    generation: GenerationId,
}

impl ChargeRefund {
    pub(crate) fn request(&self, fresh: EntryId) -> AdminRequest {
        match self.order.request(CorrectionWay::Refund, fresh) {
            AdminRequest::CorrectCredits(correction) => {
                let generation = Some(self.generation);
                AdminRequest::CorrectCredits(CorrectCredits { generation, ..correction })
            }
            other => other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(given: Option<&str>, fresh: u128) -> String {
        let refund = RefundOrder {
            id: OrderId::from_bits(1),
            amount: Some(250),
            reason: "asked for it".to_owned(),
            key: given.map(str::to_owned),
            yes: true,
        };
        match OrderCommand::Refund(refund).request(EntryId::from_bits(fresh)) {
            AdminRequest::Orders(OrderRequest::Refund { key, .. }) => key,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn two_equal_refunds_are_two_unless_the_operator_says_that_they_are_one() {
        assert_ne!(key(None, 1), key(None, 2));
        assert_eq!(key(Some("once"), 1), key(Some("once"), 2));
    }
}
