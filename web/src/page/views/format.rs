//! Numbers and names as people read them.

/// `1234567` as `1,234,567`.
pub(super) fn count(n: usize) -> String {
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

/// `1 picture`, `1,200 pictures`.
pub(super) fn counted(n: usize, thing: &str) -> String {
    if n == 1 { format!("1 {thing}") } else { format!("{} {thing}s", count(n)) }
}

/// A time that is still to come or has gone.
pub(super) fn seconds(s: f64) -> String {
    match s {
        s if s < 0.0995 => format!("{:.0} ms", s * 1000.0),
        s if s < 9.95 => format!("{s:.1} s"),
        s if s < 99.5 => format!("{s:.0} s"),
        s if s < 3600.0 => format!("{:.0} min", s / 60.0),
        s => format!("{:.1} h", s / 3600.0),
    }
}

/// Items a second.
pub(super) fn rate(r: f64) -> String {
    if r < 10.0 { format!("{r:.1}/s") } else { format!("{r:.0}/s") }
}

/// A score, or a dash where there is none.
pub(super) fn score(value: Option<f64>) -> String {
    value.map_or_else(|| "–".to_owned(), |v| format!("{v:.3}"))
}

/// A share.
pub(super) fn percent(share: f64) -> String {
    format!("{:.0} %", share * 100.0)
}

/// Bytes in MB.
pub(super) fn megabytes(bytes: u64) -> String {
    format!("{:.1} MB", bytes as f64 / 1e6)
}

/// The last part of a path.
pub(super) fn file_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// A representation for people: `efficientnet-lite0+tags@concat` is `efficientnet-lite0 + tags`.
pub(super) fn representation(name: &str) -> String {
    let (parts, fusion) = name.split_once('@').unwrap_or((name, ""));
    let parts = parts.replace('+', " + ");
    if fusion.is_empty() || fusion == "concat" || fusion == "l2" { parts } else { format!("{parts} ({fusion})") }
}

/// A clusterer for people: `agglomerative:linkage=average` is `Agglomerative, average linkage`.
pub(super) fn clusterer(text: &str) -> String {
    let (name, settings) = text.split_once(':').unwrap_or((text, ""));
    let title = match name {
        "kmeans" => "K-Means",
        "minibatch-kmeans" => "Mini-batch K-Means",
        "gmm" => "Gaussian mixture",
        "spectral" => "Spectral",
        "agglomerative" => "Agglomerative",
        "dbscan" => "DBSCAN",
        "hdbscan" => "HDBSCAN",
        "optics" => "OPTICS",
        "consensus" => "Consensus",
        other => other,
    };
    let settings: Vec<String> = settings.split(':').filter(|s| !s.is_empty()).map(setting).collect();
    if settings.is_empty() { title.to_owned() } else { format!("{title}, {}", settings.join(", ")) }
}

fn setting(text: &str) -> String {
    match text.split_once('=') {
        Some(("linkage", linkage)) => format!("{linkage} linkage"),
        Some(("covariance_type", kind)) => format!("{kind} covariance"),
        Some(("affinity", kind)) => kind.replace('_', " "),
        Some((key, value)) => format!("{} {value}", key.replace('_', " ")),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::{clusterer, count, counted, representation, seconds};

    #[test]
    fn people_read_it() {
        assert_eq!((count(999).as_str(), count(1_234_567).as_str()), ("999", "1,234,567"));
        assert_eq!(
            (counted(1, "picture").as_str(), counted(2000, "picture").as_str()),
            ("1 picture", "2,000 pictures")
        );
        assert_eq!(
            (seconds(0.04), seconds(4.21), seconds(75.0), seconds(600.0)),
            ("40 ms".into(), "4.2 s".into(), "75 s".into(), "10 min".into())
        );
        assert_eq!(representation("efficientnet-lite0+tags@concat"), "efficientnet-lite0 + tags");
        assert_eq!(representation("hog+tags@concat:share=0.35"), "hog + tags (concat:share=0.35)");
        assert_eq!(clusterer("kmeans"), "K-Means");
        assert_eq!(clusterer("agglomerative:linkage=average"), "Agglomerative, average linkage");
        assert_eq!(clusterer("dbscan:eps=0.6:min_samples=9"), "DBSCAN, eps 0.6, min samples 9");
    }
}
