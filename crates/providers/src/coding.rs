//! Content codings (RFC 9110, section 8.4): compressed bodies, decoded while they come.

use async_compression::tokio::bufread::{BrotliDecoder, GzipDecoder, ZlibDecoder, ZstdDecoder};
use bytes::Bytes;
use futures_util::{Stream, StreamExt, TryStreamExt};
use http::HeaderMap;
use http::header::CONTENT_ENCODING;
use http_body::{Body, Frame};
use http_body_util::{BodyStream, StreamBody};
use std::io;
use std::pin::Pin;
use tokio::io::AsyncRead;
use tokio_util::io::{ReaderStream, StreamReader};

/// A content coding that can be decoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Coding {
    /// RFC 1952.
    Gzip,
    /// RFC 1950.
    Deflate,
    /// RFC 7932.
    Brotli,
    /// RFC 8878.
    Zstd,
}

/// A content coding that cannot be decoded, or several.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the content coding is none of {}", Coding::NAMES)]
pub struct UnknownCoding;

/// An error of the body that is decoded, and not of its decoding.
#[derive(Debug, thiserror::Error)]
#[error("the body broke off")]
pub struct SourceError(#[source] pub Box<dyn std::error::Error + Send + Sync>);

impl SourceError {
    /// The source's error in an error of a decoded body; `None` where the body cannot be decoded.
    #[must_use]
    pub fn in_error(error: &io::Error) -> Option<&Self> {
        error.get_ref().and_then(|cause| cause.downcast_ref())
    }
}

/// The size of the decoded pieces, in bytes.
const PIECE_BYTES: usize = 16 << 10;

/// After so many decoded bytes other work of the thread is let in: a small body may become a large one without a wait.
const SLICE_BYTES: usize = 64 << 10;

/// A body in pieces.
type Pieces = Pin<Box<dyn Stream<Item = io::Result<Bytes>> + Send>>;

impl Coding {
    /// The names of all codings, as `Accept-Encoding` lists them.
    pub const NAMES: &'static str = "gzip, deflate, br, zstd";

    /// The coding that the headers name; `None` where the body is plain.
    ///
    /// # Errors
    /// When it cannot be decoded.
    pub fn of(headers: &HeaderMap) -> Result<Option<Self>, UnknownCoding> {
        let mut found = None;
        for value in headers.get_all(CONTENT_ENCODING) {
            for name in value.to_str().map_err(|_| UnknownCoding)?.split(',').map(str::trim) {
                let coding = match name.to_ascii_lowercase().as_str() {
                    "" | "identity" => continue,
                    "gzip" | "x-gzip" => Self::Gzip,
                    "deflate" => Self::Deflate,
                    "br" => Self::Brotli,
                    "zstd" => Self::Zstd,
                    _ => return Err(UnknownCoding),
                };
                if found.replace(coding).is_some() {
                    return Err(UnknownCoding);
                }
            }
        }
        Ok(found)
    }

    /// The decoded body. It is read as far as the result is, so that a small body cannot take much memory, and in slices,
    /// so that it cannot hold up a thread that serves.
    ///
    /// Its errors are those of the body, in a [`SourceError`], or say that it cannot be decoded.
    pub fn decoded<B>(self, body: B) -> impl Body<Data = Bytes, Error = io::Error> + Send + 'static
    where
        B: Body<Data = Bytes> + Send + 'static,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let pieces = BodyStream::new(body).map_err(|error| io::Error::other(SourceError(error.into())));
        let pieces = pieces.try_filter_map(|frame| async move { Ok(frame.into_data().ok()) });
        let reader = StreamReader::new(Box::pin(pieces));
        let decoded: Pieces = match self {
            Self::Gzip => {
                let mut decoder = GzipDecoder::new(reader);
                decoder.multiple_members(true);
                Box::pin(pieces_of(decoder))
            }
            Self::Deflate => Box::pin(pieces_of(ZlibDecoder::new(reader))),
            Self::Brotli => Box::pin(pieces_of(BrotliDecoder::new(reader))),
            Self::Zstd => Box::pin(pieces_of(ZstdDecoder::new(reader))),
        };
        StreamBody::new(in_slices(decoded).map(|piece| piece.map(Frame::data)))
    }
}

