//! The double as tests hold it.

use super::books::{amount, text};
use super::events::Produced;
use super::lifecycle::Method;
use super::objects::Price;
use super::permissions::Permissions;
use super::server::{Changing, Charging, Shared, StripeFault, StripeRequest, accept};
use serde_json::{Value, json};
use std::fs::File;
use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, MutexGuard};
use tokio::net::TcpListener;
use tokio::sync::oneshot;

/// Stripe's API on a loopback port of its own, until it is dropped. The documentation of [the module](super) has an example.
///
/// Ids are those of Stripe's objects. A control that names an object which is not there, or asks for what Stripe would
/// not let happen, panics.
pub struct StripeDouble {
    address: SocketAddr,
    shared: Arc<Shared>,
    stop: Option<oneshot::Sender<()>>,
}

impl StripeDouble {
    /// Starts one on a free port, in test mode.
    ///
    /// # Errors
    /// When no port can be had.
    pub fn start() -> io::Result<Self> {
        let listener = std::net::TcpListener::bind(("127.0.0.1", 0))?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared::new());
        let (stop, stopped) = oneshot::channel();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let serving = Arc::clone(&shared);
        std::thread::spawn(move || {
            runtime.block_on(async {
                let listener = TcpListener::from_std(listener).expect("a listener for the runtime");
                tokio::select! {
                    () = accept(listener, serving) => {}
                    _ = stopped => {}
                }
            });
        });
        Ok(Self { address, shared, stop: Some(stop) })
    }

    fn changing(&self) -> MutexGuard<'_, Changing> {
        self.shared.changing()
    }

    /// Its base URL, without a slash at the end and without `/v1`.
    #[must_use]
    pub fn base_url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Sets its clock, in Unix seconds. It stands at 1,780,000,000 until then.
    pub fn set_now_s(&self, now_s: u64) {
        self.changing().books.now_s = now_s;
    }

    /// Its clock, in Unix seconds.
    #[must_use]
    pub fn now_s(&self) -> u64 {
        self.changing().books.now_s
    }

    /// Whether it is about real money from now on; only keys of that mode are taken.
    pub fn set_livemode(&self, livemode: bool) {
        self.changing().books.livemode = livemode;
    }

    /// Restricted keys may do this from now on, and nothing else.
    pub fn permit(&self, permissions: Permissions) {
        self.changing().permissions = Some(permissions);
    }

    /// Appends every exchange and event to a file, a JSON line each.
    ///
    /// # Errors
    /// When the file cannot be made.
    pub fn log_to(&self, path: &Path) -> io::Result<()> {
        self.changing().log = Some(File::create(path)?);
        Ok(())
    }

    /// All requests so far, oldest first.
    #[must_use]
    pub fn requests(&self) -> Vec<StripeRequest> {
        self.changing().requests.clone()
    }

    /// Lets each of the next `count` requests fail that are not answered from a stored answer.
    pub fn fail_next(&self, count: usize, fault: StripeFault) {
        self.changing().faults.extend(std::iter::repeat_n(Some(fault), count));
    }

    /// Lets the next `count` requests through, and the one after them fail.
    pub fn fail_after(&self, count: usize, fault: StripeFault) {
        let mut changing = self.changing();
        changing.faults.extend(std::iter::repeat_n(None, count));
        changing.faults.push_back(Some(fault));
    }

    /// What banks say to charges of saved methods from now on.
    pub fn charges(&self, charging: Charging) {
        self.changing().manners.charging = charging;
    }

    /// The status of refunds that clients make from now on.
    pub fn refunds_are(&self, status: &str) {
        status.clone_into(&mut self.changing().manners.refund_status);
    }

    /// Takes the events that were not taken yet, oldest first.
    #[must_use]
    pub fn take_events(&self) -> Vec<Produced> {
        let mut changing = self.changing();
        let events: Vec<Produced> = changing.books.queue.drain(..).collect();
        for event in &events {
            let snapshot: Value = serde_json::from_str(&event.snapshot).expect("an event is JSON");
            changing.write_log(&json!({"kind": "object", "body": snapshot}));
        }
        events
    }

    /// An object as it stands.
    #[must_use]
    pub fn object(&self, id: &str) -> Value {
        self.changing().books.shown(id)
    }

    /// All objects of a kind, such as `refund` or `balance_transaction`, oldest first.
    #[must_use]
    pub fn objects(&self, kind: &str) -> Vec<Value> {
        let changing = self.changing();
        changing.books.of_kind(kind).map(|object| changing.books.shown(text(object, "id"))).collect()
    }

    /// The sum of all movements of money, fees deducted, in minor units.
    #[must_use]
    pub fn balance_minor(&self) -> i64 {
        self.changing().books.of_kind("balance_transaction").map(|movement| amount(movement, "net")).sum()
    }

    /// Sets any value of an object, named by a JSON pointer: for what no control does.
    pub fn edit(&self, id: &str, pointer: &str, value: Value) {
        self.changing().books.edit(id, pointer, value);
    }

    /// Makes the event that something happened to an object.
    pub fn emit(&self, kind: &str, id: &str) {
        self.changing().books.emit(kind, id);
    }

    /// The buyer pays on a page, by a card. Gives the payment.
    pub fn pay(&self, session: &str) -> String {
        self.changing().books.pay(session, Method::Card)
    }

    /// The buyer pays on a page, by a method that takes days. Gives the payment.
    pub fn pay_unpaid(&self, session: &str) -> String {
        self.changing().books.pay(session, Method::Delayed)
    }

    /// The buyer's card is declined on a page, which stays open. Gives the payment.
    pub fn decline(&self, session: &str) -> String {
        self.changing().books.fail_on_page(session)
    }

    /// The money of a delayed payment arrives.
    pub fn async_succeed(&self, session: &str) {
        self.changing().books.finish_delayed(session, true);
    }

    /// The money of a delayed payment does not arrive.
    pub fn async_fail(&self, session: &str) {
        self.changing().books.finish_delayed(session, false);
    }

    /// A charge of a saved method that was being processed ends.
    pub fn finish_charge(&self, payment: &str, succeeds: bool) {
        let mut changing = self.changing();
        if succeeds {
            changing.books.succeed(payment, "payment");
        } else {
            changing.books.decline(payment, "card_declined");
        }
    }

    /// The bank takes back a payment that had succeeded.
    pub fn reverse(&self, payment: &str) {
        self.changing().books.reverse(payment);
    }

    /// A page ends.
    pub fn expire(&self, session: &str) {
        self.changing().books.expire(session);
    }

    /// The operator refunds a part of a payment in the dashboard. Gives the refund.
    pub fn refund(&self, payment: &str, part: i64, status: &str) -> String {
        let charge = self.charge_of(payment);
        let mut changing = self.changing();
        let rest = amount(changing.books.get(&charge), "amount") - changing.books.refunded(&charge);
        assert!(part <= rest, "only {rest} is left to refund");
        changing.books.refund(&charge, part, status)
    }

    /// A refund gets another status; one that fails or is canceled returns its money.
    pub fn refund_becomes(&self, refund: &str, status: &str) {
        self.changing().books.refund_becomes(refund, status);
    }

    /// A bank disputes a part of a payment: an inquiry (`warning_…`), or a chargeback, which withdraws the money with a
    /// fee. Gives the dispute.
    pub fn dispute(&self, payment: &str, part: i64, status: &str) -> String {
        let charge = self.charge_of(payment);
        self.changing().books.dispute(&charge, part, status)
    }

    /// A dispute gets another status; one that is won returns its money, an inquiry that becomes a chargeback withdraws
    /// it.
    pub fn dispute_becomes(&self, dispute: &str, status: &str) {
        self.changing().books.dispute_becomes(dispute, status);
    }

    /// The money of a dispute returns without another status, as after an appeal.
    pub fn reinstate(&self, dispute: &str) {
        let mut changing = self.changing();
        changing.books.move_dispute(dispute, 1);
        changing.books.emit("charge.dispute.funds_reinstated", dispute);
    }

    /// The issuer reports a payment as fraud. Gives the warning.
    pub fn early_fraud_warning(&self, payment: &str) -> String {
        let charge = self.charge_of(payment);
        self.changing().books.warn(&charge)
    }

    /// Another product on the same account is paid. Gives the payment.
    pub fn foreign_payment(&self, total: i64) -> String {
        let mut changing = self.changing();
        let intent = changing.books.new_intent(Price { amount: total, currency: "usd" });
        let email = json!("stranger@example.com");
        let method = changing.books.new_method(&Value::Null, &email);
        changing.books.set(&intent, json!({"payment_method": method}));
        changing.books.new_charge(&intent, &email);
        changing.books.succeed(&intent, "charge");
        intent
    }

    fn charge_of(&self, payment: &str) -> String {
        let charge = self.object(payment)["latest_charge"].as_str().map(str::to_owned);
        charge.unwrap_or_else(|| panic!("{payment} has no charge"))
    }
}

impl Drop for StripeDouble {
    fn drop(&mut self) {
        if let Some(stop) = self.stop.take() {
            // The thread may be gone already.
            let _ = stop.send(());
        }
    }
}
