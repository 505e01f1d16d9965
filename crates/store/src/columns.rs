//! Values as columns, in whichever engine.

use crate::applications::ApplicationState;
use crate::connections::{CodeGives, DeviceStanding, GrantId};
use crate::orders::{Booked, OrderOrigin, OrderState, TopUpState};
use crate::partners::PublishableKeyRecord;
use crate::records::Partner;
use opencredits_keys::{KeyDigest, Mode};
use opencredits_units::{NanoUsd, UserId};

/// The setting that marks a store with its mode.
pub(crate) const MODE_SETTING: &str = "mode";
/// What separates the entries of a list.
const SEPARATOR: &str = "\n";
/// The separator of booked figures.
const FIGURES: &str = " ";

/// The mode of this name, as it is stored.
pub(crate) fn mode_named(name: &[u8]) -> Option<Mode> {
    [Mode::Live, Mode::Test].into_iter().find(|mode| mode.name().as_bytes() == name)
}

/// A list as a text, an entry a line.
pub(crate) fn joined(list: &[String]) -> String {
    list.join(SEPARATOR)
}

/// The list of a text.
pub(crate) fn list_of(text: &str) -> Vec<String> {
    text.lines().map(str::to_owned).collect()
}

/// The models of a list; an empty text is an empty list, not a list of one empty name.
pub(crate) fn models_of(models: &str) -> Vec<String> {
    models.split(SEPARATOR).filter(|model| !model.is_empty()).map(str::to_owned).collect()
}

/// Digests, one after the other.
pub(crate) fn bytes_of(digests: &[KeyDigest]) -> Vec<u8> {
    digests.iter().flat_map(|digest| *digest.as_bytes()).collect()
}

pub(crate) fn digests_of(bytes: &[u8]) -> Option<Vec<KeyDigest>> {
    let (digests, rest) = bytes.as_chunks::<32>();
    rest.is_empty().then(|| digests.iter().map(|digest| KeyDigest::from_bytes(*digest)).collect())
}

impl OrderOrigin {
    pub(crate) const fn number(self) -> u8 {
        match self {
            Self::Checkout => 0,
            Self::TopUp => 1,
        }
    }

    pub(crate) const fn of_number(number: u64) -> Option<Self> {
        match number {
            0 => Some(Self::Checkout),
            1 => Some(Self::TopUp),
            _ => None,
        }
    }
}

impl OrderState {
    pub(crate) const fn number(self) -> u8 {
        match self {
            Self::Open => 0,
            Self::Waiting => 1,
            Self::Paid => 2,
            Self::Failed => 3,
            Self::Expired => 4,
        }
    }

    pub(crate) const fn of_number(number: u64) -> Option<Self> {
        match number {
            0 => Some(Self::Open),
            1 => Some(Self::Waiting),
            2 => Some(Self::Paid),
            3 => Some(Self::Failed),
            4 => Some(Self::Expired),
            _ => None,
        }
    }
}

impl TopUpState {
    pub(crate) const fn number(self) -> u8 {
        match self {
            Self::Off => 0,
            Self::On => 1,
            Self::Declined => 2,
            Self::ActionRequired => 3,
            Self::Disputed => 4,
        }
    }

    pub(crate) const fn of_number(number: u64) -> Option<Self> {
        match number {
            0 => Some(Self::Off),
            1 => Some(Self::On),
            2 => Some(Self::Declined),
            3 => Some(Self::ActionRequired),
            4 => Some(Self::Disputed),
            _ => None,
        }
    }
}

impl ApplicationState {
    pub(crate) const fn number(self) -> u8 {
        match self {
            Self::Open => 0,
            Self::Approved => 1,
            Self::Rejected => 2,
        }
    }

    pub(crate) const fn of_number(number: u64) -> Option<Self> {
        match number {
            0 => Some(Self::Open),
            1 => Some(Self::Approved),
            2 => Some(Self::Rejected),
            _ => None,
        }
    }
}

impl CodeGives {
    pub(crate) const fn number(self) -> u8 {
        match self {
            Self::Tokens => 0,
            Self::Key => 1,
        }
    }

    pub(crate) const fn of_number(number: u64) -> Option<Self> {
        match number {
            0 => Some(Self::Tokens),
            1 => Some(Self::Key),
            _ => None,
        }
    }
}

impl DeviceStanding {
    /// The columns state, person and family.
    pub(crate) const fn columns(self) -> (u8, Option<UserId>, Option<GrantId>) {
        match self {
            Self::Pending => (0, None, None),
            Self::Approved { user, family } => (1, Some(user), Some(family)),
            Self::Denied => (2, None, None),
            Self::Redeemed { family } => (3, None, Some(family)),
        }
    }

    pub(crate) const fn of_columns(state: u64, user: Option<UserId>, family: Option<GrantId>) -> Option<Self> {
        match (state, user, family) {
            (0, None, None) => Some(Self::Pending),
            (1, Some(user), Some(family)) => Some(Self::Approved { user, family }),
            (2, None, None) => Some(Self::Denied),
            (3, None, Some(family)) => Some(Self::Redeemed { family }),
            _ => None,
        }
    }
}

impl Booked {
    pub(crate) fn text(self) -> String {
        let Self { paid_minor, refunded_minor, disputed_minor, lost_minor, granted, taken, frozen } = self;
        let credits = [granted.get(), taken.get(), frozen.get()];
        let figures = [paid_minor, refunded_minor, disputed_minor, lost_minor].into_iter().chain(credits);
        figures.map(|figure| figure.to_string()).collect::<Vec<_>>().join(FIGURES)
    }

    pub(crate) fn of_text(text: &str) -> Option<Self> {
        let figures: Vec<i64> = text.split(FIGURES).map(str::parse).collect::<Result<_, _>>().ok()?;
        let [paid_minor, refunded_minor, disputed_minor, lost_minor, granted, taken, frozen] =
            <[i64; 7]>::try_from(figures).ok()?;
        let [granted, taken, frozen] = [granted, taken, frozen].map(NanoUsd::new);
        Some(Self { paid_minor, refunded_minor, disputed_minor, lost_minor, granted, taken, frozen })
    }
}

/// The publishable key that a partner is added with.
pub(crate) fn first_key(partner: &Partner) -> PublishableKeyRecord {
    PublishableKeyRecord {
        id: partner.id.cast(),
        partner: partner.id,
        key: partner.publishable_key.clone(),
        name: "first".to_owned(),
        origins: Vec::new(),
        redirect_urls: Vec::new(),
        created_at: partner.created_at,
        revoked_at: None,
    }
}
