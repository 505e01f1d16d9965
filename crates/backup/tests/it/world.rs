//! An installation with rows in every table and a history in its ledger, made of a seed.

use opencredits_backup::{LEDGER_FILE, STORE_FILE};
use opencredits_keys::Mode;
use opencredits_ledger::{
    Capture, ChangeLimit, Checkpoint, Collect, Floor, Ledger, Leg, LimitChange, Most, OnShortfall, OpenAccount,
    PlaceHold, PostgresSettings, Transfer,
};
use opencredits_store::{PostgresStore, SqliteStore};
use opencredits_testkit::{FixedRandom, Postgres};
use opencredits_units::{AccountId, EntryId, NanoUsd, UnixMs};
use rusqlite::types::Value;
use rusqlite::{Connection, params, params_from_iter};
use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::path::{Path, PathBuf};
use tokio::sync::OnceCell;

pub(crate) const NOW: UnixMs = UnixMs::new(1_790_000_000_000);
pub(crate) const CLEARING: AccountId = AccountId::from_bits(1);
const PROVIDERS: AccountId = AccountId::from_bits(2);
const PARTNERS: AccountId = AccountId::from_bits(3);
pub(crate) const BAD_DEBT: AccountId = AccountId::from_bits(4);
const WALLETS: u64 = 400;
/// More than are read at once.
const OPEN_HOLDS: u64 = 1_100;
/// Requests that are asked again after a move.
const KEPT: usize = 60;

/// Randomness that is the same in each run.
pub(crate) struct Dice(FixedRandom);

impl Dice {
    pub(crate) fn seeded(seed: u64) -> Self {
        Self(FixedRandom::seeded(seed))
    }

    pub(crate) fn below(&self, bound: u64) -> u64 {
        self.0.next() % bound
    }

    fn amount(&self, bound: u64) -> NanoUsd {
        NanoUsd::new(i64::try_from(1 + self.below(bound)).unwrap())
    }

    fn bytes<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0; N];
        self.0.fill(&mut bytes);
        bytes
    }

    fn id(&self, now: UnixMs) -> EntryId {
        EntryId::at(now, self.bytes())
    }

    fn memo(&self) -> Vec<u8> {
        let bytes: [u8; 24] = self.bytes();
        bytes[..usize::try_from(self.below(24)).unwrap()].to_vec()
    }
}

/// A request that was charged, with its outcome.
pub(crate) struct Charged {
    pub(crate) hold: EntryId,
    pub(crate) legs: [Leg; 2],
    pub(crate) memo: Vec<u8>,
    pub(crate) charged: NanoUsd,
    pub(crate) collected: NanoUsd,
}

/// A transfer that was made.
pub(crate) struct Given {
    pub(crate) id: EntryId,
    pub(crate) to: AccountId,
    pub(crate) amount: NanoUsd,
    pub(crate) memo: Vec<u8>,
}

/// What was asked of the ledger, to be asked again.
#[derive(Default)]
pub(crate) struct History {
    pub(crate) charged: Vec<Charged>,
    pub(crate) given: Vec<Given>,
    pub(crate) voided: Vec<EntryId>,
}

/// A data folder that nobody has open.
pub(crate) struct World {
    pub(crate) data: PathBuf,
    pub(crate) history: History,
    folder: tempfile::TempDir,
}

impl World {
    /// One with about so many entries.
    pub(crate) async fn new(server: &Postgres, entries: u64, seed: u64) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data");
        std::fs::create_dir(&data).unwrap();
        let dice = Dice::seeded(seed);
        let (history, place) = fill_ledger(&data.join(LEDGER_FILE), entries, &dice);
        fill_store(&data.join(STORE_FILE), flags(server).await, &dice);
        // A gateway has used it.
        drop(SqliteStore::open(data.join(STORE_FILE)).unwrap().of_mode(Mode::Live).unwrap());
        let world = Self { data, history, folder };
        world.set_usage_place(&place);
        world
    }

    /// A path beside the data folder.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// As if the read model of usage had this place in the ledger.
    pub(crate) fn set_usage_place(&self, place: &[u8]) {
        let store = Connection::open(self.data.join(STORE_FILE)).unwrap();
        store.execute("INSERT OR REPLACE INTO usage_checkpoint (one, place) VALUES (1, ?1)", [place]).unwrap();
    }
}

fn wallet(n: u64) -> AccountId {
    AccountId::from_bits(u128::from(1_000 + n))
}

