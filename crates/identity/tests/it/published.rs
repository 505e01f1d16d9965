//! The test vectors that the specifications publish.

use crate::authenticator::{assertion, registration};
use opencredits_identity::PasskeyProblem;
use opencredits_identity::passkey::{Algorithm, Ceremony, Counter, Frames, PasskeyChallenge, Site, UserVerification};
use opencredits_identity::{IdentityError, oauth::CodeChallenge, oauth::CodeVerifier};
use opencredits_units::UnixMs;

const NOW: UnixMs = UnixMs::new(1_800_000_000_000);
const WEBAUTHN: &str = include_str!("published.txt");

/// The bytes under `name` in a section.
fn bytes(section: &str, name: &str) -> Vec<u8> {
    let (_, rest) = WEBAUTHN.split_once(&format!("[{section}]\n")).unwrap();
    let line = rest.lines().find_map(|line| line.strip_prefix(&format!("{name} "))).unwrap();
    line.as_bytes().chunks(2).map(|two| u8::from_str_radix(std::str::from_utf8(two).unwrap(), 16).unwrap()).collect()
}

/// WebAuthn Level 3, sections 16.2, 16.3, 16.10 and 16.11.
#[test]
fn the_vectors_of_webauthn_hold() {
    let site = Site::from_url("https://example.org").unwrap();
    let check = |section: &str, algorithm: Algorithm| {
        let challenge = |name: &str| PasskeyChallenge::new(bytes(section, name).try_into().unwrap(), NOW);
        let id = bytes(section, "credential_id");
        let created = challenge("create_challenge");
        let asked = |challenge| Ceremony {
            site: &site,
            challenge,
            verification: UserVerification::Preferred,
            frames: Frames::Refused,
        };
        let answer = registration(&id, &bytes(section, "create_client_data"), &bytes(section, "attestation_object"));
        let passkey = answer.verify(&asked(&created), NOW).unwrap();
        assert_eq!(passkey.public_key.algorithm(), algorithm, "{section}");
        let got = challenge("get_challenge");
        let (client_data, data) = (bytes(section, "get_client_data"), bytes(section, "authenticator_data"));
        let signature = bytes(section, "signature");
        let verify =
            |signature: &[u8]| assertion(&id, &client_data, &data, signature).verify(&passkey, b"", &asked(&got), NOW);
        assert_eq!(verify(&signature).map(|asserted| asserted.counter), Ok(Counter::Unused), "{section}");
        for bit in (0..signature.len() * 8).step_by(29) {
            let mut flipped = signature.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(verify(&flipped), Err(IdentityError::Passkey(PasskeyProblem::Signature)), "{section} {bit}");
        }
        // Nobody was verified in these vectors, so that a site that requires it refuses them.
        let required = Ceremony { verification: UserVerification::Required, ..asked(&got) };
        let refused = assertion(&id, &client_data, &data, &signature).verify(&passkey, b"", &required, NOW);
        assert_eq!(refused, Err(IdentityError::Passkey(PasskeyProblem::NotVerified)), "{section}");
    };
    check("none.ES256", Algorithm::Es256);
    check("packed-self.ES256", Algorithm::Es256);
    check("packed.RS256", Algorithm::Rs256);
    check("packed.EdDSA", Algorithm::EdDsa);
}

/// RFC 7636, appendix B.
#[test]
fn the_vector_of_pkce_holds() {
    let challenge = CodeChallenge::parse("E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM").unwrap();
    let check = |verifier: &str, is_met: bool| {
        assert_eq!(challenge.is_met_by(&CodeVerifier::parse(verifier).unwrap()), is_met, "{verifier}");
    };
    check("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk", true);
    check("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXl", false);
    check("E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM", false);
}
