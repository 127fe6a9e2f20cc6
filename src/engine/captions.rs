//! Pictures to captions, and to answers to questions: token by token, or out of a list; each kept as soon as it is whole.

use std::collections::HashMap;

use gistmap_models::encoder::{AnswerChooser, Answerer, Captioner, Output};
use gistmap_models::generate::{GenerateError, Settings, Started};
use gistmap_models::precision::Precision;
use tokenizers::Tokenizer;

use super::session::Session;
use super::workbench::{Prepared, Workbench};
use super::{Hands, RunError, cache};
use crate::album::{Failure, Picture, TextColumn};
use crate::collection::{Content, Item};
use crate::describe::tags;
use crate::image::{Alpha, Limits, Preprocess, Proportional, Rgb, decode_with};
use crate::protocol::{Event, Stage};
use crate::readback;
use crate::runtime::{ONE_THREAD, Stopwatch, breathe};

/// Pictures that are described together at most: a search keeps keys and values of every token of each.
const BATCH: usize = 8;
/// The same on a device with tensor cores, which so few do not fill: on an H100 BLIP makes 58 captions a second in batches
/// of 8, 188 in batches of 32 and 330 in batches of 128, which hold 7 GB.
const LARGE_BATCH: usize = 32;
/// Seconds of a batch up to which the next one is larger in a page, whose one thread hears of a wish to stop, and tells what
/// it has, between batches alone.
const QUICK: f64 = 1.0;

/// What puts pictures into words.
pub(super) enum Speaker {
    /// By itself.
    Captioner(Box<dyn Captioner>),
    /// When asked.
    Answerer(Box<dyn Answerer>),
    /// When asked, out of a list.
    Chooser(Box<dyn AnswerChooser>),
}

/// What a network sees of a picture.
#[derive(Clone, Copy)]
pub(super) enum Cut {
    /// A square, which the hands cut.
    Square(Preprocess),
    /// All of it, resized.
    Proportional(Proportional),
}

impl Cut {
    fn key(&self) -> String {
        match self {
            Self::Square(preprocess) => preprocess.key(),
            Self::Proportional(proportional) => proportional.key(),
        }
    }
}

/// Pictures of one size, and where their texts go.
struct Sight {
    width: u32,
    height: u32,
    /// `[rows, height, width, 3]`.
    pixels: Vec<u8>,
    rows: Vec<usize>,
}

/// How the texts of a batch come about.
enum Saying<'s> {
    /// Token by token.
    Search(Started<'s>),
    /// By the largest logit of those of a list.
    Choice(Output, &'s [String]),
}

/// What is said of a picture.
#[derive(Debug, Clone, PartialEq)]
struct Said {
    text: String,
    /// Of an answer out of a list.
    probability: Option<f32>,
}

impl Said {
    /// As it is kept.
    fn to_bytes(&self) -> Vec<u8> {
        match self.probability {
            Some(probability) => format!("{probability} {}", self.text).into_bytes(),
            None => self.text.clone().into_bytes(),
        }
    }

    /// What [`Self::to_bytes`] wrote, `probable` where there was a probability.
    fn from_bytes(bytes: Vec<u8>, probable: bool) -> Option<Self> {
        let whole = String::from_utf8(bytes).ok()?;
        if !probable {
            return Some(Self { text: whole, probability: None });
        }
        let (probability, text) = whole.split_once(' ')?;
        Some(Self { text: text.to_owned(), probability: Some(probability.parse().ok()?) })
    }
}

/// Begins the texts of a batch.
type Start<'f, 's> = dyn Fn(&Sight) -> Result<Saying<'s>, GenerateError> + 'f;

/// A network that describes pictures, ready to run.
pub(super) struct SpeakingNetwork {
    pub(super) name: String,
    /// What tells its weights from all others.
    pub(super) weights: String,
    /// Which family of kernels computes it.
    pub(super) kernels: &'static str,
    pub(super) cut: Cut,
    pub(super) tokenizer: Tokenizer,
    /// Tokens of a question at most.
    pub(super) longest: usize,
    pub(super) settings: Settings,
    /// In what it is kept.
    pub(super) precision: Precision,
    pub(super) speaker: Speaker,
}

/// The pictures, where their bytes come from, and who reads them.
#[derive(Clone, Copy)]
pub(super) struct Gallery<'a> {
    pub(super) pictures: &'a [Picture],
    pub(super) items: &'a [Item],
    pub(super) hands: &'a dyn Hands,
}

