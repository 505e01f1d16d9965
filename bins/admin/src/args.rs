//! The command line, and the request that it stands for.

use crate::alarm_args::AlarmCommand;
use crate::catalog_args::CatalogCommand;
use crate::config_args::{ConfigCommand, MarkupCommand, ModelCommand, ReloadArguments, VendorCommand};
use crate::confirm::agreed;
use crate::dates::{self, Dates};
use crate::doctor::DoctorOrder;
use crate::error::AdminError;
use crate::identity_args::{RoleOrder, SessionsOrder};
use crate::job_args::JobCommand;
use crate::limit_args::{
    GrantCommand, KeyChange, PersonCap, RateArguments, ResetArgument, Revocation, SuspensionOrder, WhoAndWhy,
};
use crate::live::Live;
use crate::migrate_args::MigrateOrder;
use crate::months_args::{ArchiveFiles, MonthsCommand};
use crate::order_args::{ChargeRefund, CorrectionOrder, OrderCommand};
use crate::partner_args::PartnerCommand;
use crate::ports::absolute;
use crate::privacy_args::{DeletionOrder, ExportOrder, FlagOrder, KeyFileCommand, PolicyCommand, PrivacyCommand};
use crate::provider_args::ProviderCommand;
use crate::rekey::RekeyOrder;
use crate::rotate_args::RotateOrder;
use crate::tail::TailArguments;
use crate::task::{RestoreOrder, Task};
use crate::top::TopArguments;
use crate::usage_args::{BillCommand, UsageArguments};
use clap::{Args, Parser, Subcommand};
use opencredits_api::admin::{
    AddKey, AddManagementKey, AddUser, AdminRequest, Amount, BackUp, CorrectionWay, EmailChange, EmailOfUser,
    EntriesOf, GrantCredits, LedgerEntries, ListChanges, ListUsers, OfGeneration, OfUser, OrderRequest, PrivacyRequest,
    ReloadRequest, RenameUser, ReportBalances, RevokeKey, ShowUser, VerifyHead,
};
use opencredits_ledger::ChainHead;
use opencredits_service::{Clock, Entropy, fresh_id};
use opencredits_units::{EntryId, GenerationId, NanoUsd, UnixMs, UserId};
use std::path::PathBuf;

