//! The read model of usage, with a count of what is asked of it.

use async_trait::async_trait;
use opencredits_store::{
    AccountTransfer, IndexedRequest, RequestMark, Store, StoreError, UsageChange, UsageFilter, UsageGroup, UsageModel,
    UsageQuery,
};
use opencredits_units::{AccountId, EntryId, NanoUsd, UnixMs};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// How often each kind of query was asked.
#[derive(Default)]
pub(crate) struct Counts {
    sums: AtomicUsize,
    lists: AtomicUsize,
}

impl Counts {
    /// The sums and the lists since the last time.
    pub(crate) fn take(&self) -> (usize, usize) {
        (self.sums.swap(0, Ordering::Relaxed), self.lists.swap(0, Ordering::Relaxed))
    }
}

/// The read model of a store.
pub(crate) struct Counted(pub(crate) Arc<dyn Store>, pub(crate) Arc<Counts>);

impl Counted {
    fn list(&self) -> &dyn Store {
        self.1.lists.fetch_add(1, Ordering::Relaxed);
        &*self.0
    }
}

#[async_trait]
impl UsageModel for Counted {
    async fn place(&self) -> Result<Vec<u8>, StoreError> {
        self.0.place().await
    }

    async fn apply(&self, change: UsageChange) -> Result<bool, StoreError> {
        self.0.apply(change).await
    }

    async fn sums(&self, query: UsageQuery) -> Result<Vec<UsageGroup>, StoreError> {
        self.1.sums.fetch_add(1, Ordering::Relaxed);
        self.0.sums(query).await
    }

    async fn requests(
        &self,
        filter: UsageFilter,
        span: (RequestMark, RequestMark),
        max: usize,
    ) -> Result<Vec<IndexedRequest>, StoreError> {
        self.list().requests(filter, span, max).await
    }

    async fn transfers(
        &self,
        account: AccountId,
        span: (UnixMs, (UnixMs, EntryId)),
        max: u32,
    ) -> Result<Vec<AccountTransfer>, StoreError> {
        self.list().transfers(account, span, max).await
    }

    async fn moved(&self, account: AccountId, times: (UnixMs, UnixMs)) -> Result<(NanoUsd, NanoUsd), StoreError> {
        self.0.moved(account, times).await
    }

    async fn payouts(&self, account: AccountId, max: u32) -> Result<Vec<AccountTransfer>, StoreError> {
        self.list().payouts(account, max).await
    }
}