fn limit(n: u64) -> AccountId {
    AccountId::from_bits(u128::from(10_000 + n))
}

fn spent(n: u64) -> AccountId {
    AccountId::from_bits(u128::from(20_000 + n))
}

/// Fills a ledger, and gives the checkpoint of a follower that has all of it.
fn fill_ledger(path: &Path, entries: u64, dice: &Dice) -> (History, Vec<u8>) {
    let ledger = Ledger::open(path).unwrap();
    let open = |id, floor, contra| ledger.open_account(OpenAccount { id, floor, contra }, NOW).map(drop).unwrap();
    for id in [CLEARING, PROVIDERS, PARTNERS, BAD_DEBT] {
        open(id, Floor::None, None);
    }
    let mut history = History::default();
    for n in 0..WALLETS {
        open(wallet(n), Floor::Zero, None);
        open(spent(n), Floor::None, None);
        open(limit(n), Floor::Zero, Some(spent(n)));
        let (amount, memo) = (NanoUsd::new(50_000), dice.memo());
        let given = Given { id: dice.id(NOW), to: wallet(n), amount, memo };
        let transfer = Transfer { id: given.id, from: CLEARING, to: given.to, amount, memo: &given.memo };
        ledger.transfer(transfer, NOW).map(drop).unwrap();
        if history.given.len() < KEPT {
            history.given.push(given);
        }
        let change = LimitChange::Amount { amount: NanoUsd::new(20_000), from: CLEARING };
        let change = ChangeLimit { id: dice.id(NOW), limit: limit(n), change, memo: b"" };
        ledger.change_limit(change, NOW).map(drop).unwrap();
    }
    for n in (2 * WALLETS)..entries {
        let now = NOW.saturating_add_ms(n);
        if n % 500 == 0 {
            ledger.flush().unwrap();
        }
        happen(&ledger, now, dice, &mut history);
    }
    for n in 0..OPEN_HOLDS {
        let now = NOW.saturating_add_ms(entries + n);
        let id = hold(&ledger, now, dice, 5).unwrap();
        if n % 3 == 0 {
            ledger.mark_in_flight(id, now).map(drop).unwrap();
        }
    }
    ledger.flush().unwrap();
    let mut place = Checkpoint::default();
    loop {
        let changes = ledger.changes(&place, 1_000).unwrap();
        if changes.next == place {
            return (history, place.to_bytes());
        }
        place = changes.next;
    }
}

/// Something that leaves an entry, nearly always.
fn happen(ledger: &Ledger, now: UnixMs, dice: &Dice, history: &mut History) {
    let of = dice.below(WALLETS);
    match dice.below(12) {
        0 => {
            let transfer = Transfer {
                id: dice.id(now),
                from: CLEARING,
                to: wallet(of),
                amount: dice.amount(9_000),
                memo: &dice.memo(),
            };
            ledger.transfer(transfer, now).map(drop).unwrap();
        }
        1 => {
            let most = Most::Amount(dice.amount(2_000));
            let collect =
                Collect { id: dice.id(now), from: wallet(of), to: CLEARING, most, shortfall: None, memo: &dice.memo() };
            ledger.collect(collect, now).map(drop).unwrap();
        }
        2 => {
            let change = ChangeLimit { id: dice.id(now), limit: limit(of), change: LimitChange::Restart, memo: b"new" };
            ledger.change_limit(change, now).map(drop).unwrap();
        }
        3 => {
            if let Some(id) = hold(ledger, now, dice, 300) {
                ledger.void(id, now).map(drop).unwrap();
                history.voided.push(id);
            }
        }
        _ => {
            if let Some(hold) = hold(ledger, now, dice, 300) {
                charge(ledger, hold, now, dice, history);
            }
        }
    }
}

/// Holds an amount, on a limit too sometimes.
fn hold(ledger: &Ledger, now: UnixMs, dice: &Dice, bound: u64) -> Option<EntryId> {
    let of = dice.below(WALLETS);
    let limits: &[AccountId] = if dice.below(2) == 0 { &[] } else { &[limit(of)] };
    let (id, expires_at) = (dice.id(now), now.saturating_add_ms(60_000));
    let hold = PlaceHold { id, payer: wallet(of), limits, amount: dice.amount(bound), expires_at };
    ledger.place_hold(hold, now).is_ok().then_some(id)
}

