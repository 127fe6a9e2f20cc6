//! Pictures named out of a person's list, by networks that compare pictures with texts.

use ndarray::{Array2, ArrayView2};

use super::RunError;
use super::pictures::Extracted;
use super::services::{ImageNetwork, Namer};
use super::session::Session;
use super::words;
use crate::album::TextColumn;
use crate::describe::zero_shot;
use crate::protocol::{Plan, namer};

/// A column for each describer of the plan that names pictures.
pub(super) async fn columns(
    session: &mut Session<'_>,
    plan: &Plan,
    networks: &[ImageNetwork],
    extracted: &[Extracted],
) -> Result<Vec<TextColumn>, RunError> {
    let mut columns = Vec::new();
    for (describer, network) in plan.text.iter().filter_map(|text| Some((text, namer(text)?))) {
        let found = networks.iter().zip(extracted).find(|(of, _)| of.name == network);
        let Some((namer, features)) = found.and_then(|(of, features)| Some((of.namer.as_ref()?, features))) else {
            return Err(RunError::Lacking(format!("--text {describer}: {network} came without its tokenizer.json")));
        };
        let texts = sentences(session, namer, features.features.view(), &plan.names).await?;
        columns.push(TextColumn::new(describer.clone(), texts));
    }
    Ok(columns)
}

async fn sentences(
    session: &mut Session<'_>,
    namer: &Namer,
    features: ArrayView2<'_, f32>,
    names: &[String],
) -> Result<Vec<String>, RunError> {
    let prompts: Vec<String> = names.iter().map(|name| zero_shot::prompt(name)).collect();
    let texts = words::embed(session, &namer.texts, &words::views(&prompts)).await?;
    let (features, texts) = (features.as_standard_layout(), texts.as_standard_layout());
    let row = |rows: &ndarray::CowArray<'_, f32, ndarray::Ix2>, i: usize| rows.row(i).to_vec();
    let texts: Vec<Vec<f32>> = (0..names.len()).map(|name| row(&texts, name)).collect();
    let mut logits = Array2::zeros((features.nrows(), names.len()));
    for (picture, mut logits) in logits.rows_mut().into_iter().enumerate() {
        let picture = row(&features, picture);
        for (logit, text) in logits.iter_mut().zip(&texts) {
            *logit = namer.similarity.logit(&picture, text);
        }
    }
    let probabilities = namer.judgement.probabilities(logits.view());
    Ok(probabilities.rows().into_iter().map(|row| zero_shot::sentence(row, names)).collect())
}
