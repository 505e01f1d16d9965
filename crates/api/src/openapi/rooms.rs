//! The rooms by which operations are grouped.

/// Where the document is.
pub(crate) const PATH: &str = "/openapi.json";

/// A room: its name, what it is about, and how the paths in it begin.
pub(super) struct Room {
    pub(super) name: &'static str,
    pub(super) about: &'static str,
    paths: &'static [&'static str],
}

const fn room(name: &'static str, about: &'static str, paths: &'static [&'static str]) -> Room {
    Room { name, about, paths }
}

/// All rooms. A path is in the room that names the longest beginning of it.
pub(super) const ROOMS: [Room; 11] = [
    room(
        "Inference",
        "Requests to models, in the API that the client speaks. Bodies are the providers'.",
        &["/v1/chat/", "/v1/messages", "/v1/responses", "/v1/embeddings", "/v1beta/models/{model}:"],
    ),
    room("Models", "The models on sale, their prices and routes.", &["/v1/models", "/v1beta/models"]),
    room("Credits", "Balances, prices and purchases.", &["/v1/credits", "/v1/transactions"]),
    room("Usage", "Past requests and their bills.", &["/v1/generation", "/v1/generations", "/v1/activity"]),
    room("Keys", "Keys of a person.", &["/v1/key", "/v1/keys"]),
    room("Apps", "Apps that a person has connected, and their checkout.", &["/v1/apps", "/embed/"]),
    room("Partners", "What a partner earned, and how people become partners.", &["/v1/partner", "/v1/partners"]),
    room("Account", "Signing in, sessions, passkeys, and a person's data.", &["/v1/auth/", "/v1/account/"]),
    room(
        "OAuth",
        "OAuth 2.1 for apps, with the device flow, and what a person decides about an app.",
        &["/oauth/", "/.well-known/oauth-", "/auth", "/connect", "/device", "/api/v1/auth/keys"],
    ),
    room("Operator", "What the operator of the service does.", &["/v1/operator"]),
    room("Service", "The service itself.", &["/"]),
];

/// The room of a path.
pub(super) fn room_of(path: &str) -> Option<&'static Room> {
    let longest =
        |room: &Room| room.paths.iter().filter(|start| path.starts_with(**start)).map(|start| start.len()).max();
    ROOMS
        .iter()
        .filter_map(|room| longest(room).map(|length| (length, room)))
        .max_by_key(|(length, _)| *length)
        .map(|(_, room)| room)
}

/// Whether a path is one of inference.
pub(super) fn is_inference(path: &str) -> bool {
    room_of(path).is_some_and(|room| room.name == "Inference")
}
