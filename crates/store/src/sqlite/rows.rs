//! Values as columns.

use crate::records::{LimitReset, SpendingLimit};
use opencredits_units::{Id, NanoUsd, UnixMs};
use rusqlite::types::Type;
use rusqlite::{Error, Row};

/// An id as a big-endian blob, so that blobs sort as ids do.
pub(super) fn blob<K>(id: Id<K>) -> [u8; 16] {
    id.bits().to_be_bytes()
}

pub(super) fn id<K>(row: &Row<'_>, column: usize) -> Result<Id<K>, Error> {
    row.get::<_, [u8; 16]>(column).map(|bytes| Id::from_bits(u128::from_be_bytes(bytes)))
}

pub(super) fn id_or_none<K>(row: &Row<'_>, column: usize) -> Result<Option<Id<K>>, Error> {
    let bytes: Option<[u8; 16]> = row.get(column)?;
    Ok(bytes.map(|bytes| Id::from_bits(u128::from_be_bytes(bytes))))
}

pub(super) fn number(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

pub(super) fn count(row: &Row<'_>, column: usize) -> Result<u64, Error> {
    let value: i64 = row.get(column)?;
    u64::try_from(value).map_err(|error| Error::FromSqlConversionFailure(column, Type::Integer, Box::new(error)))
}

pub(super) fn time(row: &Row<'_>, column: usize) -> Result<UnixMs, Error> {
    count(row, column).map(UnixMs::new)
}

pub(super) fn time_or_none(row: &Row<'_>, column: usize) -> Result<Option<UnixMs>, Error> {
    match row.get::<_, Option<i64>>(column)? {
        Some(_) => time(row, column).map(Some),
        None => Ok(None),
    }
}

/// The limit whose account, amount, reset and beginning are in four columns from `first` on.
pub(super) fn limit_or_none(row: &Row<'_>, first: usize) -> Result<Option<SpendingLimit>, Error> {
    let (amount, reset, since) = (first + 1, first + 2, first + 3);
    let (Some(account), Some(nano)) = (id_or_none(row, first)?, row.get::<_, Option<i64>>(amount)?) else {
        return Ok(None);
    };
    let name: Option<String> = row.get(reset)?;
    let reset = match name {
        Some(name) => Some(LimitReset::of_name(&name).ok_or(Error::InvalidQuery)?),
        None => None,
    };
    Ok(Some(SpendingLimit { account, amount: NanoUsd::new(nano), reset, since: time(row, since)? }))
}
