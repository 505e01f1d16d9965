//! An authenticator in software: it makes keys with ring and answers as WebAuthn says.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use minicbor::Encoder;
use opencredits_identity::passkey::{
    AssertionAnswer, AttestationResponse, AuthenticatorResponse, PasskeyChallenge, RegistrationAnswer,
};
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _};
use sha2::{Digest as _, Sha256};

pub(crate) const UP: u8 = 0x01;
pub(crate) const UV: u8 = 0x04;
pub(crate) const BE: u8 = 0x08;
pub(crate) const BS: u8 = 0x10;
pub(crate) const AT: u8 = 0x40;
pub(crate) const ED: u8 = 0x80;

pub(crate) const ORIGIN: &str = "https://credits.example";
pub(crate) const RP_ID: &str = "credits.example";
pub(crate) const CREDENTIAL: &[u8] = b"credential 1";

pub(crate) enum Authenticator {
    Es256(EcdsaKeyPair, SystemRandom),
    EdDsa(Ed25519KeyPair),
}

/// What an authenticator and its browser say; a test changes what it wants to see refused.
pub(crate) struct Words {
    pub(crate) kind: &'static str,
    pub(crate) challenge: [u8; 32],
    pub(crate) origin: &'static str,
    /// JSON members behind those that are always there.
    pub(crate) more: &'static str,
    pub(crate) rp_id: &'static str,
    pub(crate) flags: u8,
    pub(crate) sign_count: u32,
    pub(crate) extensions: &'static [u8],
    pub(crate) format: &'static str,
    /// The CBOR of the attestation statement.
    pub(crate) statement: &'static [u8],
    /// Bytes behind the authenticator data.
    pub(crate) tail: &'static [u8],
}

impl Words {
    pub(crate) fn registration(challenge: &PasskeyChallenge) -> Self {
        Self {
            kind: "webauthn.create",
            challenge: challenge.value,
            origin: ORIGIN,
            more: r#","crossOrigin":false"#,
            rp_id: RP_ID,
            flags: UP | UV | BE | AT,
            sign_count: 0,
            extensions: &[],
            format: "none",
            statement: &[0xa0],
            tail: &[],
        }
    }

    pub(crate) fn assertion(challenge: &PasskeyChallenge) -> Self {
        Self { kind: "webauthn.get", flags: UP | UV | BE, ..Self::registration(challenge) }
    }

    pub(crate) fn client_data(&self) -> Vec<u8> {
        let challenge = URL_SAFE_NO_PAD.encode(self.challenge);
        format!(r#"{{"type":"{}","challenge":"{challenge}","origin":"{}"{}}}"#, self.kind, self.origin, self.more)
            .into_bytes()
    }
}

impl Authenticator {
    pub(crate) fn es256() -> Self {
        let random = SystemRandom::new();
        let document = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &random).unwrap();
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, document.as_ref(), &random).unwrap();
        Self::Es256(pair, random)
    }

    pub(crate) fn ed_dsa() -> Self {
        Self::EdDsa(Ed25519KeyPair::from_seed_unchecked(&[7; 32]).unwrap())
    }

    pub(crate) fn cose(&self) -> Vec<u8> {
        let mut encoder = Encoder::new(Vec::new());
        match self {
            Self::Es256(pair, _) => {
                let point = pair.public_key().as_ref();
                let (x, y) = (&point[1..33], &point[33..]);
                encoder.map(5).unwrap().i8(1).unwrap().i8(2).unwrap().i8(3).unwrap().i8(-7).unwrap();
                encoder
                    .i8(-1)
                    .unwrap()
                    .i8(1)
                    .unwrap()
                    .i8(-2)
                    .unwrap()
                    .bytes(x)
                    .unwrap()
                    .i8(-3)
                    .unwrap()
                    .bytes(y)
                    .unwrap();
            }
            Self::EdDsa(pair) => {
                encoder.map(4).unwrap().i8(1).unwrap().i8(1).unwrap().i8(3).unwrap().i8(-8).unwrap();
                encoder.i8(-1).unwrap().i8(6).unwrap().i8(-2).unwrap().bytes(pair.public_key().as_ref()).unwrap();
            }
        }
        encoder.into_writer()
    }

    pub(crate) fn data(&self, words: &Words) -> Vec<u8> {
        let mut data = Sha256::digest(words.rp_id.as_bytes()).to_vec();
        data.push(words.flags);
        data.extend(words.sign_count.to_be_bytes());
        if words.flags & AT != 0 {
            data.extend([0xaa; 16]);
            data.extend(u16::try_from(CREDENTIAL.len()).unwrap().to_be_bytes());
            data.extend(CREDENTIAL);
            data.extend(self.cose());
        }
        data.extend(words.extensions);
        data.extend(words.tail);
        data
    }

    pub(crate) fn sign(&self, message: &[u8]) -> Vec<u8> {
        match self {
            Self::Es256(pair, random) => pair.sign(random, message).unwrap().as_ref().to_vec(),
            Self::EdDsa(pair) => pair.sign(message).as_ref().to_vec(),
        }
    }

    pub(crate) fn register(&self, words: &Words) -> RegistrationAnswer {
        let mut encoder = Encoder::new(Vec::new());
        encoder.map(3).unwrap().str("fmt").unwrap().str(words.format).unwrap().str("attStmt").unwrap();
        encoder.writer_mut().extend(words.statement);
        encoder.str("authData").unwrap().bytes(&self.data(words)).unwrap();
        registration(CREDENTIAL, &words.client_data(), &encoder.into_writer())
    }

    pub(crate) fn assert(&self, words: &Words) -> AssertionAnswer {
        let (client_data, data) = (words.client_data(), self.data(words));
        let signature = self.sign(&[&data[..], &Sha256::digest(&client_data)].concat());
        assertion(CREDENTIAL, &client_data, &data, &signature)
    }
}

pub(crate) fn registration(id: &[u8], client_data: &[u8], object: &[u8]) -> RegistrationAnswer {
    RegistrationAnswer {
        id: URL_SAFE_NO_PAD.encode(id),
        raw_id: URL_SAFE_NO_PAD.encode(id),
        r#type: "public-key".to_owned(),
        response: AttestationResponse {
            client_data_json: URL_SAFE_NO_PAD.encode(client_data),
            attestation_object: URL_SAFE_NO_PAD.encode(object),
        },
    }
}

pub(crate) fn assertion(id: &[u8], client_data: &[u8], data: &[u8], signature: &[u8]) -> AssertionAnswer {
    AssertionAnswer {
        id: URL_SAFE_NO_PAD.encode(id),
        raw_id: URL_SAFE_NO_PAD.encode(id),
        r#type: "public-key".to_owned(),
        response: AuthenticatorResponse {
            client_data_json: URL_SAFE_NO_PAD.encode(client_data),
            authenticator_data: URL_SAFE_NO_PAD.encode(data),
            signature: URL_SAFE_NO_PAD.encode(signature),
            user_handle: None,
        },
    }
}
