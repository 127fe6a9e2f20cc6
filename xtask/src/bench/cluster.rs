//! The clusterers against scikit-learn.

use anyhow::Result;

use super::lab::{Lab, last_line};
use super::table::{Reach, Table};

/// One algorithm, as `benches/cluster.rs` and `bench/reference/cluster.py` know it.
struct Algorithm {
    name: &'static str,
    /// What stands in the table.
    what: &'static str,
    /// The first rows of the data that are clustered.
    rows: usize,
    /// Part of scikit-learn's time that ours may take.
    reach: f64,
    rounds: usize,
}

/// Rows from which on ours runs alone: scikit-learn's distances of so many would not fit in this machine's memory.
const LARGE: usize = 60_000;
/// MiB that ours may take of them.
const LARGE_MIB: f64 = 8192.0;

const ALGORITHMS: [Algorithm; 15] = [
    Algorithm { name: "kmeans", what: "K-Means, k 30, n_init 1", rows: 15_000, reach: 0.5, rounds: 3 },
    Algorithm { name: "mini_batch_kmeans", what: "mini-batch K-Means, k 30", rows: 15_000, reach: 0.5, rounds: 3 },
    Algorithm { name: "gmm_diag", what: "GMM diag, k 30", rows: 15_000, reach: 0.5, rounds: 3 },
    // scikit-learn takes many minutes for all rows.
    Algorithm { name: "gmm_full", what: "GMM full, k 30, 2 iterations", rows: 3_000, reach: 0.5, rounds: 1 },
    Algorithm { name: "spectral", what: "spectral, 10 neighbours, k 30", rows: 15_000, reach: 0.5, rounds: 1 },
    Algorithm { name: "dbscan", what: "DBSCAN, eps .85", rows: 9_000, reach: 0.3, rounds: 3 },
    Algorithm { name: "ward", what: "ward, k 30", rows: 9_000, reach: 0.2, rounds: 3 },
    Algorithm { name: "average", what: "average, k 30", rows: 9_000, reach: 0.5, rounds: 1 },
    Algorithm { name: "average_cosine", what: "average, cosine, k 30", rows: 9_000, reach: 0.5, rounds: 1 },
    Algorithm { name: "complete", what: "complete, k 30", rows: 9_000, reach: 0.5, rounds: 1 },
    Algorithm { name: "single", what: "single, k 30", rows: 9_000, reach: 0.5, rounds: 1 },
    Algorithm { name: "hdbscan", what: "HDBSCAN 15, 5", rows: 9_000, reach: 0.5, rounds: 1 },
    Algorithm { name: "optics", what: "OPTICS", rows: 9_000, reach: 0.5, rounds: 1 },
    Algorithm { name: "dbscan_60000", what: "DBSCAN, eps .85", rows: LARGE, reach: 1.0, rounds: 1 },
    Algorithm { name: "ward_60000", what: "ward, k 30", rows: LARGE, reach: 1.0, rounds: 1 },
];

/// Time of every algorithm on `features768.npy`, and how far the labels agree with scikit-learn's.
pub(super) fn cluster(lab: &Lab<'_>) -> Result<Table> {
    let data = lab.data("features768.npy")?;
    let mut table = Table::default();
    for algorithm in lab.wanted(&ALGORITHMS, |algorithm| algorithm.name)? {
        if algorithm.rows == LARGE {
            large(lab, algorithm, &mut table)?;
            continue;
        }
        let Algorithm { name, what, rows, reach, rounds } = algorithm;
        let paths = ["ours", "reference"].map(|side| lab.data.join(format!("{name}.{side}.npy")));
        let arguments = |mut command: std::process::Command, out: &std::path::Path| {
            command.arg(name).arg(&data).arg(rows.to_string()).arg(out);
            command
        };
        let both = lab.in_turn(
            *rounds,
            |_| Ok(arguments(lab.program("cluster")?, &paths[0])),
            |_| Ok(arguments(lab.script("cluster.py"), &paths[1])),
        )?;
        let (ours, reference) = both.medians("ms");
        table.row(format!("{what}, {rows} x 768, ms"), ours, reference, Reach::Ratio(*reach));
        let agreement = last_line(lab.script("compare.py").arg("labels").arg(&paths[0]).arg(&paths[1]))?;
        table.remarks.push(format!(
            "{what}: labels that differ: {} of {}; ARI {}; {} clusters, {} noise",
            agreement["different"], agreement["of"], agreement["ari"], both.ours[0]["clusters"], both.ours[0]["noise"],
        ));
    }
    Ok(table)
}

/// Peak memory and time of ours alone.
fn large(lab: &Lab<'_>, Algorithm { name, what, rows, reach, .. }: &Algorithm, table: &mut Table) -> Result<()> {
    let data = lab.data("features768_60000.npy")?;
    let program = lab.program("cluster")?;
    let mut measure = lab.script("measure.py");
    measure.arg(program.get_program()).arg(name.trim_end_matches("_60000")).arg(&data).arg(rows.to_string());
    let measured = last_line(measure.arg(lab.data.join(format!("{name}.ours.npy"))))?;
    let number = |key: &str| measured[key].as_f64().unwrap_or(f64::NAN);
    table.row(
        format!("{what}, {rows} x 768, peak MiB (of 8 GiB)"),
        number("peak_mib"),
        LARGE_MIB,
        Reach::Ratio(*reach),
    );
    table.remarks.push(format!("{what}, {rows} x 768: {:.1} s, reading included", number("ms") / 1000.0));
    Ok(())
}
