//! Finds low balances and spent limits, off the path of requests, and puts mails about them into the outbox.

use super::fault::MailFault;
use super::queue::mail;
use crate::ports::{Clock, Entropy};
use opencredits_email::{Label, Letter, LimitLevel, LimitReached, LimitedParty, LowBalance};
use opencredits_ledger::{AnyLedger, LedgerError};
use opencredits_store::{
    LimitedKey, MailChoices, NewMail, NoticeKind, NoticeMark, NoticeSubject, Notices, OwnedLimit, Reachable,
    SpendingLimits, UserEmails,
};
use opencredits_units::{AccountId, KeyId, NanoUsd, UserId};
use std::collections::HashMap;
use std::sync::Arc;

/// People or keys that are looked at together.
const PAGE_MAX: u32 = 500;
/// The spent part of a limit, in thousandths, that counts as most of it.
const MOST: i128 = 800;
/// The spent part of a limit, in thousandths, that counts as all of it. The last thousandths may not cover any request.
const ALL: i128 = 995;
const WHOLE: i128 = 1_000;

/// Which notices there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NoticeSettings {
    /// The balance below which a person is told; zero for never.
    pub low_balance: NanoUsd,
    /// Whether people are told of limits: their keys', their apps' and their own.
    pub limits: bool,
}

/// The ports of a [`NoticeJob`].
pub struct NoticePorts {
    /// The ledger with the balances.
    pub ledger: AnyLedger,
    /// People's addresses.
    pub emails: Arc<dyn UserEmails>,
    /// The limits of people and of apps at them.
    pub limits: Arc<dyn SpendingLimits>,
    /// The marks of notices.
    pub notices: Arc<dyn Notices>,
    /// Which of them people get.
    pub choices: Arc<dyn MailChoices>,
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// Randomness.
    pub entropy: Arc<dyn Entropy>,
}

/// Tells people once that their balance is low, and once at 80 % and at 100 % of a limit.
pub struct NoticeJob {
    ports: NoticePorts,
    settings: NoticeSettings,
}

/// A limit that somebody is told of.
struct Watched {
    user: UserId,
    whose: LimitedParty,
    name: Label,
    /// The key's id, or the bits of the limit's account: they name the marks.
    bits: u128,
    /// Names it in the cause of a mail.
    about: String,
    account: AccountId,
    amount: NanoUsd,
}

impl From<LimitedKey> for Watched {
    fn from(key: LimitedKey) -> Self {
        let LimitedKey { key: id, user, name, account, amount } = key;
        let (bits, about) = (id.bits(), id.to_string());
        Self { user, whose: LimitedParty::Key, name: name.as_str().into(), bits, about, account, amount }
    }
}

impl From<OwnedLimit> for Watched {
    fn from(owned: OwnedLimit) -> Self {
        let OwnedLimit { user, app, limit } = owned;
        let whose = if app.is_some() { LimitedParty::App } else { LimitedParty::Person };
        let (account, amount) = (limit.account, limit.amount);
        let name = app.unwrap_or_default().as_str().into();
        Self { user, whose, name, bits: account.bits(), about: account.to_string(), account, amount }
    }
}

/// What a round does about a notice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    Nothing,
    Arm,
    Raise,
}

impl NoticeJob {
    /// A job on these ports.
    #[must_use]
    pub const fn new(ports: NoticePorts, settings: NoticeSettings) -> Self {
        Self { ports, settings }
    }

    /// Looks at all balances and limits of people whom mail reaches; returns how many mails are new in the outbox.
    ///
    /// # Errors
    /// When ledger or store fail. The next round goes over all of them again.
    pub async fn round(&self) -> Result<u32, MailFault> {
        let mut raised = 0_u32;
        if self.settings.low_balance > NanoUsd::ZERO {
            raised = raised.saturating_add(self.low_balances().await?);
        }
        if self.settings.limits {
            raised = raised.saturating_add(self.limits_of_keys().await?);
            raised = raised.saturating_add(self.limits_of_people().await?);
        }
        Ok(raised)
    }

    async fn low_balances(&self) -> Result<u32, MailFault> {
        let (mut after, mut raised) = (UserId::default(), 0_u32);
        loop {
            let page = self.ports.emails.reachable(after, PAGE_MAX).await?;
            let bits = page.iter().map(|person| person.user.bits());
            let marks = self.marks(NoticeKind::LowBalance, bits).await?;
            for person in &page {
                let mark = marks.get(&person.user.bits()).copied();
                raised = raised.saturating_add(u32::from(self.low_balance(*person, mark).await?));
            }
            match page.last() {
                Some(last) => after = last.user,
                None => return Ok(raised),
            }
        }
    }

