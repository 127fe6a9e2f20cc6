//! `cargo xtask bench page`: the page in Chromium beside onnxruntime-web, and what a visit costs.

use anyhow::{Context, Result};
use serde_json::Value;

use super::lab::Lab;
use super::networks;
use super::table::{Reach, Table, median};
use crate::{browser, page, process, samples, tools};

/// Runs `bench/page/bench.js` on the built page.
pub(super) fn page(lab: &Lab<'_>) -> Result<Table> {
    let dist = page::build(lab.project)?;
    tools::for_browser_tests(lab.project)?;
    let folder = lab.project.root.join("bench/page");
    tools::npm_packages(&folder, &folder)?;
    let path = lab.project.cache.join("bench").join("page.json");
    let mut node = browser::node(lab.project, &folder, &dist, &samples::pictures(lab.project)?);
    let pack = networks::dinov2(lab)?;
    node.env("GISTMAP_GRAPHS", &lab.graphs).env("GISTMAP_PACK", pack).env("GISTMAP_FIGURES", &path);
    process::run(node.arg("bench.js"))?;
    let text = std::fs::read_to_string(&path).with_context(|| path.display().to_string())?;
    Ok(table(&serde_json::from_str(&text).context("bench.js wrote no JSON")?))
}

fn table(figures: &Value) -> Table {
    let mut table = Table::default();
    for (key, what) in [
        ("webgpu", "EfficientNet-lite0, WebGPU (SwiftShader)"),
        ("wasm", "EfficientNet-lite0, processor, 1 thread"),
        ("dinov2", "DINOv2-small, WebGPU (SwiftShader)"),
    ] {
        let side = |name: &str| median(&numbers(&figures[key][name]));
        table.row(format!("{what}, ms a picture"), side("ours"), side("theirs"), Reach::Ratio(1.0));
    }
    table.remarks.push("the column Python is onnxruntime-web here, on the same graph in the same Chromium".to_owned());
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
