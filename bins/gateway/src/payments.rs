//! The sale of credits, as the config wants it.

use crate::error::StartError;
use crate::secret_files::secret;
use opencredits_api::PaymentApp;
use opencredits_billing::{
    Customers, Marker, Mode, Payments, Sandbox, Stripe, StripeKey, StripeSettings, WebhookSecret,
};
use opencredits_ledger::AnyLedger;
use opencredits_service::config::{
    BonusSection, Config, CurrencySection, FraudWarnings, PaymentSettings, Processor, minor, nano,
};
use opencredits_service::mail::MailQueue;
use opencredits_service::partners::CommissionBooks;
use opencredits_service::purchases::{
    Bonus, CurrencyTerms, MailedNotices, OnFraudWarning, PurchasePorts, PurchaseSettings, PurchaseTables, Purchases,
    SaleTerms,
};
use opencredits_service::{Clock, Entropy, UsageReads};
use opencredits_store::Store;
use opencredits_units::{BasisPoints, CreditPrice, UnixMs};
use std::sync::Arc;

/// The path of the sandbox's pages.
const SANDBOX_PATH: &str = "/sandbox/checkout/";
/// The path of the pages of test mode.
const TEST_PATH: &str = "/test/checkout/";
const MINUTE_MS: u64 = 60_000;

/// What the sale of credits works on.
pub(crate) struct Ground<'a> {
    pub(crate) ledger: AnyLedger,
    pub(crate) store: &'a Arc<dyn Store>,
    pub(crate) queue: MailQueue,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) entropy: Arc<dyn Entropy>,
}

/// A processor that is ready to be asked.
struct Ready {
    payments: Arc<dyn Payments>,
    customers: Arc<dyn Customers>,
    mode: Mode,
    sandbox: Option<Arc<Sandbox>>,
}

/// The sale of credits; `None` where credits are not sold.
pub(crate) fn build(config: &Config, ground: Ground<'_>) -> Result<Option<Arc<PaymentApp>>, StartError> {
    let Some(ready) = processor(config, ground.clock.now())? else {
        return Ok(None);
    };
    let webhook_secrets = webhook_secrets(&config.payments)?;
    if ready.sandbox.is_some() {
        tracing::warn!("payments.processor is sandbox: credits are sold for no money");
    } else if webhook_secrets.is_empty() {
        tracing::warn!(
            "there is no POST /webhooks/stripe: payments.webhook_secret is not set; payments are found by polling"
        );
    }
    app_of(config, ground, ready, webhook_secrets).map(Some)
}

/// The sale of play credits, for no money: whatever processor sells real ones, test mode has none but the sandbox.
pub(crate) fn build_of_test_mode(config: &Config, ground: Ground<'_>) -> Result<Arc<PaymentApp>, StartError> {
    let ready = sandbox(config, TEST_PATH, ground.clock.now())?;
    app_of(config, ground, ready, Vec::new())
}

fn app_of(
    config: &Config,
    ground: Ground<'_>,
    Ready { payments, customers, mode, sandbox }: Ready,
    webhook_secrets: Vec<WebhookSecret>,
) -> Result<Arc<PaymentApp>, StartError> {
    let store = Arc::clone(ground.store);
    let tables =
        PurchaseTables { orders: store.clone(), payers: store.clone(), users: store.clone(), cursors: store.clone() };
    let notices = Arc::new(MailedNotices::new(ground.queue));
    let usage = Arc::new(UsageReads::new(ground.ledger.clone(), store.clone()));
    let commissions = Arc::new(CommissionBooks::new(ground.ledger.clone(), store.clone(), usage));
    let ports = PurchasePorts { payments, notices, commissions, clock: ground.clock, entropy: ground.entropy };
    let purchases = Purchases::new(ground.ledger, tables, ports, settings(config, mode)?);
    let purchases = Arc::new(purchases.with_privacy(store.clone(), customers));
    Ok(Arc::new(PaymentApp { purchases, webhook_secrets, sandbox, emails: store }))
}

/// The processor without money, whose pages are at `path`.
fn sandbox(config: &Config, path: &str, now: UnixMs) -> Result<Ready, StartError> {
    let marker: Marker = config.payments.marker.parse()?;
    let sandbox = Arc::new(Sandbox::new(marker, format!("{}{path}", config.server.public_url()), now));
    let (payments, customers) = (sandbox.clone(), sandbox.clone());
    Ok(Ready { payments, customers, mode: Mode::Test, sandbox: Some(sandbox) })
}

