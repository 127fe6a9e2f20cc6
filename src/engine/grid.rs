//! Every representation clustered by every clusterer of the plan: features and texts first, then their fusions.

use std::collections::{HashMap, HashSet};

use ndarray::Array2;

use super::cells::{self, Task, Truth};
use super::criteria::Answer;
use super::fusions::{self, Pair};
use super::session::Session;
use super::{Engine, RunError};
use crate::album::{Cell, Representation, RepresentationKind};
use crate::cluster::catalog::ClustererSpec;
use crate::fuse::{FusionSpec, FusionSpecError, Share};
use crate::protocol::{ClusterCount, Event, Plan, Stage};

/// Share of the pictures from which on a cluster is as good as all of them.
const ALL_BUT: f64 = 0.9;

/// Every representation, and its cells.
pub(super) struct Clustered {
    pub(super) vectors: Vec<Representation>,
    pub(super) cells: Vec<Cell>,
    /// The one that clusters, map and report follow.
    pub(super) main_cell: usize,
}

/// The cells so far, and how many there will be.
struct Grid<'a> {
    plan: &'a Plan,
    truth: &'a Truth,
    answers: &'a [Answer],
    cells: Vec<Cell>,
    /// Seeds besides the plan's.
    seeds: &'a [u32],
    /// Their cells.
    repeats: Vec<Cell>,
    /// Names of the fusions so far.
    fused: HashSet<String>,
    known: usize,
    total: usize,
    /// What a clusterer said that could do nothing with a representation.
    failures: Vec<RunError>,
}

/// Clusters `parts`, fuses every feature among them with every text and clusters the fusions; all representations, and a
/// cell for each that a clusterer could cluster. Each is shown as soon as its labels are known. Cells of `seeds` besides the
/// plan's come last.
pub(super) async fn cluster(
    engine: &Engine<'_>,
    session: &mut Session<'_>,
    (plan, seeds): (&Plan, &[u32]),
    parts: Vec<Representation>,
    (answers, nouns): (&[Answer], &HashMap<String, Array2<f32>>),
    truth: &Truth,
) -> Result<Clustered, RunError> {
    let specs = plan.fuse.iter().map(|text| text.parse()).collect::<Result<Vec<FusionSpec>, FusionSpecError>>();
    let specs = specs.map_err(|e| RunError::stage(Stage::Clusters)(&e))?;
    let of = |kind| parts.iter().filter(move |part| part.kind == kind);
    let pairs: Vec<(&Representation, &Representation)> = of(RepresentationKind::Image)
        .flat_map(|image| of(RepresentationKind::Text).map(move |text| (image, text)))
        .collect();
    let (cells, repeats, fused, failures) = (Vec::new(), Vec::new(), HashSet::new(), Vec::new());
    let mut grid = Grid { plan, truth, answers, cells, seeds, repeats, fused, known: 0, total: 0, failures };
    let all = parts.iter().chain(pairs.iter().flat_map(|(_, text)| specs.iter().map(|_| *text)));
    let total = all.map(|part| plan.cluster.iter().map(|c| grid.seeds(c, grid.count(part)).len()).sum::<usize>()).sum();
    grid.total = total;
    for part in &parts {
        grid.add(engine, session, part, grid.count(part)).await?;
    }
    let mut fused: Vec<Representation> = Vec::new();
    for (image, text) in pairs {
        let nouns = text.texts.as_ref().and_then(|column| nouns.get(column));
        let pair = Pair { image, text, nouns };
        for spec in &specs {
            if spec.share == Share::Auto {
                session.progress(Stage::Clusters, grid.done(), total, grid.known)?;
            }
            let fusion = fusions::fuse(engine, session, *spec, &pair, (grid.count(text), plan.seed)).await;
            let what = || format!("{}+{}@{spec}", image.name, text.name);
            let Some(fusion) = grid.possible(session, what, fusion)? else { continue };
            grid.add(engine, session, &fusion, grid.count(text)).await?;
            fused.push(fusion);
        }
    }
    let Grid { mut cells, repeats, known, mut failures, fused: names, .. } = grid;
    if cells.is_empty() {
        // A plan has a representation and a clusterer, so something has failed.
        return Err(failures.pop().unwrap_or_else(|| RunError::Lacking("there is nothing to cluster".to_owned())));
    }
    session.count(total, known);
    let vectors: Vec<Representation> = parts.into_iter().chain(fused).collect();
    let main_cell = main_cell(&cells, |name| names.contains(name));
    cells.extend(repeats);
    session.emit(Event::Clustered { main_cell, cells: cells.clone() });
    Ok(Clustered { vectors, cells, main_cell })
}

