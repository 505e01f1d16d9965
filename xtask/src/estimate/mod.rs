//! `cargo xtask estimate`: estimated tokens against real tokenizers, by class of text.

mod factors;
mod texts;
mod vocabulary;

use crate::outcome::Outcome;
use opencredits_estimate::fit::{Fit, Sample};
use opencredits_estimate::{Family, TextAmount};
use serde_json::{Map, json};
use std::collections::{BTreeSet, HashMap};
use std::path::{Path, PathBuf};
use vocabulary::Vocabulary;

/// Where the tables are.
const TABLES: &str = "crates/estimate/data/boundaries.bin";
/// The context of a character depends on the tables, so that they are made in rounds.
const ROUNDS: usize = 4;

/// What to compare, and how to show it.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Compare texts of a folder too: each `.txt` is a class
    #[arg(long)]
    texts: Option<PathBuf>,
    /// Compare with a byte-level vocabulary too: a `tokenizer.json`
    #[arg(long)]
    vocabulary: Option<PathBuf>,
    /// Print one flat JSON object instead of a table
    #[arg(long)]
    json: bool,
    /// Make the tables anew from the texts of a folder, before anything is compared
    #[arg(long, value_name = "DIR")]
    fit: Option<PathBuf>,
    /// Print the factors of each vocabulary, from the texts of a folder
    #[arg(long, value_name = "DIR")]
    factors: Option<PathBuf>,
}

pub(crate) fn run(args: &Args) -> Outcome {
    if let Some(folder) = &args.fit {
        std::fs::write(TABLES, fit(folder)?)?;
        println!("{TABLES} is made; run again to compare with it");
        return Ok(());
    }
    let mut vocabularies = Vocabulary::public();
    if let Some(path) = &args.vocabulary {
        vocabularies.push(Vocabulary::read(path)?);
    }
    if let Some(folder) = &args.factors {
        let texts = texts_to_learn(folder)?;
        vocabularies.iter().for_each(|vocabulary| factors::print(vocabulary, &texts));
        return Ok(());
    }
    let mut classes = texts::classes()?;
    if let Some(folder) = &args.texts {
        classes.extend(texts_in(folder)?);
    }
    let ratios: Vec<(String, Vec<f64>)> = classes
        .into_iter()
        .map(|(class, text)| {
            let of = |vocabulary: &Vocabulary| ratio(vocabulary, &text);
            (class, vocabularies.iter().map(of).collect())
        })
        .collect();
    if args.json {
        let mut object = Map::new();
        for (at, vocabulary) in vocabularies.iter().enumerate() {
            let (least, median) = figures(&ratios, at);
            object.insert(format!("{}_least", vocabulary.name), json!(least));
            object.insert(format!("{}_median", vocabulary.name), json!(median));
        }
        object.insert("classes".to_owned(), json!(ratios.len()));
        println!("{}", serde_json::Value::Object(object));
        return Ok(());
    }
    let line = |name: &str, ratios: &[f64]| {
        print!("{name:<40}");
        ratios.iter().for_each(|ratio| print!(" {:>12.1} %", ratio * 100.0));
        println!();
    };
    print!("{:<40}", "ESTIMATED OF REAL TOKENS");
    vocabularies.iter().for_each(|vocabulary| print!(" {:>14}", vocabulary.name));
    println!();
    ratios.iter().for_each(|(class, ratios)| line(class, ratios));
    let all: Vec<(f64, f64)> = (0..vocabularies.len()).map(|at| figures(&ratios, at)).collect();
    line("least", &all.iter().map(|(least, _)| *least).collect::<Vec<_>>());
    line("median", &all.iter().map(|(_, median)| *median).collect::<Vec<_>>());
    Ok(())
}

/// The least ratio and the median.
fn figures(ratios: &[(String, Vec<f64>)], at: usize) -> (f64, f64) {
    let mut of_one: Vec<f64> = ratios.iter().map(|(_, ratios)| ratios[at]).collect();
    of_one.sort_by(f64::total_cmp);
    (of_one[0], of_one[of_one.len() / 2])
}

fn ratio(vocabulary: &Vocabulary, text: &str) -> f64 {
    let mut amount = TextAmount::default();
    amount.push(text);
    let estimate = amount.tokens(Family::of(&[vocabulary.model]));
    #[expect(clippy::cast_precision_loss, reason = "a ratio of token counts")]
    let ratio = estimate as f64 / vocabulary.count(text) as f64;
    ratio
}

fn texts_in(folder: &Path) -> Outcome<Vec<(String, String)>> {
    let mut texts = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "txt") {
            let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
            texts.push((name, String::from_utf8_lossy(&std::fs::read(&path)?).into_owned()));
        }
    }
    texts.sort();
    if texts.is_empty() { Err(format!("{} has no .txt file", folder.display()).into()) } else { Ok(texts) }
}

/// Written texts, and random ones.
fn texts_to_learn(folder: &Path) -> Outcome<Vec<String>> {
    let mut texts: Vec<String> = texts_in(folder)?.into_iter().map(|(_, text)| text).collect();
    texts.extend(texts::to_learn());
    Ok(texts)
}

/// Makes the tables.
fn fit(folder: &Path) -> Outcome<Vec<u8>> {
    let vocabulary = Vocabulary::public().swap_remove(0);
    let texts = texts_to_learn(folder)?;
    let samples: Vec<Sample> =
        texts.iter().map(|text| Sample { chars: text.chars().collect(), starts: vocabulary.starts(text) }).collect();
    let singles = (0..=0x1_FFFF_u32).filter_map(char::from_u32).filter(|c| !c.is_ascii());
    let alone: HashMap<char, u8> =
        singles.filter_map(|c| Some((c, u8::try_from(vocabulary.count(c.encode_utf8(&mut [0; 4]))).ok()?))).collect();
    let mut joined = BTreeSet::new();
    for word in vocabulary.words() {
        let pairs = word.chars().zip(word.chars().skip(1));
        joined.extend(pairs.filter(|(before, here)| !before.is_ascii() || !here.is_ascii()));
    }
    println!("{} texts, {} pairs", samples.len(), joined.len());
    let mut fit = Fit::new(alone, joined.into_iter().collect());
    for _ in 0..ROUNDS {
        fit.round(&samples);
    }
    Ok(fit.finish())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_class_is_estimated_near_its_real_tokens() {
        let classes = texts::classes().expect("the texts can be read");
        for vocabulary in Vocabulary::public() {
            let ratios: Vec<(String, Vec<f64>)> =
                classes.iter().map(|(class, text)| (class.clone(), vec![ratio(&vocabulary, text)])).collect();
            for (class, ratio) in &ratios {
                assert!((0.9..1.45).contains(&ratio[0]), "{}, {class}: {ratio:?}", vocabulary.name);
            }
            let (_, median) = figures(&ratios, 0);
            assert!((0.95..=1.05).contains(&median), "{}: {median}", vocabulary.name);
        }
    }
}