/// The operator's command line of OpenCredits.
///
/// Speaks to the running gateway through the admin socket in the data folder, or opens the files when none runs.
#[derive(Parser)]
#[command(name = "opencredits-admin", version)]
pub(crate) struct Arguments {
    /// The data folder. Default: the config's, else `data`.
    #[arg(long, value_name = "DIR", env = "OPENCREDITS_DATA", global = true)]
    pub(crate) data: Option<String>,
    /// The gateway's config, a TOML file; names the data folder and the price of a credit.
    #[arg(long, value_name = "FILE", env = "OPENCREDITS_CONFIG", global = true)]
    pub(crate) config: Option<PathBuf>,
    /// Works on test mode: its people, its play credits, its ledger.
    #[arg(long, global = true)]
    pub(crate) test: bool,
    /// Prints JSON instead of tables.
    #[arg(long, global = true)]
    pub(crate) json: bool,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// People.
    #[command(subcommand)]
    User(UserCommand),
    /// User keys.
    #[command(subcommand)]
    Key(KeyCommand),
    /// Partners: apps that bring requests and earn a share.
    #[command(subcommand)]
    Partner(PartnerCommand),
    /// Price books.
    #[command(subcommand)]
    Catalog(CatalogCommand),
    /// Reads the config again and serves by it: all of it, or nothing where something is wrong.
    Reload(ReloadArguments),
    /// Vendors of the config.
    #[command(subcommand)]
    Vendor(VendorCommand),
    /// Models of the config.
    #[command(subcommand)]
    Model(ModelCommand),
    /// Markups of the config.
    #[command(subcommand)]
    Markup(MarkupCommand),
    /// What apps may do at a person.
    #[command(subcommand)]
    Grant(GrantCommand),
    /// Lists the record of changes: who changed what, and when.
    Audit {
        #[command(flatten)]
        page: Page<EntryId>,
    },
    /// Credits.
    #[command(subcommand)]
    Credits(CreditsCommand),
    /// Recurring jobs.
    #[command(subcommand)]
    Job(JobCommand),
    /// Alarms of the gateway.
    #[command(subcommand)]
    Alarms(AlarmCommand),
    /// Purchases of credits.
    #[command(subcommand)]
    Order(OrderCommand),
    /// Reads everything at the payment processor, books what differs, and says what it was.
    Reconcile,
    /// Bills of providers.
    #[command(subcommand)]
    Provider(ProviderCommand),
    /// Shows a person's balance.
    Balance(Who),
    /// Queries the ledger.
    #[command(subcommand)]
    Ledger(LedgerCommand),
    /// Shows the usage of all people, in groups.
    Usage(UsageArguments),
    /// Shows a request with its bill.
    Generation {
        /// Its id, `gen_…`, as `x-generation-id` names it.
        id: GenerationId,
    },
    /// Bills of requests.
    #[command(subcommand)]
    Bill(BillCommand),
    /// Shows requests as they end, until ctrl-C.
    Tail(TailArguments),
    /// Shows the last minute of the running gateway: requests and spend, what is slow, what fails.
    Top(TopArguments),
    /// Makes a verified copy of the data folder in a new, dated folder in DIR, also while the gateway runs.
    ///
    /// The copy has the ledger, the store and every other file of the data folder. It has neither the config nor the
    /// keys of vendors where these are elsewhere. While a gateway runs, it is the gateway that writes the copy: DIR must
    /// be a folder that the gateway's user can write.
    Backup {
        /// The folder for backups, which is created where there is none.
        dir: PathBuf,
    },
    /// Checks this installation: config, disk, clock, providers' keys, public address, mail, backups. Says what to do.
    Doctor(DoctorOrder),
    /// Verifies a backup, and puts it into a data folder that no gateway has open.
    Restore(RestoreOrder),
    /// The config.
    #[command(subcommand)]
    Config(ConfigCommand),
    /// What is held of people.
    #[command(subcommand)]
    Privacy(PrivacyCommand),
    /// Versions of the policy.
    #[command(subcommand)]
    Policy(PolicyCommand),
    /// Files with keys of addresses.
    #[command(subcommand)]
    KeyFile(KeyFileCommand),
    /// Encrypts ledger and store under another key, or takes the key away, while no gateway runs.
    Rekey(RekeyOrder),
    /// Moves ledger and store from the files of the data folder to PostgreSQL, or back, while nothing runs on them.
    Migrate(MigrateOrder),
    /// Writes manual pages and completions of shells into a folder, for packages.
    #[command(hide = true)]
    Manual {
        /// The folder, which is created where there is none.
        folder: PathBuf,
    },
}

#[derive(Subcommand)]
enum UserCommand {
    /// Adds a person with an empty wallet.
    Add {
        /// The label, which is unique.
        label: String,
        /// The id, to repeat a request whose answer was lost.
        #[arg(long, value_name = "ID")]
        id: Option<UserId>,
        /// The address, for mails about the account.
        #[arg(long, value_name = "ADDRESS")]
        email: Option<String>,
    },
    /// Shows a person's address, or sets it: `user email USER ADDRESS`.
    Email {
        /// The person, by id or by label.
        user: String,
        /// The new address.
        address: Option<String>,
        /// Removes the address: no mail is sent to the person.
        #[arg(long, conflicts_with = "address")]
        remove: bool,
    },
    /// Lists people.
    List {
        #[command(flatten)]
        page: Page<UserId>,
    },
    /// Shows everything about a person.
    Show {
        /// The person, by id or by label.
        user: String,
        /// Shows the address, too.
        #[arg(long)]
        address: bool,
    },
    /// Gives a person another label: `user rename USER LABEL`.
    Rename {
        /// The person, by id or by label.
        user: String,
        /// The new label, which is unique.
        label: String,
    },
    /// Suspends a person: none of their keys works any more. Requests that run are finished.
    Suspend(SuspensionOrder),
    /// Lifts a suspension.
    Resume(WhoAndWhy),
    /// Sets or removes what a person may spend, over all of their keys.
    Limit(PersonCap),
    /// Deletes a person's account: shows what goes and what stays, then does it once you agree.
    Delete(DeletionOrder),
    /// Calls the deletion of an account off.
    Keep {
        /// The person, by id or by label.
        user: String,
    },
    /// Writes everything about a person into a new file.
    Export(ExportOrder),
    /// Restricts what is done with a person's data to storing it: their keys stop.
    Restrict(FlagOrder),
    /// Ends notices to a person other than required ones.
    Object(FlagOrder),
    /// Shows what a person may do besides using their account, or sets it: `user role USER operator`.
    Role(RoleOrder),
    /// Lists the browsers in which a person is signed in, or signs them out of all.
    Sessions(SessionsOrder),
}

