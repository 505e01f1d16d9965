//! Lists of bounded length, with a count of what is beyond.

/// Names that a report lists at most, of each kind.
const LISTED_MAX: usize = 100;

/// What a report names: the first of them, and how many there are beyond.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed<T> {
    /// The first, each once.
    pub first: Vec<T>,
    /// How many more there are. Beyond the first, one that comes twice counts twice.
    pub more: usize,
}

impl<T> Default for Listed<T> {
    fn default() -> Self {
        Self { first: Vec::new(), more: 0 }
    }
}

impl<T: PartialEq> Listed<T> {
    /// How many there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.first.len().saturating_add(self.more)
    }

    pub(super) fn add(&mut self, item: T) {
        if self.first.contains(&item) {
            return;
        }
        if self.first.len() < LISTED_MAX {
            self.first.push(item);
        } else {
            self.more = self.more.saturating_add(1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_names_each_once_and_counts_what_is_beyond_its_bound() {
        let mut listed = Listed::default();
        for number in (0..150).chain(0..10) {
            listed.add(number);
        }
        assert_eq!((listed.first.len(), listed.more, listed.count()), (100, 50, 150));
    }
}