/// Charges for a hold, more than it sometimes.
fn charge(ledger: &Ledger, hold: EntryId, now: UnixMs, dice: &Dice, history: &mut History) {
    let leg = |to, amount, on_shortfall| Leg { to, amount, on_shortfall };
    let legs = [
        leg(PROVIDERS, dice.amount(400), OnShortfall::Full),
        leg(PARTNERS, dice.amount(40), OnShortfall::Proportional),
    ];
    let memo = dice.memo();
    let capture = Capture { hold, legs: &legs, bad_debt: BAD_DEBT, memo: &memo };
    let outcome = ledger.capture(capture, now.saturating_add_ms(7)).unwrap().accepted();
    if history.charged.len() < KEPT {
        history.charged.push(Charged { hold, legs, memo, charged: outcome.charged, collected: outcome.collected });
    }
}

/// The columns of the store that PostgreSQL has as booleans, as `table.column`.
async fn flags(server: &Postgres) -> &'static HashSet<String> {
    static FLAGS: OnceCell<HashSet<String>> = OnceCell::const_new();
    let read = || async {
        let url = server.database();
        drop(PostgresStore::open(PostgresSettings::parse(&url).unwrap(), None).await.unwrap());
        let name = url.rsplit_once("dbname=").unwrap().1;
        let sql = "SELECT table_name || '.' || column_name FROM information_schema.columns
            WHERE data_type = 'boolean' AND table_schema = 'public'";
        server.psql(name, sql).lines().map(str::to_owned).collect::<HashSet<String>>()
    };
    FLAGS.get_or_init(read).await
}

/// A column of a table.
struct Column {
    name: String,
    kind: String,
    is_needed: bool,
    is_key: bool,
}

/// Tables of SQLite and of the store's own.
fn is_made(table: &str) -> bool {
    ["sqlite_", "refinery_", "label_"].iter().any(|own| table.starts_with(own))
}

fn tables(store: &Connection) -> Vec<String> {
    let mut statement = store.prepare("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name").unwrap();
    let names = statement.query_map([], |row| row.get::<_, String>(0)).unwrap().map(Result::unwrap);
    names.filter(|name| !is_made(name)).collect()
}

/// Puts rows into every table, by what the schema says of it.
fn fill_store(path: &Path, flags: &HashSet<String>, dice: &Dice) {
    drop(SqliteStore::open(path).unwrap());
    let store = Connection::open(path).unwrap();
    store.execute_batch("PRAGMA foreign_keys = on; BEGIN").unwrap();
    let (mut left, mut filled) = (tables(&store), BTreeSet::new());
    while !left.is_empty() {
        let next = left.iter().position(|table| parents(&store, table).iter().all(|fk| filled.contains(&fk.table)));
        let table = left.remove(next.unwrap());
        let rows = if matches!(&*table, "users" | "audit" | "claims") { 1_300 } else { 30 };
        (0..rows).for_each(|_| add_row(&store, &table, flags, dice));
        let count: u32 = store.query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get(0)).unwrap();
        assert!(count > 0, "{table} has no row");
        filled.insert(table);
    }
    store.execute_batch("COMMIT").unwrap();
}

/// A foreign key: the columns, and those of the other table.
struct Parent {
    table: String,
    columns: Vec<(String, String)>,
}

fn parents(store: &Connection, table: &str) -> Vec<Parent> {
    let mut statement = store
        .prepare("SELECT id, \"table\", \"from\", \"to\" FROM pragma_foreign_key_list(?1) ORDER BY id, seq")
        .unwrap();
    let rows = statement.query_map([table], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))).unwrap();
    let mut keys: BTreeMap<i64, Parent> = BTreeMap::new();
    for row in rows {
        let (id, table, from, to): (i64, String, String, String) = row.unwrap();
        keys.entry(id).or_insert(Parent { table, columns: Vec::new() }).columns.push((from, to));
    }
    keys.into_values().collect()
}

fn columns(store: &Connection, table: &str) -> Vec<Column> {
    let mut statement =
        store.prepare("SELECT name, type, \"notnull\" OR pk > 0, pk > 0 FROM pragma_table_info(?1)").unwrap();
    let read = |row: &rusqlite::Row<'_>| {
        Ok(Column { name: row.get(0)?, kind: row.get(1)?, is_needed: row.get(2)?, is_key: row.get(3)? })
    };
    statement.query_map([table], read).unwrap().map(Result::unwrap).collect()
}

