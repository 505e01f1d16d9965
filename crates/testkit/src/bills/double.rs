//! The double as tests hold it.

use super::server::{Shared, accept};
use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, MutexGuard};
use tokio::net::TcpListener;
use tokio::sync::oneshot;

/// The administrative key that it takes.
pub const ADMIN_KEY: &str = "admin-key-of-the-double";

/// The form of its report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BillForm {
    /// Line items in dollars; times in Unix seconds; a bearer key.
    Costs,
    /// Amounts in cents beside counts of tokens; times in RFC 3339; the key in `x-api-key`, and a version.
    Usage,
}

/// What was billed of a model and class on a day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BilledItem {
    /// The day, counted from the epoch.
    pub day: u64,
    /// The model; empty for none.
    pub model: String,
    /// The class, as the form names it; empty for none.
    pub class: String,
    /// The amount in dollars, a decimal of any length.
    pub usd: String,
    /// The tokens.
    pub tokens: u64,
}

impl BilledItem {
    /// An item.
    #[must_use]
    pub fn new(day: u64, model: &str, class: &str, usd: &str, tokens: u64) -> Self {
        Self { day, model: model.to_owned(), class: class.to_owned(), usd: usd.to_owned(), tokens }
    }
}

/// What goes wrong with a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BillFault {
    /// A 429 that asks to come again after so many seconds.
    TooMany {
        /// The value of `Retry-After`.
        retry_after_s: u64,
    },
    /// A 503 without a form.
    Unavailable,
    /// The connection is closed without an answer.
    Closed,
    /// The first half of a page, as if it were all.
    Broken,
    /// A page that says that there are more, without a cursor.
    NoCursor,
    /// A page without its last day.
    DayMissing,
    /// A page in another currency.
    Euro,
}

/// A request that it received.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BillRequest {
    /// The path.
    pub path: String,
    /// The parameters, in their order.
    pub params: Vec<(String, String)>,
    /// The status of the answer; 0 where none came.
    pub status: u16,
}

pub(super) struct State {
    pub(super) form: BillForm,
    pub(super) bill: Vec<BilledItem>,
    pub(super) page_days: u64,
    pub(super) faults: VecDeque<BillFault>,
    pub(super) requests: Vec<BillRequest>,
    /// Cursors with the request that they belong to, and the day that they lead to.
    pub(super) cursors: Vec<(String, String, u64)>,
}

/// A billing report on a loopback port of its own, until it is dropped.
pub struct BillingDouble {
    address: SocketAddr,
    form: BillForm,
    shared: Arc<Shared>,
    stop: Option<oneshot::Sender<()>>,
}

impl BillingDouble {
    /// Starts one on a free port, with nothing billed and two days a page.
    ///
    /// # Errors
    /// When no port can be had.
    pub fn start(form: BillForm) -> io::Result<Self> {
        let listener = std::net::TcpListener::bind(("127.0.0.1", 0))?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared::new(State {
            form,
            bill: Vec::new(),
            page_days: 2,
            faults: VecDeque::new(),
            requests: Vec::new(),
            cursors: Vec::new(),
        }));
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
        Ok(Self { address, form, shared, stop: Some(stop) })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.shared.state()
    }

    /// Its base URL, with `/v1`.
    #[must_use]
    pub fn base_url(&self) -> String {
        format!("http://{}/v1", self.address)
    }

    /// A vendor of this id whose billing report is here, in the form of a config.
    #[must_use]
    pub fn vendor_toml(&self, id: &str) -> String {
        let base_url = self.base_url();
        let report = match self.form {
            BillForm::Costs => {
                "kind = \"costs_api\"\npath = \"/organization/costs\"\n\
                 classes = { input = \"input\", \"cached input\" = \"cache_read\", output = \"output\", \"web search tool calls\" = \"web_search\" }\n"
            }
            BillForm::Usage => {
                "kind = \"usage_report\"\nauth = \"x-api-key\"\npath = \"/organizations/cost_report\"\n\
                 usage_path = \"/organizations/usage_report/messages\"\n\
                 classes = { uncached_input_tokens = \"input\", cache_read_input_tokens = \"cache_read\", \
                 \"cache_creation.ephemeral_5m_input_tokens\" = \"cache_write_5m\", \
                 \"cache_creation.ephemeral_1h_input_tokens\" = \"cache_write_1h\", output_tokens = \"output\", \
                 web_search = \"web_search\", \"server_tool_use.web_search_requests\" = \"web_search\" }\n"
            }
        };
        format!(
            "[[vendor]]\nid = \"{id}\"\ndialect = \"openai-chat\"\nbase_url = \"{base_url}\"\nauth = \"none\"\n\
             headers = {{ anthropic-version = \"2023-06-01\" }}\n[vendor.billing_report]\nkey_env = \"ADMIN_KEY\"\n\
             merge = {{ reasoning = \"output\" }}\n{report}{}",
            if self.form == BillForm::Costs { "auth = \"bearer\"\n" } else { "" }
        )
    }

    /// What was billed from now on: all of it.
    pub fn set_bill(&self, bill: Vec<BilledItem>) {
        self.state().bill = bill;
    }

    /// The days of a page.
    pub fn set_page_days(&self, days: u64) {
        self.state().page_days = days.max(1);
    }

    /// Lets each of the next `count` requests fail.
    pub fn fail_next(&self, count: usize, fault: BillFault) {
        self.state().faults.extend(std::iter::repeat_n(fault, count));
    }

    /// Takes the requests that were not taken yet, oldest first.
    #[must_use]
    pub fn take_requests(&self) -> Vec<BillRequest> {
        std::mem::take(&mut self.state().requests)
    }
}

impl Drop for BillingDouble {
    fn drop(&mut self) {
        if let Some(stop) = self.stop.take() {
            let _ended_before = stop.send(());
        }
    }
}
