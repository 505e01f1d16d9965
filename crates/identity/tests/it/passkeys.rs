//! Registration and assertion with an authenticator in software.

use crate::authenticator::{AT, Authenticator, BE, BS, CREDENTIAL, ED, UP, UV, Words, assertion};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use opencredits_identity::passkey::{
    Algorithm, AssertionAnswer, Ceremony, Counter, CreationOptions, Frames, Passkey, PasskeyChallenge, PublicKey,
    RegistrationAnswer, RequestOptions, Site, UserVerification,
};
use opencredits_identity::{IdentityError, PasskeyProblem};
use opencredits_units::UnixMs;
use proptest::prelude::*;
use sha2::{Digest as _, Sha256};
use std::sync::LazyLock;

const NOW: UnixMs = UnixMs::new(1_800_000_000_000);
const HANDLE: &[u8] = b"handle of a person";
static SITE: LazyLock<Site> = LazyLock::new(|| Site::from_url("https://credits.example").unwrap());
static ES256: LazyLock<Authenticator> = LazyLock::new(Authenticator::es256);
static ED_DSA: LazyLock<Authenticator> = LazyLock::new(Authenticator::ed_dsa);
static CHALLENGE: LazyLock<PasskeyChallenge> = LazyLock::new(|| PasskeyChallenge::new([5; 32], NOW));

fn ceremony() -> Ceremony<'static> {
    let (verification, frames) = (UserVerification::Preferred, Frames::Refused);
    Ceremony { site: &SITE, challenge: &CHALLENGE, verification, frames }
}

fn both() -> [&'static Authenticator; 2] {
    [&ES256, &ED_DSA]
}

fn passkey(authenticator: &Authenticator) -> Passkey {
    authenticator.register(&Words::registration(&CHALLENGE)).verify(&ceremony(), NOW).unwrap()
}

fn problem<T: std::fmt::Debug>(result: Result<T, IdentityError>) -> Option<PasskeyProblem> {
    match result {
        Ok(_) => None,
        Err(IdentityError::Passkey(problem)) => Some(problem),
        Err(other) => panic!("{other:?}"),
    }
}

#[test]
fn a_passkey_that_was_registered_signs_in() {
    for (authenticator, algorithm) in both().into_iter().zip([Algorithm::Es256, Algorithm::EdDsa]) {
        let passkey = passkey(authenticator);
        assert_eq!(passkey.public_key.algorithm(), algorithm);
        assert!(passkey.is_backup_eligible && !passkey.is_backed_up);
        assert_eq!(PublicKey::from_cose(passkey.public_key.as_cose()).as_ref(), Ok(&passkey.public_key));
        let answer = authenticator.assert(&Words { flags: UP | UV | BE | BS, ..Words::assertion(&CHALLENGE) });
        assert_eq!(answer.credential_id().unwrap(), passkey.credential_id);
        let asserted = answer.verify(&passkey, HANDLE, &ceremony(), NOW).unwrap();
        assert_eq!((asserted.counter, asserted.sign_count), (Counter::Unused, 0));
        assert!(asserted.is_backed_up && asserted.is_user_verified);
    }
}

