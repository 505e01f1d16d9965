//! What people ask of their data, from the request to the last trace.

use super::*;
use crate::accounts::{Accounts, Grant, NewKey, NewUser, Tables};
use crate::books;
use crate::fault::{Fault, KeyFault};
use crate::keyring::{KeyRing, KeyTables};
use crate::mail::MailQueue;
use crate::ports::{Clock, Entropy};
use crate::usage::UsageReads;
use async_trait::async_trait;
use opencredits_keys::{DataKeys, KeyDigest};
use opencredits_ledger::Ledger;
use opencredits_store::{
    AuditLog as _, JobLeases as _, Outbox as _, Rates, SqliteStore, TermsAcceptance, User, UserEmails as _,
};
use opencredits_units::{BasisPoints, EntryId, NanoUsd, Progress, UnixMs, UserId};
use std::collections::BTreeMap;
use std::io::{Cursor, Read as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

const START: u64 = 1_790_000_000_000;
const CANARY: &str = "canary.4711@example.org";

struct Ticks(AtomicU64);

impl Clock for Ticks {
    fn now(&self) -> UnixMs {
        UnixMs::new(self.0.load(Ordering::Relaxed))
    }
}

struct Counting(AtomicU64);

impl Entropy for Counting {
    fn fill(&self, bytes: &mut [u8]) {
        let count = self.0.fetch_add(1, Ordering::Relaxed).to_be_bytes();
        bytes.iter_mut().rev().zip(count.iter().rev().cycle()).for_each(|(byte, count)| *byte = *count);
    }
}

/// A folder, the use cases on it, and a person with an address, a key and credits.
struct World {
    store: SqliteStore,
    accounts: Accounts,
    keyring: Arc<KeyRing>,
    privacy: Arc<Privacy>,
    exporter: Exporter,
    clock: Arc<Ticks>,
    user: User,
    key: KeyDigest,
    folder: tempfile::TempDir,
}

impl World {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let clock = Arc::new(Ticks(AtomicU64::new(START)));
        let entropy: Arc<dyn Entropy> = Arc::new(Counting(AtomicU64::new(1)));
        let keys: DataKeys = "5".repeat(64).parse().unwrap();
        let path = folder.path().join("store.db");
        let store = SqliteStore::open_with(path, keeping(Some(&keys), &entropy)).unwrap();
        let ledger = Ledger::open(folder.path().join("ledger.db")).unwrap();
        books::open(&ledger.clone().into(), clock.now()).await.unwrap();
        let keyring = Arc::new(KeyRing::new(KeyTables::of(store.clone()), clock.clone(), BasisPoints::new(0)));
        let forgetting = Arc::clone(&keyring);
        let tables = Tables::of(store.clone());
        let accounts = Accounts::new(ledger.clone(), tables.clone(), clock.clone(), entropy.clone())
            .on_change(move || forgetting.forget_all());
        accounts.ensure_system_accounts().await.unwrap();
        let forgetting = Arc::clone(&keyring);
        let ports = PrivacyPorts {
            ledger: ledger.clone().into(),
            queue: MailQueue::new(Some(Arc::new(store.clone())), clock.clone(), entropy.clone()),
            purchases: None,
            changed: Box::new(move || forgetting.forget_all()),
            clock: clock.clone(),
            entropy,
        };
        let privacy = Privacy::new(PrivacyTables::of(store.clone()), ports, 14).with_address_keys(keys.ids());
        let usage = Arc::new(UsageReads::new(ledger.clone(), Arc::new(store.clone())));
        let exporter = Exporter::new(ExportTables::of(tables, store.clone()), usage, ledger);
        let user = accounts.add_user(NewUser { id: None, label: "Ada Canary".to_owned() }).await.unwrap();
        accounts.set_email(user.id, CANARY).await.unwrap();
        let reason = "welcome".to_owned();
        accounts
            .grant_credits(Grant { user: user.id, amount: NanoUsd::new(3_000_000_000), id: None, reason })
            .await
            .unwrap();
        let key = add_key(&accounts, user.id).await;
        Self { store, accounts, keyring, privacy: Arc::new(privacy), exporter, clock, user, key, folder }
    }

    async fn spends(&self) -> Result<(), KeyFault> {
        match self.keyring.spender(&self.key).await {
            Ok(_) => Ok(()),
            Err(Fault::Key(fault)) => Err(fault),
            Err(other) => panic!("{other}"),
        }
    }

    fn wait_days(&self, days: u64) {
        self.clock.0.fetch_add(days * UnixMs::DAY_MS, Ordering::Relaxed);
    }

    async fn mails(&self) -> Vec<String> {
        let (now, until) = (self.clock.now(), self.clock.now().saturating_add_ms(1));
        let due = self.store.lease(99, now, until).await.unwrap();
        self.clock.0.fetch_add(2, Ordering::Relaxed);
        due.into_iter().map(|mail| mail.parameters).collect()
    }

    async fn actions(&self) -> Vec<(String, String, String)> {
        let all = self.store.audits(EntryId::default(), 99).await.unwrap();
        all.into_iter().map(|one| (one.actor, one.action, one.detail)).collect()
    }

    /// The files of the folder that hold a text.
    fn files_with(&self, text: &str) -> Vec<String> {
        let mut found = Vec::new();
        for entry in std::fs::read_dir(self.folder.path()).unwrap() {
            let path = entry.unwrap().path();
            let bytes = std::fs::read(&path).unwrap();
            if memchr::memmem::find(&bytes, text.as_bytes()).is_some() {
                found.push(path.file_name().unwrap().to_string_lossy().into_owned());
            }
        }
        found
    }
}

