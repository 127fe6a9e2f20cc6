//! The model folder as the engine's source of models.

use gistmap_models::manifest::Role;
use gistmap_models::precision::Precision;

use super::{ModelFolder, read_checkpoint};
use crate::engine::{Model, ModelSource};

impl ModelSource for ModelFolder {
    fn image_encoders(&self) -> Vec<String> {
        self.manifests().iter().filter(|m| m.role == Role::ImageEncoder).map(|m| m.name.clone()).collect()
    }

    fn open(&self, name: &str, role: Role) -> Result<Model, String> {
        let open = || {
            let manifest = self.manifest_for(name, role)?.clone();
            let weights = self.weights(&manifest)?;
            let checkpoint = read_checkpoint(&self.check(&manifest, &weights.name)?)?;
            let rest = self.listed(&manifest)?.into_iter().filter(|file| file.name != weights.name);
            let rest = rest.map(|file| Ok((file.name.clone(), self.read(&manifest, &file.name)?)));
            let files = rest.collect::<Result<_, super::WeightsError>>()?;
            Ok(Model { manifest, weights: weights.sha256, checkpoint, precision: Precision::F32, files })
        };
        open().map_err(|e: super::WeightsError| e.to_string())
    }
}
