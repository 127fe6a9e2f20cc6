//! Products in half precision on tensor cores, where the device has them.
//!
//! CubeK's kernels, by strategies that were measured on an H100. Burn's own choice would try about twenty kernels for
//! every shape each time that a program starts. Sums are taken in f32.

use std::sync::OnceLock;

use burn::backend::wgpu::CubeTensor;
use burn::cubecl::client::Client;
use burn::cubecl::features::Tma;
use burn::cubecl::ir::{AddressType, ElemType};
use burn::cubecl::prelude::*;
use burn::tensor::{DType, Shape};
use cubek::matmul::definition::{MatmulElems, MatmulGlobalElems, MatmulProblem};
use cubek::matmul::launch::launch_ref;
use cubek::matmul::multi_level::Strategy;
use cubek::matmul::multi_level::components::stage::PartitionBuffering;
use cubek::matmul::multi_level::components::tile::TileMatmulKind;
use cubek::matmul::multi_level::definition::{BatchMatmulBlueprint, TilingScheme};
use cubek::matmul::multi_level::routines::batch::simple::SimpleArgs;
use cubek::matmul::multi_level::stage::{SwizzleMode, SwizzleModes};
use cubek::matmul::routine::BlueprintStrategy;
use cubek::std::cube_count::{CubeCountStrategy, GlobalOrder, HypercubeBlueprint, SmAllocation};
use cubek::std::{InputBinding, MatrixLayout};
use half::{bf16, f16};

use super::launch::{REDUCERS, element, output};

/// Rows from which on a product is worth a kernel that is faster and takes seconds to compile.
const MANY_ROWS: usize = 4096;

/// Whether products of `element` run on tensor cores, summed in f32, and planes are as wide as the kernels beside them
/// want.
pub(super) fn available(client: &Client, element: ElemType) -> bool {
    let single = f32::elem_type_native();
    let (matmul, hardware) = (&client.properties().features.matmul, &client.properties().hardware);
    element.size() == 2
        && (hardware.plane_size_min, hardware.plane_size_max) == (REDUCERS, REDUCERS)
        && matmul.cmma.iter().any(|c| c.a_type == element && c.b_type == element && c.cd_type == single)
}

/// `x · weight` of `[rows, depth]` and `[depth, width]`; `None` where no kernel can make it.
pub(super) fn product(x: &CubeTensor, weight: &CubeTensor) -> Option<CubeTensor> {
    let out = output(x, Shape::new([x.meta.shape()[0], weight.meta.shape()[1]]));
    let Some(strategy) = copied_by_tma(x, weight) else {
        return launch(plain(&x.client), x, weight, false, &out).then_some(out);
    };
    // The first time both kernels make it: the faster one is used where it gives what the other gives.
    static RIGHT: OnceLock<bool> = OnceLock::new();
    if RIGHT.get().is_some_and(|right| *right) && launch(strategy.clone(), x, weight, false, &out) {
        return Some(out);
    }
    let other = output(x, out.meta.shape().clone());
    if !launch(plain(&x.client), x, weight, false, &other) {
        return None;
    }
    RIGHT.get_or_init(|| launch(strategy, x, weight, false, &out) && alike(&out, &other));
    Some(other)
}

/// Whether two matrices of halves hold the same but for rounding.
fn alike(a: &CubeTensor, b: &CubeTensor) -> bool {
    let read = |x: &CubeTensor| -> Option<Vec<f32>> {
        let bytes = x.client.read_one(x.handle.clone()).ok()?;
        let values: Vec<f32> = match x.dtype {
            DType::F16 => bytes.as_chunks().0.iter().map(|b| f16::from_le_bytes(*b).to_f32()).collect(),
            _ => bytes.as_chunks().0.iter().map(|b| bf16::from_le_bytes(*b).to_f32()).collect(),
        };
        Some(values)
    };
    let (Some(a), Some(b)) = (read(a), read(b)) else { return false };
    let largest = b.iter().fold(0f32, |m, v| m.max(v.abs()));
    a.len() == b.len() && a.iter().zip(&b).all(|(a, b)| (a - b).abs() <= 0.01 * largest)
}

