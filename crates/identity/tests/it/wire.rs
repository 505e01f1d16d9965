//! Requests and documents as they go over the wire.

use opencredits_identity::oauth::{
    AuthorizationServerMetadata, Bearer, BearerKind, Consent, DeviceAnswer, DeviceGrant, DeviceRequest, FamilyId,
    GrantLifetimes, Issuer, OauthError, OauthRefusal, Offer, ProtectedResourceMetadata, RevocationRequest,
    RevokedToken, TokenAnswer, TokenFamily, TokenRequest, UserCode,
};
use opencredits_keys::{KeyDigest, UserKey};
use opencredits_units::{UnixMs, UserId};
use serde_json::json;

const NOW: UnixMs = UnixMs::new(1_800_000_000_000);
const OFFER: Offer<'_> = Offer { scopes: &["spend", "balance"], resources: &["https://credits.example/v1"] };
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";

fn bearer(kind: BearerKind) -> Bearer {
    Bearer::generate(kind, [1; 32])
}

fn issuer() -> Issuer {
    Issuer::from_base_url("https://credits.example").unwrap()
}

#[test]
fn a_secret_is_known_by_its_prefix_and_stored_as_its_digest() {
    let kinds = [BearerKind::Code, BearerKind::Refresh, BearerKind::Device];
    for made in kinds {
        let secret = bearer(made);
        assert_eq!(format!("{secret:?}"), "Bearer(Secret(…))");
        for read in kinds {
            let expect = (made == read).then(|| secret.digest());
            assert_eq!(Bearer::digest_of(read, secret.reveal()), expect, "{made:?} {read:?}");
        }
        let text = secret.reveal();
        for wrong in [&text[..text.len() - 1], &format!("{text}A"), &text.replace('_', "-"), ""] {
            assert_eq!(Bearer::digest_of(made, wrong), None, "{wrong}");
        }
    }
    assert_ne!(bearer(BearerKind::Code).digest(), KeyDigest::from_bytes([0; 32]));
}

#[test]
fn a_token_request_is_read_by_its_grant_type() {
    let check = |form: &str, expect: Result<TokenRequest, OauthError>| {
        assert_eq!(TokenRequest::read(form).map_err(|refusal| refusal.error), expect, "{form}");
    };
    let (code, refresh, device) = (bearer(BearerKind::Code), bearer(BearerKind::Refresh), bearer(BearerKind::Device));
    let client_id = "app".to_owned();
    let verifier = opencredits_identity::oauth::CodeVerifier::parse(VERIFIER).unwrap();
    let text = code.reveal();
    check(
        &format!("grant_type=authorization_code&client_id=app&code={text}&code_verifier={VERIFIER}"),
        Ok(TokenRequest::Code { client_id: client_id.clone(), code: code.digest(), verifier, redirect_url: None }),
    );
    check(
        &format!("grant_type=refresh_token&client_id=app&refresh_token={}", refresh.reveal()),
        Ok(TokenRequest::Refresh { client_id: client_id.clone(), token: refresh.digest() }),
    );
    check(
        &format!(
            "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Adevice_code&client_id=app&device_code={}",
            device.reveal()
        ),
        Ok(TokenRequest::Device { client_id, code: device.digest() }),
    );
    check(&format!("grant_type=authorization_code&client_id=app&code={text}"), Err(OauthError::InvalidRequest));
    check(
        &format!("grant_type=authorization_code&code={text}&code_verifier={VERIFIER}"),
        Err(OauthError::InvalidRequest),
    );
    check(
        &format!("grant_type=authorization_code&client_id=app&code={text}&code={text}&code_verifier={VERIFIER}"),
        Err(OauthError::InvalidRequest),
    );
    check(&format!("grant_type=refresh_token&client_id=app&refresh_token={text}"), Err(OauthError::InvalidGrant));
    check("grant_type=password&username=a&password=b", Err(OauthError::UnsupportedGrantType));
    check("grant_type=", Err(OauthError::InvalidRequest));
    check("", Err(OauthError::InvalidRequest));
    check(&"a".repeat(9_000), Err(OauthError::InvalidRequest));
}

#[test]
fn a_token_of_nobody_is_revoked_without_a_word() {
    let check = |token: &str, expect: Option<RevokedToken>| {
        let form = format!("client_id=app&token={token}&token_type_hint=access_token");
        assert_eq!(RevocationRequest::read(&form).unwrap().token, expect, "{token}");
    };
    let (refresh, access) = (bearer(BearerKind::Refresh), UserKey::generate([1; 32]));
    check(refresh.reveal(), Some(RevokedToken::Refresh(refresh.digest())));
    check(access.reveal(), Some(RevokedToken::Access(access.digest())));
    check(bearer(BearerKind::Code).reveal(), None);
    check("something", None);
    assert_eq!(RevocationRequest::read("token=a").unwrap_err().error, OauthError::InvalidRequest);
}

#[test]
fn a_device_request_names_scopes_that_there_are() {
    let check = |form: &str, expect: Result<&str, OauthError>| {
        let found = DeviceRequest::read(form, &OFFER).map(|request| request.scopes.join(" "));
        assert_eq!(found.map_err(|refusal| refusal.error), expect.map(str::to_owned), "{form}");
    };
    check("client_id=app", Ok("spend balance"));
    check("client_id=app&scope=balance", Ok("balance"));
    check("client_id=app&scope=admin", Err(OauthError::InvalidScope));
    check("client_id=app&resource=https://evil.example", Err(OauthError::InvalidTarget));
    check("scope=balance", Err(OauthError::InvalidRequest));
}

