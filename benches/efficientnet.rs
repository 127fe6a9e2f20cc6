//! EfficientNet-lite0 on the CPU: `efficientnet MODEL BATCH ROUNDS`, where MODEL is the folder of the pulled model.

mod common;

use std::path::Path;

use gistmap::random::RandomState;
use gistmap::weights::read_checkpoint;
use gistmap_models::cpu::EfficientNetLite0;
use gistmap_models::processor;

fn main() -> anyhow::Result<()> {
    let [model, batch, rounds] = common::arguments("efficientnet MODEL BATCH ROUNDS")?;
    let (batch, rounds): (usize, usize) = (batch.parse()?, rounds.parse()?);
    let checkpoint = read_checkpoint(&Path::new(&model).join("efficientnet-lite0.pth"))?;
    let network = processor::efficientnet_lite0(checkpoint)?;
    let mut random = RandomState::new(common::SEED);
    let bytes = batch * EfficientNetLite0::SIDE * EfficientNetLite0::SIDE * 3;
    let pixels: Vec<u8> = (0..bytes).map(|_| (random.next_u32() >> 24) as u8).collect();
    network.forward(&pixels, batch)?;
    let mut times = Vec::new();
    for _ in 0..rounds {
        let (ms, output) = common::timed(|| network.forward(&pixels, batch));
        output?;
        times.push(ms / batch as f64);
    }
    println!("{}", serde_json::json!({"ms": common::median(times)}));
    Ok(())
}
