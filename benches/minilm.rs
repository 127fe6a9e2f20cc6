//! MiniLM on the CPU: `minilm MODEL SENTENCES` embeds the file's sentences, one a line, tokenizing included.

mod common;

use std::path::Path;

use anyhow::Context;
use gistmap::embed::Embedder;
use gistmap::runtime::block_on;
use gistmap::weights::read_checkpoint;
use gistmap_models::minilm::DIMENSION;
use gistmap_models::processor;

fn main() -> anyhow::Result<()> {
    let [model, sentences] = common::arguments("minilm MODEL SENTENCES")?;
    let model = Path::new(&model);
    let network = processor::minilm(read_checkpoint(&model.join("model.safetensors"))?)?;
    let tokenizer = std::fs::read(model.join("tokenizer.json")).context("tokenizer.json")?;
    let embedder = Embedder::new(&tokenizer, 256, Box::new(network), DIMENSION)?;
    let text = std::fs::read_to_string(&sentences).with_context(|| sentences.clone())?;
    let texts: Vec<&str> = text.lines().collect();
    block_on(embedder.embed(&texts[..texts.len().min(32)], &mut |_| true))?;
    let (ms, vectors) = common::timed(|| block_on(embedder.embed(&texts, &mut |_| true)));
    common::write_matrix(format!("{sentences}.ours.npy"), vectors?.view())?;
    println!("{}", serde_json::json!({"ms": ms, "sentences": texts.len()}));
    Ok(())
}
