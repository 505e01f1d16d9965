//! Top up, hold, capture: `cargo run -p opencredits-ledger --example prepaid`.

use opencredits_ledger::units::{AccountId, EntryId, NanoUsd, UnixMs};
use opencredits_ledger::{Capture, Floor, Ledger, LedgerError, Leg, OnShortfall, OpenAccount, PlaceHold, Transfer};

fn main() -> Result<(), LedgerError> {
    let ledger = Ledger::open(std::env::temp_dir().join("prepaid.db"))?;
    let now = UnixMs::new(1_790_000_000_000);
    let [payments, wallet, supplier] = [1, 2, 3].map(AccountId::from_bits);
    for (id, floor) in [(payments, Floor::None), (wallet, Floor::Zero), (supplier, Floor::None)] {
        ledger.open_account(OpenAccount { id, floor, contra: None }, now)?.accepted();
    }
    let [top_up, request] = [EntryId::at(now, [1; 10]), EntryId::at(now, [2; 10])];
    let five_dollars = NanoUsd::new(5_000_000_000);
    ledger
        .transfer(Transfer { id: top_up, from: payments, to: wallet, amount: five_dollars, memo: b"" }, now)?
        .wait()?;

    let (worst_case, expires_at) = (NanoUsd::new(100_000_000), now.saturating_add_ms(60_000));
    ledger
        .place_hold(PlaceHold { id: request, payer: wallet, limits: &[], amount: worst_case, expires_at }, now)?
        .accepted();
    let legs = [Leg { to: supplier, amount: NanoUsd::new(2_000_000), on_shortfall: OnShortfall::Full }];
    ledger.capture(Capture { hold: request, legs: &legs, bad_debt: payments, memo: b"what was used" }, now)?.wait()?;

    assert_eq!(ledger.balance(wallet)?.available, NanoUsd::new(4_998_000_000));
    assert!(ledger.verify()?.is_clean());
    Ok(())
}
