//! Partners' records, payouts, statements and secret keys.

use super::people::check_name;
use super::{Accounts, AccountsError, Actor, Edit};
use crate::books;
use crate::partners::{Earnings, PartnerTerms, ReferralGroup, Statement, referral_groups, settle_debt};
use crate::ports::fresh_id;
use opencredits_keys::{IssuedKey, Reports};
use opencredits_ledger::{EntryRow, Floor, LedgerError, Replay, Transfer};
use opencredits_store::{Partner, PartnerKeyRecord, Standing, StoreError};
use opencredits_units::{BasisPoints, EntryId, KeyId, NanoUsd, PartnerId, UnixMs, UserId};

/// The longest reason, in bytes.
const REASON_BYTES_MAX: usize = 500;

/// A change of a partner. What is not named stays.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PartnerEdit {
    /// Its name.
    pub name: Option<String>,
    /// Its share of the markup; the operator's default where cleared.
    pub share: Edit<BasisPoints>,
    /// The person who runs it.
    pub owner: Edit<UserId>,
    /// The markup on requests through it; the model's or the operator's where cleared.
    pub markup: Edit<BasisPoints>,
}

/// Commission to pay out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Payout {
    /// The partner, by id or name.
    pub partner: String,
    /// The amount; all that has matured where `None`.
    pub amount: Option<NanoUsd>,
    /// The entry: a repetition under the same id pays nothing more. A fresh one where `None`.
    pub id: Option<EntryId>,
    /// The reason, for the ledger and the record of changes.
    pub reason: String,
}

/// Commission was paid out, and that is on disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PaidOut {
    /// The entry.
    pub id: EntryId,
    /// Whether this was the first time.
    pub replay: Replay,
    /// The partner.
    pub partner: Partner,
    /// The amount.
    pub amount: NanoUsd,
}

impl Accounts {
    /// Works by these terms of partners.
    #[must_use]
    pub fn with_partner_terms(self, terms: PartnerTerms) -> Self {
        self.set_partner_terms(terms);
        self
    }

    /// Works by them from now on.
    pub fn set_partner_terms(&self, terms: PartnerTerms) {
        *self.partner_terms.write() = terms;
    }

    /// The terms of partners.
    #[must_use]
    pub fn partner_terms(&self) -> PartnerTerms {
        *self.partner_terms.read()
    }

    /// Changes a partner, for all requests from now on.
    ///
    /// # Errors
    /// When the partner or the owner is unknown, the name out of bounds or taken, the share or the markup beyond the
    /// operator's bounds, or the store fails.
    pub async fn edit_partner(&self, name: &str, edit: PartnerEdit) -> Result<Partner, AccountsError> {
        let _one = self.editing.lock().await;
        let before = self.find_partner(name).await?;
        let share = edit.share.of(before.share);
        self.check_share(share.filter(|_| share != before.share))?;
        let markup = edit.markup.of(before.markup);
        self.check_markup(markup.filter(|_| markup != before.markup))?;
        let owner = edit.owner.of(before.owner);
        if let Some(owner) = owner {
            self.find_user(&owner.to_string()).await?;
        }
        let name = edit.name.unwrap_or_else(|| before.name.clone());
        check_name("the name", &name)?;
        let partner = Partner { name, share, owner, markup, ..before };
        self.put_partner(&partner).await?;
        if let Some(desk) = self.test_desk() {
            desk.adopt(&partner).await?;
        }
        let figure = |bps: Option<BasisPoints>| bps.map_or_else(|| "default".to_owned(), |bps| bps.get().to_string());
        let (share, markup) = (figure(share), figure(markup));
        let owner = owner.map_or_else(|| "none".to_owned(), |owner| owner.to_string());
        let detail = format!("name {}, share {share}, markup {markup}, owner {owner}", partner.name);
        self.record((Actor::Operator, "partner.edit"), &partner.id.to_string(), detail).await?;
        Ok(partner)
    }

