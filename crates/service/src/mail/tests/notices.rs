//! Low balances and spent limits, from the ledger to the outbox.

use super::{Office, START_MS, ada, usd};
use crate::books;
use crate::mail::{AccountLinks, NoticeJob, NoticePorts, NoticeSettings};
use crate::ports::Clock;
use opencredits_email::MailError;
use opencredits_identity::LinkKeys;
use opencredits_keys::{HashKey, Mode, PublishableKey, UserKey};
use opencredits_ledger::{Floor, Ledger, OpenAccount, Transfer};
use opencredits_store::{
    Key, Keys, LimitOwner, MailChoices, MutedNotice, NoticeKind, Outbox, Partner, Partners, Rates, SpendingLimit,
    SpendingLimits, Standing, UserEmails,
};
use opencredits_units::{AccountId, EntryId, KeyId, NanoUsd, PartnerId, UnixMs};
use std::sync::Arc;

const NOW: UnixMs = UnixMs::new(START_MS);
const LIMIT: AccountId = AccountId::from_bits(2_000);

struct Desk {
    office: Office,
    ledger: Ledger,
    job: NoticeJob,
    entries: std::cell::Cell<u128>,
}

impl Desk {
    async fn open(settings: NoticeSettings) -> Self {
        let office = Office::open().await;
        let ledger = Ledger::open(office.folder.path().join("ledger.db")).unwrap();
        books::open(&ledger.clone().into(), NOW).await.unwrap();
        for (id, contra) in [(ada().wallet, None), (LIMIT, Some(books::LIMITS))] {
            ledger.open_account(OpenAccount { id, floor: Floor::Zero, contra }, NOW).unwrap().accepted();
        }
        let store = Arc::new(office.store.clone());
        let ports = NoticePorts {
            ledger: ledger.clone().into(),
            emails: store.clone(),
            limits: store.clone(),
            notices: store.clone(),
            choices: store,
            clock: office.clock.clone(),
            entropy: office.entropy.clone(),
        };
        Self { office, ledger, job: NoticeJob::new(ports, settings), entries: std::cell::Cell::new(1) }
    }

    fn pay(&self, from: AccountId, to: AccountId, amount: NanoUsd) {
        let id = EntryId::from_bits(self.entries.get());
        self.entries.set(self.entries.get() + 1);
        self.ledger.transfer(Transfer { id, from, to, amount, memo: b"" }, NOW).unwrap().accepted();
    }

    /// Brings the wallet to a balance, and looks.
    async fn balance(&self, cents: i64) -> u32 {
        let now = self.ledger.balance(ada().wallet).unwrap().posted;
        let wanted = usd(cents);
        if wanted > now {
            self.pay(books::PROMOTION, ada().wallet, wanted.checked_sub(now).unwrap());
        } else if wanted < now {
            self.pay(ada().wallet, books::PROMOTION, now.checked_sub(wanted).unwrap());
        }
        self.look().await
    }

    async fn look(&self) -> u32 {
        self.office.clock.advance(60_000);
        self.job.round().await.unwrap()
    }

    /// The subjects of all mails, by the alphabet: those of one round are sent at once.
    async fn subjects(&self) -> Vec<String> {
        self.office.dispatcher().round().await.unwrap();
        let taken = self.office.mailer.taken().into_iter();
        let mut subjects: Vec<String> = taken.map(|message| message.subject).collect();
        subjects.sort_unstable();
        subjects
    }

    async fn limited_key(&self, amount: NanoUsd) {
        let secret = UserKey::generate([7; 32]);
        let key = Key {
            id: KeyId::from_bits(3),
            user: ada().id,
            partner: None,
            digest: secret.digest(),
            hint: secret.hint().to_owned(),
            name: "laptop".to_owned(),
            created_at: NOW,
            revoked_at: None,
            expires_at: None,
            limit: Some(SpendingLimit { account: LIMIT, amount, reset: None, since: NOW }),
            allowed_models: None,
            rates: Rates::default(),
            disabled: false,
        };
        self.office.store.add_key(&key).await.unwrap();
        self.pay(books::LIMITS, LIMIT, amount);
    }
}

#[tokio::test]
async fn a_low_balance_is_mailed_once_and_again_after_it_was_above_twice_the_threshold() {
    let desk = Desk::open(NoticeSettings { low_balance: usd(200), limits: true }).await;
    let rows = [
        (0, 0),
        (500, 0),
        (300, 0),
        (180, 1),
        (180, 0),
        (100, 0),
        (250, 0),
        (150, 0),
        (400, 0),
        (199, 0),
        (401, 0),
        (300, 0),
        (199, 1),
        (0, 0),
    ];
    for (cents, expect) in rows {
        assert_eq!(desk.balance(cents).await, expect, "{cents}");
    }
    assert_eq!(desk.subjects().await, ["Your balance is 180 credits", "Your balance is 199 credits"]);
}

