//! Beam search: several sequences are followed side by side, and the best of those that ended is kept.
//!
//! Step by step as `BeamSearchScorer` of transformers 4.40.2, of which the ids must be the same.

use super::{EarlyStopping, Next, Settings};

/// The searches of a batch.
pub(super) struct Beam {
    searches: Vec<Search>,
    /// The search of each group of rows.
    active: Vec<usize>,
    /// Tokens of every sequence that goes on.
    length: usize,
    rules: Rules,
}

/// What all searches share.
struct Rules {
    settings: Settings,
    prompt: usize,
    end: u32,
}

/// One sequence's beams and what has ended.
struct Search {
    beams: Vec<Candidate>,
    ended: Ended,
}

/// A sequence that goes on; its score is the sum of its log-probabilities.
#[derive(Clone)]
struct Candidate {
    tokens: Vec<u32>,
    score: f32,
}

/// The best sequences that ended, as many as there are beams: their worth and tokens, in the order in which they came.
#[derive(Default)]
struct Ended(Vec<(f64, Vec<u32>)>);

/// A token that a row could go on with.
#[derive(Clone, Copy)]
struct Choice {
    row: usize,
    token: u32,
    score: f32,
}

impl Beam {
    pub(super) fn new(prompt: &[u32], sequences: usize, end: u32, settings: &Settings) -> Self {
        // The first step knows one beam, the prompt.
        let search =
            |_| Search { beams: vec![Candidate { tokens: prompt.to_vec(), score: 0.0 }], ended: Ended::default() };
        Self {
            searches: (0..sequences).map(search).collect(),
            active: (0..sequences).collect(),
            length: prompt.len(),
            rules: Rules { settings: *settings, prompt: prompt.len(), end },
        }
    }

    pub(super) fn advance<'a>(&mut self, rows: impl Iterator<Item = &'a [f32]>) -> Next {
        let rows: Vec<&[f32]> = rows.collect();
        let (mut next, mut active, mut first) = (Next::default(), Vec::new(), 0);
        self.length += 1;
        for index in std::mem::take(&mut self.active) {
            let search = &mut self.searches[index];
            let beams = search.beams.len();
            let choices = best(&search.beams, &rows[first..first + beams], 2 * self.rules.settings.beams);
            let from = search.step(&choices, self.length, &self.rules);
            let likeliest = choices.first().map_or(f32::NEG_INFINITY, |choice| choice.score);
            if !search.ended.done(likeliest, self.length, &self.rules) {
                if self.length < self.rules.settings.max_length {
                    active.push(index);
                    next.order.extend(from.iter().map(|row| first + row));
                    next.tokens.extend(search.beams.iter().filter_map(|beam| beam.tokens.last()));
                } else {
                    search.close(&self.rules);
                }
            }
            first += beams;
        }
        self.active = active;
        next
    }

    pub(super) fn finish(mut self) -> Vec<Vec<u32>> {
        for index in std::mem::take(&mut self.active) {
            self.searches[index].close(&self.rules);
        }
        let Rules { settings, end, .. } = self.rules;
        let best = |search: Search| {
            let mut tokens = search.ended.best();
            if tokens.len() < settings.max_length {
                tokens.push(end);
            }
            tokens
        };
        self.searches.into_iter().map(best).collect()
    }
}

impl Search {
    /// Takes up the `choices`, best first, into sequences of `length` tokens; the row that each beam came from.
    fn step(&mut self, choices: &[Choice], length: usize, rules: &Rules) -> Vec<usize> {
        let beams = rules.settings.beams;
        let (mut next, mut from) = (Vec::with_capacity(beams), Vec::with_capacity(beams));
        for (rank, choice) in choices.iter().enumerate() {
            let tokens = &self.beams[choice.row].tokens;
            if choice.token != rules.end {
                let tokens = tokens.iter().copied().chain([choice.token]).collect();
                next.push(Candidate { tokens, score: choice.score });
                from.push(choice.row);
            } else if rank < beams {
                self.ended.add(tokens.clone(), choice.score, length, rules);
            }
            if next.len() == beams {
                break;
            }
        }
        self.beams = next;
        from
    }

    /// Counts what goes on as ended: there is no room for more.
    fn close(&mut self, rules: &Rules) {
        for Candidate { tokens, score } in std::mem::take(&mut self.beams) {
            let length = tokens.len();
            self.ended.add(tokens, score, length, rules);
        }
    }
}

impl Rules {
    /// The worth of a sequence of `length` tokens, its prompt and the ending token counted.
    fn worth(&self, score: f32, length: usize) -> f64 {
        f64::from(score) / ((length - self.prompt) as f64).powf(self.settings.length_penalty)
    }
}

impl Ended {
    fn add(&mut self, tokens: Vec<u32>, score: f32, length: usize, rules: &Rules) {
        let worth = rules.worth(score, length);
        if self.0.len() < rules.settings.beams {
            self.0.push((worth, tokens));
        } else if worth > self.worst() {
            self.0.push((worth, tokens));
            let worst = self.worst();
            if let Some(first) = self.0.iter().position(|(worth, _)| *worth == worst) {
                self.0.remove(first);
            }
        }
    }

    fn worst(&self) -> f64 {
        self.0.iter().fold(f64::INFINITY, |worst, (worth, _)| worst.min(*worth))
    }

    /// Whether no sequence that goes on can be better, by the setting's understanding; `likeliest` is the best of their
    /// scores.
    fn done(&self, likeliest: f32, length: usize, rules: &Rules) -> bool {
        let Settings { beams, max_length, length_penalty, early_stopping, .. } = rules.settings;
        if self.0.len() < beams {
            return false;
        }
        let reached = match early_stopping {
            EarlyStopping::Always => return true,
            EarlyStopping::Never if length_penalty > 0.0 => max_length,
            EarlyStopping::Never | EarlyStopping::Heuristic => length,
        };
        self.worst() >= rules.worth(likeliest, reached)
    }

    /// The tokens of the best; of equals the last.
    fn best(self) -> Vec<u32> {
        let better = |a: (f64, Vec<u32>), b: (f64, Vec<u32>)| if b.0 >= a.0 { b } else { a };
        self.0.into_iter().reduce(better).map_or_else(Vec::new, |(_, tokens)| tokens)
    }
}

/// The `count` best tokens over all beams, best first.
fn best(beams: &[Candidate], rows: &[&[f32]], count: usize) -> Vec<Choice> {
    let mut best: Vec<Choice> = Vec::with_capacity(count + 1);
    for (row, (beam, logits)) in beams.iter().zip(rows).enumerate() {
        let largest = logits.iter().fold(f32::NEG_INFINITY, |a, b| a.max(*b));
        let total: f64 = logits.iter().map(|logit| f64::from((logit - largest).exp())).sum();
        let total = total.ln() as f32;
        for (token, logit) in logits.iter().enumerate() {
            let score = (logit - largest) - total + beam.score;
            if best.len() == count && best.last().is_some_and(|last| score <= last.score) {
                continue;
            }
            let place = best.partition_point(|choice| choice.score >= score);
            best.insert(place, Choice { row, token: token as u32, score });
            best.truncate(count);
        }
    }
    best
}
