//! The encryption of all addresses with the newest key.

use super::error::PrivacyError;
use opencredits_keys::DataKeyId;
use opencredits_store::AddressRotation;
use opencredits_units::{Measure, Progress, UserId};

/// Addresses that one step encrypts.
const STEP: u32 = 500;

/// Encrypts every address with the newest key, until all are or `is_stopping` says that the process ends; returns how many.
/// Files that held readable addresses are written anew, without what was deleted.
///
/// # Errors
/// When the store fails, or an address cannot be decrypted. What was encrypted stays so, and the next run goes on.
pub(super) async fn rotate(
    store: &dyn AddressRotation,
    keys: &[DataKeyId],
    (is_stopping, progress): (impl Fn() -> bool, &Progress),
) -> Result<u64, PrivacyError> {
    let used = store.address_key_use().await?;
    let others = used.keys.iter().filter(|one| Some(&one.key) != keys.first());
    let addresses = others.fold(used.plain, |sum, one| sum.saturating_add(one.addresses));
    progress.begin("encrypting addresses", Measure::Count, Some(addresses));
    let (mut changed, mut was_plain, mut after) = (0_u64, false, UserId::default());
    loop {
        let (step, last) = store.reseal(after, STEP).await?;
        changed = changed.saturating_add(step.changed);
        progress.advance(step.changed);
        was_plain |= step.was_plain;
        match last {
            Some(last) if !is_stopping() => after = last,
            Some(_) | None => break,
        }
        tracing::info!(changed, "encrypting addresses with the newest key");
    }
    if was_plain {
        store.compact().await?;
    }
    if changed > 0 {
        name_idle_keys(store, keys).await?;
    }
    Ok(changed)
}

/// Tells which keys have encrypted nothing that is left, so that the operator can remove them.
async fn name_idle_keys(store: &dyn AddressRotation, keys: &[DataKeyId]) -> Result<(), PrivacyError> {
    let used = store.address_key_use().await?;
    for key in keys.iter().skip(1) {
        if !used.keys.iter().any(|one| one.key == *key) {
            tracing::info!(%key, "no address is encrypted with this key any more; remove it from privacy.address_keys_file once no backup needs it");
        }
    }
    Ok(())
}
