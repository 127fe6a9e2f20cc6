//! How good a clustering is: against labels, or by the distances alone.
//!
//! Names and values are scikit-learn's, equal to 1e-9. Labels may be of any ordered type; a noise
//! label of -1 is a cluster like any other, as in scikit-learn.
//!
//! - [`accuracy`]: the best match of clusters to classes (Hungarian method)
//! - [`nmi`]: normalised mutual information
//! - [`ari`]: adjusted Rand index
//! - [`kappa`]: Cohen's kappa after the majority vote of each cluster
//! - [`silhouette`]: mean silhouette, Euclidean
//! - [`trustworthiness`]: how many neighbours in a layout were neighbours before
//! - [`contingency`]: the table that the first four count in

pub mod accuracy;
pub mod ari;
pub mod contingency;
pub mod kappa;
pub mod nmi;
pub mod silhouette;
pub mod trustworthiness;

#[cfg(test)]
mod tests;