#[derive(Subcommand)]
enum KeyCommand {
    /// Makes a key and shows its secret, once.
    Add(NewKey),
    /// Lists a person's keys.
    List(Who),
    /// Changes a key. What is not named stays.
    Edit(Box<KeyChange>),
    /// Gives a key a new secret, shown once. Name, limits, models and rates stay.
    Rotate(RotateOrder),
    /// Revokes a user key or a management key.
    Revoke(Revocation),
}

#[derive(Args)]
struct NewKey {
    #[command(flatten)]
    who: Who,
    /// A name for the key.
    #[arg(long, default_value = "key")]
    name: String,
    /// The partner that earns a share of its spending, by id or name.
    #[arg(long, value_name = "PARTNER")]
    partner: Option<String>,
    /// Its limit, in credits.
    #[arg(long, value_name = "CREDITS", conflicts_with = "limit_usd")]
    limit_credits: Option<String>,
    /// Its limit, in dollars.
    #[arg(long, value_name = "USD")]
    limit_usd: Option<NanoUsd>,
    /// The number of days until it expires.
    #[arg(long, value_name = "DAYS")]
    expires_in_days: Option<u32>,
    /// When its limit begins anew, at 00:00 UTC; never without it.
    #[arg(long, value_name = "PERIOD")]
    limit_reset: Option<ResetArgument>,
    /// A model that it may use; may be repeated. Without it, all models.
    #[arg(long = "model", value_name = "MODEL")]
    models: Vec<String>,
    #[command(flatten)]
    rates: RateArguments,
    /// Makes a management key: it manages the person's keys over HTTP, and spends nothing.
    #[arg(long, conflicts_with_all = [
        "partner", "limit_credits", "limit_usd", "expires_in_days", "limit_reset", "models", "requests_per_minute",
        "tokens_per_minute", "parallel",
    ])]
    management: bool,
}

#[derive(Subcommand)]
enum CreditsCommand {
    /// Gives credits without a payment.
    Grant(NewGrant),
    /// Takes back credits that were given.
    Take(CorrectionOrder),
    /// Gives the charge of a request back, at the cost of your revenue.
    Refund(ChargeRefund),
    /// Corrects a mistake: for the person, or against them with a negative number of credits.
    Correct(CorrectionOrder),
}

#[derive(Args)]
struct NewGrant {
    #[command(flatten)]
    who: Who,
    #[command(flatten)]
    amount: HowMuch,
    /// The reason, which the ledger keeps.
    #[arg(long, default_value = "granted by the operator")]
    reason: String,
    /// The entry's id, to repeat a request whose answer was lost: under one id credits are given once.
    #[arg(long, value_name = "ID")]
    id: Option<EntryId>,
}