    /// What a person owns counts, not what is free: a hold would make a balance low for the time of a request.
    async fn low_balance(&self, person: Reachable, mark: Option<bool>) -> Result<bool, MailFault> {
        let Some(balance) = self.posted(person.wallet).await? else {
            return Ok(false);
        };
        let (threshold, kind) = (self.settings.low_balance, NoticeKind::LowBalance);
        let subject = NoticeSubject { kind, bits: person.user.bits() };
        match low_balance_step(mark, balance, threshold) {
            Step::Nothing => Ok(false),
            Step::Arm => {
                self.ports.notices.arm(subject).await?;
                Ok(false)
            }
            Step::Raise => {
                let letter = Letter::LowBalance(LowBalance { balance, threshold });
                let mail = self.wanted(self.mail(person.user, &person.user, &letter)?, kind).await?;
                Ok(self.ports.notices.raise(subject, mail.as_ref()).await? && mail.is_some())
            }
        }
    }

    async fn limits_of_keys(&self) -> Result<u32, MailFault> {
        let (mut after, mut raised) = (KeyId::default(), 0_u32);
        loop {
            let page = self.ports.emails.limited_keys(after, PAGE_MAX).await?;
            match page.last() {
                Some(last) => after = last.key,
                None => return Ok(raised),
            }
            raised = raised.saturating_add(self.spent_limits(page.into_iter().map(Watched::from).collect()).await?);
        }
    }

    async fn limits_of_people(&self) -> Result<u32, MailFault> {
        let (mut after, mut raised) = (UserId::default(), 0_u32);
        loop {
            let page = self.ports.emails.reachable(after, PAGE_MAX).await?;
            let (Some(first), Some(last)) = (page.first(), page.last()) else {
                return Ok(raised);
            };
            let limits = self.ports.limits.limits_of_people(first.user, last.user).await?;
            let is_reached = |user: UserId| page.binary_search_by_key(&user, |person| person.user).is_ok();
            let told = |owned: &OwnedLimit| owned.limit.amount > NanoUsd::ZERO && is_reached(owned.user);
            let watched = limits.into_iter().filter(told).map(Watched::from).collect();
            raised = raised.saturating_add(self.spent_limits(watched).await?);
            after = last.user;
        }
    }

    async fn spent_limits(&self, page: Vec<Watched>) -> Result<u32, MailFault> {
        let bits = || page.iter().map(|limit| limit.bits);
        let most = self.marks(NoticeKind::LimitMost, bits()).await?;
        let all = self.marks(NoticeKind::LimitAll, bits()).await?;
        let mut raised = 0_u32;
        for limit in &page {
            let marks = (most.get(&limit.bits).copied(), all.get(&limit.bits).copied());
            raised = raised.saturating_add(u32::from(self.spent_limit(limit, marks).await?));
        }
        Ok(raised)
    }

    /// Where all of a limit is spent, the mail about most of it is left out.
    async fn spent_limit(&self, limit: &Watched, (most, all): (Option<bool>, Option<bool>)) -> Result<bool, MailFault> {
        let Some(spent) = self.posted(limit.account).await?.and_then(|rest| limit.amount.checked_sub(rest)) else {
            return Ok(false);
        };
        let part = thousandths(spent, limit.amount);
        let mut raised = self.limit_step(limit, (LimitLevel::All, limit_step(all, part, ALL)), Some(spent)).await?;
        let told = (part < ALL).then_some(spent);
        raised |= self.limit_step(limit, (LimitLevel::Most, limit_step(most, part, MOST)), told).await?;
        Ok(raised)
    }

    /// Takes a step about a limit; with a mail where it is to be told what is spent. Returns whether there is a new mail.
    async fn limit_step(
        &self,
        limit: &Watched,
        (level, step): (LimitLevel, Step),
        told: Option<NanoUsd>,
    ) -> Result<bool, MailFault> {
        let kind = match level {
            LimitLevel::Most => NoticeKind::LimitMost,
            LimitLevel::All => NoticeKind::LimitAll,
        };
        let subject = NoticeSubject { kind, bits: limit.bits };
        match step {
            Step::Nothing => Ok(false),
            Step::Arm => {
                self.ports.notices.arm(subject).await?;
                Ok(false)
            }
            Step::Raise => {
                let letter = |spent| {
                    let (whose, name) = (limit.whose, limit.name.clone());
                    Letter::LimitReached(LimitReached { whose, name, level, limit: limit.amount, spent })
                };
                let mail = match told {
                    Some(spent) => self.wanted(self.mail(limit.user, &limit.about, &letter(spent))?, kind).await?,
                    None => None,
                };
                Ok(self.ports.notices.raise(subject, mail.as_ref()).await? && mail.is_some())
            }
        }
    }

