//! The page on privacy lists every column that is kept.

use crate::engines::Folder;

const PAGE: &str = include_str!("../../../../docs/privacy.md");

#[test]
fn the_tables_on_the_page_are_those_of_the_store() {
    let folder = Folder::new();
    drop(folder.open());
    let connection = rusqlite::Connection::open(&folder.path).unwrap();
    let columns =
        "SELECT t.name, group_concat('`' || c.name || '`', ', ') FROM sqlite_master t, pragma_table_info(t.name) c
        WHERE t.type = 'table' AND t.name NOT LIKE 'refinery%' GROUP BY t.name ORDER BY t.name";
    let mut statement = connection.prepare(columns).unwrap();
    let rows = statement.query_map([], |row| {
        let (table, columns): (String, String) = (row.get(0)?, row.get(1)?);
        Ok(format!("| `{table}` | {columns} |"))
    });
    let kept: Vec<String> = rows.unwrap().collect::<Result<_, _>>().unwrap();
    let (_, table) = PAGE.split_once("| table | columns |\n").unwrap();
    let shown: Vec<&str> = table.lines().skip(1).take_while(|line| line.starts_with('|')).collect();
    assert_eq!(shown, kept);
}
