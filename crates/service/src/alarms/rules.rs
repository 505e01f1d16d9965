//! The alarms. `ops/prometheus/rules.yml` has the same and one more, `OpenCreditsDown`, which no process can raise about
//! itself.

use super::conditions::{self, View};
use super::raised::Raised;
use crate::telemetry::Family;
use crate::telemetry::families::VERIFY_FINDINGS;

const SECOND_MS: u64 = 1_000;
const MINUTE_MS: u64 = 60 * SECOND_MS;
const HOUR_MS: u64 = 60 * MINUTE_MS;

/// How soon somebody has to look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Severity {
    /// It wakes somebody.
    Page,
    /// It waits for the day.
    Ticket,
}

impl Severity {
    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Page => "page",
            Self::Ticket => "ticket",
        }
    }
}

/// When nobody knows whether an alarm's condition holds: its state stays as it is then.
#[derive(Debug, Clone, Copy)]
pub(super) enum Unknown {
    /// Never.
    Never,
    /// While the family has no series with the labels of the alarm.
    Absent(&'static Family),
    /// While this part of the state cannot be read.
    Unread(&'static str),
}

/// An alarm.
#[derive(Debug, Clone, Copy)]
pub struct Rule {
    /// Its name.
    pub name: &'static str,
    /// How soon somebody has to look.
    pub severity: Severity,
    /// How long its condition holds before it fires, in ms.
    pub held_ms: u64,
    /// The file of its page in `docs/runbooks`.
    pub runbook: &'static str,
    pub(super) condition: fn(&View<'_>) -> Vec<Raised>,
    pub(super) unknown: Unknown,
}

const fn page(name: &'static str, runbook: &'static str, condition: fn(&View<'_>) -> Vec<Raised>) -> Rule {
    Rule { name, severity: Severity::Page, held_ms: 0, runbook, condition, unknown: Unknown::Never }
}

const fn ticket(name: &'static str, runbook: &'static str, condition: fn(&View<'_>) -> Vec<Raised>) -> Rule {
    Rule { severity: Severity::Ticket, ..page(name, runbook, condition) }
}

impl Rule {
    const fn held(self, held_ms: u64) -> Self {
        Self { held_ms, ..self }
    }

    const fn unless(self, unknown: Unknown) -> Self {
        Self { unknown, ..self }
    }

    /// The URL of its page, below the one of all pages.
    #[must_use]
    pub fn runbook_url(&self, runbooks_url: &str) -> String {
        format!("{}/{}", runbooks_url.trim_end_matches('/'), self.runbook)
    }

    /// The rule of that name.
    #[must_use]
    pub fn of_name(name: &str) -> Option<&'static Self> {
        RULES.iter().find(|rule| rule.name == name)
    }
}

/// All alarms, in the order of `ops/prometheus/rules.yml`.
pub static RULES: [Rule; 24] = [
    page("OpenCreditsErrorBudgetFast", "error-budget.md", conditions::errors_fast).held(2 * MINUTE_MS),
    ticket("OpenCreditsErrorBudgetSlow", "error-budget.md", conditions::errors_slow).held(15 * MINUTE_MS),
    page("OpenCreditsLatencyBudgetFast", "latency-budget.md", conditions::latency_fast).held(2 * MINUTE_MS),
    ticket("OpenCreditsLatencyBudgetSlow", "latency-budget.md", conditions::latency_slow).held(15 * MINUTE_MS),
    page("OpenCreditsVendorRefusesAccount", "vendor-refuses-account.md", conditions::vendor_refuses_account),
    page("OpenCreditsLedgerNotSound", "ledger-not-sound.md", conditions::ledger_not_sound).held(30 * SECOND_MS),
    page("OpenCreditsDiskLow", "disk-low.md", conditions::disk_low).held(10 * MINUTE_MS),
    page("OpenCreditsVerifyFindings", "verify-findings.md", conditions::verify_findings)
        .unless(Unknown::Absent(&VERIFY_FINDINGS)),
    ticket("OpenCreditsBadDebt", "bad-debt.md", conditions::bad_debt).unless(Unknown::Unread("ledger")),
    ticket("OpenCreditsProviderDrift", "provider-drift.md", conditions::provider_drift),
    ticket("OpenCreditsPaymentsDiffer", "payments-differ.md", conditions::payments_differ)
        .held(6 * HOUR_MS)
        .unless(Unknown::Unread("ledger")),
    page("OpenCreditsOrdersOverdue", "orders-overdue.md", conditions::orders_overdue)
        .held(5 * MINUTE_MS)
        .unless(Unknown::Unread("outbox")),
    ticket("OpenCreditsOutboxStuck", "outbox-stuck.md", conditions::outbox_stuck)
        .held(5 * MINUTE_MS)
        .unless(Unknown::Unread("outbox")),
    ticket("OpenCreditsJobLate", "job-late.md", conditions::job_late)
        .held(5 * MINUTE_MS)
        .unless(Unknown::Unread("jobs")),
    ticket("OpenCreditsJobFailing", "job-failing.md", conditions::job_failing)
        .held(10 * MINUTE_MS)
        .unless(Unknown::Unread("jobs")),
    ticket("OpenCreditsPricesOld", "prices-old.md", conditions::prices_old)
        .held(HOUR_MS)
        .unless(Unknown::Unread("prices")),
    page("OpenCreditsModelDown", "model-down.md", conditions::model_down).held(5 * MINUTE_MS),
    ticket("OpenCreditsUsageNotBelieved", "usage-not-believed.md", conditions::usage_not_believed),
    ticket("OpenCreditsDescriptorsLow", "descriptors-low.md", conditions::descriptors_low).held(5 * MINUTE_MS),
    ticket("OpenCreditsCertificateExpires", "certificate-expires.md", conditions::certificate_expires).held(HOUR_MS),
    ticket("OpenCreditsStateUnread", "state-unread.md", conditions::state_unread).held(10 * MINUTE_MS),
    ticket("OpenCreditsClockJumped", "clock-jumped.md", conditions::clock_jumped),
    ticket("OpenCreditsFsyncSlow", "fsync-slow.md", conditions::fsync_slow).held(MINUTE_MS),
    ticket("OpenCreditsVendorNameUnresolved", "vendor-name-unresolved.md", conditions::vendor_name_unresolved),
];
