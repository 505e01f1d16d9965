//! A new secret for a key, on the command line.

use clap::Args;
use opencredits_api::admin::{AdminRequest, RotateKey};
use opencredits_units::KeyId;

const SECOND_MS: u64 = 1_000;
/// Units of a time, and how long each is.
const UNITS: [(char, u64); 3] = [('s', SECOND_MS), ('m', 60 * SECOND_MS), ('h', 3_600 * SECOND_MS)];

/// A key to rotate.
#[derive(Args)]
pub(crate) struct RotateOrder {
    /// The key's id, `key_…`.
    id: KeyId,
    /// How long the secret of before stays valid, such as 30m or 1h; at most 24h. Without it, it ends at once.
    #[arg(long, value_name = "TIME", value_parser = time_ms)]
    overlap: Option<u64>,
    /// Does it without asking.
    #[arg(long)]
    yes: bool,
}

impl RotateOrder {
    pub(crate) fn request(&self) -> AdminRequest {
        AdminRequest::RotateKey(RotateKey { id: self.id, overlap_ms: self.overlap.unwrap_or_default() })
    }

    /// What will happen, where a secret ends at once and the operator has not agreed to it.
    pub(crate) fn warning(&self) -> Option<String> {
        let ends = self.overlap.unwrap_or_default() == 0 && !self.yes;
        ends.then(|| {
            format!("The secret of {} ends at once; apps that have it get a 401. --overlap keeps it.", self.id)
        })
    }
}

/// A time as ms: a number and its unit.
fn time_ms(text: &str) -> Result<u64, String> {
    let read = || {
        let (unit, length_ms) = UNITS.into_iter().find(|(unit, _)| text.ends_with(*unit))?;
        text.strip_suffix(unit)?.parse::<u64>().ok()?.checked_mul(length_ms)
    };
    read().ok_or_else(|| "is no time; write it as 90s, 30m or 1h".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_numbers_with_a_unit() {
        let check = |text: &str, expect: Option<u64>| assert_eq!(time_ms(text).ok(), expect, "{text}");
        check("90s", Some(90_000));
        check("30m", Some(1_800_000));
        check("24h", Some(86_400_000));
        check("0s", Some(0));
        check("1", None);
        check("1d", None);
        check("-1h", None);
        check("h", None);
        check("18446744073709551615h", None);
    }
}
