//! Pictures by words: the likeness of a query to what the pictures' texts say.

use super::session::Session;
use super::{Engine, RunError, words};
use crate::album::{Album, Representation, RepresentationKind};
use crate::protocol::{Event, SENTENCES};

/// Pictures that a search tells of.
const FOUND: usize = 200;

/// The representation that is searched in.
pub(super) fn searched(album: &Album) -> Option<&Representation> {
    // Vectors of a column's texts are plain sentence vectors, so that a query compares.
    let of_texts = |name: &str| album.texts.iter().any(|column| column.name == name);
    album.vectors.iter().find(|v| v.kind == RepresentationKind::Text && of_texts(&v.name))
}

/// Ranks the pictures of `album` by the cosine of their sentences' vectors with that of `words`.
pub(super) async fn search(
    engine: &Engine<'_>,
    album: &Album,
    words: String,
    emit: &mut dyn FnMut(Event),
) -> Result<(), RunError> {
    let Some(texts) = searched(album) else {
        let lacking = "these pictures have no texts to search in: run again with the text `tags`";
        return Err(RunError::Lacking(lacking.to_owned()));
    };
    let device = engine.device(None).await?;
    // The one that made the album's vectors.
    let asked = album.parameters.iter().find(|(option, _)| option == "--sentences");
    let network = engine.sentences(asked.map_or(SENTENCES, |(_, name)| name), &device)?;
    let mut session = Session::new(engine.store, engine.cancel.clone(), emit);
    let query = words::embed(&mut session, &network, &[words.trim()]).await?;
    if query.ncols() != texts.matrix.ncols() {
        let (ours, theirs) = (query.ncols(), texts.matrix.ncols());
        return Err(RunError::Lacking(format!(
            "the album's text vectors have {theirs} columns, those of this gistmap's sentence encoder {ours}: run again"
        )));
    }
    // Both sides have length 1, so the product is the cosine.
    let likeness = texts.matrix.dot(&query.row(0));
    let mut pictures: Vec<(usize, f32)> = likeness.into_iter().enumerate().collect();
    pictures.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
    pictures.truncate(FOUND);
    session.emit(Event::Found { words, pictures });
    Ok(())
}
