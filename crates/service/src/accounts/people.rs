//! People and partners.

use super::{Accounts, AccountsError, Actor};
use crate::ports::fresh_id;
use opencredits_keys::PublishableKey;
use opencredits_ledger::Floor;
use opencredits_store::{Partner, Standing, StoreError, User};
use opencredits_units::{BasisPoints, PartnerId, UserId};

/// The longest label or name, in bytes.
pub(super) const NAME_BYTES_MAX: usize = 200;

/// A person to add.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewUser {
    /// The id, for a caller that may repeat the request; a fresh one where `None`.
    pub id: Option<UserId>,
    /// The operator's name for the person, which is unique.
    pub label: String,
}

/// A partner to add.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewPartner {
    /// Its name, which is unique.
    pub name: String,
    /// Its share of the markup; the operator's default where `None`.
    pub share: Option<BasisPoints>,
    /// The markup on requests through it; the model's or the operator's where `None`.
    pub markup: Option<BasisPoints>,
}

impl Accounts {
    /// Adds a person with an empty wallet. The same request again, with the same id and label, returns the existing
    /// person.
    ///
    /// # Errors
    /// When the label is empty, too long or taken, or ledger or store fail.
    pub async fn add_user(&self, new: NewUser) -> Result<User, AccountsError> {
        check_name("the label", &new.label)?;
        if let Some(found) = self.tables.users.user_by_label(&new.label).await? {
            if new.id == Some(found.id) {
                return Ok(found);
            }
            return Err(AccountsError::UserExists { label: new.label, id: found.id });
        }
        let now = self.now();
        let user = User {
            id: new.id.unwrap_or_else(|| fresh_id(now, &*self.entropy)),
            wallet: self.fresh_account(),
            label: new.label,
            created_at: now,
            standing: Standing::Good,
        };
        self.open(user.wallet, Floor::Zero, None).await?;
        match self.tables.users.add_user(&user).await {
            Ok(()) => Ok(user),
            // Another request took the label meanwhile, or the id belongs to another label.
            Err(StoreError::Exists) => {
                let quicker = self.tables.users.user_by_label(&user.label).await?;
                let id = quicker.map_or(user.id, |other| other.id);
                Err(AccountsError::UserExists { label: user.label, id })
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Gives a person another label. The record of changes has neither label.
    ///
    /// # Errors
    /// When the person is unknown, the label is empty, too long or taken, or the store fails.
    pub async fn rename_user(&self, name: &str, label: String) -> Result<User, AccountsError> {
        check_name("the label", &label)?;
        let user = self.find_user(name).await?;
        match self.tables.users.rename_user(user.id, &label).await {
            Ok(true) => {}
            Ok(false) => return Err(AccountsError::NoUser { name: name.to_owned() }),
            Err(StoreError::Exists) => {
                let other = self.tables.users.user_by_label(&label).await?;
                return Err(AccountsError::UserExists { label, id: other.map_or(user.id, |other| other.id) });
            }
            Err(error) => return Err(error.into()),
        }
        self.record((Actor::Operator, "user.rename"), &user.id.to_string(), String::new()).await?;
        Ok(User { label, ..user })
    }

    /// The person with this id or this label.
    ///
    /// # Errors
    /// When there is none, or the store fails.
    pub async fn find_user(&self, name: &str) -> Result<User, AccountsError> {
        let found = match name.parse::<UserId>() {
            Ok(id) => self.tables.users.user(id).await?,
            Err(_) => self.tables.users.user_by_label(name).await?,
        };
        found.ok_or_else(|| AccountsError::NoUser { name: name.to_owned() })
    }

    /// At most `max` people, in the order in which they were added, those after `after`.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn list_users(&self, after: UserId, max: u32) -> Result<Vec<User>, AccountsError> {
        Ok(self.tables.users.users(after, max).await?)
    }

    /// Adds a partner with an empty earnings account and a publishable key of its own.
    ///
    /// # Errors
    /// When the name is empty, too long or taken, the share exceeds the whole, or ledger or store fail.
    pub async fn add_partner(&self, new: NewPartner) -> Result<Partner, AccountsError> {
        let partner = self.insert_partner(None, new, None).await?;
        // Developers begin in test mode, with the same partner there.
        if let Some(desk) = self.test_desk() {
            desk.adopt(&partner).await?;
        }
        Ok(partner)
    }

    /// Adds a partner under this id, or a fresh one.
    pub(super) async fn insert_partner(
        &self,
        id: Option<PartnerId>,
        new: NewPartner,
        owner: Option<UserId>,
    ) -> Result<Partner, AccountsError> {
        check_name("the name", &new.name)?;
        self.check_share(new.share)?;
        self.check_markup(new.markup)?;
        if self.tables.partners.partner_by_name(&new.name).await?.is_some() {
            return Err(AccountsError::PartnerExists { name: new.name });
        }
        let now = self.now();
        let partner = Partner {
            id: id.unwrap_or_else(|| fresh_id(now, &*self.entropy)),
            name: new.name,
            publishable_key: PublishableKey::generate(self.mode, self.random()).as_str().to_owned(),
            share: new.share,
            earnings: self.fresh_account(),
            created_at: now,
            owner,
            standing: Standing::Good,
            markup: new.markup,
        };
        self.open(partner.earnings, Floor::Zero, None).await?;
        match self.tables.partners.add_partner(&partner).await {
            Ok(()) => Ok(partner),
            Err(StoreError::Exists) => Err(AccountsError::PartnerExists { name: partner.name }),
            Err(error) => Err(error.into()),
        }
    }

    /// The partner with this id or this name.
    ///
    /// # Errors
    /// When there is none, or the store fails.
    pub async fn find_partner(&self, name: &str) -> Result<Partner, AccountsError> {
        let found = match name.parse::<PartnerId>() {
            Ok(id) => self.tables.partners.partner(id).await?,
            Err(_) => self.tables.partners.partner_by_name(name).await?,
        };
        found.ok_or_else(|| AccountsError::NoPartner { name: name.to_owned() })
    }

    /// At most `max` partners, in the order in which they were added, those after `after`.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn list_partners(&self, after: PartnerId, max: u32) -> Result<Vec<Partner>, AccountsError> {
        Ok(self.tables.partners.partners(after, max).await?)
    }
}

/// Refuses names that are invisible or too long.
pub(super) fn check_name(field: &'static str, name: &str) -> Result<(), AccountsError> {
    let problem = if name.trim().is_empty() {
        "is empty; give it some letters"
    } else if name.len() > NAME_BYTES_MAX {
        "is longer than 200 bytes; shorten it"
    } else if name.parse::<UserId>().is_ok() || name.parse::<PartnerId>().is_ok() {
        "looks like an id, so that nobody could tell which of the two is meant; choose another"
    } else if name.chars().any(char::is_control) {
        "holds a control character; leave it out"
    } else {
        return Ok(());
    };
    Err(AccountsError::Invalid { field, problem })
}
