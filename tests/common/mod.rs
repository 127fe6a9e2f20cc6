//! What integration tests share: small real files, the built program, the models on this machine.
#![allow(clippy::unwrap_used, dead_code, unused_imports)]

pub(crate) mod server;
mod shared;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use gistmap::weights::ModelFolder;

pub(crate) use shared::shared;

/// The models' folder, when both default models are there and whole; otherwise prints why the test is skipped.
pub(crate) fn models() -> Option<ModelFolder> {
    let folder = ModelFolder::of_user().unwrap();
    for name in ["efficientnet-lite0", "minilm"] {
        if let Err(reason) = folder.verify(name) {
            eprintln!("skipped: {reason}");
            return None;
        }
    }
    Some(folder)
}

/// A file of `tests/golden`.
pub(crate) fn golden(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name)
}

/// The built program with a cache of results of its own, and the models of this machine.
pub(crate) struct Program {
    pub(crate) cache: tempfile::TempDir,
}

impl Program {
    pub(crate) fn new(models: &ModelFolder) -> Self {
        let cache = tempfile::tempdir().unwrap();
        let here = models.path("minilm");
        std::os::unix::fs::symlink(here.parent().unwrap(), cache.path().join("models")).unwrap();
        Self { cache }
    }

    pub(crate) fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_gistmap"));
        command.env("GISTMAP_CACHE", self.cache.path());
        command
    }

    /// `gistmap run IMAGES -o OUT --device cpu ARGUMENTS`.
    pub(crate) fn run(&self, images: &Path, out: &Path, arguments: &[&str]) -> Output {
        let mut command = self.command();
        command.arg("run").arg(images).arg("-o").arg(out).args(["--device", "cpu"]).args(arguments);
        command.output().unwrap()
    }
}

pub(crate) fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Rows of a CSV file, its header first.
pub(crate) fn csv(path: &Path) -> Vec<Vec<String>> {
    let mut reader = csv::ReaderBuilder::new().has_headers(false).flexible(false).from_path(path).unwrap();
    reader.records().map(|r| r.unwrap().iter().map(str::to_owned).collect()).collect()
}

/// Three classes of drawn pictures, `each` of every class: discs, stripes and gradients in colours of their own.
pub(crate) fn drawn_classes(root: &Path, each: u32) {
    for (class, name) in ["discs", "gradients", "stripes"].iter().enumerate() {
        fs::create_dir_all(root.join(name)).unwrap();
        for i in 0..each {
            let picture = image::RgbImage::from_fn(120 + 7 * i, 100 + 5 * i, |x, y| {
                let (u, v) = (x as f32 / (120 + 7 * i) as f32, y as f32 / (100 + 5 * i) as f32);
                let shade = (i * 9) as u8;
                match class {
                    0 if (u - 0.5).hypot(v - 0.5) < 0.3 => image::Rgb([220, 40 + shade, 30]),
                    0 => image::Rgb([250, 250, 240 - shade]),
                    1 => image::Rgb([(u * 90.0) as u8, (v * 200.0) as u8 + shade / 2, 160]),
                    _ if ((u * 8.0) as u32).is_multiple_of(2) => image::Rgb([20, 20, 20 + shade]),
                    _ => image::Rgb([240, 220, 40]),
                }
            });
            let ending = ["jpg", "png", "bmp"][i as usize % 3];
            picture.save(root.join(name).join(format!("{i:02}.{ending}"))).unwrap();
        }
    }
}