async fn add_key(accounts: &Accounts, user: UserId) -> KeyDigest {
    let name = "laptop canary".to_owned();
    let (limit, expires_at, allowed_models) = (None, None, None);
    let new = NewKey { user, partner: None, name, limit, expires_at, allowed_models, rates: Rates::default() };
    accounts.add_key(new).await.unwrap().1.digest()
}

#[tokio::test]
async fn promise_12_a_deletion_stops_keys_at_once_can_be_called_off_and_is_done_after_its_time() {
    let world = World::new().await;
    let user = world.user.id;
    assert_eq!(world.spends().await, Ok(()));
    let leaving = world.privacy.schedule_deletion(user, Asker::Person).await.unwrap();
    assert_eq!(leaving.due_at.ms_since(leaving.asked_at), 14 * UnixMs::DAY_MS);
    assert_eq!(leaving.balance, NanoUsd::new(3_000_000_000), "what is lost is named");
    assert_eq!(world.spends().await, Err(KeyFault::Paused));
    assert_eq!(
        world.privacy.schedule_deletion(user, Asker::Person).await.unwrap(),
        leaving,
        "asking again is harmless"
    );
    assert_eq!(world.mails().await.len(), 1, "one mail tells of it");
    world.privacy.cancel_deletion(user, Asker::Person).await.unwrap();
    assert_eq!(world.spends().await, Ok(()), "who stays has the keys back");
    assert!(matches!(world.privacy.cancel_deletion(user, Asker::Person).await, Err(PrivacyError::NotLeaving)));
    world.privacy.schedule_deletion(user, Asker::Person).await.unwrap();
    world.wait_days(13);
    assert_eq!(world.privacy.erase_due().await.unwrap(), (0, 0), "not before its time");
    world.wait_days(1);
    assert_eq!(world.privacy.erase_due().await.unwrap(), (1, 0));
    assert_eq!(world.privacy.erase_due().await.unwrap(), (0, 0), "once");
    assert_eq!(world.spends().await, Err(KeyFault::Unknown));
    assert!(matches!(world.privacy.schedule_deletion(user, Asker::Person).await, Err(PrivacyError::Erased)));
    let actions: Vec<_> = world.actions().await.into_iter().map(|(_, action, _)| action).collect();
    let tail = ["user.deletion_ask", "user.deletion_cancel", "user.deletion_ask", "user.erase"];
    assert!(actions.ends_with(&tail.map(str::to_owned)), "{actions:?}");
}

#[derive(Default)]
struct Postbox(parking_lot::Mutex<Vec<String>>);

