//! What an act will do, with its amounts, before it is done.

use super::desk::{Desk, at, invalid, percent};
use super::orders::{find, refundable_minor};
use crate::admin::{Refusal, RefusalCode, Reset};
use crate::operator::{Act, CreditAct, KeyAct, KeyTerms, Move, PartnerAct, PersonAct, ServiceAct};
use crate::pages::dashboard::priced;
use opencredits_ledger::EntryKind;
use opencredits_pages::views::operator::{Cell, Fact, Preview, Remark, Tone};
use opencredits_service::accounts::{AccountsError, Wallet};
use opencredits_service::prices::{Applies, Refresh};
use opencredits_store::{Key, LimitOwner};
use opencredits_units::{BasisPoints, GenerationId, KeyId, NanoUsd, PartnerId, UnixMs, UserId};
use serde_json::Value;

/// What is shown of an act.
#[derive(Default)]
struct Seen {
    name: String,
    facts: Vec<Fact>,
    remarks: Vec<Remark>,
}

impl Seen {
    fn of(name: impl Into<String>) -> Self {
        Self { name: name.into(), ..Self::default() }
    }

    fn fact(mut self, state: &str, cell: Cell) -> Self {
        self.facts.push(Fact::of(state, cell));
        self
    }

    /// The same with a value where there is one.
    fn maybe(self, state: &str, value: Option<&str>) -> Self {
        match value {
            Some(value) => self.fact(state, Cell::text(value)),
            None => self,
        }
    }

    fn warn(mut self, state: &str) -> Self {
        self.remarks.push(Remark { state: state.to_owned(), class: Tone::Warn, ..Remark::default() });
        self
    }
}

pub(super) async fn of(desk: &Desk<'_>, act: &Act) -> Result<Preview, Refusal> {
    act.check()?;
    let seen = match act {
        Act::Credits(act) => of_credits(desk, act).await?,
        Act::Person(act) => of_person(desk, act).await?,
        Act::Key(act) => of_key(desk, act).await?,
        Act::Partner(act) => of_partner(desk, act).await?,
        Act::Service(act) => of_service(desk, act).await?,
    };
    let (id, confirm) = desk.who.confirmation(act);
    let Seen { name, facts, remarks } = seen;
    Ok(Preview { kind: kind(act), name, facts, remarks, id: id.to_string(), confirm })
}

/// The name of an act in requests, which is that of its words.
fn kind(act: &Act) -> String {
    let written = serde_json::to_value(act).unwrap_or_default();
    written.get("do").and_then(Value::as_str).unwrap_or_default().to_owned()
}

fn amount(desk: &Desk<'_>, credits: &str) -> Result<NanoUsd, Refusal> {
    let amount = desk.price().parse(credits);
    let amount = amount.map_err(|error| invalid(format!("{credits} is no amount of credits: {error}")))?;
    if amount > NanoUsd::ZERO { Ok(amount) } else { Err(invalid("the amount is not above zero")) }
}

async fn of_credits(desk: &Desk<'_>, act: &CreditAct) -> Result<Seen, Refusal> {
    let (of, is_given) = match act {
        CreditAct::Grant(of) | CreditAct::Add(of) | CreditAct::Refund { of, .. } => (of, true),
        CreditAct::Take(of) | CreditAct::Deduct(of) => (of, false),
    };
    let Move { user, credits, reason } = of;
    let amount = amount(desk, credits)?;
    let Wallet { user, balance } = desk.accounts().balance(&user.to_string()).await?;
    let after = match is_given {
        true => balance.available.checked_add(amount),
        false => balance.available.checked_sub(amount).filter(|after| *after >= NanoUsd::ZERO),
    };
    let after = after.ok_or_else(|| {
        let has = desk.credits(balance.available);
        invalid(format!("the balance of {has} credits does not cover this; take less"))
    })?;
    let mut seen = Seen::of(&user.label).fact("amount", desk.has(amount));
    if let CreditAct::Refund { generation, .. } = act {
        let charged = charged(desk, *generation).await?;
        seen = seen.fact("request", Cell::code(generation)).fact("charged", desk.charged(charged));
    }
    Ok(seen
        .fact("before", desk.has(balance.available))
        .fact("after", desk.has(after))
        .fact("reason", Cell::text(reason)))
}

/// What was charged for a request.
async fn charged(desk: &Desk<'_>, generation: GenerationId) -> Result<NanoUsd, Refusal> {
    let entry = desk.accounts().charge_of(generation).await?.filter(|entry| entry.kind == EntryKind::Capture);
    let paid = entry.and_then(|entry| entry.legs.first().and_then(|(_, amount)| amount.checked_neg()));
    paid.ok_or_else(|| Refusal { code: RefusalCode::NotFound, refused: format!("{generation} is not charged") })
}

