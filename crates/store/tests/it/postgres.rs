//! What is PostgreSQL's own: several processes at once, a server that goes away, and what is told of it.

use crate::engines::{Folder, database, on_postgres};
use opencredits_keys::{DataKeys, Mode};
use opencredits_postgres::Settings;
use opencredits_store::conformance::{self, NOW, challenge, key, mail, partner, passkey, secret, session, user};
use opencredits_store::{
    AccountTransfer, Acquired, AddressKeeping, AddressRotation, AttemptBuckets, AuditLog, BucketChange, Claim, Claims,
    CodeChallenge, CodeChallenges, CodeGives, CodeRecord, ConnectedKey, ConnectedKeys, ConsentRecord, Databases,
    FamilyRecord, GrantId, JobLease, JobLeases, KeyRotation, KeyRotations, Keys, MailedLinks, NewMail, OperatorReads,
    Outbox, Partners, Passkeys, PostgresStore, PriceBook, PriceBooks, PrivacyStates, Sealing, SessionRecord, Sessions,
    Settings as _, StoreError, TokenGrants, UsageChange, UsageModel, UserEmails, Users,
};
use opencredits_testkit::Postgres;
use opencredits_units::{EntryId, GenerationId, NanoUsd, UserId};
use std::collections::HashSet;
use std::future::Future;

const SECRET: &str = "hunter2";

/// Runs the same on many tasks at once, half of them with a store that another process might have.
async fn race<T: Send + 'static, F: Future<Output = T> + Send + 'static>(
    stores: &[PostgresStore; 2],
    tasks: u8,
    work: impl Fn(PostgresStore, u8) -> F,
) -> Vec<T> {
    let mut racing = tokio::task::JoinSet::new();
    for n in 0..tasks {
        racing.spawn(work(stores[usize::from(n % 2)].clone(), n));
    }
    racing.join_all().await
}

async fn two_on(database: &Settings) -> [PostgresStore; 2] {
    let open = || PostgresStore::open(database.clone(), None);
    [open().await.unwrap(), open().await.unwrap()]
}

async fn two() -> Option<[PostgresStore; 2]> {
    Some(two_on(&database()?).await)
}

