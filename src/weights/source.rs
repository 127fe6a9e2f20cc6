//! The model folder as the engine's source of models.

use gistmap_models::precision::Precision;

use super::{ModelFolder, read_checkpoint};
use crate::engine::{Model, ModelSource, networks};
use crate::protocol::Networks;

impl ModelSource for ModelFolder {
    fn networks(&self) -> Networks {
        networks(self.manifests().iter())
    }

    fn open(&self, name: &str) -> Result<Model, String> {
        let open = || {
            let manifest = self.manifest(name)?.clone();
            let weights = self.weights(&manifest)?;
            let checkpoint = read_checkpoint(&self.check(&manifest, &weights.name)?)?;
            let files = self.beside(&manifest)?;
            Ok(Model { manifest, weights: weights.sha256, checkpoint, precision: Precision::F32, files })
        };
        open().map_err(|e: super::WeightsError| e.to_string())
    }
}
