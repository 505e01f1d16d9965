//! The factors of a vocabulary: least squares over pieces of text, none of them negative.

use super::vocabulary::Vocabulary;
use opencredits_estimate::{Class, TextAmount};

/// Characters of a piece.
const PIECE_CHARS: usize = 600;
/// Rounds over all factors; the sums change little after a few dozen.
const ROUNDS: usize = 400;
/// Units of a token.
const UNITS: f64 = 128.0;
/// Two factors for each class: one of its tokens, one of its characters.
const FACTORS: usize = 2 * Class::ALL.len();

/// Prints the factors of a vocabulary in the form of the families' file.
pub(super) fn print(vocabulary: &Vocabulary, texts: &[String]) {
    let rows: Vec<[f64; FACTORS]> =
        texts.iter().flat_map(|text| pieces(text)).map(|text| row(vocabulary, &text)).collect();
    let factors = fitted(&rows);
    println!("[vocabulary.{}]", vocabulary.name);
    for (at, class) in Class::ALL.iter().enumerate() {
        let [tokens, chars] = [factors[2 * at], factors[2 * at + 1]].map(|factor| (factor * 100.0).round());
        println!("{class:?} = {{ tokens = {tokens}, chars = {chars} }}");
    }
}

fn pieces(text: &str) -> Vec<String> {
    let chars: Vec<char> = text.chars().collect();
    chars.chunks(PIECE_CHARS).map(|piece| piece.iter().collect()).collect()
}

/// The counts of a piece for one real token of it.
fn row(vocabulary: &Vocabulary, text: &str) -> [f64; FACTORS] {
    let mut amount = TextAmount::default();
    amount.push(text);
    let mut row = [0.0; FACTORS];
    #[expect(clippy::cast_precision_loss, reason = "a count of tokens")]
    let real = vocabulary.count(text).max(1) as f64;
    for (at, (_, counted)) in amount.by_class().enumerate() {
        row[2 * at] = f64::from(counted.units) / UNITS / real;
        row[2 * at + 1] = f64::from(counted.chars) / real;
    }
    row
}

/// Coordinate descent: each factor in turn takes the value that fits best beside the others.
fn fitted(rows: &[[f64; FACTORS]]) -> [f64; FACTORS] {
    let mut factors = [0.0; FACTORS];
    let mut left: Vec<f64> = vec![1.0; rows.len()];
    for _ in 0..ROUNDS {
        for at in 0..FACTORS {
            let square: f64 = rows.iter().map(|row| row[at] * row[at]).sum();
            if square == 0.0 {
                continue;
            }
            let step: f64 = rows.iter().zip(&left).map(|(row, left)| row[at] * left).sum::<f64>() / square;
            let value = (factors[at] + step).max(0.0);
            let change = value - factors[at];
            factors[at] = value;
            rows.iter().zip(&mut left).for_each(|(row, left)| *left -= change * row[at]);
        }
    }
    factors
}
