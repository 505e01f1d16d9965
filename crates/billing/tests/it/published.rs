//! What the double is asked and says, held against what Stripe publishes: its OpenAPI document, its library, and its
//! command line.
//!
//! They need Python with `venv`, the packages of `testkit/python/requirements.txt`, and npm. Where these cannot be had a
//! test says so and passes, unless `TEST_STRIPE_TOOLS` is `required`.

use crate::bugs::saved;
use crate::support::{adapter, open, permissions, position, read, request, setup, stand, usd};
use futures_util::FutureExt as _;
use opencredits_billing::{
    After, Customers as _, MovementId, PaymentRef, Payments as _, RefundRequest, TOLERANCE_MS, WebhookSecret,
    verify_signature,
};
use opencredits_testkit::stripe::{Charging, Permissions, StripeDouble, StripeFault, sign};
use opencredits_units::UnixMs;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;

const SCRIPTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../testkit/python");
const FOLDER: &str = env!("CARGO_TARGET_TMPDIR");
/// The package of Stripe's command line.
const COMMAND_LINE: &str = "@stripe/cli-linux-x64";
const SECRET: &str = "whsec_double";

/// The interpreter of a virtual environment with the pinned packages; `None` where it cannot be made.
fn python() -> Option<&'static Path> {
    static PYTHON: OnceLock<Option<PathBuf>> = OnceLock::new();
    let made = PYTHON.get_or_init(|| make_environment().map_err(|why| skip(&why)).ok());
    made.as_deref()
}

#[expect(clippy::disallowed_methods, reason = "a test's own switch, which no program reads")]
fn skip(why: &str) {
    assert_ne!(std::env::var("TEST_STRIPE_TOOLS").as_deref(), Ok("required"), "{why}");
    eprintln!("SKIPPED: the double is not compared with what Stripe publishes: {why}");
}

fn make_environment() -> Result<PathBuf, String> {
    let pins = Path::new(SCRIPTS).join("requirements.txt");
    let wanted = fs::read_to_string(&pins).map_err(|error| error.to_string())?;
    let (venv, stamp) = (Path::new(FOLDER).join("stripe-venv"), Path::new(FOLDER).join("stripe-venv.stamp"));
    let python = venv.join("bin/python");
    if fs::read_to_string(&stamp).is_ok_and(|found| found == wanted) {
        return Ok(python);
    }
    call(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&venv))?;
    let flags = ["-m", "pip", "install", "--quiet", "--no-deps", "--disable-pip-version-check", "--requirement"];
    call(Command::new(&python).args(flags).arg(&pins))?;
    fs::write(&stamp, wanted).map_err(|error| error.to_string())?;
    Ok(python)
}

fn call(command: &mut Command) -> Result<(), String> {
    let output = command.output().map_err(|error| format!("{command:?}: {error}"))?;
    let said = String::from_utf8_lossy(&output.stderr);
    if output.status.success() { Ok(()) } else { Err(format!("{command:?}: {said}")) }
}

fn run(python: &Path, script: &str, arguments: &[&str], input: &str) -> Output {
    let mut command = Command::new(python);
    command.arg(Path::new(SCRIPTS).join(script)).args(arguments);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    child.wait_with_output().unwrap()
}

