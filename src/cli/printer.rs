//! Events as a person wants to see them: a bar with rate and time left, on standard error.

use std::fmt;
use std::time::Duration;

use gistmap::protocol::{Event, Stage};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};

/// Failed pictures that are shown as they happen; the rest is in errors.csv.
const SHOWN_FAILURES: usize = 5;

/// Positions of the bar for one item, so that it moves within items that take long.
const PARTS: usize = 1000;

/// Prints events.
pub(crate) struct Printer {
    bar: ProgressBar,
    stage: Option<Stage>,
    failures: usize,
}

impl Printer {
    /// A printer on standard error; without a terminal only finished stages are printed.
    pub(crate) fn new() -> Self {
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr_with_hz(10));
        bar.enable_steady_tick(Duration::from_millis(250));
        Self { bar, stage: None, failures: 0 }
    }

    /// Prints one event.
    pub(crate) fn print(&mut self, event: &Event) {
        match event {
            Event::Device { name, why } => self.line(&format!("device    {name}: {why}")),
            Event::Progress { stage, done, part, total, .. } => self.progress(*stage, *done, *part, *total),
            Event::StageDone { stage, seconds, items, cached } => {
                self.stage = None;
                self.bar.reset();
                let cached = if *cached > 0 { format!(", {cached} from the cache") } else { String::new() };
                let items = if *items > 0 { format!("  {items} items{cached}") } else { String::new() };
                self.line(&format!("{:9} {seconds:7.2} s{items}", stage.title()));
            }
            Event::PictureFailed(failure) => {
                self.failures += 1;
                if self.failures <= SHOWN_FAILURES {
                    self.line(&format!("skipped   {:?}: {}", failure.file, failure.reason));
                }
                if self.failures == SHOWN_FAILURES + 1 {
                    self.line("skipped   more: see errors.csv");
                }
            }
            Event::Note(text) => self.line(&format!("note      {text}")),
            Event::Done => self.bar.finish_and_clear(),
            // Pictures, clusters and maps on their way are for pages.
            Event::Pictures(_)
            | Event::Clustered { .. }
            | Event::Layout { .. }
            | Event::KMeans { .. }
            | Event::Texts { .. }
            | Event::Found { .. } => {}
        }
    }

    /// Takes the bar off the screen, so that something else can be printed.
    pub(crate) fn clear(&self) {
        self.bar.finish_and_clear();
    }

    fn progress(&mut self, stage: Stage, done: usize, part: f64, total: usize) {
        if self.stage != Some(stage) {
            self.stage = Some(stage);
            self.bar.reset();
            self.bar.set_style(style());
            self.bar.set_prefix(stage.title());
        }
        self.bar.set_length((total * PARTS) as u64);
        self.bar.set_position((done * PARTS) as u64 + (part * PARTS as f64) as u64);
        self.bar.set_message(format!("{done}/{total}"));
    }

    fn line(&self, text: &str) {
        if self.bar.is_hidden() {
            tell!("{text}");
        } else {
            self.bar.println(text);
        }
    }
}

fn style() -> ProgressStyle {
    let rate = |state: &ProgressState, to: &mut dyn fmt::Write| {
        // A bar that cannot be written is no reason to stop.
        let _ = write!(to, "{:.1}/s", state.per_sec() / PARTS as f64);
    };
    ProgressStyle::with_template("{prefix:9} {bar:32} {msg}  {rate}  {eta} left")
        .unwrap_or_else(|_| ProgressStyle::default_bar())
        .with_key("rate", rate)
}
