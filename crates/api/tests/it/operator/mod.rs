//! The operator's pages and what they do, over the router.

mod acts;
mod guard;
mod prices;
mod shown;

use crate::app::{Answer, TestApp, request, start};
use crate::dashboard::{ask, fragment, page, session, site};
use crate::engine::Place;
use crate::sign_in::privacy;
use http::{HeaderValue, Method};
use opencredits_api::admin::Admin;
use opencredits_backup::Source;
use opencredits_service::accounts::{NewApplication, NewPartner};
use opencredits_service::jobs::{Figures, Job, JobPorts, JobTerms, Jobs, StopSwitch};
use opencredits_service::prices::{LivePrices, Prices};
use opencredits_store::{AuditRecord, Partner, Role, User};
use opencredits_units::{CreditPrice, EntryId, OrderId};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;

/// Every page that needs no id.
const PAGES: [&str; 9] = [
    "/operator",
    "/operator/people",
    "/operator/partners",
    "/operator/orders",
    "/operator/routes",
    "/operator/prices",
    "/operator/jobs",
    "/operator/ledger",
    "/operator/changes",
];

/// A text that would be a script if it were not escaped.
const CANARY: &str = "<script>canary()</script>";

/// A service with an operator, a person with a request, a purchase and an application, and a partner.
struct Shop {
    app: TestApp,
    token: String,
    operator: User,
    person: User,
    key: String,
    partner: Partner,
    order: OrderId,
    generation: String,
    _jobs: StopSwitch,
}

impl Shop {
    async fn open() -> Self {
        Self::selling(|_| None).await
    }

    /// With a source of prices.
    async fn selling(live: impl FnOnce(&TestApp) -> Option<LivePrices>) -> Self {
        let app = site().await;
        let live = live(&app);
        let (admin, jobs) = admin(&app, live);
        let app = app.with_operator(admin);
        let (operator, _) = app.person(0).await;
        app.store.set_role(operator.id, Role::Operator).await.unwrap();
        let token = session(&app, &operator, 90).await;
        let (person, key) = app.person(10).await;
        let person = app.accounts.rename_user(&person.id.to_string(), format!("Ada {CANARY}")).await.unwrap();
        app.accounts.set_email(person.id, "ada@example.org").await.unwrap();
        session(&app, &person, 91).await;
        let new = NewPartner { name: format!("Editor {CANARY}"), share: None, markup: None };
        let partner = app.accounts.add_partner(new).await.unwrap();
        app.key(&person, Some(&partner), Some(1_000_000_000)).await;
        let applied = NewApplication {
            applicant: person.id,
            name: format!("Notes {CANARY}"),
            url: "https://notes.example/?a=%3Cscript%3E".to_owned(),
            origins: vec!["https://notes.example".to_owned()],
            redirect_urls: Vec::new(),
        };
        app.accounts.apply(applied, opencredits_service::accounts::Actor::App).await.unwrap();
        let generation = ask(&app, &key, "sandbox/gpt").await;
        let body = json!({"amount": 10, "success_url": "https://app.example/thanks"});
        let order = app.post("/v1/credits/checkout", &key, &body).await;
        assert_eq!(order.status, 201, "{}", order.text);
        let order = order.json();
        let at = order["checkout_url"].as_str().unwrap().strip_prefix("http://127.0.0.1").unwrap();
        let paid = app.send(request(Method::POST, at, "", "choice=pay".to_owned())).await;
        assert_eq!(paid.status, 303, "{}", paid.text);
        let orders = app.store.orders(Some(person.id), None, 9).await.unwrap();
        Self { token, operator, person, key, partner, order: orders[0].id, generation, app, _jobs: jobs }
    }

    /// Every page, also those of one thing.
    fn pages(&self) -> Vec<String> {
        let of = [
            format!("/operator/people/{}", self.person.id),
            format!("/operator/partners/{}", self.partner.id),
            format!("/operator/orders/{}", self.order),
        ];
        PAGES.map(str::to_owned).into_iter().chain(of).collect()
    }

    async fn page(&self, path: &str) -> String {
        page(&self.app, path, &self.token).await
    }

    /// What an act will do.
    async fn preview(&self, token: &str, act: &Value) -> Answer {
        let body = json!({ "act": act }).to_string();
        let mut asked = request(Method::POST, "/operator/preview", token, body);
        asked.headers_mut().insert("opencredits-fragment", HeaderValue::from_static("main"));
        self.app.send(asked).await
    }

    /// Does what was previewed.
    async fn perform(&self, token: &str, act: &Value, (id, confirm): (&str, &str)) -> Answer {
        let body = json!({ "act": act, "id": id, "confirm": confirm });
        self.app.post("/v1/operator/actions", token, &body).await
    }

    /// Looks at an act and does it.
    async fn act(&self, act: Value) -> Answer {
        let seen = self.preview(&self.token, &act).await;
        assert_eq!(seen.status, 200, "{act}: {}", seen.text);
        let (id, confirm) = confirmation(&seen);
        self.perform(&self.token, &act, (&id, &confirm)).await
    }

    /// The latest record of changes.
    async fn last_change(&self) -> AuditRecord {
        let last = EntryId::from_bits(u128::MAX);
        self.app.store.latest_audits(None, last, 1).await.unwrap().remove(0)
    }
}

/// The id and the confirmation that a preview has.
fn confirmation(seen: &Answer) -> (String, String) {
    let value = |name: &str| {
        let rest = seen.text.split(&format!("{name} value=\"")).nth(1).unwrap();
        rest.split('"').next().unwrap().to_owned()
    };
    (value("data-id"), value("data-confirm"))
}

pub(crate) fn admin(app: &TestApp, live: Option<LivePrices>) -> (Admin, StopSwitch) {
    const DAY: Duration = Duration::from_secs(86_400);
    let counting = Job::on(JobTerms::every(DAY, "count").that("counts"), &Arc::new(()), |_, _| async move {
        Ok(Figures::of("runs", 1))
    });
    let leases = app.store.clone();
    let ports = JobPorts { leases, clock: app.fixed.clone(), holder: "a test".to_owned() };
    let jobs = Arc::new(Jobs::new(vec![counting], ports));
    let (switch, signal) = StopSwitch::new();
    let running = Arc::clone(&jobs);
    start(async move { running.run(signal).await });
    let purchases = Arc::clone(&app.app.payments.as_ref().unwrap().purchases);
    let people = privacy::app(app);
    let mut prices = Prices::new(app.store.clone(), app.accounts.clone(), app.fixed.clone());
    if let Some(live) = live {
        prices = prices.beside(live);
    }
    let admin = Admin::new(app.accounts.clone(), CreditPrice::default());
    let admin = match (&app.place, app.ledger.embedded()) {
        (Place::Files(store), Some(ledger)) => {
            let data = app.folder.path().to_owned();
            admin.of_files(Source { ledger: ledger.clone(), store: store.clone(), data })
        }
        _ => admin.of_store(app.store.clone()),
    };
    let admin = admin
        .of_purchases(Some(purchases))
        .of_jobs(jobs)
        .of_prices(Arc::new(prices))
        .of_privacy(people.privacy, people.exporter);
    (admin, switch)
}
