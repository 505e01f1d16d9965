//! Pictures and documents that were fetched for a request.

use bytes::Bytes;
use std::collections::HashMap;

/// A picture or document. It is content, so it cannot be printed.
pub struct Attachment {
    /// Its type, such as `image/png`.
    pub mime: String,
    /// Its bytes.
    pub bytes: Bytes,
}

/// The attachments that were fetched for a request, by URL, in base64.
#[derive(Default)]
pub struct Attached(HashMap<String, Encoded>);

/// An attachment as it goes into a body.
pub(crate) struct Encoded {
    pub(crate) mime: String,
    pub(crate) data: String,
}

impl Attached {
    /// Adds the attachment that was fetched from `address`.
    pub fn add(&mut self, address: String, attachment: &Attachment) {
        use base64::Engine;
        let data = base64::engine::general_purpose::STANDARD.encode(&attachment.bytes);
        self.0.insert(address, Encoded { mime: attachment.mime.clone(), data });
    }

    pub(crate) fn get(&self, address: &str) -> Option<&Encoded> {
        self.0.get(address)
    }
}
