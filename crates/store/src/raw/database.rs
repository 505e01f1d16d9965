//! The store of a database as its rows.

use super::cell::Cell;
use super::table::{Dialect, Kind, RawKey, RawRow, Shape};
use crate::postgres::prepare;
use crate::traits::{EngineError, StoreError};
use opencredits_postgres::{Client, PostgresError, Settings, Turn};
use std::collections::BTreeMap;
use tokio_postgres::Row;
use tokio_postgres::types::{ToSql, Type};

const DIALECT: Dialect = Dialect { parameter: '$', by_bytes: " COLLATE \"C\"" };

const COLUMNS: &str = "SELECT CAST(table_name AS text), CAST(column_name AS text), CAST(data_type AS text)
    FROM information_schema.columns WHERE table_schema = current_schema()";
const KEYS: &str = "SELECT CAST(k.table_name AS text), CAST(k.column_name AS text)
    FROM information_schema.table_constraints c
    JOIN information_schema.key_column_usage k
        ON k.constraint_schema = c.constraint_schema AND k.constraint_name = c.constraint_name AND k.table_name = c.table_name
    WHERE c.table_schema = current_schema() AND c.constraint_type = 'PRIMARY KEY' ORDER BY k.ordinal_position";
const PLACE: &str = "SELECT place FROM usage_checkpoint";
const SET_PLACE: &str = "INSERT INTO usage_checkpoint (one, place) VALUES (1, $1)
    ON CONFLICT (one) DO UPDATE SET place = excluded.place";

/// A store in a database.
pub(super) struct DatabaseRows {
    client: Client,
    /// The turn in which it is written.
    turn: Option<Turn>,
}

impl DatabaseRows {
    /// Makes the tables, or brings them up to date.
    pub(super) async fn open(settings: &Settings) -> Result<Self, StoreError> {
        let mut client = opencredits_postgres::connect(settings).await?;
        prepare(&mut client).await?;
        Ok(Self { client, turn: None })
    }

    pub(super) fn write_in(&mut self, turn: Turn) {
        self.turn = Some(turn);
    }

    /// The tables of which every column can be a store's.
    pub(super) async fn shapes(&self) -> Result<Vec<Shape>, StoreError> {
        let mut tables: BTreeMap<String, Vec<(String, Option<Kind>)>> = BTreeMap::new();
        for row in &self.client.query_typed(COLUMNS, &[]).await.map_err(refused)? {
            let (table, column, kind): (String, String, String) = (get(row, 0)?, get(row, 1)?, get(row, 2)?);
            tables.entry(table).or_default().push((column, Kind::of(&kind)));
        }
        let mut keys: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for row in &self.client.query_typed(KEYS, &[]).await.map_err(refused)? {
            keys.entry(get(row, 0)?).or_default().push(get(row, 1)?);
        }
        let shape = |(name, columns): (String, Vec<(String, Option<Kind>)>)| {
            let columns =
                columns.into_iter().map(|(column, kind)| Some((column, kind?))).collect::<Option<Vec<_>>>()?;
            let key = keys.get(&name).cloned().unwrap_or_default();
            Some(Shape::new(name, columns, &key))
        };
        Ok(tables.into_iter().filter_map(shape).collect())
    }

    pub(super) async fn rows(
        &self,
        shape: &Shape,
        after: Option<&RawKey>,
        max: i64,
    ) -> Result<Vec<RawRow>, StoreError> {
        let key = after.map(|key| key.0.as_slice()).unwrap_or_default();
        let of_key = key.iter().zip(shape.key_kinds()).map(|(cell, kind)| {
            let cell: &(dyn ToSql + Sync) = cell;
            (cell, kind.parameter())
        });
        let limit: (&(dyn ToSql + Sync), Type) = (&max, Type::INT8);
        let parameters: Vec<_> = of_key.chain([limit]).collect();
        let sql = shape.select(DIALECT, after.is_some());
        let rows = self.client.query_typed(&sql, &parameters).await.map_err(refused)?;
        rows.iter().map(|row| row_of(row, shape)).collect()
    }