/// What Stripe's library prints.
fn drive(python: &Path, arguments: &[&str], input: &str) -> String {
    let output = run(python, "drive_stripe.py", arguments, input);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

fn validate(python: &Path, logs: &[PathBuf]) -> (bool, String) {
    let logs: Vec<&str> = logs.iter().map(|log| log.to_str().unwrap()).collect();
    let output = run(python, "validate_stripe.py", &logs, "");
    let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    (output.status.success(), said)
}

/// Everything that the adapter can ask for, and every control of the double.
async fn whole_life(double: &StripeDouble) {
    let stripe = adapter(double, "rk_test_double", "instance-1");
    let session = open(double, &stripe, "order-1", 5_000).await;
    let payment = double.pay_unpaid(session.as_str());
    read(&stripe, session.as_str()).await;
    double.async_succeed(session.as_str());
    for (part, end) in [(1_000, "succeeded"), (500, "canceled"), (400, "failed")] {
        let refund = double.refund(&payment, part, "pending");
        double.refund_becomes(&refund, end);
        read(&stripe, &refund).await;
    }
    let refund = RefundRequest { payment: payment.parse().unwrap(), amount: None, key: "refund-1".to_owned() };
    double.refunds_are("requires_action");
    let made = stripe.refund(&refund).await.unwrap();
    double.refund_becomes(made.id.as_str(), "canceled");
    let dispute = double.dispute(&payment, 2_000, "warning_needs_response");
    for status in ["needs_response", "under_review", "won", "lost", "prevented"] {
        double.dispute_becomes(&dispute, status);
        read(&stripe, &dispute).await;
    }
    double.reinstate(&dispute);
    let warning = double.early_fraud_warning(&payment);
    read(&stripe, &warning).await;
    double.reverse(&payment);
    let state = read(&stripe, &payment).await;
    let movements = position(&state, 5_000, 5_000).unwrap().movements;
    assert_eq!(movements.iter().map(|movement| movement.net.minor()).sum::<i64>(), double.balance_minor());

    let mut charge = saved(double, &stripe).await;
    for charging in [Charging::Decline("card_declined".to_owned()), Charging::AskForAuthentication, Charging::Process] {
        double.charges(charging);
        charge.attempt += 1;
        stripe.charge_saved(&charge).await.unwrap();
    }
    stripe.portal_url(&charge.customer, "https://credits.example/account").await.unwrap();
    stripe.delete_customer(&charge.customer).await.unwrap();
    let expired = open(double, &stripe, "order-2", 1_000).await;
    stripe.expire_checkout(&expired).await.unwrap();
    stripe.expire_checkout(&expired).await.unwrap();
    let failed = open(double, &stripe, "order-3", 1_000).await;
    double.decline(failed.as_str());
    read(&stripe, failed.as_str()).await;
    double.pay_unpaid(failed.as_str());
    double.async_fail(failed.as_str());
    read(&stripe, failed.as_str()).await;
    stripe.payment(&PaymentRef::Order("order-1".parse().unwrap())).await.unwrap();
    let foreign = double.foreign_payment(700);
    read(&stripe, double.object(&foreign)["latest_charge"].as_str().unwrap()).await;
    walk(double, &stripe).await;
}

async fn walk(double: &StripeDouble, stripe: &opencredits_billing::Stripe) {
    double.fail_next(1, StripeFault::TooMany { retry_after_s: 1 });
    stripe.create_checkout(&request(double, "order-4", 1_000)).await.unwrap_err();
    let events = stripe.events_after(After::Time(UnixMs::new(0))).await.unwrap();
    stripe.events_after(After::Id(&events.next.unwrap())).await.unwrap();
    let page = stripe.movements_after(After::Time(UnixMs::new(0))).await.unwrap();
    let first: &MovementId = &page.items[0].id;
    assert_eq!(stripe.movements_after(After::Id(first)).await.unwrap().items, page.items[1..]);
}

#[tokio::test]
async fn the_whole_life_of_payments_is_valid_by_stripes_document() {
    let Some(python) = python() else { return };
    let double = StripeDouble::start().unwrap();
    let log = Path::new(FOLDER).join("stripe-life.jsonl");
    double.log_to(&log).unwrap();
    double.permit(permissions());
    whole_life(&double).await;
    let events = double.take_events();
    assert!(events.len() > 40, "{}", events.len());
    drop(double);
    let (is_valid, said) = validate(python, std::slice::from_ref(&log));
    assert!(is_valid, "{said}");
    eprintln!("{said}");
    check_that_errors_are_found(python, &fs::read_to_string(&log).unwrap());
}

/// The life of payments that a key with these permissions can lead; whether it leads to the end.
async fn lives_with(permissions: Permissions) -> bool {
    let double = StripeDouble::start().unwrap();
    double.permit(permissions);
    std::panic::AssertUnwindSafe(whole_life(&double)).catch_unwind().await.is_ok()
}

#[tokio::test]
async fn the_permissions_of_the_page_suffice_and_each_is_needed() {
    let all = permissions();
    assert!(lives_with(all.clone()).await, "the page lacks a permission");
    for resource in all.resources() {
        assert!(!lives_with(all.without(resource)).await, "{resource} is not needed");
    }
    for resource in ["Checkout Sessions", "PaymentIntents", "Refunds", "Customers", "Customer portal"] {
        assert!(!lives_with(all.only_reading(resource)).await, "{resource} need not be written");
    }
}

fn check_that_errors_are_found(python: &Path, life: &str) {
    let broken = [
        (r#""mode":"payment""#, r#""mode":"pay""#),
        (r#""adaptive_pricing":{"enabled":"false"}"#, r#""adaptive_pricing":{"enable":"false"}"#),
        (r#""client_reference_id":"order-1","#, r#""client_reference_ids":"order-1","#),
        (r#""payment_status":"paid""#, r#""payment_status":"settled""#),
        (r#""is_charge_refundable":true,"#, ""),
        (r#""object":"refund","#, r#""object":"refund","extra":1,"#),
    ];
    let name = |index: usize| format!("stripe-broken-{index}.jsonl");
    let mut logs = Vec::new();
    for (index, (right, wrong)) in broken.iter().enumerate() {
        assert!(life.contains(right), "{right}");
        let log = Path::new(FOLDER).join(name(index));
        fs::write(&log, life.replace(right, wrong)).unwrap();
        logs.push(log);
    }
    let (_, said) = validate(python, &logs);
    for (index, (_, wrong)) in broken.iter().enumerate() {
        let verdict = said.lines().find(|line| line.starts_with(&format!("{}: ", name(index))));
        assert!(verdict.is_some_and(|verdict| !verdict.ends_with(", 0 errors")), "{wrong}: {said}");
    }
}

#[tokio::test]
async fn stripes_library_is_a_client_of_the_double() {
    let Some(python) = python() else { return };
    let (double, stripe) = setup();
    let base = double.base_url();
    let session = drive(python, &["create", &base], "");
    let payment = double.pay(&session);
    let refund = drive(python, &["refund", &base, &payment], "");
    let kinds = drive(python, &["list", &base], "");
    assert_eq!(
        kinds,
        "charge.succeeded payment_intent.succeeded checkout.session.completed refund.created charge.refunded"
    );
    let state = read(&stripe, &refund).await;
    assert_eq!(state.order.as_ref().unwrap().as_str(), "order-python");
    assert_eq!(position(&state, 1_000, 1_000).unwrap().taken, 100);
}

#[tokio::test]
async fn signatures_agree_with_stripes_library_in_both_directions() {
    let Some(python) = python() else { return };
    let double = StripeDouble::start().unwrap();
    double.foreign_payment(700);
    let event = double.take_events().pop().unwrap();
    for (command, body, kind) in [
        ("verify", &event.snapshot, "payment_intent.succeeded"),
        ("verify-thin", &event.thin, "v1.payment_intent.succeeded"),
    ] {
        let header = sign(body.as_bytes(), SECRET, double.now_s());
        assert_eq!(drive(python, &[command, &header, SECRET], body), kind);
        let wrong = run(python, "drive_stripe.py", &[command, &header, "whsec_other"], body);
        assert!(!wrong.status.success());
    }
    let header = drive(python, &["sign", SECRET, &double.now_s().to_string()], &event.snapshot);
    let now = UnixMs::new(double.now_s() * 1_000);
    let check = |secret: &str| {
        let secrets = [WebhookSecret::new(secret).unwrap()];
        verify_signature(event.snapshot.as_bytes(), &header, &secrets, now, TOLERANCE_MS).is_ok()
    };
    assert!(check(SECRET));
    assert!(!check("whsec_other"));
}

/// Stripe's command line, which npm has for this platform only; `None` where it cannot be had.
fn command_line() -> Option<PathBuf> {
    if !cfg!(all(target_os = "linux", target_arch = "x86_64")) {
        eprintln!("SKIPPED: npm has no command line of Stripe's for this platform");
        return None;
    }
    let folder = Path::new(FOLDER).join("stripe-cli");
    let program = folder.join("node_modules").join(COMMAND_LINE).join("bin/stripe");
    if !program.exists() {
        let package = format!("{COMMAND_LINE}@1.52.0");
        let flags = ["install", "--no-audit", "--no-fund", "--no-save", "--ignore-scripts", "--loglevel", "error"];
        let mut npm = Command::new("npm");
        npm.args(flags).arg("--prefix").arg(&folder).arg(package);
        call(&mut npm).map_err(|why| skip(&why)).ok()?;
    }
    Some(program)
}

#[tokio::test]
async fn stripes_command_line_pays_at_the_double() {
    let Some(program) = command_line() else { return };
    let (double, stripe) = setup();
    let say = |words: &[&str]| {
        let mut command = Command::new(&program);
        command.args(words).args(["--api-key", "sk_test_double", "--api-base", &double.base_url()]);
        command.env("STRIPE_CLI_TELEMETRY_OPTOUT", "1").env("HOME", FOLDER);
        command.env("XDG_CONFIG_HOME", FOLDER);
        let output = command.stdin(Stdio::null()).output().unwrap();
        assert!(output.status.success(), "{words:?}: {output:?}");
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    say(&["trigger", "checkout.session.completed"]);
    let events = double.take_events();
    let completed = events.iter().find(|event| event.kind == "checkout.session.completed").unwrap();
    let state = read(&stripe, &completed.subject).await;
    assert_eq!(state.paid, Some(usd(3_000)));
    let payment = state.payment.unwrap();
    let refund = say(&["refunds", "create", "--payment-intent", payment.as_str(), "--amount", "1000"]);
    assert!(refund.contains("\"succeeded\""), "{refund}");
    assert_eq!(stand(&stripe, payment.as_str(), 300, 3_000).await, (300, 100, 0));
    assert!(say(&["events", "list", "--limit", "1"]).contains("charge.refunded"));
}