    /// Whether each of a page's notices is raised, by the bits of its subject.
    async fn marks(
        &self,
        kind: NoticeKind,
        subjects: impl Iterator<Item = u128> + Clone,
    ) -> Result<HashMap<u128, bool>, MailFault> {
        let (Some(first), Some(last)) = (subjects.clone().min(), subjects.max()) else {
            return Ok(HashMap::new());
        };
        let marks = self.ports.notices.marks(kind, first, last).await?;
        Ok(marks.into_iter().map(|NoticeMark { bits, raised }| (bits, raised)).collect())
    }

    async fn posted(&self, account: AccountId) -> Result<Option<NanoUsd>, MailFault> {
        match self.ports.ledger.balance(account).await {
            Ok(balance) => Ok(Some(balance.posted)),
            Err(LedgerError::UnknownAccount { .. }) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// The mail, unless its recipient has switched notices of its kind off. The notice counts as sent then: whoever switches it
    /// on again is told of what comes, not of what was.
    async fn wanted(&self, mail: NewMail, kind: NoticeKind) -> Result<Option<NewMail>, MailFault> {
        let muted = self.ports.choices.muted_of(mail.user).await?;
        Ok((!muted.iter().any(|muted| muted.kind == kind)).then_some(mail))
    }

    /// A mail with a cause of its own: that it comes once is the mark's doing.
    fn mail(&self, user: UserId, about: &dyn std::fmt::Display, letter: &Letter) -> Result<NewMail, MailFault> {
        let now = self.ports.clock.now();
        let level = match letter {
            Letter::LimitReached(LimitReached { level: LimitLevel::All, .. }) => ":all",
            _ => "",
        };
        mail(user, format!("{about}:{}{level}", now.get()), letter, (now, &*self.ports.entropy))
    }
}

/// A notice about a balance is armed once the balance is at the threshold, and then again only above twice of it: a
/// balance that goes up and down around the threshold is told of once. Who never had that much is not told.
fn low_balance_step(raised: Option<bool>, balance: NanoUsd, threshold: NanoUsd) -> Step {
    let is_low = balance < threshold;
    let is_high = threshold.checked_add(threshold).is_some_and(|twice| balance > twice);
    match raised {
        None if !is_low => Step::Arm,
        Some(false) if is_low => Step::Raise,
        Some(true) if is_high => Step::Arm,
        _ => Step::Nothing,
    }
}

/// A notice about a limit is armed from the start, and again once less is spent: after a reset, or with a larger limit.
const fn limit_step(raised: Option<bool>, part: i128, level: i128) -> Step {
    match (raised, part >= level) {
        (None | Some(false), true) => Step::Raise,
        (Some(true), false) => Step::Arm,
        _ => Step::Nothing,
    }
}

fn thousandths(spent: NanoUsd, amount: NanoUsd) -> i128 {
    i128::from(spent.get()).saturating_mul(WHOLE).checked_div(i128::from(amount.get())).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_low_balance_is_told_once_until_it_was_above_twice_the_threshold() {
        let mut raised = None;
        let mut check = |balance: i64, expect: Step| {
            let step = low_balance_step(raised, NanoUsd::new(balance), NanoUsd::new(100));
            assert_eq!(step, expect, "{balance} after {raised:?}");
            match step {
                Step::Nothing => {}
                Step::Arm => raised = Some(false),
                Step::Raise => raised = Some(true),
            }
        };
        check(0, Step::Nothing);
        check(99, Step::Nothing);
        check(100, Step::Arm);
        check(100, Step::Nothing);
        check(99, Step::Raise);
        check(0, Step::Nothing);
        check(150, Step::Nothing);
        check(50, Step::Nothing);
        check(200, Step::Nothing);
        check(201, Step::Arm);
        check(150, Step::Nothing);
        check(99, Step::Raise);
    }

    #[test]
    fn a_limit_is_told_at_each_level_once_until_less_is_spent() {
        let check = |raised: Option<bool>, spent: i64, level: i128, expect: Step| {
            let part = thousandths(NanoUsd::new(spent), NanoUsd::new(10_000));
            assert_eq!(limit_step(raised, part, level), expect, "{raised:?} {spent}");
        };
        check(None, 7_999, MOST, Step::Nothing);
        check(None, 8_000, MOST, Step::Raise);
        check(Some(false), 8_000, MOST, Step::Raise);
        check(Some(true), 9_000, MOST, Step::Nothing);
        check(Some(true), 0, MOST, Step::Arm);
        check(None, 9_949, ALL, Step::Nothing);
        check(None, 9_950, ALL, Step::Raise);
        check(Some(true), 10_000, ALL, Step::Nothing);
        check(Some(true), i64::MAX, ALL, Step::Nothing);
    }
}