    pub(super) async fn last(&self, shape: &Shape) -> Result<Option<RawRow>, StoreError> {
        let found = self.client.query_typed_opt(&shape.select_last(DIALECT), &[]).await.map_err(refused)?;
        found.as_ref().map(|row| row_of(row, shape)).transpose()
    }

    pub(super) async fn count(&self, shape: &Shape) -> Result<u64, StoreError> {
        let row = self.client.query_typed_one(&shape.count(), &[]).await.map_err(refused)?;
        Ok(u64::try_from(get::<i64>(&row, 0)?).unwrap_or_default())
    }

    pub(super) async fn put(&self, shape: &Shape, rows: &[RawRow]) -> Result<(), StoreError> {
        let lists: Vec<Vec<&Cell>> =
            (0..shape.columns.len()).map(|at| rows.iter().filter_map(|row| row.0.get(at)).collect()).collect();
        let parameters: Vec<(&Vec<&Cell>, Type)> =
            lists.iter().zip(&shape.columns).map(|(cells, (_, kind))| (cells, kind.list())).collect();
        let names: Vec<String> = (1..=lists.len()).map(|at| format!("${at}")).collect();
        let sql =
            format!("INSERT INTO {} ({}) SELECT * FROM UNNEST({})", shape.quoted(), shape.names(), names.join(", "));
        self.write(&sql, &parameters).await
    }

    pub(super) async fn place(&self) -> Result<Vec<u8>, StoreError> {
        let found = self.client.query_typed_opt(PLACE, &[]).await.map_err(refused)?;
        found.map_or_else(|| Ok(Vec::new()), |row| get(&row, 0))
    }

    pub(super) async fn set_place(&self, place: &[u8]) -> Result<(), StoreError> {
        self.write(SET_PLACE, &[(place, Type::BYTEA)]).await
    }

    /// Runs a statement in a transaction of the turn.
    async fn write<P: ToSql + Sync>(&self, sql: &str, parameters: &[(P, Type)]) -> Result<(), StoreError> {
        let turn = self.turn.ok_or(PostgresError::TurnEnded)?;
        let parameters: Vec<_> = parameters
            .iter()
            .map(|(value, kind)| {
                let value: &(dyn ToSql + Sync) = value;
                (value, kind.clone())
            })
            .collect();
        turn.begin(&self.client).await?;
        let written = self.client.execute_typed(sql, &parameters).await;
        let end = if written.is_ok() { "COMMIT" } else { "ROLLBACK" };
        let ended = self.client.batch_execute(end).await;
        written.and(ended).map_err(refused)
    }
}

fn refused(error: tokio_postgres::Error) -> StoreError {
    StoreError::Engine(EngineError::Postgres(error.into()))
}

fn get<'a, T: tokio_postgres::types::FromSql<'a>>(row: &'a Row, at: usize) -> Result<T, StoreError> {
    row.try_get(at).map_err(refused)
}

fn row_of(row: &Row, shape: &Shape) -> Result<RawRow, StoreError> {
    let cell = |(at, (_, kind)): (usize, &(String, Kind))| -> Result<Cell, StoreError> {
        Ok(match kind {
            Kind::Number => get::<Option<i64>>(row, at)?.map_or(Cell::Null, Cell::Number),
            Kind::Flag => get::<Option<bool>>(row, at)?.map_or(Cell::Null, |flag| Cell::Number(flag.into())),
            Kind::Text => get::<Option<String>>(row, at)?.map_or(Cell::Null, Cell::Text),
            Kind::Bytes => get::<Option<Vec<u8>>>(row, at)?.map_or(Cell::Null, Cell::Bytes),
        })
    };
    shape.columns.iter().enumerate().map(cell).collect::<Result<_, _>>().map(RawRow)
}