async fn of_person(desk: &Desk<'_>, act: &PersonAct) -> Result<Seen, Refusal> {
    let label = |user: UserId| async move {
        let user = desk.accounts().find_user(&user.to_string()).await?;
        Ok::<_, Refusal>(Seen::of(user.label))
    };
    Ok(match act {
        PersonAct::Rename { user, label: new } => label(*user).await?.fact("label", Cell::text(new)),
        PersonAct::SetEmail { user, email } => {
            label(*user).await?.fact("email", Cell::text(email)).warn("signs_in_with")
        }
        PersonAct::RemoveEmail { user } => label(*user).await?.warn("signs_in_with"),
        PersonAct::Suspend { user, reason } => {
            label(*user).await?.fact("reason", Cell::text(reason)).warn("in_force_at_once")
        }
        PersonAct::Resume { user, reason } => {
            label(*user).await?.fact("reason", Cell::text(reason)).warn("in_force_at_once")
        }
        PersonAct::EndSessions { user } => {
            let (_, sessions) = desk.accounts().sessions_of(&user.to_string()).await?;
            let count = u64::try_from(sessions.len()).unwrap_or(u64::MAX);
            label(*user).await?.fact("sessions", Cell::many(count)).warn("in_force_at_once")
        }
        PersonAct::Restrict { user } => label(*user).await?.warn("keys_rest"),
        PersonAct::Unrestrict { user } | PersonAct::Object { user } | PersonAct::Unobject { user } => {
            label(*user).await?
        }
        PersonAct::Delete { user } => deletion(desk, label(*user).await?, *user).await?.warn("keys_rest"),
        PersonAct::DeleteNow { user } => {
            deletion(desk, label(*user).await?, *user).await?.warn("at_once").warn("for_ever")
        }
        PersonAct::Keep { user } => deletion(desk, label(*user).await?, *user).await?,
        PersonAct::SetLimit { user, partner, credits, reset } => {
            let seen = limit(desk, label(*user).await?, (*user, *partner)).await?;
            let reset = reset.map_or("never", reset_name);
            seen.fact("limit_new", desk.has(amount(desk, credits)?)).fact("reset", Cell::word(reset))
        }
        PersonAct::RemoveLimit { user, partner } => limit(desk, label(*user).await?, (*user, *partner)).await?,
        PersonAct::AddKey(key) => {
            let seen = label(key.user).await?.fact("key", Cell::text(&key.name)).warn("secret_once");
            let seen = match &key.credits {
                Some(credits) => seen.fact("limit", desk.has(amount(desk, credits)?)),
                None => seen,
            };
            let seen = match key.partner {
                Some(partner) => {
                    seen.fact("app", Cell::text(desk.accounts().find_partner(&partner.to_string()).await?.name))
                }
                None => seen,
            };
            terms(desk, seen, &key.terms)
        }
        PersonAct::AddManagementKey { user, name } => {
            label(*user).await?.fact("key", Cell::text(name)).warn("secret_once")
        }
    })
}

/// What a key may do. A bound of zero is none.
fn terms(desk: &Desk<'_>, seen: Seen, terms: &KeyTerms) -> Seen {
    let bound = |seen: Seen, state: &str, bound: Option<u32>| match bound {
        Some(0) => seen.fact(state, Cell::word("none")),
        Some(bound) => seen.fact(state, Cell::many(u64::from(bound))),
        None => seen,
    };
    let seen = match terms.reset {
        Some(reset) => seen.fact("reset", Cell::word(reset_name(reset))),
        None => seen,
    };
    let seen = match terms.expires_in_days {
        Some(0) => seen.fact("expires", Cell::word("never")),
        Some(days) => {
            let ms = u64::from(days).saturating_mul(UnixMs::DAY_MS);
            seen.fact("expires", at(desk.now.saturating_add_ms(ms)))
        }
        None => seen,
    };
    let models = terms.models.as_ref().map(|models| models.join(" "));
    let seen = seen.maybe("models", models.as_deref());
    let seen = bound(seen, "requests_per_minute", terms.requests_per_minute);
    let seen = bound(seen, "tokens_per_minute", terms.tokens_per_minute);
    bound(seen, "parallel", terms.parallel)
}

const fn reset_name(reset: Reset) -> &'static str {
    match reset {
        Reset::Daily => "daily",
        Reset::Weekly => "weekly",
        Reset::Monthly => "monthly",
    }
}

async fn deletion(desk: &Desk<'_>, seen: Seen, user: UserId) -> Result<Seen, Refusal> {
    let Some((privacy, _)) = &desk.state().admin.privacy else {
        return Err(invalid("people's data is elsewhere"));
    };
    let found = privacy.preview_deletion(user).await?;
    Ok(seen
        .fact("deletion", at(found.state.deletion_due_at.unwrap_or(found.due_at)))
        .fact("balance_lost", desk.has(found.balance))
        .fact("debt", desk.charged(found.debt))
        .fact("keys", Cell::many(found.footprint.keys))
        .fact("orders_kept", Cell::many(found.footprint.orders)))
}