/// Checks what can be checked without the data folder.
pub(crate) fn check(config: &Config) -> Result<(), StartError> {
    processor(config, UnixMs::default())?;
    webhook_secrets(&config.payments)?;
    settings(config, Mode::Test).map(|_| ())
}

/// `now` tells the ids of the sandbox from those of an earlier process.
fn processor(config: &Config, now: UnixMs) -> Result<Option<Ready>, StartError> {
    let set = &config.payments;
    let marker: Marker = set.marker.parse()?;
    Ok(match set.processor {
        Processor::None => None,
        Processor::Sandbox => Some(sandbox(config, SANDBOX_PATH, now)?),
        Processor::Stripe => {
            let key = secret("payments.key_file", set.key.as_ref(), set.key_file.as_ref())?.unwrap_or_default();
            let key = StripeKey::new(&key)?;
            let mode = key.mode();
            let mut settings = StripeSettings::new(key, marker);
            settings.product_name.clone_from(&set.product_name);
            if let Some(url) = &set.api_url {
                settings.base_url.clone_from(url);
            }
            let stripe = Arc::new(Stripe::new(settings)?);
            Some(Ready { payments: stripe.clone(), customers: stripe, mode, sandbox: None })
        }
    })
}

fn webhook_secrets(set: &PaymentSettings) -> Result<Vec<WebhookSecret>, StartError> {
    let text = secret("payments.webhook_secret_file", set.webhook_secret.as_ref(), set.webhook_secret_file.as_ref())?
        .unwrap_or_default();
    text.split_whitespace().map(|secret| Ok(WebhookSecret::new(secret)?)).collect()
}

/// How credits are sold.
pub(crate) fn settings(config: &Config, mode: Mode) -> Result<PurchaseSettings, StartError> {
    let set = &config.payments;
    let url = config.server.public_url();
    let price = CreditPrice::new(config.billing.credit_price_usd).unwrap_or_default();
    Ok(PurchaseSettings {
        terms: SaleTerms {
            currencies: set.currencies().iter().map(|section| currency(section, price)).collect::<Result<_, _>>()?,
            credit_face: price.get(),
            fee: BasisPoints::new(set.fee_bps),
            bonuses: set.bonus.iter().map(bonus).collect(),
        },
        marker: set.marker.parse()?,
        mode,
        success_url: set.success_url.clone().unwrap_or_else(|| url.clone()),
        cancel_url: set.cancel_url.clone().unwrap_or(url),
        page_ms: set.page_minutes.saturating_mul(MINUTE_MS),
        open_max: set.open_orders_max,
        on_fraud_warning: match set.on_fraud_warning {
            FraudWarnings::Log => OnFraudWarning::Log,
            FraudWarnings::StopTopUps => OnFraudWarning::StopTopUps,
            FraudWarnings::Refund => OnFraudWarning::Refund,
        },
    })
}

/// The config's bounds have seen to it that each of these is an amount.
fn currency(section: &CurrencySection, price: CreditPrice) -> Result<CurrencyTerms, StartError> {
    let amount = |text: &String| minor(text).unwrap_or_default();
    Ok(CurrencyTerms {
        currency: section.code.parse()?,
        credit_price_nano: section.credit_price.as_deref().and_then(nano).unwrap_or_else(|| price.get().get()),
        amount_minor_min: amount(&section.amount_min),
        amount_minor_max: amount(&section.amount_max),
        suggested_minor: section.suggested.iter().map(amount).collect(),
        fee_fixed_minor: amount(&section.fee_fixed),
    })
}

fn bonus(section: &BonusSection) -> Bonus {
    Bonus { from_minor: minor(&section.from).unwrap_or_default(), share: BasisPoints::new(section.bps) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(toml: &str) -> Result<(), String> {
        let config = Config::read(&format!("[payments]\n{toml}"), []).unwrap();
        check(&config).map_err(|error| error.to_string())
    }

    #[test]
    fn each_processor_is_built_and_secrets_come_from_files_too() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        std::fs::write(&path, "rk_test_1\n").unwrap();
        assert_eq!(told(""), Ok(()));
        assert_eq!(told("processor = \"sandbox\""), Ok(()));
        assert_eq!(told(&format!("processor = \"stripe\"\nkey_file = \"{}\"", path.display())), Ok(()));
        let publishable = told("processor = \"stripe\"\nkey = \"pk_test_1\"").unwrap_err();
        assert!(publishable.contains("rk_live_"), "{publishable}");
        let missing = told("processor = \"stripe\"\nkey_file = \"/nowhere/key\"").unwrap_err();
        assert!(missing.contains("payments.key_file /nowhere/key"), "{missing}");
    }
}
