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
            let mut files = manifest.files.iter();
            let weights = files.next().map(|f| f.name.clone()).unwrap_or_default();
            let checkpoint = read_checkpoint(&self.check(&manifest, &weights)?)?;
            let rest = files.map(|f| Ok((f.name.clone(), self.read(&manifest, &f.name)?)));
            let files = rest.collect::<Result<_, super::WeightsError>>()?;
            let identity = manifest.weights_sha256().to_owned();
            Ok(Model { manifest, weights: identity, checkpoint, precision: Precision::F32, files })
        };
        open().map_err(|e: super::WeightsError| e.to_string())
    }
}
