//! The models there are, and what is on its way of them.

use std::sync::Arc;

use gistmap::protocol::Networks;
use gistmap_web::protocol::{ModelLine, Standing};
use leptos::prelude::*;

use super::Fetch;

/// The models. Copies share them.
#[derive(Clone, Copy)]
pub(crate) struct Models {
    /// All that gistmap knows; empty before the engine has looked.
    pub(crate) lines: RwSignal<Arc<Vec<ModelLine>>>,
    /// Those that a plan may name.
    pub(crate) networks: RwSignal<Networks>,
    /// The one that is fetched or taken in just now.
    pub(crate) coming: RwSignal<Option<Fetch>>,
}

impl Models {
    pub(super) fn new() -> Self {
        Self {
            lines: RwSignal::new(Arc::default()),
            networks: RwSignal::new(Networks::default()),
            coming: RwSignal::new(None),
        }
    }

    /// Returns the model that was on its way, where it has come.
    pub(super) fn learn(&self, lines: Vec<ModelLine>, networks: Networks) -> Option<String> {
        let awaited = self.coming.try_update(Option::take).flatten();
        let came = awaited.filter(|f| lines.iter().any(|line| line.name == f.name && is_had(line.standing)));
        self.lines.set(Arc::new(lines));
        self.networks.set(networks);
        came.map(|fetch| fetch.name)
    }
}

/// Whether a run could use it without asking anybody.
pub(crate) fn is_had(standing: Standing) -> bool {
    matches!(standing, Standing::Here | Standing::Brought)
}