#[async_trait]
impl opencredits_email::Mailer for Postbox {
    async fn send(&self, message: &opencredits_email::Message) -> Result<(), opencredits_email::MailError> {
        self.0.lock().push(message.text.clone());
        Ok(())
    }
}

#[tokio::test]
async fn promise_06_the_link_in_the_mail_calls_a_deletion_off_once_and_is_in_no_row() {
    use crate::mail::{AccountLinks, Dispatcher, DispatcherPorts, MailSettings};
    use opencredits_email::Site;
    let mut world = World::new().await;
    let links =
        AccountLinks::new(opencredits_identity::LinkKeys::new(vec![opencredits_keys::HashKey::new([3; 32])]).unwrap());
    let privacy = Arc::into_inner(std::mem::replace(&mut world.privacy, World::new().await.privacy)).unwrap();
    let privacy = privacy.with_links(Some(links.clone()));
    let store = Arc::new(world.store.clone());
    let mailer = Arc::new(Postbox::default());
    let entropy = Arc::new(Counting(AtomicU64::new(9_000)));
    let ports = DispatcherPorts {
        outbox: store.clone(),
        emails: store.clone(),
        choices: store,
        mailer: mailer.clone(),
        clock: world.clock.clone(),
        entropy,
    };
    let site =
        Site { name: "Acme".to_owned(), url: "https://acme.example".to_owned(), credit_price: Default::default() };
    let settings = MailSettings { site, from: "Acme <mail@acme.example>".parse().unwrap(), reply_to: None, keep_ms: 1 };
    let dispatcher = Dispatcher::new(ports, settings).unwrap().with_links(Some(links));
    let mailed = async || {
        dispatcher.round().await.unwrap();
        let text = mailer.0.lock().pop().unwrap();
        let (_, token) = text.split_once("https://acme.example/account/deletion#").unwrap();
        token.split_whitespace().next().unwrap().to_owned()
    };
    let user = world.user.id;
    privacy.schedule_deletion(user, Asker::Person).await.unwrap();
    let first = mailed().await;
    assert_eq!(world.files_with(&first), Vec::<String>::new(), "no row has the link");
    assert_eq!(privacy.cancel_by_link(&first).await.unwrap(), user);
    assert_eq!(world.spends().await, Ok(()));
    world.clock.0.fetch_add(1, Ordering::Relaxed);
    privacy.schedule_deletion(user, Asker::Person).await.unwrap();
    assert!(matches!(privacy.cancel_by_link(&first).await, Err(PrivacyError::Link)), "a link is used once");
    let second = mailed().await;
    world.wait_days(1);
    assert!(matches!(privacy.cancel_by_link(&second).await, Err(PrivacyError::Link)), "and lasts for a day");
    assert!(matches!(privacy.cancel_by_link("AQ").await, Err(PrivacyError::Link)));
}

#[tokio::test]
async fn promise_12_after_a_deletion_no_file_names_the_person_and_the_books_are_whole() {
    let world = World::new().await;
    let user = world.user.clone();
    assert!(!world.files_with("Ada Canary").is_empty(), "the label lies there at first");
    world.privacy.erase(user.id, Asker::Operator).await.unwrap();
    world.privacy.erase(user.id, Asker::Operator).await.unwrap();
    for text in ["Ada Canary", "laptop canary", CANARY] {
        assert_eq!(world.files_with(text), Vec::<String>::new(), "{text}");
    }
    let ledger = world.accounts.ledger();
    assert_eq!(ledger.balance(user.wallet).await.unwrap().posted, NanoUsd::new(3_000_000_000), "the account stays");
    assert!(world.accounts.verify().await.unwrap().is_clean());
    assert_eq!(world.store.email_of(user.id).await.unwrap(), None);
}