#[derive(Subcommand)]
enum LedgerCommand {
    /// Lists entries, the newest first.
    Entries {
        /// Entries of this person's wallet, by id or label.
        #[arg(long, conflicts_with = "account")]
        user: Option<String>,
        /// Entries of this account: its id, the name of an account of the house, a person, a partner, or the id of a key
        /// for its limit.
        #[arg(long)]
        account: Option<String>,
        #[command(flatten)]
        dates: Dates,
        #[command(flatten)]
        page: Page<EntryId>,
    },
    /// Shows the balance sheet: what the house has, owes, has earned and spent.
    Report {
        /// As of the end of this day, or of this time, UTC. Default: now.
        #[arg(long, value_name = "DATE")]
        as_of: Option<String>,
    },
    /// Lists open holds of running requests.
    Holds,
    /// Recomputes every balance from the entries, and the hash chain, and reports differences.
    Verify {
        /// A head that `ledger head` printed: checks that the ledger has every commit up to it.
        #[arg(long, value_name = "HEAD")]
        head: Option<ChainHead>,
        #[command(flatten)]
        archives: ArchiveFiles,
    },
    #[command(flatten)]
    Months(MonthsCommand),
    /// Prints the end of the hash chain, one line to keep elsewhere and to verify with later.
    Head,
    /// Accepts that acknowledged commits are gone from the ledger, after a start was refused for that.
    AcceptLoss,
}

/// A person, by id or by label.
#[derive(Args)]
#[group(required = true, multiple = false)]
struct Who {
    /// The person, by id or by label.
    #[arg(value_name = "USER")]
    who: Option<String>,
    /// The same.
    #[arg(long, value_name = "USER")]
    user: Option<String>,
}

/// An amount, in credits or in dollars.
#[derive(Args)]
#[group(required = true, multiple = false)]
struct HowMuch {
    /// An amount in credits, a decimal number.
    #[arg(value_name = "CREDITS")]
    amount: Option<String>,
    /// The same.
    #[arg(long, value_name = "CREDITS")]
    credits: Option<String>,
    /// An amount in dollars, a decimal number.
    #[arg(long, value_name = "USD")]
    usd: Option<NanoUsd>,
}

#[derive(Args)]
struct Page<I: std::str::FromStr + Clone + Send + Sync + 'static>
where
    I::Err: std::error::Error + Send + Sync,
{
    /// The cursor: the `next` of the page before.
    #[arg(long, value_name = "ID")]
    after: Option<I>,
    /// The largest number of rows.
    #[arg(long, value_name = "COUNT", default_value_t = 100)]
    max: u32,
}

