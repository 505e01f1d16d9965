//! Identifiers: ordered by time, told apart by prefix.

use opencredits_units::{AccountId, GenerationId, IdError, UnixMs, UserId};
use proptest::prelude::*;

#[test]
fn an_id_of_another_kind_is_refused() {
    let text = UserId::from_bits(7).to_string();
    assert_eq!(text, "user_00000000000000000000000007");
    assert_eq!(text.parse::<AccountId>(), Err(IdError::Prefix { expected: "acct" }));
    assert_eq!("user_7".parse::<UserId>(), Err(IdError::Malformed));
    assert_eq!("user_0000000000000000000000000u".parse::<UserId>(), Err(IdError::Malformed));
    assert_eq!("user_zzzzzzzzzzzzzzzzzzzzzzzzzz".parse::<UserId>(), Err(IdError::Malformed), "over 128 bits");
}

proptest! {
    #[test]
    fn every_id_survives_its_text_in_any_case(bits: u128) {
        let id = GenerationId::from_bits(bits);
        let text = id.to_string();
        prop_assert_eq!(text.parse(), Ok(id));
        let upper = format!("gen_{}", text.trim_start_matches("gen_").to_uppercase());
        prop_assert_eq!(upper.parse(), Ok(id));
    }

    #[test]
    fn ids_sort_by_time_as_numbers_and_as_text(early in 0_u64..1 << 47, gap in 1_u64..1 << 40, a: [u8; 10], b: [u8; 10]) {
        let first = GenerationId::at(UnixMs::new(early), a);
        let second = GenerationId::at(UnixMs::new(early + gap), b);
        prop_assert!(first < second);
        prop_assert!(first.to_string() < second.to_string());
        prop_assert_eq!(first.made_at(), UnixMs::new(early));
    }
}