#[test]
fn refusals_have_the_names_of_the_specifications() {
    let refusal = OauthRefusal::new(OauthError::SlowDown, "ask less often");
    assert_eq!(
        serde_json::to_value(refusal).unwrap(),
        json!({"error": "slow_down", "error_description": "ask less often"})
    );
    assert_eq!(refusal.to_string(), "slow_down: ask less often");
    let all = [
        OauthError::InvalidRequest,
        OauthError::InvalidClient,
        OauthError::InvalidGrant,
        OauthError::UnauthorizedClient,
        OauthError::UnsupportedGrantType,
        OauthError::UnsupportedResponseType,
        OauthError::InvalidScope,
        OauthError::InvalidTarget,
        OauthError::AccessDenied,
        OauthError::ServerError,
        OauthError::TemporarilyUnavailable,
        OauthError::AuthorizationPending,
        OauthError::SlowDown,
        OauthError::ExpiredToken,
        OauthError::UnsupportedTokenType,
    ];
    for error in all {
        assert_eq!(serde_json::to_value(error).unwrap(), json!(error.name()));
    }
}

#[test]
fn answers_have_the_members_of_the_specifications_and_hide_them_from_logs() {
    let (access, refresh, device) =
        (UserKey::generate([1; 32]), bearer(BearerKind::Refresh), bearer(BearerKind::Device));
    let consent = Consent {
        client_id: "app".to_owned(),
        user: UserId::from_bits(1),
        scopes: vec!["spend".to_owned(), "balance".to_owned()],
        resources: Vec::new(),
    };
    let family = TokenFamily::new(FamilyId::from_bits(7), consent, &refresh, NOW);
    let expires_at = family.access_until(&GrantLifetimes::default(), NOW);
    let answer = TokenAnswer::new(&family, (&access, expires_at), &refresh, NOW);
    assert_eq!(format!("{answer:?}"), "TokenAnswer(…)");
    let expect = json!({
        "access_token": access.reveal(), "token_type": "Bearer", "expires_in": 3_600, "refresh_token": refresh.reveal(),
        "scope": "spend balance",
    });
    assert_eq!(serde_json::to_value(answer).unwrap(), expect);
    let code = UserCode::draw([0; 32]).unwrap();
    let request = DeviceRequest::read("client_id=app", &OFFER).unwrap();
    let grant = DeviceGrant::new(request, &device, KeyDigest::from_bytes([0; 32]), NOW);
    let answer = DeviceAnswer::new(&grant, &device, &code, &issuer(), NOW);
    assert_eq!(format!("{answer:?}"), "DeviceAnswer(…)");
    let expect = json!({
        "device_code": device.reveal(), "user_code": "BBBB-BBBB", "verification_uri": "https://credits.example/device",
        "verification_uri_complete": "https://credits.example/device?user_code=BBBB-BBBB", "expires_in": 600, "interval": 5,
    });
    assert_eq!(serde_json::to_value(answer).unwrap(), expect);
}

#[test]
fn an_issuer_is_an_origin() {
    let check = |url: &str, expect: Option<&str>| {
        let found = Issuer::from_base_url(url).ok();
        assert_eq!(found.as_ref().map(Issuer::as_str), expect, "{url}");
    };
    check("https://credits.example", Some("https://credits.example"));
    check("https://credits.example/", Some("https://credits.example"));
    check("http://127.0.0.1:8080", Some("http://127.0.0.1:8080"));
    check("http://credits.example", None);
    check("https://credits.example/path", None);
    check("https://credits.example//", None);
    check("https://credits.example?a", None);
    check("https://Credits.example", None);
    check("", None);
}

#[test]
fn metadata_tells_what_there_is() {
    let server = serde_json::to_value(AuthorizationServerMetadata::new(&issuer(), &OFFER)).unwrap();
    let expect = json!({
        "issuer": "https://credits.example",
        "authorization_endpoint": "https://credits.example/oauth/authorize",
        "token_endpoint": "https://credits.example/oauth/token",
        "revocation_endpoint": "https://credits.example/oauth/revoke",
        "device_authorization_endpoint": "https://credits.example/oauth/device_authorization",
        "service_documentation": "https://credits.example/docs",
        "scopes_supported": ["spend", "balance"],
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported":
            ["authorization_code", "refresh_token", "urn:ietf:params:oauth:grant-type:device_code"],
        "token_endpoint_auth_methods_supported": ["none"],
        "revocation_endpoint_auth_methods_supported": ["none"],
        "code_challenge_methods_supported": ["S256"],
        "authorization_response_iss_parameter_supported": true,
        "protected_resources": ["https://credits.example/v1"],
    });
    assert_eq!(server, expect);
    let resource = serde_json::to_value(ProtectedResourceMetadata::new(&issuer(), "/v1", &OFFER)).unwrap();
    let expect = json!({
        "resource": "https://credits.example/v1",
        "authorization_servers": ["https://credits.example"],
        "scopes_supported": ["spend", "balance"],
        "bearer_methods_supported": ["header"],
        "resource_documentation": "https://credits.example/docs",
    });
    assert_eq!(resource, expect);
}
