//! The test mode of an application.

use crate::app::Fixed;
use crate::app_ledger::AppLedger;
use crate::app_settings::{api_settings, keyring, pages, settings, start};
use crate::engine::{Data, Place};
use opencredits_api::TestAppParts;
use opencredits_catalog::Catalog;
use opencredits_keys::HashKey;
use opencredits_providers::Vendor;
use opencredits_providers::sandbox::Sandbox;
use opencredits_service::accounts::{Accounts, Tables, TestDesk};
use opencredits_service::config::Ack;
use opencredits_service::{Clock, TestGateway, TestParts, TestPorts, TestUpstreams, UsageReads};
use opencredits_units::NanoUsd;
use std::path::Path;
use std::sync::Arc;

/// The play credits of a partner, in dollars.
const PLAY_CREDITS: NanoUsd = NanoUsd::new(100_000_000_000);

/// The test mode of an application.
pub(crate) struct TestSide {
    pub(crate) ledger: AppLedger,
    pub(crate) accounts: Arc<Accounts>,
    pub(crate) app: opencredits_api::TestApp,
    /// Where ledger and store are.
    _place: Place,
}

impl TestSide {
    pub(crate) fn new(data: &Path, fixed: &Arc<Fixed>, catalog: &Catalog, vendors: &[Arc<Vendor>]) -> Self {
        let (of_test_mode, Data { ledger, store, place }) = Data::of_test_mode(data, fixed.now());
        let keyring = Arc::new(keyring((&store, &place), fixed));
        let forgetting = keyring.clone();
        let accounts = Accounts::of_test_mode(&of_test_mode, Tables::of(store.clone()), fixed.clone(), fixed.clone())
            .on_change(move || forgetting.forget_all());
        let accounts = Arc::new(accounts);
        let parts = TestParts {
            catalog: catalog.clone(),
            upstreams: TestUpstreams::new(Sandbox::new(), vendors.iter().map(|vendor| &**vendor)).unwrap(),
            usage: Arc::new(UsageReads::new(ledger.clone(), store.clone())),
            ledger: of_test_mode,
            keyring,
            ports: TestPorts { clock: fixed.clone(), entropy: fixed.clone(), claims: store.clone() },
            settings: settings(Ack::Accepted),
            hash_key: HashKey::new([6; 32]),
        };
        let (gateway, reaper) = TestGateway::new(parts).unwrap();
        start(reaper.run());
        let settings = api_settings();
        let parts =
            TestAppParts { accounts: accounts.clone(), partners: store, payments: None, pages: pages(), settings };
        Self { ledger, accounts, app: opencredits_api::TestApp::new(&gateway, parts), _place: place }
    }

    /// What gives partners test keys.
    pub(crate) fn desk(&self) -> Option<TestDesk> {
        TestDesk::new(self.accounts.clone(), PLAY_CREDITS)
    }
}