#[test]
fn what_a_registration_says_must_fit() {
    let check = |expect: Option<PasskeyProblem>, change: &dyn Fn(&mut Words)| {
        let mut words = Words::registration(&CHALLENGE);
        change(&mut words);
        let found = problem(ED_DSA.register(&words).verify(&ceremony(), NOW));
        assert_eq!(found, expect, "{}", String::from_utf8_lossy(&words.client_data()));
    };
    let object = PasskeyProblem::Malformed("attestation object");
    let data = PasskeyProblem::Malformed("authenticator data");
    check(None, &|_| {});
    check(None, &|words| words.more = r#","anything":{"a":[1]},"topOrigin":null"#);
    check(Some(PasskeyProblem::Malformed("clientDataJSON")), &|words| words.more = r#","type":"webauthn.create""#);
    check(Some(PasskeyProblem::Malformed("clientDataJSON")), &|words| words.more = ",");
    check(Some(PasskeyProblem::Ceremony), &|words| words.kind = "webauthn.get");
    check(Some(PasskeyProblem::Challenge), &|words| words.challenge[31] ^= 1);
    check(Some(PasskeyProblem::Origin), &|words| words.origin = "https://credits.example:8443");
    check(Some(PasskeyProblem::Origin), &|words| words.origin = "https://credits.example.evil.example");
    check(Some(PasskeyProblem::Origin), &|words| words.origin = "http://credits.example");
    check(Some(PasskeyProblem::RelyingParty), &|words| words.rp_id = "example");
    check(Some(PasskeyProblem::NotPresent), &|words| words.flags &= !UP);
    check(Some(PasskeyProblem::Backup), &|words| words.flags = UP | AT | BS);
    check(None, &|words| words.flags = UP | AT | BE | BS);
    check(Some(PasskeyProblem::Malformed("attested credential data")), &|words| words.flags = UP);
    check(Some(data), &|words| words.tail = &[0]);
    check(None, &|words| (words.flags, words.extensions) = (UP | AT | ED, &[0xa1, 0x61, 0x61, 0xf5]));
    check(Some(data), &|words| (words.flags, words.extensions) = (UP | AT | ED, &[0xf5]));
    check(Some(data), &|words| words.flags |= ED);
    check(Some(object), &|words| words.statement = &[0xa1, 0x61, 0x61, 0x01]);
    check(None, &|words| (words.format, words.statement) = ("packed", &[0xa1, 0x61, 0x61, 0x81, 0x80]));
    check(Some(object), &|words| (words.format, words.statement) = ("packed", &[0x80]));
    check(Some(object), &|words| (words.format, words.statement) = ("packed", &[0xbb, 0xff, 0xff]));
}

#[test]
fn a_statement_of_any_depth_is_passed_over_and_an_object_of_any_length_is_not() {
    let check = |depth: usize, expect: Option<PasskeyProblem>| {
        let words = Words::registration(&CHALLENGE);
        let statement = [&[0xa1, 0x61, 0x61][..], &vec![0x81; depth], &[0x80]].concat();
        let data = ED_DSA.data(&words);
        let head = b"\xa3\x63fmt\x66packed\x67attStmt";
        let data_head = [b"\x68authData\x58".as_slice(), &[u8::try_from(data.len()).unwrap()]].concat();
        let object = [head.as_slice(), &statement, &data_head, &data].concat();
        let answer = crate::authenticator::registration(CREDENTIAL, &words.client_data(), &object);
        assert_eq!(problem(answer.verify(&ceremony(), NOW)), expect, "{depth}");
    };
    check(0, None);
    check(16_000, None);
    check(16_384, Some(PasskeyProblem::Malformed("attestation object")));
    check(100_000, Some(PasskeyProblem::Malformed("attestation object")));
}

#[test]
fn what_an_assertion_says_must_fit() {
    let authenticator = Authenticator::es256();
    let passkey = passkey(&authenticator);
    let check = |expect: Option<PasskeyProblem>, change: &dyn Fn(&mut Words)| {
        let mut words = Words::assertion(&CHALLENGE);
        change(&mut words);
        let found = problem(authenticator.assert(&words).verify(&passkey, HANDLE, &ceremony(), NOW));
        assert_eq!(found, expect, "{}", String::from_utf8_lossy(&words.client_data()));
    };
    check(None, &|_| {});
    check(Some(PasskeyProblem::Ceremony), &|words| words.kind = "webauthn.create");
    check(Some(PasskeyProblem::Challenge), &|words| words.challenge = [6; 32]);
    check(Some(PasskeyProblem::Origin), &|words| words.origin = "https://evil.example");
    check(Some(PasskeyProblem::RelyingParty), &|words| words.rp_id = "evil.example");
    check(Some(PasskeyProblem::NotPresent), &|words| words.flags = UV | BE);
    check(Some(PasskeyProblem::Backup), &|words| words.flags = UP);
    check(Some(PasskeyProblem::Malformed("authenticator data")), &|words| words.flags |= AT);
}

#[test]
fn a_person_is_verified_where_that_is_required() {
    let check = |flags: u8, verification: UserVerification, expect: Option<PasskeyProblem>| {
        let words = Words { flags, ..Words::registration(&CHALLENGE) };
        let ceremony = Ceremony { verification, ..ceremony() };
        assert_eq!(problem(ED_DSA.register(&words).verify(&ceremony, NOW)), expect, "{flags}");
    };
    check(UP | AT, UserVerification::Preferred, None);
    check(UP | AT, UserVerification::Required, Some(PasskeyProblem::NotVerified));
    check(UP | UV | AT, UserVerification::Required, None);
}

#[test]
fn a_frame_of_another_site_is_refused_unless_it_is_expected() {
    let partner: &[&str] = &["https://app.example"];
    let check = |more: &'static str, frames: Frames<'_>, expect: Option<PasskeyProblem>| {
        let words = Words { more, ..Words::registration(&CHALLENGE) };
        let ceremony = Ceremony { frames, ..ceremony() };
        assert_eq!(problem(ED_DSA.register(&words).verify(&ceremony, NOW)), expect, "{more}");
    };
    let (framed, top) = (r#","crossOrigin":true"#, r#","crossOrigin":true,"topOrigin":"https://app.example""#);
    check("", Frames::Refused, None);
    check(framed, Frames::Refused, Some(PasskeyProblem::Frame));
    check(framed, Frames::Within(partner), None);
    check(top, Frames::Within(partner), None);
    check(top, Frames::Refused, Some(PasskeyProblem::Frame));
    check(top, Frames::Within(&["https://other.example"]), Some(PasskeyProblem::Frame));
    check(r#","topOrigin":"https://app.example""#, Frames::Within(partner), Some(PasskeyProblem::Frame));
    check(r#","crossOrigin":"true""#, Frames::Refused, Some(PasskeyProblem::Malformed("clientDataJSON")));
}

#[test]
fn a_challenge_lasts_for_five_minutes() {
    let check = |after_ms: u64, expect: Option<PasskeyProblem>| {
        let answer = ED_DSA.register(&Words::registration(&CHALLENGE));
        assert_eq!(problem(answer.verify(&ceremony(), NOW.saturating_add_ms(after_ms))), expect, "{after_ms}");
    };
    check(299_999, None);
    check(300_000, Some(PasskeyProblem::Challenge));
}

#[test]
fn a_counter_that_goes_back_is_reported() {
    let authenticator = Authenticator::ed_dsa();
    let check = |stored: u32, came: u32, expect: Counter| {
        let passkey = Passkey { sign_count: stored, ..passkey(&authenticator) };
        let words = Words { sign_count: came, ..Words::assertion(&CHALLENGE) };
        let asserted = authenticator.assert(&words).verify(&passkey, HANDLE, &ceremony(), NOW).unwrap();
        assert_eq!(asserted.counter, expect, "{stored} {came}");
        assert_eq!(asserted.sign_count, stored.max(came));
    };
    check(0, 0, Counter::Unused);
    check(0, 1, Counter::Advanced);
    check(1, 2, Counter::Advanced);
    check(2, 2, Counter::WentBack { stored: 2, came: 2 });
    check(2, 1, Counter::WentBack { stored: 2, came: 1 });
    check(2, 0, Counter::WentBack { stored: 2, came: 0 });
}

#[test]
fn another_s_passkey_or_handle_is_refused() {
    let (one, two) = (Authenticator::es256(), Authenticator::es256());
    let answer = || one.assert(&Words::assertion(&CHALLENGE));
    let check = |stored: &Passkey, handle: Option<&[u8]>, expect: Option<PasskeyProblem>| {
        let mut answer = answer();
        answer.response.user_handle = handle.map(|handle| URL_SAFE_NO_PAD.encode(handle));
        assert_eq!(problem(answer.verify(stored, HANDLE, &ceremony(), NOW)), expect, "{handle:?}");
    };
    check(&passkey(&one), Some(HANDLE), None);
    check(&passkey(&one), Some(b"somebody else"), Some(PasskeyProblem::Credential));
    check(&passkey(&two), None, Some(PasskeyProblem::Signature));
    let renamed = Passkey { credential_id: b"credential 2".to_vec(), ..passkey(&one) };
    check(&renamed, None, Some(PasskeyProblem::Credential));
    let mut registration = one.register(&Words::registration(&CHALLENGE));
    registration.id = URL_SAFE_NO_PAD.encode(b"credential 2");
    registration.raw_id = registration.id.clone();
    assert_eq!(problem(registration.verify(&ceremony(), NOW)), Some(PasskeyProblem::Credential));
}

#[test]
fn a_key_in_any_other_form_than_the_canonical_one_is_refused() {
    let malformed = Some(PasskeyProblem::Malformed("public key"));
    let check = |cose: &[u8], expect: Option<PasskeyProblem>| {
        assert_eq!(problem(PublicKey::from_cose(cose)), expect, "{cose:02x?}");
    };
    let (es256, ed_dsa) = (Authenticator::es256().cose(), Authenticator::ed_dsa().cose());
    check(&es256, None);
    check(&ed_dsa, None);
    check(&[&ed_dsa[..], &[0]].concat(), malformed);
    for len in 0..ed_dsa.len() {
        check(&ed_dsa[..len], malformed);
    }
    // An integer in two bytes, a map without a length, another curve, another type, ES384.
    check(&[&[0xa4, 0x18, 0x01], &ed_dsa[2..]].concat(), malformed);
    check(&[&[0xbf], &ed_dsa[1..], &[0xff]].concat(), malformed);
    let changed = |at: usize, byte: u8| {
        let mut cose = ed_dsa.clone();
        cose[at] = byte;
        cose
    };
    check(&changed(6, 7), malformed);
    check(&changed(2, 2), malformed);
    check(&[&[0xa5, 0x01, 0x02, 0x03, 0x38, 0x22], &es256[5..]].concat(), Some(PasskeyProblem::Algorithm));
}

#[test]
fn an_rsa_key_has_2048_to_4096_bits_and_the_usual_exponent() {
    let check = |modulus: &[u8], exponent: &[u8], is_right: bool| {
        let mut encoder = minicbor::Encoder::new(vec![0xa4, 0x01, 0x03, 0x03, 0x39, 0x01, 0x00]);
        encoder.i8(-1).unwrap().bytes(modulus).unwrap().i8(-2).unwrap().bytes(exponent).unwrap();
        let found = PublicKey::from_cose(&encoder.into_writer());
        assert_eq!(found.is_ok(), is_right, "{} {exponent:?}", modulus.len());
    };
    check(&[0xff; 256], &[1, 0, 1], true);
    check(&[0xff; 512], &[1, 0, 1], true);
    check(&[0xff; 255], &[1, 0, 1], false);
    check(&[0xff; 513], &[1, 0, 1], false);
    check(&[&[0], &[0xff; 256][..]].concat(), &[1, 0, 1], false);
    check(&[0xff; 256], &[3], false);
    check(&[0xff; 256], &[0, 1, 0, 1], false);
    check(&[0xff; 256], &[], false);
}

#[test]
fn an_attestation_object_has_three_members_in_any_order_and_nothing_else() {
    let words = Words::registration(&CHALLENGE);
    let data = ED_DSA.data(&words);
    let (format, statement) = (&b"\x63fmt\x64none"[..], &b"\x67attStmt\xa0"[..]);
    let data = &[&b"\x68authData\x58"[..], &[u8::try_from(data.len()).unwrap()][..], &data].concat()[..];
    let check = |parts: &[&[u8]], is_right: bool| {
        let answer = crate::authenticator::registration(CREDENTIAL, &words.client_data(), &parts.concat());
        let expect = (!is_right).then_some(PasskeyProblem::Malformed("attestation object"));
        assert_eq!(problem(answer.verify(&ceremony(), NOW)), expect, "{parts:02x?}");
    };
    check(&[b"\xa3", format, statement, data], true);
    check(&[b"\xa3", data, format, statement], true);
    check(&[b"\xa3", format, statement, data, b"\x00"], false);
    check(&[b"\xa3", format, format, data], false);
    check(&[b"\xa2", format, data], false);
    check(&[b"\xa4", format, statement, data, b"\x61a\x01"], false);
    check(&[b"\xa3", format, b"\x61a\x01", data], false);
    check(&[b"\xbf", format, statement, data, b"\xff"], false);
    check(&[b"\xa3", b"\x63fmt\x66packed", statement, data], true);
    check(&[b"\xa3", format, b"\x67attStmt\xa1\x61a\x01", data], false);
}

#[test]
fn options_say_what_is_accepted() {
    let passkey = passkey(&Authenticator::ed_dsa());
    let user = (HANDLE, "a@x.example");
    let new = |existing: &[Passkey]| {
        CreationOptions::new((&SITE, "Credits"), user, &CHALLENGE, existing, UserVerification::Required)
    };
    let options = new(std::slice::from_ref(&passkey)).unwrap();
    assert!(!format!("{options:?}").contains("a@x.example"));
    let handle = URL_SAFE_NO_PAD.encode(HANDLE);
    let challenge = URL_SAFE_NO_PAD.encode([5; 32]);
    let id = URL_SAFE_NO_PAD.encode(&passkey.credential_id);
    let expect = serde_json::json!({
        "rp": {"id": "credits.example", "name": "Credits"},
        "user": {"id": handle, "name": "a@x.example", "displayName": "a@x.example"},
        "challenge": challenge,
        "pubKeyCredParams": [
            {"type": "public-key", "alg": -7}, {"type": "public-key", "alg": -8}, {"type": "public-key", "alg": -257}
        ],
        "timeout": 300_000,
        "excludeCredentials": [{"type": "public-key", "id": id}],
        "authenticatorSelection":
            {"residentKey": "required", "requireResidentKey": true, "userVerification": "required"},
        "attestation": "none",
    });
    assert_eq!(serde_json::to_value(options).unwrap(), expect);
    let request = RequestOptions::new(&SITE, &CHALLENGE, &[], UserVerification::Preferred);
    let expect = serde_json::json!({
        "challenge": challenge, "timeout": 300_000, "rpId": "credits.example", "allowCredentials": [],
        "userVerification": "preferred",
    });
    assert_eq!(serde_json::to_value(request).unwrap(), expect);
    assert!(new(&vec![passkey; 20]).is_err());
}

#[test]
fn answers_are_read_as_browsers_write_them() {
    let json = r#"{"id":"AA","rawId":"AA","type":"public-key","authenticatorAttachment":"platform",
        "clientExtensionResults":{},"response":{"clientDataJSON":"e30","attestationObject":"oA",
        "transports":["internal"],"publicKeyAlgorithm":-7}}"#;
    let answer: RegistrationAnswer = serde_json::from_str(json).unwrap();
    assert_eq!(problem(answer.verify(&ceremony(), NOW)), Some(PasskeyProblem::Malformed("clientDataJSON")));
    let json = r#"{"id":"AA","rawId":"AA","type":"public-key","clientExtensionResults":{},
        "response":{"clientDataJSON":"e30","authenticatorData":"AA","signature":"AA","userHandle":null}}"#;
    let answer: AssertionAnswer = serde_json::from_str(json).unwrap();
    assert_eq!(answer.credential_id(), Ok(vec![0]));
    for (id, raw_id, kind) in
        [("AA", "AB", "public-key"), ("AA", "AA", "password"), ("", "", "public-key"), ("A=", "A=", "public-key")]
    {
        let mut wrong = answer.clone();
        (wrong.id, wrong.raw_id, wrong.r#type) = (id.to_owned(), raw_id.to_owned(), kind.to_owned());
        assert_eq!(problem(wrong.credential_id()), Some(PasskeyProblem::Malformed("credential id")), "{id} {kind}");
    }
}

#[test]
fn nobody_is_told_why_a_passkey_was_not_accepted() {
    let texts = [PasskeyProblem::Signature, PasskeyProblem::Origin].map(|one| IdentityError::Passkey(one).to_string());
    assert_eq!(texts[0], texts[1]);
}

/// Each part of an assertion, with the bit that is flipped in one of them.
fn flipped(authenticator: &Authenticator, part: usize, bit: usize) -> AssertionAnswer {
    let words = Words {
        more: r#","crossOrigin":false,"other":"a member that is not looked at""#,
        ..Words::assertion(&CHALLENGE)
    };
    let (client_data, data) = (words.client_data(), authenticator.data(&words));
    let signature = authenticator.sign(&[&data[..], &Sha256::digest(&client_data)].concat());
    let mut parts = [client_data, data, signature];
    let bits = parts[part].len() * 8;
    parts[part][bit % bits / 8] ^= 1 << (bit % 8);
    assertion(CREDENTIAL, &parts[0], &parts[1], &parts[2])
}

proptest! {
    #[test]
    fn every_flipped_bit_of_an_assertion_is_refused(part in 0_usize..3, bit in 0_usize..4_000) {
        for authenticator in both() {
            let passkey = passkey(authenticator);
            let answer = flipped(authenticator, part, bit);
            prop_assert!(answer.verify(&passkey, HANDLE, &ceremony(), NOW).is_err());
        }
    }

    #[test]
    fn whatever_comes_is_read_without_a_panic(
        client_data in prop::collection::vec(any::<u8>(), 0..80),
        object in prop::collection::vec(any::<u8>(), 0..200),
        at in 0_usize..200,
    ) {
        let words = Words::registration(&CHALLENGE);
        let _ = crate::authenticator::registration(b"a", &client_data, &object).verify(&ceremony(), NOW);
        // The same behind client data that holds, in an object that is right up to some byte.
        let right = URL_SAFE_NO_PAD.decode(ED_DSA.register(&words).response.attestation_object).unwrap();
        let mixed = [&right[..at.min(right.len())], &object].concat();
        let _ = crate::authenticator::registration(b"a", &words.client_data(), &mixed).verify(&ceremony(), NOW);
        let _ = assertion(b"a", &words.client_data(), &object, &client_data).credential_id();
    }
}
