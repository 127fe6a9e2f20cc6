//! `cargo xtask bench page`: the page in Chromium beside onnxruntime-web, and what a visit costs; `page-networks`: the networks
//! that a person brings, in the same way.

use std::process::Command;

use anyhow::{Context, Result};
use serde_json::{Value, json};

use super::lab::Lab;
use super::networks;
use super::table::{Reach, Table, median};
use crate::{browser, page, process, samples, tools};

/// Part of onnxruntime-web's time that ours may take.
const REACH: f64 = 1.0;

/// A network that a person brings as a pack.
struct Network {
    /// Of its reference script.
    script: &'static str,
    model: &'static str,
    /// Where the page runs it: transformers need WebGPU there.
    providers: &'static [&'static str],
}

const BOTH: &[&str] = &["webgpu", "wasm"];
const NETWORKS: [Network; 7] = [
    Network { script: "resnet18", model: "resnet18", providers: BOTH },
    Network { script: "resnet50", model: "resnet50", providers: BOTH },
    Network { script: "efficientnet_b0", model: "efficientnet-b0", providers: BOTH },
    Network { script: "mobilenet_v3_small", model: "mobilenet-v3-small", providers: BOTH },
    Network { script: "clip", model: "clip-vit-b32", providers: &["webgpu"] },
    Network { script: "dinov2", model: "dinov2-small", providers: &["webgpu"] },
    Network { script: "siglip", model: "siglip-base", providers: &["webgpu"] },
];

/// Runs `bench/page/bench.js` on the built page.
pub(super) fn page(lab: &Lab<'_>) -> Result<Table> {
    Ok(table(&figures(lab, "bench.js", "page.json", |_| {})?))
}

/// Runs `bench/page/networks.js` on the built page.
pub(super) fn networks(lab: &Lab<'_>) -> Result<Table> {
    let mut rows = Vec::new();
    for Network { script, model, providers } in lab.wanted(&NETWORKS, |network| network.script)? {
        let pack = networks::brought(lab, script, model)?;
        let row = |provider: &&str| json!({"graph": script, "model": model, "pack": pack, "provider": provider});
        rows.extend(providers.iter().map(row));
    }
    let list = Value::from(rows.clone()).to_string();
    let figures = figures(lab, "networks.js", "page-networks.json", |node| {
        node.env("GISTMAP_NETWORKS", list);
    })?;
    let mut table = Table::default();
    for row in rows {
        let [graph, model, provider] = ["graph", "model", "provider"].map(|key| row[key].as_str().unwrap_or_default());
        compare(&mut table, &figures[format!("{graph} {provider}")], &format!("{model}, {}", shown(provider)));
    }
    table.remarks.push(REFERENCE.to_owned());
    Ok(table)
}

/// What `script` measures on the built page and writes into the file `name`.
fn figures(lab: &Lab<'_>, script: &str, name: &str, with: impl FnOnce(&mut Command)) -> Result<Value> {
    let dist = page::build(lab.project)?;
    tools::for_browser_tests(lab.project)?;
    let folder = lab.project.root.join("bench/page");
    tools::npm_packages(&folder, &folder)?;
    let path = lab.project.cache.join("bench").join(name);
    let mut node = browser::node(lab.project, &folder, &dist, &samples::pictures(lab.project)?);
    node.env("GISTMAP_GRAPHS", &lab.graphs).env("GISTMAP_FIGURES", &path);
    with(&mut node);
    process::run(node.arg(script))?;
    let text = std::fs::read_to_string(&path).with_context(|| path.display().to_string())?;
    serde_json::from_str(&text).with_context(|| format!("{script} wrote no JSON"))
}

const REFERENCE: &str = "the column Python is onnxruntime-web here, on the same graph in the same Chromium";

fn shown(provider: &str) -> &str {
    if provider == "webgpu" { "WebGPU (SwiftShader)" } else { "processor, 1 thread" }
}

fn compare(table: &mut Table, sides: &Value, what: &str) {
    let side = |name: &str| median(&numbers(&sides[name]));
    table.row(format!("{what}, ms a picture"), side("ours"), side("theirs"), Reach::Ratio(REACH));
}

fn table(figures: &Value) -> Table {
    let mut table = Table::default();
    for provider in BOTH {
        compare(&mut table, &figures[provider], &format!("EfficientNet-lite0, {}", shown(provider)));
    }
    table.remarks.push(REFERENCE.to_owned());
    if let Some(sizes) = figures["sizes"].as_object() {
        let mut visit = figures["packs"].as_f64().unwrap_or_default();
        for (name, size) in sizes {
            let [raw, brotli] = ["raw", "brotli"].map(|coding| size[coding].as_f64().unwrap_or_default());
            visit += brotli;
            if name.ends_with(".wasm") {
                table.remarks.push(format!("{name}: {:.2} MB, brotli {:.2} MB", raw / 1e6, brotli / 1e6));
            }
        }
        table.remarks.push(format!("first visit with models, brotli: {:.1} MB", visit / 1e6));
    }
    for visited in ["first", "second"] {
        let ms = median(&numbers(&figures["interactive"][visited]));
        table.remarks.push(format!("navigation to interactive, {visited} visit: {ms:.0} ms"));
    }
    for (hands, rate) in figures["decode"].as_object().into_iter().flatten() {
        table
            .remarks
            .push(format!("{hands} hand(s) decode {:.0} pictures a second", rate.as_f64().unwrap_or_default()));
    }
    for (renderer, map) in figures["map"].as_object().into_iter().flatten() {
        let (gaps, costs) = (numbers(&map["gaps"]), numbers(&map["costs"]));
        let slowest = gaps.iter().copied().fold(0.0, f64::max);
        // A display of 60 Hz shows a frame after 16.7 or 33.3 ms; what takes longer is below 30 a second.
        let late = gaps.iter().filter(|gap| **gap > 34.0).count();
        table.remarks.push(format!(
            "60,000 points panned and zoomed, {renderer}: {:.0} frames a second (median), slowest frame {slowest:.0} ms, \
             {late} of {} later than 30 a second; {:.1} ms of the page's thread a frame",
            1000.0 / median(&gaps),
            gaps.len(),
            median(&costs)
        ));
    }
    for (pictures, processes) in figures["memory"].as_object().into_iter().flatten() {
        let peaks = processes.as_object().into_iter().flatten();
        let peaks: Vec<String> =
            peaks.map(|(process, peak)| format!("{process} {:.0} MB", peak.as_f64().unwrap_or_default())).collect();
        table.remarks.push(format!("{pictures} pictures, processes at most: {}", peaks.join(", ")));
    }
    for (pictures, answers) in figures["answers"].as_object().into_iter().flatten() {
        let (median, pause) = (median(&numbers(answers)), "of which 100 are the pause that waits for more keys");
        table.remarks.push(format!("{pictures} pictures, another k: clusters listed after {median:.0} ms, {pause}"));
    }
    table
}

fn numbers(list: &Value) -> Vec<f64> {
    list.as_array().into_iter().flatten().filter_map(Value::as_f64).collect()
}