    /// Suspends a partner or lifts the suspension, at once. Keys that it issued work on, and earn nothing meanwhile.
    ///
    /// # Errors
    /// When the partner is unknown, the reason too long, or the store fails.
    pub async fn set_partner_standing(
        &self,
        name: &str,
        standing: Standing,
        reason: String,
    ) -> Result<Partner, AccountsError> {
        check_reason(&reason)?;
        let _one = self.editing.lock().await;
        let partner = Partner { standing, ..self.find_partner(name).await? };
        self.put_partner(&partner).await?;
        let action = match standing {
            Standing::Suspended => "partner.suspend",
            Standing::Good => "partner.resume",
        };
        self.record((Actor::Operator, action), &partner.id.to_string(), reason).await?;
        Ok(partner)
    }

    pub(super) async fn put_partner(&self, partner: &Partner) -> Result<(), AccountsError> {
        match self.tables.partners.update_partner(partner).await {
            Ok(true) => {}
            Ok(false) => return Err(AccountsError::NoPartner { name: partner.id.to_string() }),
            Err(StoreError::Exists) => return Err(AccountsError::PartnerExists { name: partner.name.clone() }),
            Err(error) => return Err(error.into()),
        }
        (self.changed)();
        Ok(())
    }

    /// A partner's own markup as it is charged: within the operator's bounds, which may have changed since it was set.
    #[must_use]
    pub fn markup_charged(&self, partner: &Partner) -> Option<BasisPoints> {
        let PartnerTerms { markup_min, markup_max, .. } = self.partner_terms();
        partner.markup.map(|markup| markup.min(markup_max).max(markup_min))
    }

    pub(super) fn check_share(&self, share: Option<BasisPoints>) -> Result<(), AccountsError> {
        let problem = match share {
            Some(share) if share.get() > BasisPoints::WHOLE => "exceeds 10000 basis points, the whole markup",
            Some(share) if share > self.partner_terms().share_max => {
                "exceeds billing.partner_share_bps_max; choose a smaller one, or raise that"
            }
            _ => return Ok(()),
        };
        Err(AccountsError::Invalid { field: "the share", problem })
    }

    pub(super) fn check_markup(&self, markup: Option<BasisPoints>) -> Result<(), AccountsError> {
        let PartnerTerms { markup_min, markup_max, .. } = self.partner_terms();
        let problem = match markup {
            Some(markup) if markup < markup_min => {
                "is below billing.partner_markup_bps_min; choose a higher one, or lower that"
            }
            Some(markup) if markup > markup_max => {
                "exceeds billing.partner_markup_bps_max; choose a lower one, or raise that"
            }
            _ => return Ok(()),
        };
        Err(AccountsError::Invalid { field: "the markup", problem })
    }

    /// What a partner has earned until now.
    ///
    /// # Errors
    /// When ledger or store fail.
    pub async fn earnings_of(&self, partner: &Partner) -> Result<Earnings, AccountsError> {
        Ok(self.usage.earnings(partner, self.partner_terms(), self.now()).await?)
    }

    /// A month of a partner; `month` is what [`crate::partners::month_of_text`] gives.
    ///
    /// # Errors
    /// When ledger or store fail.
    pub async fn partner_statement(&self, partner: &Partner, month: (u64, u64)) -> Result<Statement, AccountsError> {
        Ok(self.usage.statement(partner, month).await?)
    }