async fn limit(desk: &Desk<'_>, seen: Seen, (user, partner): (UserId, Option<PartnerId>)) -> Result<Seen, Refusal> {
    let (seen, owner) = match partner {
        Some(partner) => {
            let app = desk.accounts().find_partner(&partner.to_string()).await?.name;
            (seen.fact("app", Cell::text(app)), LimitOwner::Grant(user, partner))
        }
        None => (seen, LimitOwner::Person(user)),
    };
    let before = desk.accounts().limit(owner).await?;
    Ok(seen.fact("limit", before.map_or(Cell::word("none"), |limit| desk.has(limit.limit.amount))))
}

async fn of_key(desk: &Desk<'_>, act: &KeyAct) -> Result<Seen, Refusal> {
    let (KeyAct::EditKey { key: id, .. }
    | KeyAct::SwitchOff { key: id }
    | KeyAct::SwitchOn { key: id }
    | KeyAct::RotateKey { key: id, .. }
    | KeyAct::RevokeKey { key: id }) = act;
    let Some(key) = desk.store()?.key(*id).await.map_err(AccountsError::from)? else {
        // Only a revocation is of a management key, too.
        return match act {
            KeyAct::RevokeKey { key } => Ok(Seen::of(key.to_string()).warn("in_force_at_once")),
            _ => Err(no_key(*id)),
        };
    };
    let seen = key_facts(desk, &key).await?;
    Ok(match act {
        KeyAct::EditKey { name, credits, no_limit, all_models, terms: new, .. } => {
            let seen = seen.maybe("label", name.as_deref());
            let seen = match (no_limit, credits) {
                (true, _) => seen.fact("limit_new", Cell::word("none")),
                (false, Some(credits)) => seen.fact("limit_new", desk.has(amount(desk, credits)?)),
                (false, None) => seen,
            };
            let seen = if *all_models { seen.fact("models", Cell::word("all")) } else { seen };
            terms(desk, seen, new)
        }
        KeyAct::RotateKey { overlap_hours, .. } => {
            seen.fact("overlap_hours", Cell::number(overlap_hours)).warn("secret_once")
        }
        KeyAct::SwitchOff { .. } | KeyAct::SwitchOn { .. } => seen.warn("in_force_at_once"),
        KeyAct::RevokeKey { .. } => seen.warn("in_force_at_once").warn("for_ever"),
    })
}

fn no_key(id: KeyId) -> Refusal {
    Refusal { code: RefusalCode::NotFound, refused: format!("there is no key {id}") }
}

async fn key_facts(desk: &Desk<'_>, key: &Key) -> Result<Seen, Refusal> {
    let limit = desk.accounts().left_of(key.limit).await?;
    Ok(Seen::of(&key.name)
        .fact("person", desk.person(key.user).await?)
        .fact("ends_in", Cell::code(&key.hint))
        .fact("limit", limit.map_or(Cell::word("none"), |limit| desk.has(limit.limit.amount))))
}

async fn of_partner(desk: &Desk<'_>, act: &PartnerAct) -> Result<Seen, Refusal> {
    let named =
        |partner: PartnerId| async move { Ok::<_, Refusal>(desk.accounts().find_partner(&partner.to_string()).await?) };
    Ok(match act {
        PartnerAct::EditPartner { partner, name, share_bps, markup_bps } => {
            let partner = named(*partner).await?;
            let seen = Seen::of(&partner.name).maybe("label", name.as_deref());
            let seen = changed(seen, ("share", "share_new"), (partner.share, *share_bps));
            changed(seen, ("markup", "markup_new"), (partner.markup, *markup_bps))
        }
        PartnerAct::SuspendPartner { partner, reason } | PartnerAct::ResumePartner { partner, reason } => {
            Seen::of(named(*partner).await?.name).fact("reason", Cell::text(reason)).warn("in_force_at_once")
        }
        PartnerAct::PayOut { partner, credits, reason } => {
            let partner = named(*partner).await?;
            let matured = desk.accounts().earnings_of(&partner).await?.matured;
            let paid = match credits {
                Some(credits) => amount(desk, credits)?,
                None => matured,
            };
            if paid > matured {
                let most = desk.credits(matured);
                return Err(invalid(format!("only {most} credits have matured; pay out less")));
            }
            let seen = Seen::of(partner.name).fact("amount", desk.has(paid)).fact("matured", desk.has(matured));
            seen.fact("reason", Cell::text(reason)).warn("payout_recorded")
        }
        PartnerAct::AddPartnerKey { partner, name } => {
            Seen::of(named(*partner).await?.name).fact("key", Cell::text(name)).warn("secret_once")
        }
        PartnerAct::RevokePartnerKey { partner, key } | PartnerAct::RevokePublishable { partner, key } => {
            let seen = Seen::of(named(*partner).await?.name).fact("key", Cell::code(key));
            seen.warn("in_force_at_once").warn("for_ever")
        }
        PartnerAct::Approve { application, share_bps, markup_bps } => {
            let seen = application_facts(desk, *application).await?;
            let seen = changed(seen, ("", "share_new"), (None, *share_bps));
            changed(seen, ("", "markup_new"), (None, *markup_bps))
        }
        PartnerAct::Reject { application, reason } => {
            application_facts(desk, *application).await?.fact("reason", Cell::text(reason)).warn("applicant_sees")
        }
    })
}

