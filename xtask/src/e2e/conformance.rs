//! Every recorded answer as a model of its own, for the client that reads answers with the SDKs' types.

use super::pricing::{Known, PRICE};
use super::replayed::{SANDBOX, vendor_lines};
use crate::gateway::{Mind, Plan};
use crate::meter::{Forms, Reader};
use crate::outcome::Outcome;
use opencredits_providers::Dialect;
use opencredits_testkit::{Recording, recordings, shared_dir};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Streams of each dialect that also come cut short.
const CUTS: usize = 4;
/// A shorter stream may end before anything of it is an answer.
const CUT_BYTES_MIN: usize = 3_000;

/// A recording, or a part of it, behind a model.
struct Recorded {
    model: String,
    upstream_model: String,
    dialect: Dialect,
    recording: Recording,
    is_cut: bool,
}

/// All recorded answers of the dialects that the gateway has in front.
#[derive(Default)]
pub(super) struct Conformance {
    answers: Vec<Recorded>,
    is_read: bool,
}

impl Conformance {
    /// None without the shared folder.
    pub(super) fn read() -> Outcome<Self> {
        let forms = Forms::read()?;
        let mut cuts: BTreeMap<&str, usize> = BTreeMap::new();
        let mut answers = Vec::new();
        for mut recording in recordings(|row| !row.api.ends_with("-completions")) {
            let Ok(Reader::Dialect(dialect)) = forms.reader(&recording) else { continue };
            if dialect == Dialect::CohereChat || recording.row.api.ends_with("-embed") {
                continue;
            }
            // The replaying server knows a recording by its dialect.
            dialect.name().clone_into(&mut recording.row.api);
            let id = recording.id.clone();
            let bytes = recording.body.len();
            let of_dialect = cuts.entry(dialect.name()).or_default();
            let may_be_cut = recording.row.stream && recording.row.status == 200 && bytes >= CUT_BYTES_MIN;
            if may_be_cut && *of_dialect < CUTS {
                *of_dialect += 1;
                answers.push(Recorded {
                    model: format!("recorded/{id}-cut"),
                    upstream_model: format!("{id}+cut={}", bytes * 2 / 3),
                    dialect,
                    recording: recording.clone(),
                    is_cut: true,
                });
            }
            answers.push(Recorded {
                model: format!("recorded/{id}"),
                upstream_model: id,
                dialect,
                recording,
                is_cut: false,
            });
        }
        Ok(Self { answers, is_read: true })
    }

    /// What the replaying server needs.
    pub(super) fn recordings(&self) -> impl Iterator<Item = Recording> {
        self.answers.iter().filter(|answer| !answer.is_cut).map(|answer| answer.recording.clone())
    }

    /// A vendor for each, so that one whose answer is an error is not given a rest with all others.
    pub(super) fn add_to(&self, plan: &mut Plan, replay_url: &str) {
        for answer in &self.answers {
            let name = answer.dialect.name();
            let vendor = answer.model.replace('/', "-");
            plan.vendor(&vendor, name, replay_url, vendor_lines(name));
            let upstream = (vendor.as_str(), answer.upstream_model.as_str());
            if answer.dialect == Dialect::OpenaiEmbeddings {
                plan.embedding(&answer.model, upstream, &PRICE);
            } else {
                plan.model(&answer.model, upstream, Mind::Thinks, &PRICE);
            }
        }
    }

    /// Usage that the recordings report is compared by `cargo xtask meter`; what is odd for a short question is estimated,
    /// and so is what the sandbox breaks off.
    pub(super) fn known(&self) -> impl Iterator<Item = (String, Known)> {
        let known = |rates| Known { rates, recorded_pico: None, may_be_estimated: true };
        let answers = self.answers.iter().map(move |answer| (answer.model.clone(), known(Some(PRICE))));
        let sandbox = SANDBOX.into_iter().filter(|_| self.is_read).map(move |model| (model.to_owned(), known(None)));
        answers.chain(sandbox)
    }

    /// What the client reads of them.
    pub(super) fn told(&self) -> Value {
        let folder = shared_dir().unwrap_or_default().join("recordings");
        let told = self.answers.iter().map(|answer| {
            let row = &answer.recording.row;
            json!({
                "model": answer.model,
                "dialect": answer.dialect.name(),
                "file": folder.join(&row.file).display().to_string(),
                "stream": row.stream,
                "status": row.status,
                "cut": answer.is_cut,
            })
        });
        told.collect()
    }
}
