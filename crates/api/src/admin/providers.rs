//! Executes requests about the bills of providers.

use super::answer::{Admin, Answer};
use super::provider_views::{DaySpan, ProviderRequest};
use super::reply::{AdminReply, Refusal, RefusalCode};
use opencredits_service::day_or_time;
use opencredits_service::partners::month_of_text;
use opencredits_service::provider_bills::{ProviderReconciliation, ProviderReport, ReconcileError};
use opencredits_store::Days;
use opencredits_units::UnixMs;

impl Admin {
    pub(super) async fn providers(&self, request: ProviderRequest) -> Answer {
        let Some(providers) = &self.providers else {
            return Err(Refusal::invalid(
                "bills are compared by the gateway, which knows the keys; start it, and ask without --test: test mode has no bills",
            ));
        };
        match request {
            ProviderRequest::Reconcile { vendor, days } => {
                let days = span(providers, days)?;
                Ok(compared(providers.reconcile(vendor.as_deref(), days).await?))
            }
            ProviderRequest::Report { vendor, days } => {
                let days = span(providers, days)?;
                Ok(compared(providers.report(vendor.as_deref(), days).await?))
            }
            ProviderRequest::Import { vendor, file, columns } => {
                let days = providers.import(&vendor, &file, &columns).await?;
                Ok(AdminReply::BillImported { vendor, days: days.into_iter().map(Into::into).collect() })
            }
        }
    }
}

fn compared(report: ProviderReport) -> AdminReply {
    AdminReply::ProvidersCompared { report: Box::new(report.into()) }
}

fn span(providers: &ProviderReconciliation, days: Option<DaySpan>) -> Result<Days, Refusal> {
    let found = match &days {
        None => providers.latest_day().map(|day| Days { from: day, to: day }),
        Some(DaySpan::Day(text)) => {
            let day = day_or_time(text).filter(|(_, length_ms)| *length_ms == UnixMs::DAY_MS);
            day.map(|(begin, _)| Days { from: begin.day(), to: begin.day() })
        }
        Some(DaySpan::Month(text)) => {
            month_of_text(text).map(|(first, next)| Days { from: first, to: next.saturating_sub(1) })
        }
    };
    found.ok_or_else(|| match days {
        Some(DaySpan::Month(text)) => Refusal::invalid(format!("{text} is no month; write it as 2026-11")),
        Some(DaySpan::Day(text)) => Refusal::invalid(format!("{text} is no day; write it as 2026-11-30")),
        None => Refusal::invalid("no day is complete yet"),
    })
}

impl From<ReconcileError> for Refusal {
    fn from(error: ReconcileError) -> Self {
        let code = match &error {
            ReconcileError::NoVendor { .. } | ReconcileError::NoBill { .. } => RefusalCode::NotFound,
            ReconcileError::NoKey { .. } | ReconcileError::Days { .. } | ReconcileError::File { .. } => {
                RefusalCode::Invalid
            }
            _ => RefusalCode::Failed,
        };
        Self { code, refused: error.to_string() }
    }
}