/// What a share or a markup was, and becomes; nothing where it stays.
fn changed(
    seen: Seen,
    (old_key, new_key): (&str, &str),
    (old, new): (Option<BasisPoints>, Option<BasisPoints>),
) -> Seen {
    let Some(new) = new else { return seen };
    let shown = |value: BasisPoints| percent(u64::from(value.get()));
    let seen = if old_key.is_empty() { seen } else { seen.fact(old_key, old.map_or(Cell::word("default"), shown)) };
    seen.fact(new_key, shown(new))
}

async fn application_facts(desk: &Desk<'_>, id: PartnerId) -> Result<Seen, Refusal> {
    let found = desk.store()?.application(id).await.map_err(AccountsError::from)?;
    let refused = format!("there is no application {id}");
    let found = found.ok_or(Refusal { code: RefusalCode::NotFound, refused })?;
    let seen = Seen::of(found.name).fact("person", desk.person(found.applicant).await?);
    Ok(seen.fact("url", Cell::text(found.url)).fact("origins", Cell::text(found.origins.join(" "))))
}

async fn of_service(desk: &Desk<'_>, act: &ServiceAct) -> Result<Seen, Refusal> {
    let prices = || desk.state().admin.prices.as_ref().ok_or_else(|| invalid("no price books are kept here"));
    Ok(match act {
        ServiceAct::AddPartner { name, share_bps } => changed(Seen::of(name), ("", "share_new"), (None, *share_bps)),
        ServiceAct::RefundOrder { order, amount_minor, reason } => {
            let order = find(desk, *order).await?;
            let left = refundable_minor(&order)?;
            let sent = amount_minor.unwrap_or(left);
            if sent <= 0 || sent > left {
                let most = priced(left, &order.currency);
                return Err(invalid(format!("{most} is left of what was paid; refund that or less")));
            }
            let money = |minor: i64| Cell::number(priced(minor, &order.currency));
            let seen = Seen::of(order.id.to_string()).fact("person", desk.person(order.user).await?);
            let seen =
                seen.fact("amount", money(sent)).fact("left", money(left)).fact("credits", desk.has(order.credits));
            seen.fact("reason", Cell::text(reason)).warn("credits_follow").warn("for_ever")
        }
        ServiceAct::Reread { order } => Seen::of(order.to_string()).warn("asks_processor"),
        ServiceAct::Reconcile => Seen::default().warn("asks_processor"),
        ServiceAct::Refresh { version, accept } => {
            let refresh = Refresh { from: None, accept: accept.clone(), applies: Applies::No };
            let found = prices()?.refresh(refresh).await?;
            if found.version.to_string() != *version {
                return Err(invalid("the source has another book by now; look at that one first"));
            }
            let open = u64::try_from(found.findings.len()).unwrap_or(u64::MAX);
            let seen = book(&found).fact("findings_open", Cell::many(open));
            if open > 0 { seen.warn("findings_left") } else { seen.warn("for_new_requests") }
        }
        ServiceAct::RollBack { version } => {
            book(&prices()?.roll_back(version, Applies::No).await?).warn("for_new_requests")
        }
        ServiceAct::RunJob { job } => {
            let jobs = desk.state().admin.jobs.as_ref().ok_or_else(|| invalid("no jobs run here"))?;
            let all = jobs.list().await?;
            let found = all.iter().find(|one| one.terms.name == job);
            let refused = format!("there is no job {job}");
            let found = found.ok_or(Refusal { code: RefusalCode::NotFound, refused })?;
            Seen::of(job).fact("does", Cell::text(found.terms.description))
        }
    })
}

/// What a price book changes.
fn book(found: &opencredits_service::prices::Refreshed) -> Seen {
    let many = |count: usize| Cell::many(u64::try_from(count).unwrap_or(u64::MAX));
    Seen::of(found.version.to_string())
        .fact("before_version", Cell::code(found.before))
        .fact("new_models", many(found.diff.added.len()))
        .fact("gone_models", many(found.diff.vanished.len()))
        .fact("changed_prices", many(found.diff.changed.len()))
}
