//! The state of alarms.

use super::NOW;
use crate::alarms::{AlarmRow, AlarmStates};
use crate::traits::StoreError;

/// An alarm that fires, under the `n`th name.
#[must_use]
pub fn alarm(n: u8) -> AlarmRow {
    AlarmRow {
        alarm: format!("Alarm{n}"),
        labels: r#"{"vendor":"house"}"#.to_owned(),
        summary: "house refuses our own account".to_owned(),
        since: NOW,
        told_at: NOW.saturating_add_ms(60_000),
        repeats: 0,
        ended_at: None,
        is_told: false,
    }
}

/// The rules of [`AlarmStates`].
///
/// # Errors
/// When the store refuses something valid.
///
/// # Panics
/// When a rule is broken.
pub async fn alarm_states<S: AlarmStates>(store: &S) -> Result<(), StoreError> {
    for n in [2, 1] {
        store.put_alarm(&alarm(n)).await?;
    }
    assert_eq!(store.alarms().await?, [alarm(1), alarm(2)], "rows are kept whole and go by name");
    let told = AlarmRow { is_told: true, ..alarm(1) };
    store.alarm_told(&alarm(1)).await?;
    assert_eq!(store.alarms().await?, [told.clone(), alarm(2)], "that it was told is kept");
    let later = NOW.saturating_add_ms(90_000);
    let repeated = AlarmRow { told_at: later, repeats: 1, is_told: false, ..told };
    store.put_alarm(&repeated).await?;
    store.alarm_told(&alarm(1)).await?;
    assert_eq!(store.alarms().await?, [repeated.clone(), alarm(2)], "an earlier notice tells nothing of a later one");
    let ended = AlarmRow { ended_at: Some(later), ..repeated.clone() };
    store.put_alarm(&ended).await?;
    store.alarm_told(&repeated).await?;
    assert_eq!(store.alarms().await?, [ended.clone(), alarm(2)], "nor of the end");
    store.alarm_told(&ended).await?;
    assert_eq!(store.alarms().await?, [alarm(2)], "an end that was told is forgotten");
    store.put_alarm(&ended).await?;
    store.put_alarm(&alarm(1)).await?;
    store.alarm_told(&ended).await?;
    assert_eq!(store.alarms().await?, [alarm(1), alarm(2)], "but not an alarm that fires again");
    let other = AlarmRow { labels: "{}".to_owned(), ..alarm(2) };
    store.put_alarm(&other).await?;
    assert_eq!(store.alarms().await?.len(), 3, "other labels are another alarm");
    Ok(())
}