/// The same pieces, with a yield to the runtime after each slice.
fn in_slices(pieces: Pieces) -> Pieces {
    let mut slice = 0_usize;
    Box::pin(pieces.then(move |piece| {
        slice = slice.saturating_add(piece.as_ref().map_or(0, Bytes::len));
        let is_full = slice >= SLICE_BYTES;
        if is_full {
            slice = 0;
        }
        async move {
            if is_full {
                tokio::task::yield_now().await;
            }
            piece
        }
    }))
}

fn pieces_of(decoder: impl AsyncRead) -> ReaderStream<impl AsyncRead> {
    ReaderStream::with_capacity(decoder, PIECE_BYTES)
}

#[cfg(test)]
mod tests {
    use super::*;
    use async_compression::tokio::write::{BrotliEncoder, GzipEncoder, ZlibEncoder, ZstdEncoder};
    use http::HeaderValue;
    use http_body_util::{BodyExt, Full};
    use tokio::io::AsyncWriteExt;

    async fn coded(coding: Coding, text: &[u8]) -> Vec<u8> {
        macro_rules! with {
            ($encoder:ident) => {{
                let mut encoder = $encoder::new(Vec::new());
                encoder.write_all(text).await.unwrap();
                encoder.shutdown().await.unwrap();
                encoder.into_inner()
            }};
        }
        match coding {
            Coding::Gzip => with!(GzipEncoder),
            Coding::Deflate => with!(ZlibEncoder),
            Coding::Brotli => with!(BrotliEncoder),
            Coding::Zstd => with!(ZstdEncoder),
        }
    }

    #[tokio::test]
    async fn every_coding_is_decoded_and_what_is_cut_or_is_none_is_an_error() {
        let text = "The pilot waits for the tide. ".repeat(5_000);
        for coding in [Coding::Gzip, Coding::Deflate, Coding::Brotli, Coding::Zstd] {
            let bytes = coded(coding, text.as_bytes()).await;
            let decoded = |bytes: Vec<u8>| coding.decoded(Full::new(Bytes::from(bytes))).collect();
            assert_eq!(decoded(bytes.clone()).await.unwrap().to_bytes(), text, "{coding:?}");
            let cut = decoded(bytes[..bytes.len() / 2].to_vec()).await;
            assert!(cut.is_err_and(|error| SourceError::in_error(&error).is_none()), "{coding:?}");
            let plain = decoded(b"{\"model\": \"plain\"}".to_vec()).await;
            assert!(plain.is_err_and(|error| SourceError::in_error(&error).is_none()), "{coding:?}");
        }
    }

    #[tokio::test]
    async fn a_small_body_that_becomes_a_large_one_lets_other_work_of_its_thread_in() {
        let text = vec![b' '; 8 << 20];
        for coding in [Coding::Gzip, Coding::Deflate, Coding::Brotli, Coding::Zstd] {
            let bytes = coded(coding, &text).await;
            let decoded = coding.decoded(Full::new(Bytes::from(bytes))).collect();
            let mut turns = 0;
            let others = async {
                loop {
                    turns += 1;
                    tokio::task::yield_now().await;
                }
            };
            tokio::select! {
                biased;
                body = decoded => assert_eq!(body.unwrap().to_bytes().len(), text.len()),
                () = others => {}
            }
            assert!(turns >= text.len() / SLICE_BYTES / 2, "{coding:?}: {turns}");
        }
    }

    #[test]
    fn a_coding_is_found_in_any_case_and_several_are_unknown() {
        let check = |values: &[&'static str], expect: Result<Option<Coding>, UnknownCoding>| {
            let header = |value: &&'static str| (CONTENT_ENCODING, HeaderValue::from_static(value));
            assert_eq!(Coding::of(&values.iter().map(header).collect()), expect, "{values:?}");
        };
        check(&[], Ok(None));
        check(&["identity"], Ok(None));
        check(&["GZIP"], Ok(Some(Coding::Gzip)));
        check(&["identity, br"], Ok(Some(Coding::Brotli)));
        check(&["deflate"], Ok(Some(Coding::Deflate)));
        check(&["zstd"], Ok(Some(Coding::Zstd)));
        check(&["gzip, br"], Err(UnknownCoding));
        check(&["gzip", "br"], Err(UnknownCoding));
        check(&["compress"], Err(UnknownCoding));
    }
}