fn name_of(url: &str) -> &str {
    url.rsplit_once("dbname=").unwrap().1
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_processes_make_the_tables_at_once() {
    let Some(server) = Postgres::shared() else { return };
    for _ in 0..3 {
        let url = server.database();
        let mut opening = tokio::task::JoinSet::new();
        for _ in 0..8 {
            let settings = Settings::parse(&url).unwrap();
            opening.spawn(async move { PostgresStore::open(settings, None).await.map(drop) });
        }
        for opened in opening.join_all().await {
            opened.unwrap();
        }
        assert_eq!(server.psql(name_of(&url), "SELECT count(*) FROM store_schema_history"), "4\n", "each once");
    }
}

#[tokio::test]
async fn tables_of_a_newer_program_are_left_alone() {
    let Some(server) = Postgres::shared() else { return };
    let url = server.database();
    let settings = Settings::parse(&url).unwrap();
    drop(PostgresStore::open(settings.clone(), None).await.unwrap());
    let newer = "INSERT INTO store_schema_history VALUES (999, 'newer', '2026-01-01T00:00:00Z', '1')";
    server.sql(name_of(&url), newer);
    let refused = PostgresStore::open(settings, None).await.err();
    assert!(matches!(refused, Some(StoreError::Newer { found: 999, known: 4 })), "{refused:?}");
}

#[tokio::test]
async fn a_store_is_marked_with_its_mode_at_first_and_refused_in_the_other() {
    for (first, other) in [(Mode::Live, Mode::Test), (Mode::Test, Mode::Live)] {
        let Some([one, two]) = two().await else { return };
        let one = one.of_mode(first).await.unwrap();
        let refused = two.of_mode(other).await.err();
        assert!(
            matches!(refused, Some(StoreError::OtherMode { found, expected }) if (found, expected) == (first, other))
        );
        one.of_mode(first).await.unwrap();
    }
}

#[tokio::test]
async fn both_engines_have_the_same_columns() {
    let Some(server) = Postgres::shared() else { return };
    let url = server.database();
    drop(PostgresStore::open(Settings::parse(&url).unwrap(), None).await.unwrap());
    let columns = "SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = 'public'
        AND table_name NOT LIKE 'store_schema_history%' AND table_name <> 'locks'";
    let there: HashSet<String> = server.psql(name_of(&url), columns).lines().map(str::to_owned).collect();
    let folder = Folder::new();
    drop(folder.open());
    let raw = rusqlite::Connection::open(&folder.path).unwrap();
    let columns = "SELECT t.name || '|' || c.name FROM sqlite_master t, pragma_table_info(t.name) c
        WHERE t.type = 'table' AND t.name NOT LIKE 'refinery%' AND t.name NOT LIKE 'label_%'";
    let mut statement = raw.prepare(columns).unwrap();
    let here: HashSet<String> = statement.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
    let (missing, more) = (here.difference(&there).collect::<Vec<_>>(), there.difference(&here).collect::<Vec<_>>());
    assert!(missing.is_empty() && more.is_empty(), "PostgreSQL lacks {missing:?} and has {more:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_claims_at_once_one_is_new() {
    let Some(stores) = two().await else { return };
    let claim = |store: PostgresStore, n: u8| async move {
        store.claim(&[7; 32], GenerationId::from_bits(n.into()), NOW).await.unwrap()
    };
    let outcomes = race(&stores, 64, claim).await;
    let before: HashSet<String> =
        outcomes.iter().filter(|claim| **claim != Claim::New).map(|claim| format!("{claim:?}")).collect();
    let new = outcomes.iter().filter(|claim| **claim == Claim::New).count();
    assert_eq!((new, before.len()), (1, 1), "one is new, and the others are told of the same one");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_answers_at_once_no_two_take_the_same_attempt_and_one_spends() {
    let Some(stores) = two().await else { return };
    stores[0].add_user(&user(1)).await.unwrap();
    stores[0].add_challenge(&CodeChallenge { attempts_left: 5, ..challenge(1) }).await.unwrap();
    let answer = |store: PostgresStore, _| async move {
        let taken = store.take_attempt(1, NOW).await.unwrap()?;
        Some((taken.attempts_left, store.spend_challenge(1).await.unwrap()))
    };
    let took: Vec<_> = race(&stores, 32, answer).await.into_iter().flatten().collect();
    let attempts: HashSet<u8> = took.iter().map(|(left, _)| *left).collect();
    assert_eq!(attempts.len(), took.len(), "{took:?}");
    assert_eq!(took.iter().filter(|(_, spent)| *spent).count(), 1, "{took:?}");
    let spend = |store: PostgresStore, _| async move { store.spend_link(&[1; 16], NOW).await.unwrap() };
    assert_eq!(race(&stores, 32, spend).await.into_iter().filter(|spent| *spent).count(), 1, "a link is spent once");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_holders_at_once_one_has_the_lease() {
    let Some(server) = Postgres::shared() else { return };
    let url = server.database();
    let stores = two_on(&Settings::parse(&url).unwrap()).await;
    let acquire = move |store: PostgresStore, n: u8| async move {
        store.acquire_job("tidy", &format!("holder {n}"), NOW, 600_000).await.unwrap()
    };
    let acquired = race(&stores, 16, acquire).await;
    let new: Vec<_> = acquired.iter().filter(|acquired| matches!(acquired, Acquired::New(_))).collect();
    let [Acquired::New(lease)] = new[..] else { panic!("{new:?}") };
    let is_told = |held: &JobLease| held.holder == lease.holder && held.token == lease.token;
    assert!(acquired.iter().all(|one| matches!(one, Acquired::New(held) | Acquired::Held(held) if is_told(held))));
    // A holder whose lease has ended is refused once another has had one.
    server.sql(name_of(&url), "UPDATE jobs SET leased_until = leased_until - 600000");
    let Acquired::New(next) = stores[1].acquire_job("tidy", "next", NOW, 600_000).await.unwrap() else { panic!() };
    assert_eq!(next.token, lease.token + 1);
    assert!(!stores[0].report_job(lease, &conformance::report(1), NOW, None).await.unwrap());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_changes_of_buckets_at_once_one_is_made_whole() {
    let Some(stores) = two().await else { return };
    let change = |key: u8, from: Option<u8>, to: u8| BucketChange {
        key: [key; 16],
        from: from.map(|from| [from; 16]),
        to: [to; 16],
        is_full_at: NOW,
    };
    // Each in another order, from absent rows and then from present ones.
    for (is_there, base) in [(false, 100), (true, 150)] {
        let before = stores[0].buckets(&[[1; 16], [2; 16]]).await.unwrap();
        let put = |store: PostgresStore, n: u8| {
            let was = before.first().copied().flatten().map(|bucket| bucket[0]);
            assert_eq!(was.is_some(), is_there);
            // Nobody puts what is there, which would let another one follow.
            let mut changes = vec![change(1, was, base + n), change(2, was, base + n)];
            if n.is_multiple_of(3) {
                changes.reverse();
            }
            async move { store.put_buckets(&changes).await.unwrap() }
        };
        let puts = race(&stores, 24, put).await;
        assert_eq!(puts.into_iter().filter(|put| *put).count(), 1);
        let after = stores[1].buckets(&[[1; 16], [2; 16]]).await.unwrap();
        assert!(after[0].is_some() && after[0] == after[1], "{after:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_workers_at_once_each_mail_has_one() {
    let Some(stores) = two().await else { return };
    stores[0].add_user(&user(1)).await.unwrap();
    for n in 0..60 {
        stores[0].enqueue(&mail(n)).await.unwrap();
    }
    let until = NOW.saturating_add_ms(10);
    let lease = move |store: PostgresStore, _| async move { store.lease(7, NOW, until).await.unwrap() };
    let leased: Vec<_> = race(&stores, 12, lease).await.into_iter().flatten().map(|mail| mail.id).collect();
    let distinct: HashSet<_> = leased.iter().collect();
    assert_eq!((leased.len(), distinct.len()), (60, 60));
    let enqueue = |store: PostgresStore, n: u8| async move {
        store.enqueue(&NewMail { cause: "order".to_owned(), ..mail(100 + n) }).await.unwrap()
    };
    assert_eq!(race(&stores, 32, enqueue).await.into_iter().filter(|is_new| *is_new).count(), 1, "one of one cause");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_person_may_have_some_of_is_never_more() {
    let Some(stores) = two().await else { return };
    stores[0].add_user(&user(1)).await.unwrap();
    let add = |store: PostgresStore, n: u8| async move { store.add_passkey(&passkey(n), 3).await.unwrap() };
    assert_eq!(race(&stores, 16, add).await.into_iter().filter(|added| *added).count(), 3);
    let begin = |store: PostgresStore, n: u8| async move {
        let new = SessionRecord { user: user(1).id, ..session(n) };
        store.begin_session(&new, None, 4).await.unwrap();
    };
    race(&stores, 16, begin).await;
    assert_eq!(stores[0].sessions_of(user(1).id).await.unwrap().len(), 4);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_values_at_once_all_get_the_first() {
    let Some(stores) = two().await else { return };
    let setting = |store: PostgresStore, n: u8| async move { store.setting("secret", &[n]).await.unwrap() };
    let values: HashSet<Vec<u8>> = race(&stores, 32, setting).await.into_iter().collect();
    assert_eq!(values.len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_changes_of_the_read_model_at_once_one_is_applied() {
    let Some(stores) = two().await else { return };
    let apply = |store: PostgresStore, n: u8| async move {
        store.apply(UsageChange { to: vec![1, n], ..UsageChange::default() }).await.unwrap()
    };
    assert_eq!(race(&stores, 16, apply).await.into_iter().filter(|applied| *applied).count(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_price_books_at_once_one_is_in_force_and_all_are_kept() {
    let Some(stores) = two().await else { return };
    let put = |store: PostgresStore, n: u8| async move {
        let book = PriceBook { version: format!("v{n}"), ..conformance::price_book(n) };
        store.put_price_book(&book, NOW).await.unwrap();
    };
    race(&stores, 12, put).await;
    let books = stores[0].price_books(99).await.unwrap();
    assert_eq!(books.len(), 12);
    let in_force = stores[1].price_book_in_force().await.unwrap().unwrap();
    assert_eq!(books[0].version, in_force.version);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_rotations_at_once_each_retires_the_one_before() {
    let Some(stores) = two().await else { return };
    stores[0].add_user(&user(1)).await.unwrap();
    stores[0].add_partner(&partner(1)).await.unwrap();
    stores[0].add_key(&key(1)).await.unwrap();
    let rotate = |store: PostgresStore, n: u8| async move {
        let until = Some(NOW.saturating_add_ms(9));
        let new =
            KeyRotation { key: key(1).id, digest: secret(10 + n).digest(), hint: "h".to_owned(), old_until: until };
        assert!(store.rotate_key(&new).await.unwrap());
    };
    race(&stores, 12, rotate).await;
    assert_eq!(stores[0].retired_secrets_of(key(1).id, NOW).await.unwrap().len(), 12);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_that_joins_a_family_while_it_is_revoked_is_told_of_or_refused() {
    let Some([one, other]) = two().await else { return };
    one.add_user(&user(1)).await.unwrap();
    one.add_partner(&partner(1)).await.unwrap();
    for n in 1..=20 {
        let (family, list) = (GrantId::from_bits(n.into()), Vec::new);
        let consent =
            ConsentRecord { client_id: "app".to_owned(), user: user(1).id, scopes: list(), resources: list() };
        let code = CodeRecord {
            digest: secret(n).digest(),
            consent: consent.clone(),
            redirect_url: String::new(),
            challenge: [0; 32],
            family,
            gives: CodeGives::Tokens,
            cap: None,
            expires_at: NOW,
            used_at: None,
        };
        let begun = FamilyRecord {
            id: family,
            consent,
            current: vec![secret(n).digest()],
            replaced: None,
            created_at: NOW,
            refreshed_at: NOW,
            ends_at: NOW,
            revoked_at: None,
            version: 0,
        };
        one.add_key(&key(n)).await.unwrap();
        one.add_code(&code).await.unwrap();
        let digest = code.digest;
        let begin = |store: PostgresStore, _| {
            let begun = begun.clone();
            async move { store.use_code(&digest, NOW, Some(&begun)).await.unwrap() }
        };
        let used = race(&[one.clone(), other.clone()], 8, begin).await;
        assert_eq!(used.into_iter().filter(|used| *used).count(), 1, "a code is used once");
        let (client_id, resources) = ("app".to_owned(), Vec::new());
        let joins = ConnectedKey {
            key: key(n).id,
            user: user(1).id,
            client_id,
            family: Some(family),
            session: None,
            resources,
        };
        let (joined, told) = tokio::join!(one.connect_key(&joins), other.revoke_family(family, NOW));
        assert_eq!(told.unwrap(), if joined.unwrap() { vec![key(n).id] } else { vec![] });
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_serves_again_once_its_server_does() {
    let Some(server) = Postgres::start(&[]) else { return };
    let store = PostgresStore::open(Settings::parse(&server.database()).unwrap(), None).await.unwrap();
    store.add_user(&user(1)).await.unwrap();
    // Several connections of the pool are lost.
    for found in race(&[store.clone(), store.clone()], 12, |store, _| async move { store.user(user(1).id).await }).await
    {
        assert_eq!(found.unwrap(), Some(user(1)));
    }
    server.kill("KILL");
    let lost = store.user(user(1).id).await.unwrap_err().to_string();
    assert!(lost.starts_with("cannot use the store: "), "{lost}");
    server.start_again();
    assert_eq!(store.user(user(1).id).await.unwrap(), Some(user(1)), "what was committed is there");
    store.add_partner(&partner(1)).await.unwrap();
    assert_eq!(store.partner(partner(1).id).await.unwrap(), Some(partner(1)));
}

#[tokio::test]
async fn what_fails_in_the_middle_leaves_nothing_and_the_connection_serves_on() {
    let Some(database) = database() else { return };
    let databases = Databases { primary: database, replica: None, connections_max: 1 };
    let store = PostgresStore::open_with(databases, AddressKeeping::Plain).await.unwrap();
    store.add_partner(&partner(1)).await.unwrap();
    let mut twin = partner(2);
    twin.publishable_key = partner(1).publishable_key;
    assert!(matches!(store.add_partner(&twin).await, Err(StoreError::Exists)));
    assert_eq!(store.partner(partner(2).id).await.unwrap(), None);
    // One that is given up in the middle is undone by the server.
    for ms in 0..12 {
        let rotation = KeyRotation { key: key(1).id, digest: secret(1).digest(), hint: String::new(), old_until: None };
        let cut = std::time::Duration::from_micros(ms * 300);
        let _cut = tokio::time::timeout(cut, store.rotate_key(&rotation)).await;
        store.add_user(&user(100 + u8::try_from(ms).unwrap())).await.unwrap();
    }
    assert_eq!(store.users(UserId::default(), 99).await.unwrap().len(), 12, "each was committed by itself");
}

#[tokio::test]
async fn what_may_be_old_is_read_from_the_replica() {
    let (Some(primary), Some(replica)) = (database(), database()) else { return };
    // Another database shows which of the two is asked.
    let other = PostgresStore::open(replica.clone(), None).await.unwrap();
    other.add_user(&user(2)).await.unwrap();
    let store = PostgresStore::open(primary, Some(replica)).await.unwrap();
    store.add_user(&user(1)).await.unwrap();
    assert_eq!(store.users(UserId::default(), 9).await.unwrap(), [user(1)]);
    assert_eq!(store.latest_people(UserId::from_bits(u128::MAX), 9).await.unwrap(), [user(2)]);
    assert_eq!(store.audits(EntryId::default(), 9).await.unwrap(), []);
    // Usage too, while it has all that the other has: amounts are decided by it.
    let transfer = |n: u128| AccountTransfer {
        account: user(1).wallet,
        at: NOW,
        entry: EntryId::from_bits(n),
        returned: NanoUsd::ZERO,
        paid_out: NanoUsd::new(1),
    };
    let change = |from: &[u8], to: u8, n| UsageChange {
        from: from.to_vec(),
        to: vec![to],
        transfers: vec![transfer(n)],
        ..UsageChange::default()
    };
    assert!(other.apply(change(&[], 1, 2)).await.unwrap());
    assert!(store.apply(change(&[], 1, 1)).await.unwrap());
    assert_eq!(store.payouts(user(1).wallet, 9).await.unwrap(), [transfer(2)], "they are as far");
    assert!(store.apply(change(&[1], 2, 3)).await.unwrap());
    let found = store.payouts(user(1).wallet, 9).await.unwrap();
    assert_eq!(found, [transfer(3), transfer(1)], "the replica is behind");
}

#[tokio::test]
async fn a_password_and_the_values_of_rows_are_in_no_debug_and_in_no_error() {
    let settings = Settings::parse("host=/nowhere user=app password=hunter2 dbname=app").unwrap();
    let databases = Databases { primary: settings.clone(), replica: None, connections_max: 1 };
    let error = PostgresStore::open(settings, None).await.err().unwrap();
    let told = format!("{databases:?} {error:?} {error}");
    assert!(!told.contains(SECRET), "{told}");
    let Some(store) = on_postgres().await else { return };
    let error = store.set_email(user(1).id, "ada@example.org").await.unwrap_err();
    let told = format!("{error:?} {error}");
    assert!(matches!(error, StoreError::Orphan) && !told.contains("ada"), "{told}");
}

fn sealing(keys: &[&str]) -> AddressKeeping {
    let keys: DataKeys = keys.iter().map(|digit| digit.repeat(64)).collect::<Vec<_>>().join(" ").parse().unwrap();
    AddressKeeping::Sealed(Sealing::new(keys, |nonce| nonce.fill(7)))
}

#[tokio::test]
async fn addresses_are_sealed_and_move_to_the_newest_key() {
    let Some(primary) = database() else { return };
    let open = async |keys: &[&str]| {
        let databases = Databases { primary: primary.clone(), replica: None, connections_max: 4 };
        PostgresStore::open_with(databases, sealing(keys)).await.unwrap()
    };
    let plain = PostgresStore::open(primary.clone(), None).await.unwrap();
    plain.add_user(&user(1)).await.unwrap();
    plain.set_email(user(1).id, "1@example.org").await.unwrap();
    let store = open(&["a"]).await;
    store.add_user(&user(2)).await.unwrap();
    store.set_email(user(2).id, "2@example.org").await.unwrap();
    assert_eq!(store.user_by_email("1@EXAMPLE.org").await.unwrap(), Some(user(1).id), "those of before are found");
    assert_eq!(store.user_by_email("2@EXAMPLE.org").await.unwrap(), Some(user(2).id));
    assert!(matches!(plain.email_of(user(2).id).await, Err(StoreError::NoAddressKey)));
    let store = open(&["b", "a"]).await;
    assert_eq!(store.address_key_use().await.unwrap().plain, 1);
    let (step, last) = store.reseal(UserId::default(), 9).await.unwrap();
    assert_eq!((step.changed, step.was_plain, last), (2, true, Some(user(2).id)));
    store.compact().await.unwrap();
    let used = store.address_key_use().await.unwrap();
    assert_eq!((used.plain, used.keys.len()), (0, 1));
    assert_eq!(open(&["b"]).await.email_of(user(1).id).await.unwrap().unwrap().address, "1@example.org");
}

#[tokio::test]
async fn sealed_addresses_keep_the_rules_of_addresses() {
    let Some(primary) = database() else { return };
    let databases = Databases { primary, replica: None, connections_max: 4 };
    let store = PostgresStore::open_with(databases, sealing(&["b", "a"])).await.unwrap();
    conformance::user_emails(&store).await.unwrap();
}

/// Columns that name a person, and may do so after a deletion.
const KEPT_LINKS: [&str; 6] = [
    "commission_returns.user_id",
    "orders.user_id",
    "partners.owner_id",
    "person_privacy.user_id",
    "user_keys.user_id",
    "users.id",
];

#[tokio::test]
async fn promise_12_after_a_deletion_no_table_names_the_person_but_those_of_the_books() {
    let Some(server) = Postgres::shared() else { return };
    let url = server.database();
    let name = name_of(&url);
    let store = PostgresStore::open(Settings::parse(&url).unwrap(), None).await.unwrap();
    store.add_user(&user(1)).await.unwrap();
    let id = format!("'\\x{:032x}'::bytea", user(1).id.bits());
    let links = server.psql(
        name,
        "SELECT table_name, column_name FROM information_schema.columns
         WHERE table_schema = 'public' AND column_name IN ('user_id', 'owner_id')",
    );
    let linked: Vec<(&str, &str)> = links.lines().map(|line| line.split_once('|').unwrap()).collect();
    assert!(linked.len() > 15, "{linked:?}");
    for (table, link) in &linked {
        let columns = format!(
            "SELECT column_name, data_type FROM information_schema.columns
             WHERE table_schema = 'public' AND table_name = '{table}' ORDER BY ordinal_position"
        );
        let values = server.psql(name, &columns);
        let values = values.lines().map(|line| match line.split_once('|').unwrap() {
            (column, _) if column == *link => id.as_str(),
            (_, "bigint") => "0",
            (_, "boolean") => "false",
            (_, "bytea") => "substr(sha256('canary'), 1, 16)",
            _ => "'canary'",
        });
        let values = values.collect::<Vec<_>>().join(", ");
        server.sql(name, &format!("SET session_replication_role = replica; INSERT INTO {table} VALUES ({values})"));
    }
    store.erase(user(1).id, NOW).await.unwrap();
    for (table, link) in linked {
        if !KEPT_LINKS.contains(&format!("{table}.{link}").as_str()) {
            let left = server.psql(name, &format!("SELECT count(*) FROM {table} WHERE {link} = {id}"));
            assert_eq!(left, "0\n", "{table} names a deleted person");
        }
    }
}
