//! Authenticators and OAuth clients.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use opencredits_identity::oauth::{Asked, Bearer, BearerKind, Client, Issuer, Offer};
use opencredits_identity::passkey::{
    AssertionAnswer, AttestationResponse, AuthenticatorResponse, Ceremony, Frames, Passkey, PasskeyChallenge,
    PublicKey, RegistrationAnswer, Site, UserVerification,
};
use opencredits_units::UnixMs;
use std::sync::LazyLock;

const NOW: UnixMs = UnixMs::new(1_800_000_000_000);
const CHALLENGE: PasskeyChallenge = PasskeyChallenge::new([5; 32], NOW);
const REDIRECT: &str = "https://app.example/back";
static SITE: LazyLock<Site> = LazyLock::new(|| Site::from_url("https://example.org").expect("a site"));

/// The first byte chooses what the others are: client data, an attestation object, a key, or an assertion.
///
/// # Panics
/// When client data of another origin or challenge is accepted, a key that does not read again as itself, or a signature.
pub fn passkey(bytes: &[u8]) {
    let Some((first, bytes)) = bytes.split_first() else { return };
    match first % 4 {
        0 => client_data(bytes),
        1 => drop(register(&right_client_data("webauthn.create"), bytes)),
        2 => key(bytes),
        _ => assertion(bytes),
    }
}

fn ceremony() -> Ceremony<'static> {
    let (verification, frames) = (UserVerification::Preferred, Frames::Refused);
    Ceremony { site: &SITE, challenge: &CHALLENGE, verification, frames }
}

fn right_client_data(kind: &str) -> Vec<u8> {
    let challenge = URL_SAFE_NO_PAD.encode(CHALLENGE.value);
    format!(r#"{{"type":"{kind}","challenge":"{challenge}","origin":"https://example.org"}}"#).into_bytes()
}

fn register(client_data: &[u8], object: &[u8]) -> Option<Passkey> {
    // The credential's id is wherever the object has it; the one of 32 bytes at its usual place is taken.
    let id = object.get(85..117).unwrap_or(b"credential");
    let answer = RegistrationAnswer {
        id: URL_SAFE_NO_PAD.encode(id),
        raw_id: URL_SAFE_NO_PAD.encode(id),
        r#type: "public-key".to_owned(),
        response: AttestationResponse {
            client_data_json: URL_SAFE_NO_PAD.encode(client_data),
            attestation_object: URL_SAFE_NO_PAD.encode(object),
        },
    };
    let passkey = answer.verify(&ceremony(), NOW).ok()?;
    assert_eq!(PublicKey::from_cose(passkey.public_key.as_cose()).as_ref(), Ok(&passkey.public_key));
    assert!(passkey.is_backup_eligible || !passkey.is_backed_up);
    Some(passkey)
}

fn client_data(bytes: &[u8]) {
    let answer = assert_with(bytes, &[0; 37], &[]);
    let accepted = !matches!(
        answer.verify(&stored(), b"", &ceremony(), NOW),
        Err(opencredits_identity::IdentityError::Passkey(
            opencredits_identity::PasskeyProblem::Malformed(_)
                | opencredits_identity::PasskeyProblem::Ceremony
                | opencredits_identity::PasskeyProblem::Challenge
                | opencredits_identity::PasskeyProblem::Origin
                | opencredits_identity::PasskeyProblem::Frame
        ))
    );
    if accepted {
        let json: serde_json::Value = serde_json::from_slice(bytes).expect("JSON");
        assert_eq!(json["type"], "webauthn.get");
        assert_eq!(json["origin"], "https://example.org");
        assert_eq!(json["challenge"], URL_SAFE_NO_PAD.encode(CHALLENGE.value));
        assert_ne!(json["crossOrigin"], true);
    }
}

fn key(bytes: &[u8]) {
    if let Ok(key) = PublicKey::from_cose(bytes) {
        assert_eq!(key.as_cose(), bytes);
    }
}

/// Nobody has the private key of the passkey that is asked for.
fn assertion(bytes: &[u8]) {
    let at = bytes.len().min(37);
    let (data, signature) = bytes.split_at(at);
    let answer = assert_with(&right_client_data("webauthn.get"), data, signature);
    assert!(answer.verify(&stored(), b"", &ceremony(), NOW).is_err());
}

fn assert_with(client_data: &[u8], data: &[u8], signature: &[u8]) -> AssertionAnswer {
    AssertionAnswer {
        id: URL_SAFE_NO_PAD.encode(b"credential"),
        raw_id: URL_SAFE_NO_PAD.encode(b"credential"),
        r#type: "public-key".to_owned(),
        response: AuthenticatorResponse {
            client_data_json: URL_SAFE_NO_PAD.encode(client_data),
            authenticator_data: URL_SAFE_NO_PAD.encode(data),
            signature: URL_SAFE_NO_PAD.encode(signature),
            user_handle: None,
        },
    }
}

fn stored() -> Passkey {
    // An Ed25519 key of the published vectors, whose private half is not used here.
    let mut cose = vec![0xa4, 0x01, 0x01, 0x03, 0x27, 0x20, 0x06, 0x21, 0x58, 0x20];
    cose.extend([
        0x44, 0xe0, 0x6d, 0xdd, 0x33, 0x1c, 0x36, 0xa8, 0xdc, 0x66, 0x7b, 0xab, 0x52, 0xbc, 0xae, 0x63, 0x48, 0x6c,
        0x91, 0x6a, 0xa5, 0xe3, 0x39, 0xe6, 0xac, 0xeb, 0xaa, 0x84, 0x93, 0x4b, 0xf8, 0x32,
    ]);
    Passkey {
        credential_id: b"credential".to_vec(),
        public_key: PublicKey::from_cose(&cose).expect("a key"),
        sign_count: 0,
        is_backup_eligible: false,
        is_backed_up: false,
    }
}

/// Whatever is asked, a person is sent to the registered redirect or nowhere, and the location is one line of ASCII.
///
/// # Panics
/// When they are sent elsewhere.
pub fn authorize(bytes: &[u8]) {
    let query = String::from_utf8_lossy(bytes);
    let redirect_urls = [REDIRECT.to_owned()];
    let offer = Offer { scopes: &["spend", "balance"], resources: &["https://credits.example/v1"] };
    let issuer = Issuer::from_base_url("https://credits.example").expect("an issuer");
    let code = Bearer::generate(BearerKind::Code, [1; 32]);
    let asked = Asked::read(&query);
    let checked = asked.and_then(|asked| asked.check(&Client { id: "app", redirect_urls: &redirect_urls }, &offer));
    let location = match checked {
        Ok(request) => Some(request.granted(&code, &issuer)),
        Err(refusal) => refusal.location(&issuer),
    };
    if let Some(location) = location {
        assert!(location.starts_with(&format!("{REDIRECT}?")), "{location}");
        assert!(location.bytes().all(|byte| (b'!'..=b'~').contains(&byte)), "{location:?}");
        let query = location.split_once('?').expect("a query").1;
        let named = form_urlencoded::parse(query.as_bytes()).filter(|(name, _)| name == "iss").count();
        assert_eq!(named, 1, "{location}");
    }
}