/// Adds a row of random values, unless one of its unique values is there.
fn add_row(store: &Connection, table: &str, flags: &HashSet<String>, dice: &Dice) {
    let columns = columns(store, table);
    let mut row: BTreeMap<String, Value> = BTreeMap::new();
    for parent in parents(store, table) {
        let is_needed = |name: &String| columns.iter().any(|column| column.name == *name && column.is_needed);
        let is_absent = !parent.columns.iter().any(|(from, _)| is_needed(from)) && dice.below(3) == 0;
        let found = referred(store, &parent, dice);
        for ((from, _), value) in parent.columns.into_iter().zip(found) {
            row.insert(from, if is_absent { Value::Null } else { value });
        }
    }
    for column in &columns {
        if !row.contains_key(&column.name) {
            let is_flag = flags.contains(&format!("{table}.{}", column.name));
            row.insert(column.name.clone(), value(column, is_flag, dice));
        }
    }
    let names: Vec<String> = row.keys().map(|name| format!("\"{name}\"")).collect();
    let marks = vec!["?"; row.len()].join(", ");
    let sql = format!("INSERT OR IGNORE INTO \"{table}\" ({}) VALUES ({marks})", names.join(", "));
    store.prepare_cached(&sql).unwrap().execute(params_from_iter(row.values())).unwrap();
}

/// The values of a random row that a foreign key may refer to.
fn referred(store: &Connection, parent: &Parent, dice: &Dice) -> Vec<Value> {
    let count: u32 = store.query_row(&format!("SELECT count(*) FROM {}", parent.table), [], |row| row.get(0)).unwrap();
    let names: Vec<String> = parent.columns.iter().map(|(_, to)| format!("\"{to}\"")).collect();
    let sql = format!("SELECT {} FROM \"{}\" LIMIT 1 OFFSET ?1", names.join(", "), parent.table);
    let offset = i64::try_from(dice.below(u64::from(count))).unwrap();
    let read = |row: &rusqlite::Row<'_>| (0..names.len()).map(|at| row.get(at)).collect::<Result<Vec<Value>, _>>();
    store.query_row(&sql, params![offset], read).unwrap()
}

fn value(column: &Column, is_flag: bool, dice: &Dice) -> Value {
    if !column.is_needed && dice.below(4) == 0 {
        return Value::Null;
    }
    match &*column.kind {
        _ if column.name == "one" => Value::Integer(1),
        _ if is_flag => Value::Integer(i64::try_from(dice.below(2)).unwrap()),
        "INTEGER" => Value::Integer(match dice.below(4) {
            0 => i64::try_from(dice.below(100)).unwrap(),
            1 if !column.is_key => i64::MIN,
            _ => dice.0.next().cast_signed(),
        }),
        // Keys are sorted, and PostgreSQL has another order of texts than by their bytes.
        "TEXT" if column.is_key => text(&["a", "B", "é", "_", "Z", " "], dice),
        "TEXT" => text(&["", "x' OR '1'='1", "\0", "\u{1F980}\n", "\"", "ß"], dice),
        "BLOB" if dice.below(8) == 0 && !column.is_key => Value::Blob(Vec::new()),
        "BLOB" => Value::Blob(dice.bytes::<16>().to_vec()),
        other => unreachable!("no column is {other}"),
    }
}

/// One of these beginnings, and digits that no other text has.
fn text(beginnings: &[&str], dice: &Dice) -> Value {
    let at = usize::try_from(dice.below(u64::try_from(beginnings.len()).unwrap())).unwrap();
    Value::Text(format!("{}{:x}", beginnings[at], dice.0.next()))
}

/// Every row of every table of a file, in words. Texts are as PostgreSQL can keep them.
pub(crate) fn dump(path: &Path) -> BTreeMap<String, Vec<String>> {
    let store = Connection::open(path).unwrap();
    let shown = |value: Value| match value {
        Value::Text(text) => format!("{:?}", text.replace('\0', "\u{FFFD}")),
        other => format!("{other:?}"),
    };
    let rows = |table: &String| {
        let mut statement = store.prepare(&format!("SELECT * FROM \"{table}\"")).unwrap();
        let count = statement.column_count();
        let mut rows = statement.query([]).unwrap();
        let mut found = Vec::new();
        while let Some(row) = rows.next().unwrap() {
            found.push((0..count).map(|at| shown(row.get(at).unwrap())).collect::<Vec<_>>().join(" "));
        }
        found.sort();
        found
    };
    // The place of the read model is another one in another ledger.
    let names = tables(&store).into_iter().filter(|table| table != "usage_checkpoint");
    names.map(|table| (table.clone(), rows(&table))).collect()
}