    /// The people whom a partner has brought until now, in groups of enough people.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn referrals(&self, partner: &Partner) -> Result<Vec<ReferralGroup>, AccountsError> {
        // Of a day that goes on, two answers could differ by one person.
        let today = UnixMs::new(self.now().day().saturating_mul(UnixMs::DAY_MS));
        Ok(referral_groups(self.tables.referrals.referrals(partner.id, today).await?))
    }

    /// Records a payout, durably. Under one id it is recorded once.
    ///
    /// # Errors
    /// When the partner is unknown, the amount not above zero or above what has matured, the reason too long, or the id was
    /// used for another command; when ledger or store fail.
    pub async fn pay_out(&self, payout: Payout) -> Result<PaidOut, AccountsError> {
        check_reason(&payout.reason)?;
        let _one = self.editing.lock().await;
        let partner = self.find_partner(&payout.partner).await?;
        let now = self.now();
        let id = payout.id.unwrap_or_else(|| fresh_id(now, &*self.entropy));
        if let Some(entry) = self.entry(id).await? {
            return repeated(&entry, partner, payout.amount);
        }
        settle_debt(&self.ledger, &partner, fresh_id(now, &*self.entropy), now).await?;
        let mut earnings = self.earnings_of(&partner).await?;
        if earnings.is_behind {
            self.usage.catch_up().await?;
            earnings = self.earnings_of(&partner).await?;
        }
        let (matured, amount) = (earnings.matured, payout.amount.unwrap_or(earnings.matured));
        if payout.amount.is_some_and(|amount| amount <= NanoUsd::ZERO) {
            return Err(AccountsError::Invalid { field: "the amount", problem: "is not above zero" });
        }
        if amount > matured || matured == NanoUsd::ZERO {
            return Err(AccountsError::NotMatured { name: partner.name, matured });
        }
        self.open(books::PAYOUTS, Floor::None, None).await?;
        let (from, to, memo) = (partner.earnings, books::PAYOUTS, payout.reason.as_bytes());
        let moved = self.ledger.transfer(Transfer { id, from, to, amount, memo }, now).durable().await?;
        let detail = format!("{amount} USD, {id}: {}", payout.reason);
        self.record((Actor::Operator, "partner.payout"), &partner.id.to_string(), detail).await?;
        Ok(PaidOut { id, replay: moved.replay, partner, amount })
    }

    /// Makes a secret key with which a partner reads its figures. Its secret is in the reply only; the store keeps a digest.
    ///
    /// # Errors
    /// When the partner is unknown, the name out of bounds, or the store fails.
    pub async fn add_partner_key(
        &self,
        partner: &str,
        name: String,
    ) -> Result<(PartnerKeyRecord, IssuedKey), AccountsError> {
        let partner = self.find_partner(partner).await?;
        self.make_partner_key(partner.id, name, Actor::Operator).await
    }

    pub(super) async fn make_partner_key(
        &self,
        partner: PartnerId,
        name: String,
        actor: Actor,
    ) -> Result<(PartnerKeyRecord, IssuedKey), AccountsError> {
        check_name("the key's name", &name)?;
        let (key, secret) = self.issue::<Reports, _>(partner, name);
        self.tables.partner_keys.add_partner_key(&key).await?;
        self.record((actor, "partner.key_add"), &key.id.to_string(), partner.to_string()).await?;
        Ok((key, secret))
    }

    /// A partner's secret keys, including revoked ones, in the order of their creation.
    ///
    /// # Errors
    /// When the partner is unknown, or the store fails.
    pub async fn partner_keys(&self, partner: &str) -> Result<Vec<PartnerKeyRecord>, AccountsError> {
        let partner = self.find_partner(partner).await?;
        Ok(self.tables.partner_keys.partner_keys_of(partner.id).await?)
    }

    /// Revokes a partner's secret key. Repeating it changes nothing.
    ///
    /// # Errors
    /// When the key does not exist, or the store fails.
    pub async fn revoke_partner_key(&self, id: KeyId) -> Result<PartnerKeyRecord, AccountsError> {
        self.end_partner_key(id, Actor::Operator).await
    }

    pub(super) async fn end_partner_key(&self, id: KeyId, actor: Actor) -> Result<PartnerKeyRecord, AccountsError> {
        let revoked = self.tables.partner_keys.revoke_partner_key(id, self.now()).await?;
        let revoked = revoked.ok_or(AccountsError::NoKey { id })?;
        self.record((actor, "partner.key_revoke"), &id.to_string(), String::new()).await?;
        Ok(revoked)
    }
}

/// The first outcome of a payout; an error where the entry is another one.
fn repeated(entry: &EntryRow, partner: Partner, amount: Option<NanoUsd>) -> Result<PaidOut, AccountsError> {
    let of = |account| entry.legs.iter().find(|(leg, _)| *leg == account).map(|(_, amount)| *amount);
    let paid = of(books::PAYOUTS).filter(|paid| of(partner.earnings) == paid.checked_neg());
    match paid.filter(|paid| amount.is_none_or(|amount| amount == *paid)) {
        Some(amount) => Ok(PaidOut { id: entry.id, replay: Replay::Finished, partner, amount }),
        None => Err(LedgerError::IdempotencyMismatch { id: entry.id }.into()),
    }
}

fn check_reason(reason: &str) -> Result<(), AccountsError> {
    if reason.len() > REASON_BYTES_MAX {
        let problem = "is longer than 500 bytes; shorten it";
        return Err(AccountsError::Invalid { field: "the reason", problem });
    }
    Ok(())
}
