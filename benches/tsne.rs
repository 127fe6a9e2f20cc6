//! A t-SNE layout with the defaults: `tsne DATA.npy LAYOUT.npy`.

mod common;

use gistmap::progress::Step;
use gistmap::project::{Projector, Tsne, TsneParams};

fn main() -> anyhow::Result<()> {
    let [data, out] = common::arguments("tsne DATA.npy LAYOUT.npy")?;
    let data = common::read_matrix(&data)?;
    let (ms, layout) = common::timed(|| {
        let mut tsne = Tsne::new(TsneParams::default(), data.view())?;
        while tsne.step() != Step::Done {}
        anyhow::Ok(tsne.output().to_owned())
    });
    common::write_matrix(&out, layout?.view())?;
    println!("{}", serde_json::json!({"ms": ms}));
    Ok(())
}
