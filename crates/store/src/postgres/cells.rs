//! Columns as values.

use crate::columns::list_of;
use crate::records::{LimitReset, SpendingLimit};
use crate::traits::{EngineError, StoreError};
use opencredits_keys::KeyDigest;
use opencredits_units::{Id, NanoUsd, UnixMs};
use tokio_postgres::Row;
use tokio_postgres::types::FromSql;

/// The columns of a row.
pub(super) struct Cells<'a>(pub(super) &'a Row);

impl Cells<'_> {
    fn get<'a, T: FromSql<'a>>(&'a self, column: usize) -> Result<T, StoreError> {
        self.0.try_get(column).map_err(|error| StoreError::Engine(EngineError::Postgres(error.into())))
    }

    pub(super) fn text(&self, column: usize) -> Result<String, StoreError> {
        self.get(column)
    }

    pub(super) fn text_or_none(&self, column: usize) -> Result<Option<String>, StoreError> {
        self.get(column)
    }

    pub(super) fn flag(&self, column: usize) -> Result<bool, StoreError> {
        self.get(column)
    }

    pub(super) fn bytes(&self, column: usize) -> Result<Vec<u8>, StoreError> {
        self.get(column)
    }

    pub(super) fn bytes_or_none(&self, column: usize) -> Result<Option<Vec<u8>>, StoreError> {
        self.get(column)
    }

    pub(super) fn number(&self, column: usize) -> Result<i64, StoreError> {
        self.get(column)
    }

    pub(super) fn amount(&self, column: usize) -> Result<NanoUsd, StoreError> {
        self.number(column).map(NanoUsd::new)
    }

    pub(super) fn amount_or_none(&self, column: usize) -> Result<Option<NanoUsd>, StoreError> {
        Ok(self.get::<Option<i64>>(column)?.map(NanoUsd::new))
    }

    /// A number that is not negative, and fits its type.
    pub(super) fn count<N: TryFrom<i64>>(&self, column: usize) -> Result<N, StoreError> {
        N::try_from(self.number(column)?).map_err(|_| self.damaged())
    }

    pub(super) fn count_or_none<N: TryFrom<i64>>(&self, column: usize) -> Result<Option<N>, StoreError> {
        let number: Option<i64> = self.get(column)?;
        number.map(|number| N::try_from(number).map_err(|_| self.damaged())).transpose()
    }

    pub(super) fn time(&self, column: usize) -> Result<UnixMs, StoreError> {
        self.count(column).map(UnixMs::new)
    }

    pub(super) fn time_or_none(&self, column: usize) -> Result<Option<UnixMs>, StoreError> {
        Ok(self.count_or_none(column)?.map(UnixMs::new))
    }

    /// Bytes of a fixed number.
    pub(super) fn array<const N: usize>(&self, column: usize) -> Result<[u8; N], StoreError> {
        self.get::<&[u8]>(column)?.try_into().map_err(|_| self.damaged())
    }

    pub(super) fn array_or_none<const N: usize>(&self, column: usize) -> Result<Option<[u8; N]>, StoreError> {
        let bytes: Option<&[u8]> = self.get(column)?;
        bytes.map(|bytes| bytes.try_into().map_err(|_| self.damaged())).transpose()
    }

    pub(super) fn id<K>(&self, column: usize) -> Result<Id<K>, StoreError> {
        self.array(column).map(|bytes| Id::from_bits(u128::from_be_bytes(bytes)))
    }

    pub(super) fn id_or_none<K>(&self, column: usize) -> Result<Option<Id<K>>, StoreError> {
        Ok(self.array_or_none(column)?.map(|bytes| Id::from_bits(u128::from_be_bytes(bytes))))
    }

    pub(super) fn digest(&self, column: usize) -> Result<KeyDigest, StoreError> {
        self.array(column).map(KeyDigest::from_bytes)
    }

    pub(super) fn list(&self, column: usize) -> Result<Vec<String>, StoreError> {
        Ok(list_of(self.get::<&str>(column)?))
    }

    /// The limit whose account, amount, reset and beginning are in four columns from `first` on.
    pub(super) fn limit_or_none(&self, first: usize) -> Result<Option<SpendingLimit>, StoreError> {
        let (amount, reset, since) = (first + 1, first + 2, first + 3);
        let (Some(account), Some(amount)) = (self.id_or_none(first)?, self.amount_or_none(amount)?) else {
            return Ok(None);
        };
        let reset = match self.text_or_none(reset)? {
            Some(name) => Some(self.known(LimitReset::of_name(&name))?),
            None => None,
        };
        Ok(Some(SpendingLimit { account, amount, reset, since: self.time(since)? }))
    }

    /// What a column stands for; an error where that is unknown.
    pub(super) fn known<T>(&self, value: Option<T>) -> Result<T, StoreError> {
        value.ok_or_else(|| self.damaged())
    }

    fn damaged(&self) -> StoreError {
        StoreError::Damaged { table: "a table" }
    }
}
