//! The replies to admin requests.

use super::alarm_views::{AlarmTestView, AlarmView};
use super::amount_view::AmountView;
use super::application_views::{ApplicationView, ReferralView, TestKeyView};
use super::identity_views::{RoleName, SessionView};
use super::job_views::{JobRunView, JobView};
use super::limit_views::{ChangeView, LimitView, ManagementKeyView};
use super::order_views::{OrderView, ReconcileView};
use super::partner_views::{EarningsView, PartnerKeyView, StatementView};
use super::price_views::{PriceBookView, RefreshView};
use super::privacy_views::PrivacyReply;
use super::progress::StageView;
use super::provider_views::{ImportedDayView, ProviderReportView};
use super::publishable_views::PublishableKeyView;
use super::reads::{BillView, CurrencySheetView, SheetLineView, UsageGroupBy, UsageGroupView, UsageSumsView};
use super::reload_view::ReloadView;
use super::user_views::UserDetailView;
use super::views::{BackupView, BalanceView, ChainView, EntryView, HoldView, KeyView, PartnerView, UserView};
use http::StatusCode;
use opencredits_units::{EntryId, NanoUsd, OrderId, PartnerId, UnixMs, UserId};
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// A reply to an operator. As JSON this is also the output of the admin tool with `--json`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "reply", rename_all = "snake_case")]
#[non_exhaustive]
pub enum AdminReply {
    /// How far a request is.
    Progress {
        /// Its stage.
        at: StageView,
    },
    /// A person was added.
    UserAdded {
        /// The person.
        user: UserView,
    },
    /// People.
    Users {
        /// A page of them.
        users: Vec<UserView>,
        /// The cursor of the next page; none at the end.
        next: Option<UserId>,
    },
    /// Everything about a person.
    UserDetails {
        /// The person.
        details: Box<UserDetailView>,
    },
    /// A person has another label.
    UserRenamed {
        /// The person.
        user: UserView,
    },
    /// A key has a new secret.
    KeyRotated {
        /// The secret. It is shown here and never again.
        key: String,
        /// The rest, with the secrets of before that are still valid.
        record: KeyView,
    },
    /// The recurring jobs.
    Jobs {
        /// All of them.
        jobs: Vec<JobView>,
    },
    /// A job was run.
    JobRan {
        /// The job.
        name: String,
        /// How it went.
        run: JobRunView,
    },
    /// Alarms that wait or fire.
    Alarms {
        /// All of them, by name and labels.
        alarms: Vec<AlarmView>,
    },
    /// A notice that says nothing was told.
    AlarmsTested {
        /// What each channel answered; mails have an answer for each address.
        answers: Vec<AlarmTestView>,
    },
    /// A person's address.
    UserEmail {
        /// The person.
        user: UserView,
        /// The address; none where there is none.
        address: Option<String>,
        /// Since when it takes no mail.
        bounced_at_ms: Option<UnixMs>,
    },
    /// A person's role.
    UserRole {
        /// The person.
        user: UserView,
        /// The role.
        role: RoleName,
    },
    /// A person's sessions, the most recently used first.
    UserSessions {
        /// The person.
        user: UserView,
        /// The sessions.
        sessions: Vec<SessionView>,
    },
    /// All of a person's sessions were ended.
    UserSessionsEnded {
        /// The person.
        user: UserView,
        /// How many there were.
        ended: u64,
    },
    /// A key was made.
    KeyAdded {
        /// The secret. It is shown here and never again.
        key: String,
        /// The rest.
        record: KeyView,
    },
    /// A person's keys.
    Keys {
        /// All of them.
        keys: Vec<KeyView>,
        /// Their management keys.
        #[serde(default)]
        management: Vec<ManagementKeyView>,
    },
    /// A key is changed.
    KeyEdited {
        /// The key.
        record: KeyView,
    },
    /// A management key was made.
    ManagementKeyAdded {
        /// The secret. It is shown here and never again.
        key: String,
        /// The rest.
        record: ManagementKeyView,
    },
    /// A management key is revoked.
    ManagementKeyRevoked {
        /// The key.
        record: ManagementKeyView,
    },
    /// A person is suspended, or no longer.
    StandingSet {
        /// The person.
        user: UserView,
    },
    /// A cap is set or removed.
    LimitSet {
        /// The person.
        user: UserView,
        /// The app, where it is the app's cap at this person.
        partner: Option<String>,
        /// The cap; none where it is removed.
        limit: Option<LimitView>,
    },
    /// Records of changes.
    Changes {
        /// A page of them.
        changes: Vec<ChangeView>,
        /// The cursor of the next page; none at the end.
        next: Option<EntryId>,
    },
    /// A key is revoked.
    KeyRevoked {
        /// The key.
        record: KeyView,
    },
    /// A partner was added.
    PartnerAdded {
        /// The partner.
        partner: PartnerView,
        /// Its publishable key in test mode; none where test mode is off.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        test_publishable_key: Option<String>,
    },
    /// Partners.
    Partners {
        /// A page of them.
        partners: Vec<PartnerView>,
        /// The cursor of the next page; none at the end.
        next: Option<PartnerId>,
    },
    /// A partner and what it has earned.
    Partner {
        /// The partner.
        partner: Box<PartnerView>,
        /// What it has earned.
        earnings: Box<EarningsView>,
    },
    /// A partner is changed, suspended, or no longer suspended.
    PartnerEdited {
        /// The partner.
        partner: Box<PartnerView>,
    },
    /// Commission was paid out, and that is on disk.
    PaidOut {
        /// The entry.
        id: EntryId,
        /// Whether it was paid out before under this id; then nothing more was.
        replayed: bool,
        /// The partner's name.
        partner: String,
        /// The amount.
        amount: AmountView,
        /// What it has earned.
        earnings: Box<EarningsView>,
    },
    /// A month of a partner.
    PartnerStatement {
        /// The partner's name.
        partner: String,
        /// The month.
        statement: Box<StatementView>,
    },
    /// Publishable keys of a partner: all, or the one that was made, changed or revoked.
    PublishableKeys {
        /// The keys.
        keys: Vec<PublishableKeyView>,
    },
    /// A person has applied to run a partner.
    Applied {
        /// The application.
        application: Box<ApplicationView>,
        /// What its developers begin with; none where test mode is off.
        test: Option<Box<TestKeyView>>,
    },
    /// Applications.
    Applications {
        /// The page.
        applications: Vec<ApplicationView>,
        /// The cursor of the next page.
        next: Option<PartnerId>,
    },
    /// An application is rejected.
    ApplicationRejected {
        /// The application.
        application: Box<ApplicationView>,
    },
    /// A test key was made.
    TestKeyAdded {
        /// The key, and what belongs to it.
        test: Box<TestKeyView>,
    },
    /// The people whom a partner brought.
    Referrals {
        /// The partner's name.
        partner: String,
        /// Groups of enough people.
        groups: Vec<ReferralView>,
    },
    /// A secret key of a partner was made.
    PartnerKeyAdded {
        /// The secret. It is shown here and never again.
        key: String,
        /// The rest.
        record: PartnerKeyView,
    },
    /// The secret keys of a partner.
    PartnerKeys {
        /// All of them.
        keys: Vec<PartnerKeyView>,
    },
    /// A secret key of a partner is revoked.
    PartnerKeyRevoked {
        /// The key.
        record: PartnerKeyView,
    },
    /// A price book was compared, and put into force where that was asked for.
    PricesRefreshed {
        /// What it changes, and what became of it.
        refreshed: Box<RefreshView>,
    },
    /// The config was read again, or only compared.
    Reloaded {
        /// What that changes.
        reload: ReloadView,
    },
    /// The price books that are kept.
    PriceBooks {
        /// All of them; those first that came into force last.
        books: Vec<PriceBookView>,
    },
    /// Credits were given, and are on disk.
    CreditsGranted {
        /// The entry.
        id: EntryId,
        /// Whether they were given before under this id; then nothing more was given.
        replayed: bool,
        /// The amount.
        amount: AmountView,
        /// The person's balance.
        balance: BalanceView,
    },
    /// A balance was corrected, and that is on disk.
    CreditsCorrected {
        /// The entry.
        id: EntryId,
        /// Whether it was corrected before under this id; then nothing more was.
        replayed: bool,
        /// The person's balance.
        balance: BalanceView,
    },
    /// Orders.
    Orders {
        /// A page of them, newest first.
        orders: Vec<OrderView>,
        /// The cursor of the next page; none at the end.
        next: Option<OrderId>,
    },
    /// An order.
    Order {
        /// The order.
        order: Box<OrderView>,
        /// Whether it is shown as it is stored: the payment processor was not asked.
        #[serde(default)]
        as_stored: bool,
    },
    /// What a reconciliation found.
    Reconciled {
        /// The report.
        report: Box<ReconcileView>,
    },
    /// A person's balance.
    Balance {
        /// The person and the balance.
        balance: BalanceView,
    },
    /// Entries of the ledger.
    Entries {
        /// A page of them.
        entries: Vec<EntryView>,
        /// The cursor of the next page; none at the end.
        next: Option<EntryId>,
    },
    /// Open holds.
    Holds {
        /// The first thousand.
        holds: Vec<HoldView>,
        /// The number of open holds.
        total: usize,
    },
    /// The result of a verification.
    Verified {
        /// They do.
        clean: bool,
        /// Accounts that were checked.
        accounts: u64,
        /// Entries that were checked.
        entries: u64,
        /// Open holds that were checked.
        holds: u64,
        /// The first thousand findings.
        findings: Vec<String>,
        /// The number of findings.
        findings_total: u64,
        /// What the hash chain covers.
        #[serde(default)]
        chain: Option<ChainView>,
        /// The head that was to be checked, if there was one; its findings are among the others.
        #[serde(default)]
        checked_head: Option<String>,
    },
    /// The end of the ledger's hash chain.
    Head {
        /// Its text, for [`super::VerifyHead`].
        head: String,
        /// The number of commits since the chain began.
        commits: u64,
        /// The number of entries since then.
        entries: u64,
    },
    /// A backup was made and verified.
    BackedUp {
        /// The backup.
        backup: BackupView,
        /// Folders and links in the data folder that are not in it.
        left_out: Vec<String>,
    },
    /// A backup was verified, by the admin tool alone.
    BackupChecked {
        /// The backup.
        backup: BackupView,
    },
    /// A backup was put back, by the admin tool alone.
    Restored {
        /// The backup.
        backup: BackupView,
        /// The data folder.
        to: PathBuf,
        /// The folder with the data of before, where there was some.
        replaced: Option<PathBuf>,
    },
    /// The loss of commits was accepted, by the admin tool alone.
    LossAccepted {
        /// What is lost, in words; none when nothing is, and nothing was changed.
        loss: Option<String>,
    },
    /// Usage in groups.
    Usage {
        /// The property by which it is grouped.
        by: UsageGroupBy,
        /// The groups.
        groups: Vec<UsageGroupView>,
        /// The sums of all groups, also of those that are not listed.
        total: Box<UsageSumsView>,
        /// The number of entries of the ledger that are not counted yet.
        entries_behind: u64,
    },
    /// A request.
    Generation {
        /// Its entry, with its usage.
        entry: Box<EntryView>,
        /// The check of its bill.
        bill: BillView,
    },
    /// Bills were recomputed.
    BillsChecked {
        /// Whether all add up.
        clean: bool,
        /// The number of bills.
        checked: u64,
        /// The number of those that do not add up.
        wrong_total: u64,
        /// The one that was asked for, else the first thousand that do not add up.
        bills: Vec<BillView>,
        /// The cursor, where more are left.
        next: Option<EntryId>,
    },
    /// The balance sheet.
    BalanceSheet {
        /// Of entries that were decided before this time; of all when there is none.
        until_ms: Option<UnixMs>,
        /// The number of entries.
        entries: u64,
        /// The lines.
        lines: Vec<SheetLineView>,
        /// Assets and expenses less liabilities and income: zero.
        difference_usd: NanoUsd,
        /// The other currencies in which something was booked.
        #[serde(default)]
        currencies: Vec<CurrencySheetView>,
        /// What the sheet assumes.
        note: String,
    },
    /// The bills of providers beside what was booked.
    ProvidersCompared {
        /// The comparison.
        report: Box<ProviderReportView>,
    },
    /// About people's data.
    Privacy {
        /// What it is.
        #[serde(flatten)]
        of: Box<PrivacyReply>,
    },
    /// A provider's bill was imported.
    BillImported {
        /// The vendor.
        vendor: String,
        /// Its days.
        days: Vec<ImportedDayView>,
    },
}

/// Prints the kind of the reply only: one of them carries a secret.
impl std::fmt::Debug for AdminReply {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("AdminReply(…)")
    }
}

/// The kind of a refusal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum RefusalCode {
    /// The request is invalid.
    Invalid,
    /// A thing that it names does not exist.
    NotFound,
    /// The thing to add exists, or its id was used for another command.
    Conflict,
    /// Our side failed; the text says whether to try again.
    Failed,
}

impl RefusalCode {
    pub(super) const fn status(self) -> StatusCode {
        match self {
            Self::Invalid => StatusCode::BAD_REQUEST,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::Conflict => StatusCode::CONFLICT,
            Self::Failed => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }
}

/// A refusal, in words for the operator.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{refused}")]
pub struct Refusal {
    /// The kind.
    pub code: RefusalCode,
    /// The problem and its remedy.
    pub refused: String,
}

impl Refusal {
    pub(super) fn invalid(refused: impl Into<String>) -> Self {
        Self { code: RefusalCode::Invalid, refused: refused.into() }
    }
}
