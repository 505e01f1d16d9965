//! The admin socket and its requests.

use super::*;
use opencredits_ledger::Ledger;
use opencredits_service::accounts::{Accounts, Tables};
use opencredits_service::{Clock, Entropy};
use opencredits_store::SqliteStore;
use opencredits_units::{CreditPrice, UnixMs};
use serde_json::{Value, json};
use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

struct Fixed(AtomicU8);

impl Clock for Fixed {
    fn now(&self) -> UnixMs {
        UnixMs::new(1_790_000_000_000)
    }
}

impl Entropy for Fixed {
    fn fill(&self, bytes: &mut [u8]) {
        bytes.fill(self.0.fetch_add(1, Ordering::SeqCst));
    }
}

fn admin(dir: &Path) -> Admin {
    let fixed = Arc::new(Fixed(AtomicU8::new(1)));
    let accounts = Accounts::new(
        Ledger::in_memory().unwrap(),
        Tables::of(SqliteStore::open(dir.join("store.db")).unwrap()),
        fixed.clone(),
        fixed,
    );
    Admin::new(Arc::new(accounts), CreditPrice::default())
}

/// One request on a connection of its own: its status and its body.
fn exchange(socket: &Path, body: &str) -> (u16, Value) {
    let mut stream = UnixStream::connect(socket).unwrap();
    let length = body.len();
    let head = "POST /admin HTTP/1.1\r\nhost: admin\r\nconnection: close\r\n";
    // A body that is too large is refused before all of it is sent.
    let _refused_early = write!(stream, "{head}content-length: {length}\r\n\r\n{body}");
    let mut answer = Vec::new();
    let _closed_or_reset = stream.read_to_end(&mut answer);
    let answer = String::from_utf8(answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    (status, serde_json::from_str(body).unwrap_or(Value::Null))
}

async fn ask(socket: PathBuf, body: impl ToString) -> (u16, Value) {
    let body = body.to_string();
    tokio::task::spawn_blocking(move || exchange(&socket, &body)).await.unwrap()
}

/// Runs `test` against a served socket, then stops it.
async fn with_socket<F: Future<Output = ()>>(test: impl FnOnce(PathBuf) -> F) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join(SOCKET_FILE);
    let socket = AdminSocket::bind(dir.path()).unwrap();
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let serving = socket.serve(admin(dir.path()), async move {
        let _stop = stopped.await;
    });
    let testing = async {
        test(path.clone()).await;
        stop.send(()).unwrap();
    };
    tokio::join!(serving, testing);
    assert!(!path.exists(), "a stopped gateway leaves no socket behind");
}

#[tokio::test]
async fn only_its_owner_may_open_the_socket() {
    with_socket(|path| async move {
        let mode = std::fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let beside = std::fs::read_dir(path.parent().unwrap()).unwrap();
        let names: Vec<_> = beside.map(|file| file.unwrap().file_name()).collect();
        assert!(!names.iter().any(|name| name == ".admin.sock.new"));
    })
    .await;
}

#[tokio::test]
async fn a_socket_left_by_a_crash_is_replaced() {
    let dir = tempfile::tempdir().unwrap();
    drop(std::os::unix::net::UnixListener::bind(dir.path().join(SOCKET_FILE)).unwrap());
    std::fs::create_dir(dir.path().join(".admin.sock.new")).unwrap();
    std::fs::write(dir.path().join(".admin.sock.new/s"), b"").unwrap();
    AdminSocket::bind(dir.path()).unwrap();
}

#[tokio::test]
async fn a_path_that_is_too_long_for_a_socket_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let deep = dir.path().join("x".repeat(120));
    std::fs::create_dir(&deep).unwrap();
    let error = AdminSocket::bind(&deep).unwrap_err().to_string();
    assert!(error.contains("under 100 bytes"), "{error}");
}

#[tokio::test]
async fn a_socket_that_is_never_served_is_removed_again() {
    let dir = tempfile::tempdir().unwrap();
    drop(AdminSocket::bind(dir.path()).unwrap());
    assert!(!dir.path().join(SOCKET_FILE).exists());
}

#[tokio::test]
async fn what_goes_wrong_says_whose_fault_it_is() {
    with_socket(|path| async move {
        let cases = [
            (json!({"do": "balance", "user": "Eve"}), 404, "not_found"),
            (json!({"do": "add_user", "label": ""}), 400, "invalid"),
            (json!({"do": "fly"}), 400, "invalid"),
            (json!({"do": "balance"}), 400, "invalid"),
            (json!({"do": "balance", "user": "Eve", "usr": 1}), 400, "invalid"),
            (json!("x"), 400, "invalid"),
        ];
        for (request, status, code) in cases {
            let (got, refusal) = ask(path.clone(), &request).await;
            assert_eq!((got, &refusal["code"]), (status, &json!(code)), "{request}");
            assert!(refusal["refused"].is_string());
        }
        let add = json!({"do": "add_user", "label": "Ada"});
        assert_eq!(ask(path.clone(), &add).await.0, 200);
        assert_eq!(ask(path.clone(), &add).await.0, 409);
        let (large, _) = ask(path, format!("\"{}\"", "x".repeat(3 << 20))).await;
        assert_eq!(large, 413);
    })
    .await;
}

#[tokio::test]
async fn a_person_is_added_given_credits_and_a_key() {
    with_socket(|path| async move {
        let (_, added) = ask(path.clone(), json!({"do": "add_user", "label": "Ada"})).await;
        assert_eq!((&added["reply"], &added["user"]["label"]), (&json!("user_added"), &json!("Ada")));
        let grant = json!({"do": "grant_credits", "user": "Ada", "amount": {"credits": "500"}, "reason": ""});
        let (_, granted) = ask(path.clone(), grant).await;
        assert_eq!(granted["amount"], json!({"usd": "5", "credits": "500"}));
        assert_eq!(granted["balance"]["available"]["credits"], "500");
        let key = json!({"do": "add_key", "user": "Ada", "name": "k", "limit": {"usd": "1"}});
        let (_, key) = ask(path.clone(), key).await;
        assert!(key["key"].as_str().unwrap().starts_with("oc_sk_"));
        assert_eq!(key["record"]["limit"]["available"]["usd"], "1");
        let (_, entries) = ask(path.clone(), json!({"do": "ledger_entries", "of": {"user": "Ada"}, "max": 9})).await;
        assert_eq!(entries["entries"].as_array().unwrap().len(), 1);
        assert_eq!(entries["entries"][0]["legs"][0]["name"], "promotion");
        let (_, verified) = ask(path, json!({"do": "ledger_verify"})).await;
        assert_eq!((&verified["clean"], &verified["entries"]), (&json!(true), &json!(2)));
    })
    .await;
}

#[tokio::test]
async fn a_reply_is_printed_without_its_secret() {
    let dir = tempfile::tempdir().unwrap();
    let admin = admin(dir.path());
    let request = |value: Value| serde_json::from_value(value).unwrap();
    admin.answer(request(json!({"do": "add_user", "label": "Ada"}))).await.unwrap();
    let made = admin.answer(request(json!({"do": "add_key", "user": "Ada", "name": "k"}))).await;
    let made = made.unwrap();
    assert_eq!(format!("{made:?}"), "AdminReply(…)");
    let AdminReply::KeyAdded { key, record } = made else {
        panic!("no key was made");
    };
    assert!(!serde_json::to_string(&record).unwrap().contains(&key));
    let listed = admin.answer(request(json!({"do": "list_keys", "user": "Ada"}))).await.unwrap();
    assert!(!serde_json::to_string(&listed).unwrap().contains(&key));
}