impl Arguments {
    /// The task. Ids of new things are created here, so that a request whose answer is lost can be repeated.
    pub(crate) fn task(&self, clock: &dyn Clock, entropy: &dyn Entropy) -> Result<Task, AdminError> {
        let now = clock.now();
        Ok(Task::Request(match &self.command {
            Command::Config(command) => return Ok(Task::Config(command.task())),
            Command::Vendor(command) => return Ok(Task::Config(command.task())),
            Command::Model(command) => return Ok(Task::Config(command.task())),
            Command::Markup(command) => return Ok(Task::Config(command.task())),
            Command::Reload(order) => AdminRequest::Reload(ReloadRequest { apply: !order.dry_run, text: None }),
            Command::Catalog(command) => return Ok(Task::InSteps(command.steps()?)),
            Command::Restore(order) => return Ok(Task::Restore(order.clone())),
            Command::Usage(usage) if usage.csv => return Ok(Task::Csv(AdminRequest::Usage(usage.request()?))),
            Command::Usage(usage) => AdminRequest::Usage(usage.request()?),
            Command::Generation { id } => AdminRequest::Generation(OfGeneration { id: *id }),
            Command::Bill(BillCommand::Verify(which)) => which.request()?,
            Command::Backup { dir } => AdminRequest::Backup(BackUp { into: absolute(dir)?, at_ms: now }),
            Command::Job(job) => job.request(),
            Command::Alarms(alarms) => alarms.request(),
            Command::Key(KeyCommand::Rotate(order)) => {
                agreed(order.warning())?;
                order.request()
            }
            Command::User(UserCommand::Delete(order)) => return Ok(Task::Previewed(Box::new(order.previewed()))),
            Command::User(UserCommand::Suspend(order)) => return Ok(Task::Previewed(Box::new(order.previewed()))),
            Command::User(user) => user.request(now, entropy)?,
            Command::KeyFile(KeyFileCommand::New { path }) => return Ok(Task::KeyFile(path.clone())),
            Command::Rekey(order) => return Ok(Task::Rekey(order.clone())),
            Command::Migrate(order) => return Ok(Task::Migrate(order.clone())),
            Command::Doctor(order) => return Ok(Task::Doctor(order.clone())),
            Command::Tail(which) => return Ok(Task::Live(Live::Tail(which.clone()))),
            Command::Top(how) => return Ok(Task::Live(Live::Top(how.clone()))),
            Command::Manual { folder } => return Ok(Task::Manual(folder.clone())),
            Command::Privacy(PrivacyCommand::Report) => AdminRequest::Privacy(PrivacyRequest::Report),
            Command::Policy(policy) => policy.request()?,
            Command::Grant(grant) => grant.request(),
            Command::Audit { page } => AdminRequest::ListChanges(ListChanges { after: page.after, max: page.max }),
            Command::Key(KeyCommand::Edit(change)) => change.request(now),
            Command::Key(KeyCommand::Add(new)) => new.request(now),
            Command::Key(KeyCommand::List(who)) => AdminRequest::ListKeys(who.request()),
            Command::Key(KeyCommand::Revoke(order)) => AdminRequest::RevokeKey(RevokeKey { id: order.agreed()? }),
            Command::Partner(command) => {
                let fresh = fresh_id(now, entropy);
                if let Some(previewed) = command.previewed(fresh) {
                    return Ok(Task::Previewed(Box::new(previewed)));
                }
                let request = command.request(fresh)?;
                if matches!(command, PartnerCommand::Statement(of) if of.csv) {
                    return Ok(Task::Csv(request));
                }
                request
            }
            Command::Credits(credits) => credits.request(fresh_id(now, entropy))?,
            Command::Order(order) => {
                agreed(order.warning())?;
                order.request(fresh_id(now, entropy))
            }
            Command::Reconcile => AdminRequest::Orders(OrderRequest::Reconcile),
            Command::Provider(command) => command.request()?,
            Command::Balance(who) => AdminRequest::Balance(who.request()),
            Command::Ledger(ledger) => return ledger.task(),
        }))
    }
}

impl UserCommand {
    /// The request; a new person gets a fresh id, where the operator gives none.
    fn request(&self, now: UnixMs, entropy: &dyn Entropy) -> Result<AdminRequest, AdminError> {
        Ok(match self {
            Self::Add { label, id, email } => AdminRequest::AddUser(AddUser {
                id: Some(id.unwrap_or_else(|| fresh_id(now, entropy))),
                label: label.clone(),
                email: email.clone(),
            }),
            Self::Email { user, address, remove } => {
                let set = address.clone().map_or(EmailChange::Show, EmailChange::Set);
                let change = if *remove { EmailChange::Remove } else { set };
                AdminRequest::UserEmail(EmailOfUser { user: user.clone(), change })
            }
            Self::List { page } => AdminRequest::ListUsers(ListUsers { after: page.after, max: page.max }),
            Self::Show { user, address } => AdminRequest::ShowUser(ShowUser { user: user.clone(), address: *address }),
            Self::Rename { user, label } => {
                AdminRequest::RenameUser(RenameUser { user: user.clone(), label: label.clone() })
            }
            Self::Suspend(order) => order.previewed().request,
            Self::Resume(who) => AdminRequest::ResumeUser(who.request()),
            Self::Limit(cap) => cap.request(),
            Self::Export(order) => order.request()?,
            Self::Keep { user } => AdminRequest::Privacy(PrivacyRequest::Keep { user: user.clone() }),
            Self::Restrict(flag) => {
                AdminRequest::Privacy(PrivacyRequest::Restrict { user: flag.user.clone(), on: !flag.lift })
            }
            Self::Object(flag) => {
                AdminRequest::Privacy(PrivacyRequest::Object { user: flag.user.clone(), on: !flag.lift })
            }
            Self::Role(order) => order.request(),
            Self::Sessions(order) => order.request(),
            Self::Delete(order) => order.previewed().request,
        })
    }
}

