//! The marks of notices, and which of them people have switched off.

use super::values::{Value, v};
use super::{PostgresStore, mail};
use crate::mail::{MailChoices, MutedNotice, NewMail, NoticeKind, NoticeMark, NoticeSubject, Notices};
use crate::traits::StoreError;
use async_trait::async_trait;
use opencredits_units::UserId;

/// Changes a row where the mark does.
const MARK: &str = "
    INSERT INTO notice_marks (kind, subject, raised) VALUES ($1, $2, $3)
    ON CONFLICT (kind, subject) DO UPDATE SET raised = excluded.raised WHERE notice_marks.raised <> excluded.raised";

#[async_trait]
impl Notices for PostgresStore {
    async fn marks(&self, kind: NoticeKind, first: u128, last: u128) -> Result<Vec<NoticeMark>, StoreError> {
        let query = "SELECT subject, raised FROM notice_marks
             WHERE kind = $1 AND subject BETWEEN $2 AND $3 ORDER BY subject";
        self.all(query, &[v(kind.name()), v(first.to_be_bytes()), v(last.to_be_bytes())], |cells| {
            Ok(NoticeMark { bits: u128::from_be_bytes(cells.array(0)?), raised: cells.flag(1)? })
        })
        .await
    }

    async fn arm(&self, subject: NoticeSubject) -> Result<(), StoreError> {
        self.execute(MARK, &mark(subject, false)).await?;
        Ok(())
    }

    async fn raise(&self, subject: NoticeSubject, mail: Option<&NewMail>) -> Result<bool, StoreError> {
        self.transaction(|transaction| async move {
            let is_raised = transaction.execute(MARK, &mark(subject, true)).await? == 1;
            if let Some(mail) = mail.filter(|_| is_raised) {
                transaction.execute(mail::ADD, &mail::columns(mail)).await?;
            }
            Ok(is_raised)
        })
        .await
    }
}

#[async_trait]
impl MailChoices for PostgresStore {
    async fn muted_of(&self, user: UserId) -> Result<Vec<MutedNotice>, StoreError> {
        let query = "SELECT kind, since FROM muted_notices WHERE user_id = $1 ORDER BY kind";
        self.all(query, &[v(user)], |cells| {
            let kind = cells.known(NoticeKind::from_name(&cells.text(0)?))?;
            Ok(MutedNotice { kind, since: cells.time(1)? })
        })
        .await
    }

    async fn mute(&self, user: UserId, muted: MutedNotice) -> Result<bool, StoreError> {
        let sql = "INSERT INTO muted_notices (user_id, kind, since) VALUES ($1, $2, $3)
             ON CONFLICT (user_id, kind) DO NOTHING";
        Ok(self.execute(sql, &[v(user), v(muted.kind.name()), v(muted.since)]).await? == 1)
    }

    async fn unmute(&self, user: UserId, kind: NoticeKind) -> Result<bool, StoreError> {
        let sql = "DELETE FROM muted_notices WHERE user_id = $1 AND kind = $2";
        Ok(self.execute(sql, &[v(user), v(kind.name())]).await? == 1)
    }
}

fn mark(subject: NoticeSubject, raised: bool) -> [Value; 3] {
    [v(subject.kind.name()), v(subject.bits.to_be_bytes()), v(raised)]
}