#[tokio::test]
async fn promise_12_a_restriction_stops_keys_and_an_objection_does_not() {
    let world = World::new().await;
    let user = world.user.id;
    world.privacy.restrict(user, true, Asker::Person).await.unwrap();
    assert_eq!(world.spends().await, Err(KeyFault::Paused));
    world.privacy.restrict(user, false, Asker::Person).await.unwrap();
    world.privacy.object(user, true, Asker::Person).await.unwrap();
    assert_eq!(world.spends().await, Ok(()));
    assert!(world.store.reachable(UserId::default(), 9).await.unwrap().is_empty(), "no notices come any more");
    world.privacy.object(user, false, Asker::Person).await.unwrap();
    assert_eq!(world.store.reachable(UserId::default(), 9).await.unwrap().len(), 1);
    let expect = ["user.restrict", "user.unrestrict", "user.object", "user.unobject"];
    let recorded = world.actions().await;
    let own: Vec<_> = recorded.iter().filter(|(actor, ..)| *actor == user.to_string()).collect();
    assert!(own.iter().map(|(_, action, _)| action.as_str()).eq(expect), "each is recorded");
    assert!(own.iter().all(|(.., detail)| detail.is_empty()), "without content");
}

#[tokio::test]
async fn promise_13_a_version_of_the_policy_is_told_to_everybody_once_however_often_it_is_interrupted() {
    let world = World::new().await;
    for n in 0..450 {
        let user = world.accounts.add_user(NewUser { id: None, label: format!("person {n}") }).await.unwrap();
        world.accounts.set_email(user.id, &format!("{n}@example.org")).await.unwrap();
        world.privacy.object(user.id, true, Asker::Operator).await.unwrap();
    }
    world.clock.0.fetch_add(1, Ordering::Relaxed);
    let effective_at = UnixMs::new(START + 30 * UnixMs::DAY_MS);
    let new = NewPolicy { version: "2026-12".to_owned(), effective_at, summary: "We keep less.".to_owned() };
    world.privacy.publish(new.clone()).await.unwrap();
    assert!(matches!(world.privacy.publish(new).await, Err(PrivacyError::PolicyExists { .. })));
    assert_eq!(world.privacy.tell_some().await.unwrap(), 200, "a step is bounded");
    // The process ends after its mails are in the outbox and before it is stored how far it has come.
    let before = world.privacy.policies().await.unwrap().remove(0);
    assert_eq!(world.privacy.tell_some().await.unwrap(), 200);
    world.privacy.tables.policies.set_told(&before).await.unwrap();
    assert_eq!(world.privacy.tell_some().await.unwrap(), 0, "nobody is told twice");
    assert_eq!(world.privacy.tell_some().await.unwrap(), 51);
    assert_eq!(world.privacy.tell_some().await.unwrap(), 0);
    let done = world.privacy.policies().await.unwrap().remove(0);
    assert_eq!((done.told, done.told_at.is_some()), (451, true), "objection does not keep required news away");
    assert_eq!(world.store.counts(world.clock.now()).await.unwrap().waiting, 451);
}

/// Gathers the archive, and knows how much came at once.
#[derive(Default)]
struct Gathered {
    bytes: Vec<u8>,
    largest: usize,
}

#[async_trait]
impl ExportSink for Gathered {
    async fn put(&mut self, bytes: Vec<u8>) -> Result<(), ExportClosed> {
        self.largest = self.largest.max(bytes.len());
        self.bytes.extend(bytes);
        Ok(())
    }
}

