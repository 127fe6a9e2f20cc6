//! Who reads, decodes and cuts pictures: a pool of threads in the terminal, a set of workers in the page.

use std::pin::Pin;

use super::workbench::{Prepared, Workbench};
use crate::album::Failure;
use crate::collection::{Content, Item, ReadError, Source};
use crate::runtime::Shared;

/// A batch on its way: pictures in the order of the items, or why one cannot be used.
pub type Preparing<'a> = Pin<Box<dyn Future<Output = Vec<Result<Prepared, Failure>>> + 'a>>;

/// The hands that make pictures ready for the networks.
///
/// For each item they read its bytes, let the bench look them up ([`Workbench::begin`]), make what is wanted
/// ([`crate::measure::measure`]) and hand it in ([`Workbench::finish`]).
pub trait Hands: Shared {
    /// The bytes of one picture.
    ///
    /// # Errors
    /// Why they cannot be had.
    fn read(&self, source: &Source) -> Result<Content, ReadError>;

    /// Prepares a batch, and does `meanwhile` once, at the same time where that is possible: it starts the networks on
    /// the batch before.
    fn prepare<'a>(
        &'a self,
        bench: &'a Workbench<'a>,
        items: &'a [Item],
        meanwhile: &'a mut (dyn FnMut() + Send),
    ) -> Preparing<'a>;
}

/// All cores of this machine, and its file system.
#[cfg(not(target_arch = "wasm32"))]
#[derive(Debug, Clone, Copy, Default)]
pub struct Pool;

#[cfg(not(target_arch = "wasm32"))]
impl Hands for Pool {
    fn read(&self, source: &Source) -> Result<Content, ReadError> {
        crate::collection::folder::read(source)
    }

    fn prepare<'a>(
        &'a self,
        bench: &'a Workbench<'a>,
        items: &'a [Item],
        meanwhile: &'a mut (dyn FnMut() + Send),
    ) -> Preparing<'a> {
        use crate::measure::{Measured, measure};
        use rayon::prelude::*;
        let one = |item: &Item| {
            let failed = |stage: &str, reason| Failure { file: item.file.clone(), stage: stage.to_owned(), reason };
            let content = self.read(&item.source).map_err(|e| failed("read", e.to_string()))?;
            let begun = bench.begin(item, &content);
            if begun.wanted().is_empty() {
                return Ok(bench.finish(begun, Measured::default()));
            }
            let measured = measure(&content, begun.wanted()).map_err(|reason| failed("decode", reason))?;
            Ok(bench.finish(begun, measured))
        };
        let (_, prepared) = rayon::join(meanwhile, || items.par_iter().map(one).collect());
        Box::pin(std::future::ready(prepared))
    }
}
