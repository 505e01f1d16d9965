//! A store as its rows: every table, on both engines.

use crate::engines::{Folder, database};
use opencredits_postgres::{Turn, connect};
use opencredits_store::conformance::{key, partner, user};
use opencredits_store::{Keys, OperatorReads, Partners, PostgresStore, RawStore, RawTable, SqliteStore, User, Users};

#[tokio::test]
async fn every_table_of_a_file_has_its_pair_in_a_database_and_comes_after_those_that_it_refers_to() {
    let Some(database) = database() else { return };
    let folder = Folder::new();
    let (file, there) = (RawStore::file(&folder.path).unwrap(), RawStore::database(&database).await.unwrap());
    let tables = file.tables(&there).await.unwrap();
    assert_eq!(there.tables(&file).await.unwrap(), tables);
    let raw = rusqlite::Connection::open(&folder.path).unwrap();
    let own = "SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'refinery%' AND name NOT LIKE 'label_%'";
    let own: u32 = raw.query_row(own, [], |row| row.get(0)).unwrap();
    assert_eq!(usize::try_from(own).unwrap(), tables.len());
    let place = |name: &str| tables.iter().position(|table| table.name() == name).unwrap();
    for [parent, child] in [["users", "partners"], ["partners", "user_keys"], ["user_keys", "retired_secrets"]] {
        assert!(place(parent) < place(child), "{parent} {child}");
    }
    let made: Vec<&str> = tables.iter().filter(|table| table.is_read_model()).map(RawTable::name).collect();
    assert_eq!(made.len(), 5, "{made:?}");
    assert_eq!(tables.iter().filter(|table| table.is_checkpoint()).count(), 1);
}

#[tokio::test]
async fn rows_are_written_in_a_turn_and_an_ended_one_writes_nothing() {
    let Some(database) = database() else { return };
    let folder = Folder::new();
    let odd = User { label: "a\0b".to_owned(), ..user(2) };
    {
        let store = folder.filled().await;
        store.add_user(&odd).await.unwrap();
    }
    let file = RawStore::file(&folder.path).unwrap();
    let mut there = RawStore::database(&database).await.unwrap();
    let tables = file.tables(&there).await.unwrap();
    let users = tables.iter().find(|table| table.name() == "users").unwrap();
    let rows = file.rows(users, None, 10).await.unwrap();
    assert!(there.put(users, &rows).await.is_err(), "it is nobody's turn");
    let client = connect(&database).await.unwrap();
    let first = Turn::take(&client, "a file").await.unwrap().unwrap();
    there.write_in(first);
    let second = Turn::take(&client, "a file").await.unwrap().unwrap();
    assert!(there.put(users, &rows).await.is_err(), "it is another turn");
    assert_eq!(there.count(users).await.unwrap(), 0);
    assert_eq!(Turn::take(&client, "another file").await.unwrap(), None);
    there.write_in(second);
    for table in tables.iter().filter(|table| ["users", "partners", "user_keys"].contains(&table.name())) {
        there.put(table, &file.rows(table, None, 10).await.unwrap()).await.unwrap();
        let last = file.last(table).await.unwrap();
        assert_eq!(there.last(table).await.unwrap(), last);
        assert!(there.rows(table, last.as_ref(), 10).await.unwrap().is_empty());
        assert_eq!(there.rows(table, None, 10).await.unwrap(), file.rows(table, None, 10).await.unwrap());
    }
    assert!(PostgresStore::open(database.clone(), None).await.is_err(), "it is not whole");
    second.end(&client).await.unwrap();
    assert!(there.put(users, &rows).await.is_err(), "it is done");
    let store = PostgresStore::open(database, None).await.unwrap();
    assert_eq!(store.user(user(1).id).await.unwrap(), Some(user(1)));
    assert_eq!(store.user(odd.id).await.unwrap().unwrap().label, "a\u{FFFD}b");
    assert_eq!(store.key(key(1).id).await.unwrap(), Some(key(1)));
    assert_eq!(store.partner(partner(1).id).await.unwrap(), Some(partner(1)));
}

#[tokio::test]
async fn people_are_found_by_parts_of_their_labels_in_a_file_that_was_written_row_by_row() {
    let Some(database) = database() else { return };
    let store = PostgresStore::open(database.clone(), None).await.unwrap();
    store.add_user(&User { label: "Ada of London".to_owned(), ..user(1) }).await.unwrap();
    let folder = Folder::new();
    let (there, file) = (RawStore::database(&database).await.unwrap(), RawStore::file(&folder.path).unwrap());
    for table in file.tables(&there).await.unwrap() {
        file.put(&table, &there.rows(&table, None, 10).await.unwrap()).await.unwrap();
    }
    drop(file);
    let store = SqliteStore::open(&folder.path).unwrap();
    assert_eq!(store.people_like("OF lond", 5).await.unwrap().len(), 1);
}
