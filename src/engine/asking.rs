//! The language model that a person has given, as a run uses it: replies are kept, failures told, and the run goes on
//! without.

use std::collections::{BTreeMap, BTreeSet};

use super::RunError;
use super::cache;
use super::session::Session;
use crate::album::{ClusterSummary, TextColumn};
use crate::endpoint::{self, BATCH, Chat, ChatError, Question};
use crate::protocol::Stage;

/// Replies in a row that are of no use, after which no more is asked.
const MISSES: usize = 3;

/// Asks, as long as that is of use.
pub(super) struct Asking<'a> {
    chat: Option<&'a dyn Chat>,
    /// Replies in a row that were of no use.
    misses: usize,
}

impl<'a> Asking<'a> {
    /// Nobody is asked where `chat` is none.
    pub(super) fn new(chat: Option<&'a dyn Chat>) -> Self {
        Self { chat, misses: 0 }
    }

    /// Who is asked, for people.
    pub(super) fn name(&self) -> Option<String> {
        self.chat.map(Chat::name)
    }

    /// What `read` makes of the reply; `None` where there is none that it can use, which is told once.
    fn ask<T>(
        &mut self,
        session: &mut Session<'_>,
        question: &Question,
        read: impl Fn(&str) -> Option<T>,
    ) -> Result<Option<T>, RunError> {
        let Some(chat) = self.chat else { return Ok(None) };
        let key = cache::key("chat", &[&chat.name(), &question.system, &question.user]);
        let known = session.store.get(&key).and_then(|bytes| String::from_utf8(bytes).ok());
        if let Some(value) = known.and_then(|reply| read(&reply)) {
            return Ok(Some(value));
        }
        let error = match chat.ask(question, &mut || session.check().is_ok()) {
            Err(ChatError::Stopped) => return Err(RunError::Cancelled),
            Err(error) => error,
            Ok(reply) => match read(&reply) {
                Some(value) => {
                    self.misses = 0;
                    session.keep(&key, reply.as_bytes());
                    return Ok(Some(value));
                }
                None => ChatError::Malformed("it is not what was asked for".to_owned()),
            },
        };
        self.misses += 1;
        if error.is_of_one_reply() && self.misses < MISSES {
            if self.misses == 1 {
                session.note(format!("{}: {error}; going on without it", chat.name()));
            }
        } else {
            self.chat = None;
            session.note(format!(
                "{}: {error}; it is not asked any more, names and answers are gistmap's own",
                chat.name()
            ));
        }
        session.check()?;
        Ok(None)
    }

    /// Gives clusters the model's names where it has some, and says so in each; a name that another cluster of them has is
    /// not taken. `texts` has one for each picture; `criterion` is what the pictures were told apart by.
    pub(super) fn name_clusters(
        &mut self,
        session: &mut Session<'_>,
        clusters: &mut [ClusterSummary],
        texts: &[String],
        criterion: Option<&str>,
    ) -> Result<(), RunError> {
        let Some(by) = self.name() else { return Ok(()) };
        let mut taken: BTreeSet<String> = clusters.iter().map(|cluster| cluster.name.to_lowercase()).collect();
        let total = clusters.len();
        for (done, cluster) in clusters.iter_mut().enumerate() {
            session.progress(Stage::Names, done, total, 0)?;
            let shown: Vec<&str> = cluster.exemplars.iter().filter_map(|i| texts.get(*i)).map(String::as_str).collect();
            // Of noise there is nothing to say, and without words nothing can be said.
            if cluster.cluster < 0 || (shown.iter().all(|text| text.is_empty()) && cluster.keywords.is_empty()) {
                continue;
            }
            let question = endpoint::name_question(criterion, &cluster.keywords, &shown);
            let Some(name) = self.ask(session, &question, endpoint::name)? else { continue };
            let own = cluster.name.to_lowercase() == name.to_lowercase();
            if own || taken.insert(name.to_lowercase()) {
                (cluster.name, cluster.named_by) = (name, Some(by.clone()));
            }
        }
        Ok(())
    }

    /// What the model says of a criterion, from each text of `column`; `None` where it does not say it of all.
    pub(super) fn answers(
        &mut self,
        session: &mut Session<'_>,
        criterion: &str,
        column: &TextColumn,
    ) -> Result<Option<Vec<String>>, RunError> {
        if self.chat.is_none() {
            return Ok(None);
        }
        let distinct: BTreeSet<&str> =
            column.texts.iter().map(String::as_str).filter(|text| !text.is_empty()).collect();
        let distinct: Vec<&str> = distinct.into_iter().collect();
        let mut said: BTreeMap<&str, String> = BTreeMap::new();
        for batch in distinct.chunks(BATCH) {
            session.progress(Stage::Words, said.len(), distinct.len(), 0)?;
            let question = endpoint::answers_question(criterion, batch);
            let Some(answers) = self.ask(session, &question, |reply| endpoint::answers(reply, batch.len()))? else {
                session.note(format!("criterion {criterion}: not all texts were answered by the endpoint"));
                return Ok(None);
            };
            said.extend(batch.iter().copied().zip(answers));
        }
        Ok(Some(column.texts.iter().map(|text| said.get(text.as_str()).cloned().unwrap_or_default()).collect()))
    }
}
