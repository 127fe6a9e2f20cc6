//! Searches over a chain of tokens whose probabilities are known, against trying every sequence.
#![allow(clippy::unwrap_used)]

use super::*;
use crate::cpu::reference::Random;

/// Runs a search to its end on what reads at once.
pub(crate) fn run((mut generation, logits): Started<'_>) -> (Vec<Vec<u32>>, Vec<Vec<f32>>) {
    let mut logits = Some(logits);
    let mut steps = Vec::new();
    while let Some(output) = logits {
        let values = match output {
            Output::Host { values, .. } => values,
            Output::Device(tensor) => tensor.into_data().try_into_vec().unwrap(),
        };
        logits = generation.advance(&values);
        steps.push(values);
    }
    (generation.finish(), steps)
}

const TOKENS: usize = 6;
const END: u32 = 5;

/// The next token's logits depend on the sequence's number and its last two tokens.
struct Chain {
    logits: Vec<f32>,
}

/// Sequence number and tokens of each row.
type Rows = Vec<(usize, Vec<u32>)>;

impl Chain {
    fn new(seed: u64) -> Self {
        Self { logits: Random(seed).values(3 * TOKENS * TOKENS * TOKENS).iter().map(|v| 3.0 * v).collect() }
    }

    fn row(&self, sequence: usize, tokens: &[u32]) -> &[f32] {
        let last = |n: usize| tokens.len().checked_sub(n).map_or(0, |i| tokens[i] as usize);
        &self.logits[((sequence * TOKENS + last(2)) * TOKENS + last(1)) * TOKENS..][..TOKENS]
    }

    fn score(&self, sequence: usize, tokens: &[u32], prompt: usize) -> f64 {
        let step = |i: usize| {
            let row = self.row(sequence, &tokens[..i]);
            let total: f64 = row.iter().map(|v| f64::from(*v).exp()).sum();
            f64::from(row[tokens[i] as usize]) - total.ln()
        };
        (prompt..tokens.len()).map(step).sum()
    }
}

impl Decoder for Chain {
    type State = Rows;

    fn vocabulary(&self) -> usize {
        TOKENS
    }

    fn positions(&self) -> usize {
        32
    }

    fn end(&self) -> u32 {
        END
    }

    fn step(&self, state: &mut Rows, order: &[usize], tokens: &[u32]) -> Output {
        let new = tokens.len() / order.len();
        let row = |(row, new): (&usize, &[u32])| {
            let (sequence, mut tokens) = state[*row].clone();
            tokens.extend(new);
            (sequence, tokens)
        };
        *state = order.iter().zip(tokens.chunks(new)).map(row).collect();
        let values = state.iter().flat_map(|(sequence, tokens)| self.row(*sequence, tokens).to_vec()).collect();
        Output::Host { values, columns: TOKENS }
    }
}

fn search(chain: &Chain, prompt: &[u32], settings: &Settings) -> Vec<Vec<u32>> {
    let state = (0..3).map(|sequence| (sequence, Vec::new())).collect();
    let (found, steps) = run(Generation::start(chain, state, prompt, 3, settings).unwrap());
    assert!(steps.len() <= settings.max_length - prompt.len());
    found
}

#[test]
fn greedy_takes_the_likeliest_and_drops_what_ended() {
    for seed in 0..20 {
        let chain = Chain::new(seed);
        let settings = Settings { max_length: 9, ..Settings::default() };
        for (sequence, found) in search(&chain, &[1, 2], &settings).iter().enumerate() {
            assert!(found.last() == Some(&END) || found.len() == 9, "{found:?}");
            for i in 2..found.len() {
                let row = chain.row(sequence, &found[..i]);
                assert!(row.iter().all(|v| *v <= row[found[i] as usize]), "{found:?} at {i}");
                assert!(i + 1 == found.len() || found[i] != END);
            }
        }
    }
}

/// All sequences that end or fill `length`.
fn every(length: usize) -> Vec<Vec<u32>> {
    let mut open = vec![vec![0u32]];
    let mut all = Vec::new();
    while let Some(tokens) = open.pop() {
        for token in 0..TOKENS as u32 {
            let longer: Vec<u32> = tokens.iter().copied().chain([token]).collect();
            if token == END || longer.len() == length {
                all.push(longer);
            } else {
                open.push(longer);
            }
        }
    }
    all
}

#[test]
fn beams_find_what_trying_everything_finds() {
    // Three beams, a depth of two tokens: no first token among the best three is lost.
    let settings = Settings { max_length: 3, beams: 3, early_stopping: EarlyStopping::Never, ..Settings::default() };
    let mut better = 0;
    for seed in 0..40 {
        let chain = Chain::new(seed);
        let greedy = search(&chain, &[0], &Settings { max_length: 3, ..Settings::default() });
        for (sequence, found) in search(&chain, &[0], &settings).iter().enumerate() {
            let worth = |tokens: &[u32]| chain.score(sequence, tokens, 1) / (tokens.len() - 1) as f64;
            let best = every(3).into_iter().max_by(|a, b| worth(a).total_cmp(&worth(b))).unwrap();
            assert!(worth(found) <= worth(&best) + 1e-6);
            // Beam search is not exact; it is where the best begins with one of the three likeliest tokens.
            let likelier =
                chain.row(sequence, &[0]).iter().filter(|v| **v > chain.row(sequence, &[0])[best[1] as usize]);
            if likelier.count() < 3 && best[1] != END {
                assert!((worth(found) - worth(&best)).abs() < 1e-6, "{found:?} is not {best:?}");
            }
            assert!(worth(found) >= worth(&greedy[sequence]) - 1e-6);
            better += usize::from(worth(found) > worth(&greedy[sequence]) + 1e-6);
        }
    }
    assert!(better > 10, "beams found better sequences than greed {better} times of 120");
}

#[test]
fn what_cannot_be_searched_is_an_error() {
    let chain = Chain::new(1);
    let start = |prompt: &[u32], settings: &Settings| {
        Generation::start(&chain, vec![(0, Vec::new())], prompt, 1, settings).map(|_| ()).unwrap_err()
    };
    let short = Settings { max_length: 2, ..Settings::default() };
    assert_eq!(start(&[1, 2], &short), GenerateError::Prompt { prompt: 2, max_length: 2 });
    assert_eq!(start(&[], &short), GenerateError::Prompt { prompt: 0, max_length: 2 });
    let long = Settings { max_length: 33, ..Settings::default() };
    assert_eq!(start(&[1], &long), GenerateError::Positions { max_length: 33, positions: 32 });
    let wide = Settings { beams: 4, ..Settings::default() };
    assert_eq!(start(&[1], &wide), GenerateError::Beams { beams: 4, most: 3 });
}
