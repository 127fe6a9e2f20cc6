//! Pictures to captions, and to answers to questions, token by token; each kept as soon as it is whole.

use std::collections::HashMap;

use gistmap_models::encoder::{Answerer, Captioner};
use gistmap_models::generate::{GenerateError, Settings, Started};
use tokenizers::Tokenizer;

use super::session::Session;
use super::workbench::Workbench;
use super::{Hands, RunError, cache};
use crate::album::{Picture, TextColumn};
use crate::collection::Item;
use crate::image::Preprocess;
use crate::protocol::Stage;
use crate::readback;
use crate::runtime::breathe;

/// Pictures that are described together: a search keeps keys and values of every token of each.
const BATCH: usize = 8;

/// What puts pictures into words.
pub(super) enum Speaker {
    /// By itself.
    Captioner(Box<dyn Captioner>),
    /// When asked.
    Answerer(Box<dyn Answerer>),
}

/// Begins the search for the texts of a batch: its pixels, and how many pictures they are.
type Start<'f, 's> = dyn Fn(&[u8], usize) -> Result<Started<'s>, GenerateError> + 'f;

/// A network that describes pictures, ready to run.
pub(super) struct SpeakingNetwork {
    pub(super) name: String,
    /// What tells its weights from all others.
    pub(super) weights: String,
    /// Which family of kernels computes it.
    pub(super) kernels: &'static str,
    pub(super) preprocess: Preprocess,
    pub(super) tokenizer: Tokenizer,
    /// Tokens of a question at most.
    pub(super) longest: usize,
    pub(super) settings: Settings,
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
        match &self.speaker {
            Speaker::Captioner(captioner) => {
                let start = |pixels: &[u8], _| captioner.caption(pixels, &[], &self.settings);
                let texts = self.texts(session, gallery, "", &start).await?;
                Ok(vec![TextColumn { name: self.name.clone(), texts }])
            }
            Speaker::Answerer(answerer) => {
                let mut columns = Vec::with_capacity(questions.len());
                for question in questions {
                    let ids = self.ids(question)?;
                    let start = |pixels: &[u8], pictures: usize| {
                        answerer.answer(pixels, &vec![ids.as_slice(); pictures], &self.settings)
                    };
                    let texts = self.texts(session, gallery, question, &start).await?;
                    columns.push(TextColumn { name: question.clone(), texts });
                }
                Ok(columns)
            }
        }
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

    /// One text a picture; what the store knows is read back.
    async fn texts<'s>(
        &'s self,
        session: &mut Session<'_>,
        Gallery { pictures, items, hands }: Gallery<'_>,
        question: &str,
        start: &Start<'_, 's>,
    ) -> Result<Vec<String>, RunError> {
        let how = format!("{:?}", self.settings);
        let key = |picture: &Picture| {
            let parts = [&picture.hash, &self.weights, self.kernels, &self.preprocess.key(), &how, question];
            cache::key("text", &parts)
        };
        let known = |picture: &Picture| String::from_utf8(session.store.get(&key(picture))?).ok();
        let mut texts: Vec<Option<String>> = pictures.iter().map(known).collect();
        let cached = texts.iter().flatten().count();
        session.progress(Stage::Words, cached, pictures.len(), cached)?;
        let by_file: HashMap<&str, &Item> = items.iter().map(|item| (item.file.as_str(), item)).collect();
        let unknown: Vec<usize> = (0..texts.len()).filter(|&i| texts[i].is_none()).collect();
        let bench = Workbench::of_pixels(self.preprocess, session.store);
        let mut done = cached;
        for batch in unknown.chunks(BATCH) {
            let wanted: Vec<Item> = batch
                .iter()
                .filter_map(|&i| by_file.get(pictures[i].file.as_str()).map(|item| (*item).clone()))
                .collect();
            let (mut pixels, mut rows) = (Vec::new(), Vec::new());
            for (prepared, &row) in hands.prepare(&bench, &wanted, &mut || {}).await.into_iter().zip(batch) {
                match prepared {
                    Ok(prepared) => {
                        prepared.pixels.into_iter().for_each(|part| pixels.extend(part));
                        rows.push(row);
                    }
                    // It could be read a moment ago; without a text it keeps its place.
                    Err(failure) => session.failed(failure),
                }
            }
            if !rows.is_empty() {
                let said = self.say(session, start(&pixels, rows.len()).map_err(|e| self.failed(&e))?).await?;
                for (row, text) in rows.into_iter().zip(said) {
                    session.keep(&key(&pictures[row]), text.as_bytes());
                    texts[row] = Some(text);
                }
            }
            done += batch.len();
            session.progress(Stage::Words, done, pictures.len(), cached)?;
            breathe().await;
        }
        session.count(pictures.len(), cached);
        Ok(texts.into_iter().map(Option::unwrap_or_default).collect())
    }

    /// Searches to the end; the texts of the sequences.
    async fn say(&self, session: &Session<'_>, (mut search, logits): Started<'_>) -> Result<Vec<String>, RunError> {
        let mut logits = Some(logits);
        while let Some(next) = logits {
            let read = readback::read(next).await?;
            session.check()?;
            logits = search.advance(read.as_slice().unwrap_or_default());
        }
        let text = |ids: Vec<u32>| self.tokenizer.decode(&ids, true).map(|text| text.trim().to_owned());
        search.finish().into_iter().map(text).collect::<Result<_, _>>().map_err(|e| self.failed(&e))
    }
}