impl CreditsCommand {
    /// The request; `fresh` is the entry's id where the operator gives none.
    fn request(&self, fresh: EntryId) -> Result<AdminRequest, AdminError> {
        Ok(match self {
            Self::Grant(new) => AdminRequest::GrantCredits(new.request(fresh)),
            Self::Take(order) => {
                agreed(order.warning("takes"))?;
                order.request(CorrectionWay::Take, fresh)
            }
            Self::Refund(refund) => {
                agreed(refund.order.warning("gives back"))?;
                refund.request(fresh)
            }
            Self::Correct(order) => {
                agreed(order.warning("corrects the balance by"))?;
                order.request(CorrectionWay::Add, fresh)
            }
        })
    }
}

impl LedgerCommand {
    fn task(&self) -> Result<Task, AdminError> {
        Ok(Task::Request(match self {
            Self::Holds => AdminRequest::LedgerHolds,
            Self::Head => AdminRequest::LedgerHead,
            Self::Months(months) => return Ok(Task::Months(months.order()?)),
            Self::Verify { head, archives } => match (archives.order(*head).map(Task::Months), head) {
                (Some(task), _) => return Ok(task),
                (None, None) => AdminRequest::LedgerVerify,
                (None, Some(head)) => AdminRequest::LedgerVerifyHead(VerifyHead { head: head.to_string() }),
            },
            Self::Entries { user, account, dates, page } => AdminRequest::LedgerEntries(LedgerEntries {
                of: entries_of(user.as_ref(), account.as_ref()),
                from_ms: dates.begin_ms()?,
                until_ms: dates.end_ms()?,
                after: page.after,
                max: page.max,
            }),
            Self::Report { as_of } => AdminRequest::LedgerReport(ReportBalances {
                until_ms: as_of.as_deref().map(dates::end_of).transpose()?,
            }),
            Self::AcceptLoss => return Ok(Task::AcceptLoss),
        }))
    }
}

impl Who {
    fn name(&self) -> String {
        let given = self.who.as_ref().or(self.user.as_ref());
        given.cloned().unwrap_or_default()
    }

    fn request(&self) -> OfUser {
        OfUser { user: self.name() }
    }
}

impl NewKey {
    fn request(&self, now: UnixMs) -> AdminRequest {
        if self.management {
            return AdminRequest::AddManagementKey(AddManagementKey { user: self.who.name(), name: self.name.clone() });
        }
        let credits = self.limit_credits.clone().map(Amount::Credits);
        let days = self.expires_in_days.map(u64::from);
        AdminRequest::AddKey(AddKey {
            user: self.who.name(),
            partner: self.partner.clone(),
            name: self.name.clone(),
            limit: credits.or(self.limit_usd.map(Amount::Usd)),
            expires_at_ms: days.map(|days| now.saturating_add_ms(days.saturating_mul(UnixMs::DAY_MS))),
            models: (!self.models.is_empty()).then(|| self.models.clone()),
            limit_reset: self.limit_reset.map(Into::into),
            rates: self.rates.change(),
        })
    }
}

impl NewGrant {
    fn request(&self, fresh: EntryId) -> GrantCredits {
        let HowMuch { amount, credits, usd } = &self.amount;
        let credits = amount.as_ref().or(credits.as_ref()).cloned();
        GrantCredits {
            user: self.who.name(),
            amount: usd.map_or_else(|| Amount::Credits(credits.unwrap_or_default()), Amount::Usd),
            id: Some(self.id.unwrap_or(fresh)),
            reason: self.reason.clone(),
        }
    }
}

fn entries_of(user: Option<&String>, account: Option<&String>) -> EntriesOf {
    match (user, account) {
        (Some(user), _) => EntriesOf::User(user.clone()),
        (None, Some(account)) => EntriesOf::Named(account.clone()),
        (None, None) => EntriesOf::All,
    }
}