/// What the person agreed to at an app, which mails they chose, and what they asked for.
async fn agreed(world: &World) {
    use opencredits_store::{
        CodeGives, CodeRecord, ConnectedKey, ConnectedKeys, ConsentRecord, DeviceRecord, DeviceRequests,
        DeviceStanding, FamilyRecord, GrantId, Keys, MailChoices, MutedNotice, NoticeKind, TokenGrants,
    };
    let (store, user, now) = (&world.store, world.user.id, world.clock.now());
    let (scopes, resources) = (vec!["inference".to_owned()], Vec::new());
    let consent = ConsentRecord { client_id: "oc_pk_1".to_owned(), user, scopes: scopes.clone(), resources };
    let (family, digest) = (GrantId::from_bits(7), KeyDigest::from_bytes([9; 32]));
    let code = CodeRecord {
        digest,
        consent: consent.clone(),
        redirect_url: "https://app.example/back".to_owned(),
        challenge: [10; 32],
        family,
        gives: CodeGives::Tokens,
        cap: None,
        expires_at: now.saturating_add_ms(60_000),
        used_at: None,
    };
    store.add_code(&code).await.unwrap();
    let begun = FamilyRecord {
        id: family,
        consent,
        current: vec![digest],
        replaced: None,
        created_at: now,
        refreshed_at: now,
        ends_at: now.saturating_add_ms(90_000),
        revoked_at: None,
        version: 0,
    };
    store.use_code(&digest, now, Some(&begun)).await.unwrap();
    let mut device = DeviceRecord {
        digest: KeyDigest::from_bytes([10; 32]),
        user_code: digest,
        client_id: "oc_pk_1".to_owned(),
        scopes,
        resources: Vec::new(),
        expires_at: now.saturating_add_ms(60_000),
        interval_ms: 5_000,
        polled_at: None,
        standing: DeviceStanding::Pending,
        version: 0,
    };
    store.add_device(&device, now, 9).await.unwrap();
    device.standing = DeviceStanding::Approved { user, family: GrantId::from_bits(8) };
    assert!(store.update_device(&device, None).await.unwrap());
    let key = store.keys_of(user).await.unwrap()[0].id;
    let (client_id, session, resources) = ("oc_pk_1".to_owned(), None, Vec::new());
    let connected = ConnectedKey { key, user, client_id, family: Some(family), session, resources };
    assert!(store.connect_key(&connected).await.unwrap());
    store.mute(user, MutedNotice { kind: NoticeKind::LimitMost, since: now }).await.unwrap();
    let state = opencredits_store::PrivacyState {
        restricted_at: Some(now),
        objected_at: Some(now),
        ..opencredits_store::PrivacyState::default()
    };
    opencredits_store::PrivacyStates::set_privacy(store, user, &state).await.unwrap();
}

fn files(bytes: Vec<u8>) -> BTreeMap<String, String> {
    let mut archive = zip::ZipArchive::new(Cursor::new(bytes)).unwrap();
    let mut files = BTreeMap::new();
    for at in 0..archive.len() {
        let mut file = archive.by_index(at).unwrap();
        let mut text = String::new();
        file.read_to_string(&mut text).unwrap();
        files.insert(file.name().unwrap().into_owned(), text);
    }
    files
}

#[tokio::test]
async fn promise_12_an_export_has_everything_about_a_person_and_nothing_of_others() {
    use opencredits_store::Standings as _;
    let world = World::new().await;
    let other = world.accounts.add_user(NewUser { id: None, label: "Eve".to_owned() }).await.unwrap();
    world.accounts.set_email(other.id, "eve@example.org").await.unwrap();
    world.accounts.set_standing("Eve", opencredits_store::Standing::Good, "of eve".to_owned()).await.unwrap();
    let accepted = TermsAcceptance { version: "2026-01".to_owned(), is_of_age: true, accepted_at: world.clock.now() };
    world.store.accept_terms(world.user.id, &accepted).await.unwrap();
    agreed(&world).await;
    // So many records that they come in pages.
    for _ in 0..450 {
        world.accounts.set_standing("Ada Canary", opencredits_store::Standing::Good, "=1+1".to_owned()).await.unwrap();
    }
    let mut sink = Gathered::default();
    world.exporter.export(&world.user, world.clock.now(), &mut sink).await.unwrap();
    let files = files(sink.bytes);
    let names: Vec<&str> = files.keys().map(String::as_str).collect();
    assert_eq!(names.len(), 43, "{names:?}");
    let rows =
        |name: &str| -> Vec<serde_json::Value> { serde_json::from_str(&files[&format!("{name}.json")]).unwrap() };
    assert_eq!(rows("addresses")[0]["address"], CANARY);
    assert_eq!(rows("account")[0]["balance_usd"], "3");
    assert_eq!(rows("keys")[0]["name"], "laptop canary");
    assert_eq!(rows("acceptances")[0]["version"], "2026-01");
    assert_eq!(rows("transactions")[0]["reason"], "welcome");
    let notices: Vec<_> = rows("notices").iter().map(|row| (row["kind"].clone(), row["is_on"].clone())).collect();
    let expect = [("low_balance", true), ("limit_most", false), ("limit_all", true)];
    assert_eq!(notices, expect.map(|(kind, is_on)| (kind.into(), is_on.into())));
    assert_eq!(rows("notices")[1]["off_since"], "2026-09-21T14:13:20Z");
    assert_eq!(rows("authorization_codes")[0]["redirect_url"], "https://app.example/back");
    assert_eq!(rows("token_families")[0]["client_id"], "oc_pk_1");
    assert_eq!(rows("device_requests")[0]["scopes"][0], "inference");
    assert_eq!(rows("connected_keys")[0]["key_id"], rows("keys")[0]["id"]);
    assert_eq!(rows("account")[0]["restricted_since"], "2026-09-21T14:13:20Z");
    assert_eq!(rows("account")[0]["objected_since"], "2026-09-21T14:13:20Z");
    for secret in ["digest", "challenge", &"09".repeat(32), &"0a".repeat(32)] {
        let has = |(name, text): (&String, &String)| name != "README.txt" && text.contains(secret);
        assert!(!files.iter().any(has), "{secret}");
    }
    assert_eq!(rows("changes").len(), 452, "the key that was made, the address that was set, and what came after them");
    for name in names.iter().filter_map(|name| name.strip_suffix(".json")) {
        let csv = &files[&format!("{name}.csv")];
        let count = csv::Reader::from_reader(csv.as_bytes()).into_records().map(Result::unwrap).count();
        assert_eq!(count, rows(name).len(), "{name} has the same rows in both forms");
        assert!(files["README.txt"].contains(&format!("\n{name}: ")), "{name} is explained");
    }
    assert!(files["changes.csv"].contains("'=1+1"), "a cell is no formula");
    for text in files.values() {
        assert!(!text.contains("eve@") && !text.contains("of eve"), "{text}");
    }
}

