//! The exact count of the input, where a balance is short: the estimate has a margin, and its bound a token for nearly each byte.

use super::large::elsewhere;
use super::plan::Plan;
use crate::fault::Fault;
use opencredits_providers::ExactInput;

impl Plan<'_> {
    /// Whether the input was not counted yet, and the vocabulary of a model is public.
    pub(super) fn may_be_counted(&self) -> bool {
        !self.is_counted && self.routes.iter().any(|planned| planned.candidate.model.family.vocabulary().is_some())
    }

    /// Counts the input of every route whose model has a public vocabulary, as it goes upstream. A vocabulary is read at its
    /// first use, so this is work for another thread.
    pub(super) async fn count_exactly(&mut self) -> Result<(), Fault> {
        // In a box, since every request would otherwise have room for it.
        Box::pin(self.counted_elsewhere()).await
    }

    async fn counted_elsewhere(&mut self) -> Result<(), Fault> {
        let mut counts = Vec::with_capacity(self.routes.len());
        for planned in &self.routes {
            let counted = match planned.candidate.model.family.vocabulary() {
                Some(vocabulary) => {
                    let owned = |(name, raw): (&str, &str)| (name.to_owned(), raw.to_owned());
                    let fields: Vec<_> = self.fields(planned).into_iter().map(owned).collect();
                    let borrowed = move || {
                        ExactInput::count(fields.iter().map(|(name, raw)| (name.as_str(), raw.as_str())), vocabulary)
                    };
                    elsewhere(borrowed).await?
                }
                None => None,
            };
            counts.push(counted);
        }
        for (planned, counted) in self.routes.iter_mut().zip(counts) {
            if let Some(exact) = counted {
                planned.count_exactly(exact);
            }
        }
        self.is_counted = true;
        Ok(())
    }
}
