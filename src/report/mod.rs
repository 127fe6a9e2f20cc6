//! An album as files for people and programs: one file a format, each a function from an
//! [`Album`](crate::album::Album) to bytes or text. Nothing here touches the file system.

mod chart;
pub mod csv;
mod font;
pub mod html;
pub mod k_distance;
mod map;
pub mod npy;
pub mod png;
pub mod study;
pub mod svg;

/// Pictures of the main cell's cluster, or -1 where the album has no such cell.
fn main_labels(album: &crate::album::Album) -> Vec<i32> {
    let labels = album.cells.get(album.main_cell).map_or(&[][..], |c| &c.labels);
    (0..album.pictures.len()).map(|i| labels.get(i).copied().unwrap_or(-1)).collect()
}

/// `1234567` as `1,234,567`.
fn thousands(n: usize) -> String {
    let digits = n.to_string();
    let mut out = String::new();
    for (i, d) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(d);
    }
    out
}

#[cfg(test)]
pub(crate) mod testing {
    //! Albums to test the formats with.

    use crate::album::{
        Album, Cell, ClusterSummary, CriterionClusters, Failure, Layout, NameQuality, Picture, Scores, TextColumn,
        Timing,
    };
    use ndarray::Array2;

    /// File names that break careless writers.
    pub(crate) const NASTY: [&str; 8] = [
        "a,b.jpg",
        "say \"cheese\".jpg",
        "two\nlines.jpg",
        "caf\u{e9}/\u{732b}\u{1f431}.png",
        "<script>alert(1)</script>.jpg",
        "semi;colon.jpg",
        "</script><!--\u{2028}.jpg",
        "[1]&amp;'.jpg",
    ];

    /// `n` pictures with nasty names in `k` clusters, every other one noise-free.
    pub(crate) fn album(n: usize, k: usize, labelled: bool) -> Album {
        let file = |i: usize| if i < NASTY.len() { NASTY[i].to_owned() } else { format!("class/{i}.jpg") };
        let labels: Vec<i32> = (0..n).map(|i| if i % 11 == 10 { -1 } else { (i % k) as i32 }).collect();
        let pictures = (0..n)
            .map(|i| Picture { file: file(i), label: labelled.then_some((i % 3) as u32), hash: format!("{i:064x}") })
            .collect();
        let members = |c: i32| (0..n).filter(|&i| labels[i] == c).collect::<Vec<_>>();
        let clusters: Vec<ClusterSummary> = (-1..k as i32)
            .filter(|&c| !members(c).is_empty())
            .map(|c| ClusterSummary {
                cluster: c,
                size: members(c).len(),
                name: if c < 0 { "noise".into() } else { format!("group {c} <b>") },
                named_by: None,
                keywords: vec!["ice cream".into(), "a;b".into(), "x&y".into()],
                exemplars: members(c).into_iter().take(3).collect(),
                purity: labelled.then_some(0.5),
                majority: labelled.then(|| "one & two".into()),
            })
            .collect();
        let score = |v: f64| labelled.then_some(v);
        let cell = |clusterer: &str, shift: f64| Cell {
            representation: "pixels@l2".into(),
            clusterer: clusterer.into(),
            chosen: None,
            k_distances: None,
            k,
            seed: 782,
            labels: labels.clone(),
            scores: Scores {
                acc: score(0.5 + shift),
                nmi: score(0.4 - shift),
                ari: score(0.3 + shift),
                kappa: score(0.2),
                silhouette: Some(0.125),
                loss: Some(0.75),
            },
            seconds: 1.5,
            k_curve: if shift > 0.0 { vec![(2, 0.1), (3, 0.3), (4, 0.2)] } else { Vec::new() },
        };
        Album {
            title: "pictures <&>".into(),
            version: "0.1.0".into(),
            device: "CPU (flex)".into(),
            parameters: vec![("--seed".into(), "782".into()), ("--cluster".into(), "<kmeans>".into())],
            pictures,
            label_names: if labelled { vec!["one & two".into(), "three".into(), "</b>".into()] } else { Vec::new() },
            features: Vec::new(),
            texts: vec![TextColumn::new("tags", (0..n).map(|i| format!("text {i} </script>")).collect())],
            vectors: Vec::new(),
            cells: vec![cell("kmeans", 0.1), cell("gmm", 0.0)],
            main_cell: 0,
            name_quality: Some(NameQuality { exact_match: 0.25, similarity: 0.5 }),
            criteria: vec![CriterionClusters {
                criterion: "what & <where>".into(),
                answered_by: "the column <tags>".into(),
                cell: 1,
                clusters: clusters.clone(),
            }],
            clusters,
            layout: Layout {
                projector: "tsne".into(),
                representation: "pixels@l2".into(),
                points: Array2::from_shape_fn((n, 2), |(i, j)| ((i * 37 + j * 11) % 101) as f32 - 50.0),
                kl: Some(1.25),
                trustworthiness: Some(0.95),
            },
            study: None,
            failures: vec![Failure {
                file: "<img src=x>.jpg".into(),
                stage: "decode".into(),
                reason: "it's \"cut\" off".into(),
            }],
            timings: vec![Timing { stage: "decode & resize".into(), seconds: 2.5, items: n, cached: n / 2 }],
        }
    }
}