#[tokio::test]
async fn notices_can_be_switched_off() {
    let desk = Desk::open(NoticeSettings { low_balance: NanoUsd::ZERO, limits: false }).await;
    desk.limited_key(usd(500)).await;
    desk.pay(LIMIT, books::LIMITS, usd(500));
    for cents in [500, 0] {
        assert_eq!(desk.balance(cents).await, 0);
    }
    assert_eq!(desk.subjects().await, [""; 0]);
}

#[tokio::test]
async fn what_a_person_has_switched_off_is_not_mailed_then_or_later() {
    let desk = Desk::open(NoticeSettings { low_balance: usd(200), limits: true }).await;
    let store = &desk.office.store;
    desk.limited_key(usd(500)).await;
    assert_eq!(desk.balance(500).await, 0);
    for kind in [NoticeKind::LowBalance, NoticeKind::LimitMost] {
        assert!(store.mute(ada().id, MutedNotice { kind, since: NOW }).await.unwrap());
    }
    desk.pay(LIMIT, books::LIMITS, usd(400));
    assert_eq!(desk.balance(100).await, 0, "neither of the two");
    desk.pay(LIMIT, books::LIMITS, usd(100));
    assert_eq!(desk.look().await, 1, "a kind that is on");
    assert!(store.unmute(ada().id, NoticeKind::LowBalance).await.unwrap());
    assert_eq!(desk.look().await, 0, "what was is not told later");
    assert_eq!(desk.balance(500).await, 0);
    assert_eq!(desk.balance(150).await, 1, "what comes is");
    let all = "The key \"laptop\" has spent its limit of 500 credits ($5.00)";
    assert_eq!(desk.subjects().await, [all, "Your balance is 150 credits"]);
}

#[tokio::test]
async fn a_notice_that_waits_is_given_up_once_its_kind_is_switched_off_and_a_receipt_is_not() {
    let desk = Desk::open(NoticeSettings { low_balance: usd(200), limits: true }).await;
    assert_eq!((desk.balance(500).await, desk.balance(100).await), (0, 1));
    desk.office.queue().receipt(ada().id, "pay_1", super::receipt()).await.unwrap();
    for kind in NoticeKind::ALL {
        desk.office.store.mute(ada().id, MutedNotice { kind, since: NOW }).await.unwrap();
    }
    assert_eq!(desk.subjects().await, ["You bought 2,000 credits"]);
    let counts = desk.office.store.counts(desk.office.clock.now()).await.unwrap();
    assert_eq!((counts.waiting, counts.sent, counts.failed), (0, 1, 1));
}

#[tokio::test]
async fn a_notice_has_a_link_that_ends_its_kind_and_no_other_mail_has_one() {
    let desk = Desk::open(NoticeSettings { low_balance: usd(200), limits: true }).await;
    let links = || AccountLinks::new(LinkKeys::new(vec![HashKey::new([3; 32])]).unwrap());
    assert_eq!((desk.balance(500).await, desk.balance(100).await), (0, 1));
    desk.office.queue().receipt(ada().id, "pay_1", super::receipt()).await.unwrap();
    // The first try fails, so that the notice is written twice.
    desk.office.mailer.answer(MailError::Unreachable);
    desk.office.mailer.answer(MailError::Unreachable);
    let dispatcher = desk.office.dispatcher().with_links(Some(links()));
    for _ in 0..2 {
        dispatcher.round().await.unwrap();
        desk.office.clock.advance(3_600_000);
    }
    let taken = desk.office.mailer.taken();
    let (with, without): (Vec<_>, Vec<_>) = taken.iter().partition(|mail| mail.unsubscribe_url.is_some());
    assert_eq!((with.len(), without.len()), (1, 1), "{taken:?}");
    assert!(!without[0].text.contains("unsubscribe"), "a receipt is always sent");
    let url = with[0].unsubscribe_url.clone().unwrap();
    let token = url.strip_prefix("https://acme.example/mails/unsubscribe?link=").unwrap();
    assert!(with[0].text.contains(&url) && with[0].html.contains(token), "for people, too");
    let later = |days: u64| NOW.saturating_add_ms(days * UnixMs::DAY_MS);
    assert_eq!(links().read_unsubscribe(token, later(170)), Some((ada().id, NoticeKind::LowBalance)));
    assert_eq!(links().read_unsubscribe(token, later(181)), None, "it ends");
    assert_eq!(links().read_cancel(token, later(0)), None, "it does nothing else");
    let others = AccountLinks::new(LinkKeys::new(vec![HashKey::new([4; 32])]).unwrap());
    assert_eq!(others.read_unsubscribe(token, later(0)), None, "nobody else makes one");
    for at in 0..token.len() {
        let mut forged = token.to_owned().into_bytes();
        forged[at] = if forged[at] == b'A' { b'B' } else { b'A' };
        let forged = String::from_utf8(forged).unwrap();
        // The last letter of base 64 may have bits that nothing is read from.
        if at + 1 < token.len() {
            assert_eq!(links().read_unsubscribe(&forged, later(0)), None, "{at}");
        }
    }
}

