//! Connects to PostgreSQL: one connection, or a pool of them; migrates tables there, and listens to its notifications.
//!
//! TLS is rustls with the provider ring. Where a server speaks TLS, its certificate is checked against the name of the host, whatever
//! `sslmode` is: with `require` there is no connection without TLS, with `prefer` (the default) there is one where the server has
//! none, with `disable` TLS is not tried. Sockets of the machine have no TLS.
//!
//! # What it refuses to do
//! It knows no table, except the one by which [`Turn`] marks data that is not whole yet. It repeats no statement: [`is_repeatable`]
//! tells a caller what may be repeated.
//!
//! # Invariants
//! - A password is in no error and in no `Debug`.
//! - The values of a row are in no error: of what the server says, its sentence and its code are kept, and no detail.
//!
//! # Example
//! ```
//! let settings = opencredits_postgres::Settings::parse("postgres://app:hunter2@db.example.org/app?sslmode=require").unwrap();
//! assert!(!format!("{settings:?}").contains("hunter2"));
//! ```

mod connect;
mod error;
mod listen;
mod migrate;
mod moving;
mod settings;

pub use connect::{Client, Pool, connect, connect_with_notices, pool};
pub use deadpool_postgres::Object;
pub use error::{DatabaseError, PostgresError, is_repeatable};
pub use listen::listen;
pub use migrate::migrate;
pub use moving::{Move, Turn, found_move, refuse_unfinished_move};
pub use settings::Settings;