/// `a · b` into `out`, or `a` times `b` turned; all of the same number of matrices. Whether there is a kernel for it.
pub(super) fn products(a: &CubeTensor, b: &CubeTensor, turned: bool, out: &CubeTensor) -> bool {
    launch(plain(&a.client), a, b, turned, out)
}

fn launch(strategy: Strategy, a: &CubeTensor, b: &CubeTensor, turned: bool, out: &CubeTensor) -> bool {
    let (given, made) = (element(a), element(out));
    let mut elements = MatmulElems::from_globals(&MatmulGlobalElems { lhs: given, rhs: given, out: made });
    let (lhs, mut rhs) = (InputBinding::new(a.clone().binding(), given), InputBinding::new(b.clone().binding(), given));
    if turned {
        let last = b.meta.shape().num_dims() - 1;
        rhs.swap_dims(last - 1, last);
    }
    launch_ref(&strategy.into(), &a.client, lhs, rhs, out.clone().binding(), &mut elements).is_ok()
}

/// What compiles quickly and takes every shape.
fn plain(client: &Client) -> Strategy {
    let simple = |tile_matmul| BlueprintStrategy::Inferred(SimpleArgs { multi_rows: false, tile_matmul });
    // NVIDIA's own instructions are the faster, but Vulkan knows cooperative matrices alone.
    if client.properties().features.matmul.mma.is_empty() {
        Strategy::SimpleCyclicCmma(simple(TileMatmulKind::Cmma))
    } else {
        Strategy::SimpleCyclicMma(simple(TileMatmulKind::Mma))
    }
}

/// Tiles of 128 x 64 that Hopper's and later GPUs' copy engine brings, 64 deep: 1.6 times as fast over all of CLIP as what
/// CubeK infers for [`plain`].
fn copied_by_tma(x: &CubeTensor, weight: &CubeTensor) -> Option<Strategy> {
    let ([rows, depth], width) = (x.meta.shape().dims(), weight.meta.shape()[1]);
    let (given, properties) = (element(x), x.client.properties());
    let single = f32::elem_type_native();
    let tile = (16, 8, 16);
    let known = properties
        .features
        .matmul
        .mma
        .iter()
        .any(|c| (c.a_type, c.b_type, c.cd_type) == (given, given, single) && (c.m, c.n, c.k) == tile);
    // The copy engine wants rows that begin at multiples of 16 bytes.
    let aligned = depth.is_multiple_of(8) && width.is_multiple_of(8);
    let multiprocessors = properties.hardware.num_streaming_multiprocessors?;
    if rows < MANY_ROWS || !aligned || !known || !properties.features.tma.contains(Tma::Base) {
        return None;
    }
    // Four planes of 32 x 64 sums.
    let scheme = TilingScheme::builder()
        .with_tile_size(tile.into())
        .with_partition_size((2, 8, 4).into())
        .with_stage_size((4, 1, 1).into())
        .build()
        .ok()?;
    let straight = MatrixLayout::RowMajor;
    let globals = MatmulGlobalElems { lhs: given, rhs: given, out: given };
    let one = || Shape::new::<0>([]);
    let problem = MatmulProblem::from_parameters(
        rows,
        width,
        depth,
        one(),
        one(),
        straight,
        straight,
        straight,
        None,
        None,
        globals,
        AddressType::U32,
    );
    let share = CubeCountStrategy::Sm { num_sms: multiprocessors, sm_usage: SmAllocation::Exact, cubes_first: true };
    let order = HypercubeBlueprint::builder().global_order(GlobalOrder::SwizzleRow(4)).cube_count_strategy(share);
    // Rows of both tiles are 128 bytes long.
    let swizzles = SwizzleModes { lhs: SwizzleMode::B128, rhs: SwizzleMode::B128, ..SwizzleModes::default() };
    let blueprint = BatchMatmulBlueprint::builder(TileMatmulKind::Mma, scheme, REDUCERS, &problem)
        .hypercube_blueprint(order.build())
        .shared_swizzle(swizzles)
        .partition_buffering(PartitionBuffering::Single)
        .build();
    Some(Strategy::SimpleTmaMma(BlueprintStrategy::Forced(blueprint)))
}