impl Grid<'_> {
    /// How many clusters a representation is to have.
    fn count(&self, representation: &Representation) -> ClusterCount {
        let criterion = |answer: &&Answer| answer.vectors.name == representation.name;
        let count = match (self.answers.iter().find(criterion), self.plan.k) {
            (None, k) => k,
            (Some(Answer { criterion, .. }), k) => criterion.k.unwrap_or(match k {
                ClusterCount::Fixed(k) => ClusterCount::Fixed(k),
                // Label folders answer one criterion at most.
                ClusterCount::Labels | ClusterCount::Auto => ClusterCount::Auto,
            }),
        };
        self.truth.count(count)
    }

    fn done(&self) -> usize {
        self.cells.len() + self.repeats.len()
    }

    /// The seeds with which a clusterer is run: one where none would change anything.
    fn seeds(&self, clusterer: &str, count: ClusterCount) -> Vec<u32> {
        let spec = clusterer.parse::<ClustererSpec>();
        // A search for k draws whatever clusters afterwards.
        let draws = spec.is_ok_and(|spec| spec.draws() || (spec.takes_k() && !matches!(count, ClusterCount::Fixed(_))));
        std::iter::once(self.plan.seed).chain(self.seeds.iter().copied().filter(|_| draws)).collect()
    }

    /// Adds the cells of one representation.
    async fn add(
        &mut self,
        engine: &Engine<'_>,
        session: &mut Session<'_>,
        representation: &Representation,
        count: ClusterCount,
    ) -> Result<(), RunError> {
        if representation.kind == RepresentationKind::Fused {
            self.fused.insert(representation.name.clone());
        }
        let plan = self.plan;
        let seeds = |clusterer: &String| self.seeds(clusterer, count);
        let tasks: Vec<(&String, u32)> =
            plan.cluster.iter().flat_map(|c| seeds(c).into_iter().map(move |seed| (c, seed))).collect();
        for (clusterer, seed) in tasks {
            session.progress(Stage::Clusters, self.done(), self.total, self.known)?;
            let task = Task { representation, clusterer, count, seed };
            let (cells, fused) = (&self.cells, &self.fused);
            let mut early = |session: &mut Session<'_>, cell: &Cell| {
                let cells: Vec<Cell> = cells.iter().cloned().chain([cell.clone()]).collect();
                let main_cell = main_cell(&cells, |name| fused.contains(name));
                session.emit(Event::Clustered { cells, main_cell });
            };
            let made = cells::cell(engine, session, &task, self.truth, &mut early).await;
            let what = || format!("{} by {clusterer}", representation.name);
            let Some((cell, cached)) = self.possible(session, what, made)? else { continue };
            self.known += usize::from(cached);
            if let Some(warning) = swallowed(&cell) {
                session.note(format!("{} by {}: {warning}", representation.name, cell.clustered_by()));
            }
            if seed == plan.seed { &mut self.cells } else { &mut self.repeats }.push(cell);
        }
        Ok(())
    }

    /// A stage that refuses its input is told of and passed over: the others may do.
    fn possible<T>(
        &mut self,
        session: &mut Session<'_>,
        what: impl Fn() -> String,
        made: Result<T, RunError>,
    ) -> Result<Option<T>, RunError> {
        match made {
            Ok(made) => Ok(Some(made)),
            Err(error @ RunError::Stage { .. }) => {
                session.note(format!("{} is left out: {error}", what()));
                self.failures.push(error);
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }
}

/// What to say of a density that parts nothing, as the curve of distances often has it where features have many columns.
fn swallowed(cell: &Cell) -> Option<String> {
    cell.chosen.as_ref()?;
    let largest =
        (0..cell.k as i32).map(|k| cell.labels.iter().filter(|label| **label == k).count()).max().unwrap_or(0);
    let share = largest as f64 / cell.labels.len() as f64;
    (share > ALL_BUT).then(|| format!("one cluster holds {:.0} % of the pictures; give a smaller eps", 100.0 * share))
}

/// The first cell of a fusion, else the first: clusters, map and report follow it.
pub(super) fn main_cell(cells: &[Cell], is_fused: impl Fn(&str) -> bool) -> usize {
    cells.iter().position(|cell| is_fused(&cell.representation)).unwrap_or(0)
}