/// A reader who goes away.
struct Gone;

#[async_trait]
impl ExportSink for Gone {
    async fn put(&mut self, _bytes: Vec<u8>) -> Result<(), ExportClosed> {
        Err(ExportClosed("the reader went away".to_owned()))
    }
}

#[tokio::test]
async fn an_export_whose_reader_goes_away_ends() {
    let world = World::new().await;
    let error = world.exporter.export(&world.user, world.clock.now(), &mut Gone).await.unwrap_err();
    assert!(matches!(error, PrivacyError::Archive(_)), "{error}");
}

#[tokio::test]
async fn who_runs_a_partner_hands_it_over_before_leaving() {
    use opencredits_store::{Partner, Partners as _};
    let world = World::new().await;
    let partner =
        world.accounts.add_partner(crate::accounts::NewPartner { name: "app".to_owned(), share: None, markup: None });
    let partner = partner.await.unwrap();
    world.store.update_partner(&Partner { owner: Some(world.user.id), ..partner.clone() }).await.unwrap();
    let refused = world.privacy.schedule_deletion(world.user.id, Asker::Person).await;
    assert!(matches!(refused, Err(PrivacyError::RunsPartners { partners: 1 })));
    assert!(matches!(
        world.privacy.erase(world.user.id, Asker::Operator).await,
        Err(PrivacyError::RunsPartners { .. })
    ));
    world.store.update_partner(&partner).await.unwrap();
    world.privacy.schedule_deletion(world.user.id, Asker::Person).await.unwrap();
}

#[tokio::test]
async fn the_report_says_what_is_held_how_old_it_is_and_which_setting_bounds_it() {
    let world = World::new().await;
    let report = world.privacy.report().await.unwrap();
    let of = |kind: &str| report.holdings.iter().find(|one| one.kind == kind).unwrap();
    assert_eq!((of("people").rows, of("addresses").rows), (1, 1));
    assert_eq!(of("people").oldest, Some(world.user.created_at));
    assert_eq!(of("addresses that are not encrypted").rows, 0);
    assert!(report.holdings.iter().all(|one| one.setting.is_some() || !one.kept.is_empty()), "each kind has a bound");
    assert_eq!(report.keys.len(), 1);
    assert!(report.keys[0].is_newest && report.keys[0].addresses == 1);
}

