//! The project's own commands: `cargo xtask start | page | test | check | screenshots | bench NAME | parity NAME |
//! setup`.
//!
//! Each sets up what it needs, says in one line what was already done, and is quick the second time. It wants Rust
//! (rustup) and Python 3; what else is missing is installed, or the command that installs it is printed.

use std::process::ExitCode;

use anyhow::{Result, bail};

mod bench;
mod browser;
mod check;
mod packs;
mod page;
mod parity;
mod process;
mod project;
mod samples;
mod seal;
mod setup;
mod start;
mod test;
mod tools;

const USAGE: &str = "\
cargo xtask start [PICTURES]   set up, build the program and the page, serve the page and print its address; with
                               PICTURES run gistmap on them first, and open the album in the page
cargo xtask page               only build the page, into dist/
cargo xtask test               set up, then format, lints (native and wasm32) and every test, in Chromium too
cargo xtask check              format, type check and lints only, native and wasm32
cargo xtask bench NAME|all     measure against the Python references; NAME is one of
                               efficientnet minilm decode classical kmeans cluster tsne run quality page;
                               of cluster also some rows alone: cluster:ward,dbscan
cargo xtask parity NAME|all [wgpu]
                               networks at full size, with random weights, against PyTorch, on the processor or on wgpu;
                               NAME is one of clip-vit-b32 dinov2-small siglip-base blip-caption blip-vqa vilt-vqa
                               vit-gpt2 mpnet resnet18 resnet50 efficientnet-b0 mobilenet-v3-small
cargo xtask screenshots        pictures of the page in both themes, wide and narrow, into out/screenshots
cargo xtask samples            only the sample pictures; prints their folder
cargo xtask packs [NAME...]    only the model packs and the sample that the page loads (Trunk's first hook); packs of these
                               models too, where gistmap models pull has fetched them
cargo xtask seal               names the built page's files by their hashes (Trunk's last hook)
cargo xtask setup              only what the other commands set up (wasm32 target, Vulkan driver, pip)

Environment: GISTMAP_CACHE (models, samples, tools, Python for the benches; default ~/.cache/gistmap),
GISTMAP_SHARED (pictures for tests and benches; default ../shared), GISTMAP_CHROMIUM (default
/usr/bin/chromium), CARGO_TARGET_DIR.";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["-h" | "--help" | "help"] => {
            println!("{USAGE}");
            ExitCode::SUCCESS
        }
        [
            "start" | "page" | "test" | "check" | "bench" | "parity" | "screenshots" | "samples" | "packs" | "seal"
            | "setup",
            ..,
        ] => finish(dispatch(&words)),
        _ => {
            eprintln!("{USAGE}");
            ExitCode::from(2)
        }
    }
}

fn dispatch(words: &[&str]) -> Result<()> {
    let project = project::Project::find()?;
    match words {
        ["start"] => start::start(&project, None),
        ["start", pictures] => start::start(&project, Some(pictures)),
        ["page"] => {
            println!("{}", page::build(&project)?.display());
            Ok(())
        }
        ["screenshots"] => browser::screenshots(&project),
        ["packs"] => packs::make(&project),
        ["packs", models @ ..] => packs::offer(&project, models),
        ["seal"] => seal::seal(),
        ["test"] => test::test(&project),
        ["check"] => check::check(&project),
        ["samples"] => {
            println!("{}", samples::pictures(&project)?.display());
            Ok(())
        }
        ["setup"] => setup::everything(&project),
        ["parity", names @ ..] if !names.is_empty() => parity::parity(&project, names),
        ["bench", names @ ..] if !names.is_empty() => bench::bench(&project, names),
        _ => bail!("wrong arguments\n{USAGE}"),
    }
}

fn finish(result: Result<()>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("\nerror: {error:#}");
            ExitCode::FAILURE
        }
    }
}