#[tokio::test]
async fn nobody_is_told_who_cannot_be_reached() {
    let desk = Desk::open(NoticeSettings { low_balance: usd(200), limits: true }).await;
    desk.limited_key(usd(500)).await;
    assert_eq!(desk.balance(500).await, 0);
    desk.office.store.flag_bounced(super::ADDRESS, NOW).await.unwrap();
    desk.pay(LIMIT, books::LIMITS, usd(500));
    assert_eq!(desk.balance(100).await, 0);
    desk.office.store.set_email(ada().id, "new@example.org").await.unwrap();
    assert_eq!(desk.look().await, 2, "until there is an address");
}

#[tokio::test]
async fn a_limit_is_mailed_at_80_and_at_100_percent_and_again_after_it_was_filled() {
    let desk = Desk::open(NoticeSettings { low_balance: usd(200), limits: true }).await;
    desk.limited_key(usd(500)).await;
    for (spent, expect) in [(399, 0), (1, 1), (50, 0), (50, 1), (0, 0)] {
        if spent > 0 {
            desk.pay(LIMIT, books::LIMITS, usd(spent));
        }
        assert_eq!(desk.look().await, expect, "{spent}");
    }
    desk.pay(books::LIMITS, LIMIT, usd(500));
    assert_eq!(desk.look().await, 0);
    desk.pay(LIMIT, books::LIMITS, usd(500));
    assert_eq!(desk.look().await, 1, "all at once is one mail");
    let most = "The key \"laptop\" has spent 80% of its limit of 500 credits ($5.00)";
    let all = "The key \"laptop\" has spent its limit of 500 credits ($5.00)";
    assert_eq!(desk.subjects().await, [most, all, all]);
}

#[tokio::test]
async fn the_limits_of_a_person_and_of_an_app_are_mailed_in_their_own_words() {
    let desk = Desk::open(NoticeSettings { low_balance: NanoUsd::ZERO, limits: true }).await;
    let store = &desk.office.store;
    let limit = |account| Some(SpendingLimit { account, amount: usd(500), reset: None, since: NOW });
    store.add_partner(&notes()).await.unwrap();
    let grant = AccountId::from_bits(2_001);
    desk.ledger
        .open_account(OpenAccount { id: grant, floor: Floor::Zero, contra: Some(books::LIMITS) }, NOW)
        .unwrap()
        .accepted();
    store.set_spending_limit(LimitOwner::Person(ada().id), limit(LIMIT)).await.unwrap();
    store.set_spending_limit(LimitOwner::Grant(ada().id, notes().id), limit(grant)).await.unwrap();
    for account in [LIMIT, grant] {
        desk.pay(books::LIMITS, account, usd(500));
    }
    assert_eq!(desk.look().await, 0);
    desk.pay(LIMIT, books::LIMITS, usd(400));
    desk.pay(grant, books::LIMITS, usd(500));
    assert_eq!(desk.look().await, 2);
    assert_eq!(desk.look().await, 0, "once");
    let app = "The app \"Notes\" has spent its limit of 500 credits ($5.00)";
    assert_eq!(desk.subjects().await, [app, "You have spent 80% of your limit of 500 credits ($5.00)"]);
    store.flag_bounced(super::ADDRESS, NOW).await.unwrap();
    desk.pay(LIMIT, books::LIMITS, usd(100));
    assert_eq!(desk.look().await, 0, "mail does not reach them");
}

fn notes() -> Partner {
    Partner {
        id: PartnerId::from_bits(5),
        name: "Notes".to_owned(),
        publishable_key: PublishableKey::generate(Mode::Live, [5; 32]).as_str().to_owned(),
        share: None,
        markup: None,
        earnings: AccountId::from_bits(3_000),
        owner: None,
        standing: Standing::Good,
        created_at: NOW,
    }
}

#[tokio::test]
async fn every_person_of_many_pages_is_looked_at() {
    use opencredits_store::{User, Users};
    use opencredits_units::UserId;
    let desk = Desk::open(NoticeSettings { low_balance: usd(200), limits: true }).await;
    for n in 0..1_100_u32 {
        let (id, wallet) = (UserId::from_bits(u128::from(n) + 10), AccountId::from_bits(u128::from(n) + 10_000));
        desk.ledger.open_account(OpenAccount { id: wallet, floor: Floor::Zero, contra: None }, NOW).unwrap().accepted();
        desk.office.store.add_user(&User { id, wallet, label: n.to_string(), ..ada() }).await.unwrap();
        if n % 100 == 7 {
            desk.office.store.set_email(id, &format!("p{n}@example.org")).await.unwrap();
            desk.pay(books::PROMOTION, wallet, usd(300));
        }
    }
    assert_eq!(desk.look().await, 0);
    for n in (7..1_100_u128).step_by(100) {
        desk.pay(AccountId::from_bits(n + 10_000), books::PROMOTION, usd(200));
    }
    assert_eq!(desk.look().await, 11);
    assert_eq!(desk.look().await, 0);
}