#[tokio::test]
async fn a_start_without_the_right_key_is_refused_by_the_name_of_the_setting() {
    let world = World::new().await;
    let check = async |keys: Option<&str>| {
        let keys: Option<DataKeys> = keys.map(|digit| digit.repeat(64).parse().unwrap());
        check_address_keys(&world.store, keys.as_ref()).await.map_err(|error| error.to_string())
    };
    assert_eq!(check(Some("5")).await, Ok(()));
    for keys in [None, Some("6")] {
        let error = check(keys).await.unwrap_err();
        assert!(error.contains("privacy.address_keys_file") && error.starts_with("1 addresses"), "{error}");
    }
    world.store.remove_email(world.user.id).await.unwrap();
    assert_eq!(check(None).await, Ok(()), "without addresses no key is needed");
}

#[test]
fn keys_come_from_the_config_a_file_or_a_credential() {
    let folder = tempfile::tempdir().unwrap();
    let key = fresh_address_key(&Counting(AtomicU64::new(7)));
    std::fs::write(folder.path().join(CREDENTIAL), &key).unwrap();
    let of_credential = [("CREDENTIALS_DIRECTORY".to_owned(), folder.path().display().to_string())];
    let read = |toml: &str, variables: &[(String, String)]| {
        let config = crate::config::Config::read(toml, []).unwrap();
        address_keys(&config.privacy, variables).map(|keys| keys.map(|keys| keys.newest())).map_err(|e| e.to_string())
    };
    let newest = key.parse::<DataKeys>().unwrap().newest();
    assert_eq!(read("", &[]), Ok(None));
    assert_eq!(read("", &of_credential), Ok(Some(newest)));
    let path = folder.path().join(CREDENTIAL).display().to_string();
    assert_eq!(read(&format!("[privacy]\naddress_keys_file = \"{path}\""), &[]), Ok(Some(newest)));
    assert_eq!(read(&format!("[privacy]\naddress_keys = \"{}\"", key.trim()), &of_credential), Ok(Some(newest)));
    let error = read("[privacy]\naddress_keys_file = \"/nowhere/keys\"", &[]).unwrap_err();
    assert!(error.contains("/nowhere/keys"), "{error}");
    let error = read("[privacy]\naddress_keys = \"abc\"", &[]).unwrap_err();
    assert!(error.contains("privacy.address_keys") && error.contains("openssl rand -hex 32"), "{error}");
}

#[tokio::test]
async fn the_job_encrypts_addresses_of_before_and_moves_them_to_a_new_key() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    let store = SqliteStore::open(&path).unwrap();
    let now = UnixMs::new(START);
    let id = UserId::at(now, [1; 10]);
    let standing = opencredits_store::Standing::Good;
    let user = User { id, wallet: Default::default(), label: "ada".to_owned(), created_at: now, standing };
    opencredits_store::Users::add_user(&store, &user).await.unwrap();
    store.set_email(id, CANARY).await.unwrap();
    drop(store);
    let entropy: Arc<dyn Entropy> = Arc::new(Counting(AtomicU64::new(1)));
    for (texts, changed) in [("a", 1), ("ba", 1), ("b", 0)] {
        let keys: Vec<String> = texts.chars().map(|digit| digit.to_string().repeat(64)).collect();
        let keys: DataKeys = keys.join(" ").parse().unwrap();
        let store = SqliteStore::open_with(&path, keeping(Some(&keys), &entropy)).unwrap();
        let ids: Vec<_> = keys.ids().collect();
        let progress = Progress::default();
        assert_eq!(rotation::rotate(&store, &ids, (|| false, &progress)).await.unwrap(), changed, "{texts}");
        assert_eq!((progress.stage().done, progress.stage().of), (changed, Some(changed)), "{texts}");
        assert_eq!(store.email_of(id).await.unwrap().unwrap().address, CANARY);
        for entry in std::fs::read_dir(folder.path()).unwrap() {
            let path = entry.unwrap().path();
            let found = memchr::memmem::find(&std::fs::read(&path).unwrap(), CANARY.as_bytes());
            assert_eq!(found, None, "{}", path.display());
        }
        assert_eq!(rotation_job(Arc::new(store.clone()), &keys).terms().name, "rotate-address-keys");
        store.jobs().await.unwrap();
    }
}
