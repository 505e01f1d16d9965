//! The books against what clients were told: every request that was answered is charged, and once.

use super::front::Front;
use super::load::{Asked, End};
use crate::outcome::Outcome;
use opencredits_units::{EntryId, GenerationId};
use serde_json::Value;
use std::collections::BTreeMap;

/// What the id of a late charge differs by from the id of its request.
const LATE_BITS: u128 = 0xff;

/// How charges and answers compare.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Tally {
    pub(super) answered: usize,
    pub(super) charges: usize,
    /// Answers without a charge.
    pub(super) without_charge: usize,
    /// Answers with more than one.
    pub(super) charged_twice: usize,
    /// Charges of requests whose client has no whole answer.
    pub(super) without_answer: usize,
}

/// The ids of the charges of a journal.
pub(super) fn charges(entries: &[Value]) -> Outcome<Vec<EntryId>> {
    let mut charges = Vec::new();
    for entry in entries.iter().filter(|entry| entry["kind"] == "capture") {
        charges.push(entry["id"].as_str().ok_or("an entry has no id")?.parse()?);
    }
    Ok(charges)
}

/// Compares answers and charges by their ids.
pub(super) fn tally(asked: &[Asked], charges: &[EntryId]) -> Tally {
    let mut counts = BTreeMap::<u128, usize>::new();
    for charge in charges {
        *counts.entry(charge.bits()).or_default() += 1;
    }
    let count = |bits: u128| counts.get(&bits).copied().unwrap_or_default();
    let of_answer = |generation: GenerationId| count(generation.bits()) + count(generation.bits() ^ LATE_BITS);
    let found: Vec<usize> = asked.iter().filter_map(answered).map(of_answer).collect();
    Tally {
        answered: found.len(),
        charges: charges.len(),
        without_charge: found.iter().filter(|count| **count == 0).count(),
        charged_twice: found.iter().filter(|count| **count > 1).count(),
        without_answer: charges.len().saturating_sub(found.iter().sum()),
    }
}

/// The number of answered requests whose bill their person does not find.
pub(super) fn without_bill(front: &Front, asked: &[Asked]) -> Outcome<usize> {
    let mut missing = 0;
    for (turn, request) in asked.iter().enumerate() {
        let Some(generation) = answered(request) else { continue };
        let path = format!("/v1/generation?id={generation}");
        let bill = front.send(turn, ("GET", &path), (&request.key, ""))?;
        if bill.status != 200 || !bill.body.contains(&generation.to_string()) {
            missing += 1;
        }
    }
    Ok(missing)
}

const fn answered(asked: &Asked) -> Option<GenerationId> {
    match asked.end {
        End::Answered(generation) => Some(generation),
        End::Refused(_) | End::Cut(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use std::time::Instant;

    fn asked(end: End) -> Asked {
        let now = Instant::now();
        Asked { began: now, ended: now, key: String::new(), end }
    }

    #[test]
    fn an_answer_is_charged_once_however_late() {
        let answers = [0x100, 0x200, 0x300, 0x400].map(|bits| asked(End::Answered(GenerationId::from_bits(bits))));
        let others = [asked(End::Refused(503)), asked(End::Cut("cut".to_owned()))];
        // The first on time, the second late, the third twice, the fourth never; one that nobody has an answer to.
        let charges = [0x100, 0x200 ^ LATE_BITS, 0x300, 0x300 ^ LATE_BITS, 0x900].map(EntryId::from_bits);
        let found = tally(&[answers.as_slice(), &others].concat(), &charges);
        let expect = Tally { answered: 4, charges: 5, without_charge: 1, charged_twice: 1, without_answer: 1 };
        assert_eq!(found, expect);
    }

    #[test]
    fn charges_are_the_captures_of_a_journal() {
        let id = EntryId::from_bits(5);
        let journal = [json!({"kind": "void", "id": "entry_x"}), json!({"kind": "capture", "id": id.to_string()})];
        assert_eq!(charges(&journal).unwrap(), [id]);
        assert!(charges(&[json!({"kind": "capture"})]).is_err());
    }
}