impl SpeakingNetwork {
    /// The columns that it gives: captions, or the answers to each question.
    pub(super) async fn columns(
        &self,
        session: &mut Session<'_>,
        gallery: Gallery<'_>,
        questions: &[String],
    ) -> Result<Vec<TextColumn>, RunError> {
        let captions = [String::new()];
        let questions = if matches!(self.speaker, Speaker::Captioner(_)) { &captions } else { questions };
        let mut columns = Vec::with_capacity(questions.len());
        for question in questions {
            let ids = if question.is_empty() { Vec::new() } else { self.ids(question)? };
            let said = self.texts(session, gallery, question, &|sight| self.begin(sight, &ids)).await?;
            let name = if question.is_empty() { &self.name } else { question };
            let probable = matches!(self.speaker, Speaker::Chooser(_));
            let probability = |said: &Option<Said>| said.as_ref().and_then(|s| s.probability).unwrap_or_default();
            let probabilities = probable.then(|| said.iter().map(probability).collect());
            let texts = said.into_iter().map(|said| said.map_or(String::new(), |said| said.text)).collect();
            columns.push(TextColumn { name: name.clone(), texts, probabilities });
        }
        Ok(columns)
    }

    /// `question` is empty where nothing is asked.
    fn begin(
        &self,
        Sight { width, height, pixels, rows }: &Sight,
        question: &[u32],
    ) -> Result<Saying<'_>, GenerateError> {
        let questions = vec![question; rows.len()];
        Ok(match &self.speaker {
            Speaker::Captioner(captioner) => Saying::Search(captioner.caption(pixels, &[], &self.settings)?),
            Speaker::Answerer(answerer) => Saying::Search(answerer.answer(pixels, &questions, &self.settings)?),
            Speaker::Chooser(chooser) => {
                let logits = chooser.choose(pixels, *height as usize, *width as usize, &questions);
                Saying::Choice(logits, chooser.answers())
            }
        })
    }

    fn ids(&self, text: &str) -> Result<Vec<u32>, RunError> {
        let encoding = self.tokenizer.encode(text, true).map_err(|e| self.failed(&e))?;
        let ids = encoding.get_ids();
        if ids.len() > self.longest {
            let (tokens, most) = (ids.len(), self.longest);
            return Err(RunError::Lacking(format!(
                "--ask: the question has {tokens} tokens, {} reads {most}",
                self.name
            )));
        }
        Ok(ids.to_vec())
    }

    fn failed(&self, error: &dyn std::fmt::Display) -> RunError {
        RunError::Network(format!("{}: {error}", self.name))
    }

    /// What is said of each picture; what the store knows is read back.
    async fn texts<'s>(
        &'s self,
        session: &mut Session<'_>,
        Gallery { pictures, items, hands }: Gallery<'_>,
        question: &str,
        start: &Start<'_, 's>,
    ) -> Result<Vec<Option<Said>>, RunError> {
        let probable = matches!(self.speaker, Speaker::Chooser(_));
        let how = if probable { "the likeliest".to_owned() } else { format!("{:?}", self.settings) };
        let key = |picture: &Picture| {
            let parts = [&picture.hash, &self.weights, self.kernels, &self.cut.key(), &how, question];
            cache::key("text", &parts)
        };
        let known = |picture: &Picture| Said::from_bytes(session.store.get(&key(picture))?, probable);
        let mut texts: Vec<Option<Said>> = pictures.iter().map(known).collect();
        let cached = texts.iter().flatten().count();
        let column = if question.is_empty() { &self.name } else { question };
        let had = texts.iter().enumerate().filter_map(|(row, text)| Some((row, text.as_ref()?.text.clone())));
        session.emit(Event::Texts { column: column.to_owned(), texts: had.collect() });
        session.progress(Stage::Words, cached, pictures.len(), cached)?;
        let by_file: HashMap<&str, &Item> = items.iter().map(|item| (item.file.as_str(), item)).collect();
        let unknown: Vec<(usize, Item)> = (0..texts.len())
            .filter(|&row| texts[row].is_none())
            .filter_map(|row| Some((row, (*by_file.get(pictures[row].file.as_str())?).clone())))
            .collect();
        let mut done = cached;
        let mut rest = unknown.as_slice();
        let most = if self.precision == Precision::F16 { LARGE_BATCH } else { BATCH };
        let mut size = if ONE_THREAD { 1 } else { most };
        while !rest.is_empty() {
            let (batch, later) = rest.split_at(size.min(rest.len()));
            rest = later;
            let clock = Stopwatch::start();
            let mut said = Vec::with_capacity(batch.len());
            for sight in self.look(session, hands, batch).await {
                let saying = start(&sight).map_err(|e| self.failed(&e))?;
                for (&row, text) in sight.rows.iter().zip(self.say(session, saying).await?) {
                    session.keep(&key(&pictures[row]), &text.to_bytes());
                    said.push((row, text.text.clone()));
                    texts[row] = Some(text);
                }
            }
            session.emit(Event::Texts { column: column.to_owned(), texts: said });
            if clock.seconds() < QUICK {
                size = (2 * size).min(most);
            }
            done += batch.len();
            session.progress(Stage::Words, done, pictures.len(), cached)?;
            breathe().await;
        }
        session.count(pictures.len(), cached);
        Ok(texts)
    }

    /// The pictures of a batch, those of one size together.
    async fn look(&self, session: &mut Session<'_>, hands: &dyn Hands, batch: &[(usize, Item)]) -> Vec<Sight> {
        let seen: Vec<Result<Rgb, Failure>> = match self.cut {
            Cut::Square(preprocess) => {
                let (bench, side) = (Workbench::of_pixels(preprocess, session.store), preprocess.crop);
                let items: Vec<Item> = batch.iter().map(|(_, item)| item.clone()).collect();
                let square = |prepared: Prepared| Rgb { width: side, height: side, pixels: prepared.pixels.concat() };
                let prepared = hands.prepare(&bench, &items, &mut || {}).await;
                prepared.into_iter().map(|prepared| prepared.map(square)).collect()
            }
            Cut::Proportional(cut) => batch.iter().map(|(_, item)| resized(hands, item, &cut)).collect(),
        };
        let mut sights: Vec<Sight> = Vec::new();
        for (picture, (row, _)) in seen.into_iter().zip(batch) {
            let Rgb { width, height, pixels } = match picture {
                Ok(picture) => picture,
                // It could be read a moment ago; without a text it keeps its place.
                Err(failure) => {
                    session.failed(failure);
                    continue;
                }
            };
            let like = sights.iter_mut().find(|sight| (sight.width, sight.height) == (width, height));
            match like {
                Some(sight) => {
                    sight.pixels.extend(pixels);
                    sight.rows.push(*row);
                }
                None => sights.push(Sight { width, height, pixels, rows: vec![*row] }),
            }
        }
        sights
    }

    /// The texts, once they are there.
    async fn say(&self, session: &Session<'_>, saying: Saying<'_>) -> Result<Vec<Said>, RunError> {
        let (mut search, logits) = match saying {
            Saying::Search(started) => started,
            Saying::Choice(logits, answers) => {
                let logits = readback::read(logits).await?;
                let likeliest = |row| {
                    let (answer, logit) = tags::top(row, 1).first().copied()?;
                    // Each answer is scored by itself, as ViLT was trained: its pipeline in transformers does the same.
                    let probability = 1.0 / (1.0 + (-logit).exp());
                    Some(Said { text: answers.get(answer)?.clone(), probability: Some(probability) })
                };
                let nothing = || Said { text: String::new(), probability: Some(0.0) };
                return Ok(logits.rows().into_iter().map(|row| likeliest(row).unwrap_or_else(nothing)).collect());
            }
        };
        let mut logits = Some(logits);
        while let Some(next) = logits {
            let read = readback::read(next).await?;
            session.check()?;
            logits = search.advance(read.as_slice().unwrap_or_default());
        }
        let said = |text: String| Said { text: text.trim().to_owned(), probability: None };
        let text = |ids: Vec<u32>| self.tokenizer.decode(&ids, true).map(said);
        search.finish().into_iter().map(text).collect::<Result<_, _>>().map_err(|e| self.failed(&e))
    }
}

