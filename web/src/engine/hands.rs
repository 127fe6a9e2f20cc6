//! The engine's hands in the page: this thread reads and looks up, the crew's workers decode and measure.

use std::cell::RefCell;
use std::collections::{HashMap, VecDeque};

use gistmap::album::Failure;
use gistmap::collection::{Content, Item, ReadError, Source};
use gistmap::engine::{Begun, Hands, Prepared, Preparing, Workbench};
use gistmap::measure::{Measured, measure};
use web_sys::WorkerGlobalScope;

use super::crew::{Answer, Crew};
use super::files::Files;

/// Reads from what is open; cuts by workers, which are started when they are first needed.
pub(crate) struct WorkerHands {
    scope: WorkerGlobalScope,
    files: RefCell<Files>,
    crew: RefCell<Option<Crew>>,
}

impl WorkerHands {
    pub(crate) fn new(scope: WorkerGlobalScope) -> Self {
        Self { scope, files: RefCell::default(), crew: RefCell::default() }
    }

    /// Reads from these files from now on.
    pub(crate) fn hold(&self, files: Files) {
        self.files.replace(files);
    }
}

impl Hands for WorkerHands {
    fn read(&self, source: &Source) -> Result<Content, ReadError> {
        self.files.borrow().read(source)
    }

    fn prepare<'a>(
        &'a self,
        bench: &'a Workbench<'a>,
        items: &'a [Item],
        meanwhile: &'a mut (dyn FnMut() + Send),
    ) -> Preparing<'a> {
        Box::pin(async move {
            // Taken out while it works: it is lost with what waits for it, should nobody wait any longer.
            let crew = self.crew.take().or_else(|| Crew::start(&self.scope).ok());
            let results = items.iter().map(|_| None).collect();
            let mut batch = Batch { hands: self, bench, items, crew, results, given: HashMap::new() };
            batch.prepare(meanwhile).await;
            self.crew.replace(batch.crew);
            batch.results.into_iter().flatten().collect()
        })
    }
}

/// One batch of pictures.
struct Batch<'a> {
    hands: &'a WorkerHands,
    bench: &'a Workbench<'a>,
    items: &'a [Item],
    /// None where the browser starts no workers for a worker.
    crew: Option<Crew>,
    results: Vec<Option<Result<Prepared, Failure>>>,
    /// What the crew has: which picture each job is.
    given: HashMap<u32, (usize, Begun)>,
}

impl Batch<'_> {
    async fn prepare(&mut self, meanwhile: &mut (dyn FnMut() + Send)) {
        let mut waiting: VecDeque<usize> = (0..self.items.len()).collect();
        self.give(&mut waiting);
        // The crew decodes while this thread computes, or tells the GPU to.
        meanwhile();
        loop {
            self.give(&mut waiting);
            let Some(crew) = self.crew.as_mut().filter(|_| !self.given.is_empty()) else { break };
            match crew.answer().await {
                Answer::Done(job, result) => {
                    if let Some((index, begun)) = self.given.remove(&job) {
                        self.finish(index, begun, result);
                    }
                }
                Answer::Again(job) => waiting.extend(self.given.remove(&job).map(|(index, _)| index)),
            }
        }
    }

    /// Gives out what waits, as long as somebody takes it.
    fn give(&mut self, waiting: &mut VecDeque<usize>) {
        while self.crew.as_ref().is_none_or(Crew::has_room) {
            let Some(index) = waiting.pop_front() else { return };
            let item = &self.items[index];
            match self.hands.read(&item.source) {
                Ok(content) => self.begin(index, content),
                Err(error) => self.results[index] = Some(Err(failure(item, "read", error.to_string()))),
            }
        }
    }

    fn begin(&mut self, index: usize, content: Content) {
        let begun = self.bench.begin(&self.items[index], &content);
        if begun.wanted().is_empty() {
            return self.finish(index, begun, Ok(Measured::default()));
        }
        let Some(crew) = &mut self.crew else {
            let measured = measure(&content, begun.wanted());
            return self.finish(index, begun, measured);
        };
        match crew.give(content, begun.wanted()) {
            Ok(job) => drop(self.given.insert(job, (index, begun))),
            Err(reason) => self.finish(index, begun, Err(reason)),
        }
    }

    fn finish(&mut self, index: usize, begun: Begun, measured: Result<Measured, String>) {
        let prepared = match measured {
            Ok(measured) => Ok(self.bench.finish(begun, measured)),
            Err(reason) => Err(failure(&self.items[index], "decode", reason)),
        };
        self.results[index] = Some(prepared);
    }
}

fn failure(item: &Item, stage: &str, reason: String) -> Failure {
    Failure { file: item.file.clone(), stage: stage.to_owned(), reason }
}