/// A picture, decoded and resized here: the hands cut squares.
fn resized(hands: &dyn Hands, item: &Item, cut: &Proportional) -> Result<Rgb, Failure> {
    let failed = |stage: &str, reason| Failure { file: item.file.clone(), stage: stage.to_owned(), reason };
    let picture =
        match hands.read(&item.source).map_err(|e| failed("read", e.to_string()))? {
            Content::Rgb8 { width, height, pixels } => Rgb::new(width, height, pixels)
                .ok_or_else(|| failed("decode", "the record holds no picture".to_owned()))?,
            Content::Encoded(bytes) => decode_with(&bytes, &Limits::default(), Alpha::OverWhite)
                .map_err(|e| failed("decode", e.to_string()))?,
        };
    Ok(cut.resize(&picture))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::Said;

    #[test]
    fn what_is_said_is_kept_with_its_probability() {
        for (text, probability) in [("a red barn", None), ("two of 3", Some(0.125_f32)), ("", Some(1.0e-9)), ("", None)]
        {
            let said = Said { text: text.to_owned(), probability };
            assert_eq!(Said::from_bytes(said.to_bytes(), probability.is_some()), Some(said));
        }
        assert_eq!(Said::from_bytes(b"red".to_vec(), true), None);
        assert_eq!(Said::from_bytes(vec![0xff], false), None);
    }
}
