//! Layers in half precision on tensor cores, where the device has them; sums are taken in f32.
//!
//! [`dense_by_tiles`] makes a layer in one dispatch. Deep products of many rows are CubeK's where Hopper's copy engine can
//! feed its kernel: on an H100, for CLIP's, it is 1.1 to 1.8 times as fast, though what follows takes a pass of its own.

#![expect(unsafe_code, reason = "a launch without bounds checks; each says what keeps its reads and writes inside")]

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
use cubek::matmul::multi_level::stage::{SwizzleMode, SwizzleModes};
use cubek::matmul::routine::BlueprintStrategy;
use cubek::std::cube_count::{CubeCountStrategy, GlobalOrder, HypercubeBlueprint, SmAllocation};
use cubek::std::{InputBinding, MatrixLayout};
use half::{bf16, f16};

use super::kernels::tiles::{Moved, SIDE, Tiles, dense_by_tiles};
use super::kernels::{self, Activation};
use super::launch::{REDUCERS, VECTOR, element, groups, output};

/// Rows from which on, and depth, a product is worth a kernel that is faster and takes seconds to compile.
const MANY_ROWS: usize = 4096;
const DEEP: usize = 768;
/// Values of 16 bytes.
const WIDE: usize = 8;
/// Workgroups that keep a GPU busy: where there are fewer, each makes less.
const MANY_GROUPS: usize = 256;
/// As measured on an H100, by CUDA and by Vulkan, for shapes of CLIP and DINOv2 in batches of 8 to 128.
const LARGE: Tiles = Tiles { planes: (2, 4), squares: (4, 2), depth: 32 };
const LARGE_BY_VULKAN: Tiles = Tiles { planes: (2, 2), squares: (4, 4), depth: 32 };
const SMALL: Tiles = Tiles { planes: (2, 2), squares: (2, 2), depth: 64 };

/// Whether squares of `element` are multiplied on tensor cores, summed in f32, and planes are as wide as the kernels beside
/// them want.
pub(super) fn available(client: &Client, element: ElemType) -> bool {
    let single = f32::elem_type_native();
    let (matmul, hardware) = (&client.properties().features.matmul, &client.properties().hardware);
    let sides = (SIDE as u32, SIDE as u32, SIDE as u32);
    element.size() == 2
        && (hardware.plane_size_min, hardware.plane_size_max) == (REDUCERS, REDUCERS)
        && matmul
            .cmma
            .iter()
            .any(|c| (c.a_type, c.b_type, c.cd_type) == (element, element, single) && (c.m, c.n, c.k) == sides)
}

/// How kernels move rows of so many values: as what, in vectors of how many.
pub(super) fn moved(client: &Client, element: ElemType, rows: &[usize]) -> (ElemType, usize, Moved) {
    if !rows.iter().all(|values| values.is_multiple_of(WIDE)) {
        (element, VECTOR, Moved { lanes: VECTOR, packed: 1 })
    } else if by_vulkan(client) {
        // Its vectors have four elements at most.
        (u32::elem_type_native(), WIDE / 2, Moved { lanes: WIDE, packed: 2 })
    } else {
        (element, WIDE, Moved { lanes: WIDE, packed: 1 })
    }
}

/// NVIDIA's own instructions are not to be had by Vulkan, which knows cooperative matrices alone.
fn by_vulkan(client: &Client) -> bool {
    client.properties().features.matmul.mma.is_empty()
}

/// `activation(x · weight + bias)`, plus `residual` where there is one; of packed tensors.
pub(super) fn dense(
    x: &CubeTensor,
    weight: &CubeTensor,
    bias: &CubeTensor,
    residual: Option<CubeTensor>,
    activation: Activation,
) -> CubeTensor {
    let Some(strategy) = copied_by_tma(x, weight) else { return by_tiles(x, weight, bias, residual, activation) };
    let product = |strategy| {
        let out = output(x, Shape::new([x.meta.shape()[0], weight.meta.shape()[1]]));
        launch(strategy, x, weight, &out).then(|| finish(out, bias, residual.clone(), activation))
    };
    // The first time both kernels make it: the faster one is used where it gives what the other gives.
    static RIGHT: OnceLock<bool> = OnceLock::new();
    if RIGHT.get().is_some_and(|right| *right)
        && let Some(made) = product(strategy.clone())
    {
        return made;
    }
    let made = by_tiles(x, weight, bias, residual.clone(), activation);
    RIGHT.get_or_init(|| product(strategy).is_some_and(|other| alike(&other, &made)));
    made
}

fn by_tiles(
    x: &CubeTensor,
    weight: &CubeTensor,
    bias: &CubeTensor,
    residual: Option<CubeTensor>,
    activation: Activation,
) -> CubeTensor {
    let (rows, depth, width) = (x.meta.shape()[0], weight.meta.shape()[0], weight.meta.shape()[1]);
    let out = output(x, Shape::new([rows, width]));
    let (client, element) = (x.client.clone(), element(x));
    let (as_what, vector, moved) = moved(&client, element, &[depth, width]);
    let large = if by_vulkan(&client) { LARGE_BY_VULKAN } else { LARGE };
    let count = |tiles: Tiles| (width.div_ceil(tiles.columns()), rows.div_ceil(tiles.rows()));
    let (columns, tops) = count(large);
    let tiles = if columns * tops < MANY_GROUPS { SMALL } else { large };
    let (columns, tops) = count(tiles);
    // SAFETY: the kernel reads rows of `depth`, weights of `depth * width` and writes `rows * width` values, the
    // shapes of its arguments; rows and columns past the end are read as the last ones and not written.
    unsafe {
        dense_by_tiles::launch_unchecked(
            &client,
            groups(columns as u32, tops as u32),
            CubeDim::new_2d(REDUCERS, tiles.planes() as u32),
            vector,
            VECTOR,
            x.clone().into_buffer_arg(),
            weight.clone().into_buffer_arg(),
            bias.clone().into_buffer_arg(),
            residual.map(CubeTensor::into_buffer_arg).into(),
            out.clone().into_buffer_arg(),
            rows,
            depth,
            width,
            tiles,
            moved,
            REDUCERS as usize,
            activation,
            as_what,
            element,
        );
    }
    out
}

/// What follows a product, in its place.
fn finish(product: CubeTensor, bias: &CubeTensor, residual: Option<CubeTensor>, activation: Activation) -> CubeTensor {
    let (rows, width) = (product.meta.shape()[0], product.meta.shape()[1]);
    let out = output(&product, Shape::new([rows, width]));
    let (client, element, vectors) = (product.client.clone(), element(&product), rows * width / VECTOR);
    let dim = CubeDim::new_1d(256);
    // SAFETY: the kernel reads and writes `vectors` vectors of matrices of `rows * width` values, and a bias of `width`.
    unsafe {
        kernels::finish::launch_unchecked(
            &client,
            groups(1, (vectors as u32).div_ceil(dim.num_elems())),
            dim,
            VECTOR,
            product.into_buffer_arg(),
            bias.clone().into_buffer_arg(),
            residual.map(CubeTensor::into_buffer_arg).into(),
            out.clone().into_buffer_arg(),
            vectors,
            width / VECTOR,
            activation,
            element,
        );
    }
    out
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

/// `x · weight` into `out`. Whether there is a kernel for it.
fn launch(strategy: Strategy, x: &CubeTensor, weight: &CubeTensor, out: &CubeTensor) -> bool {
    let (given, made) = (element(x), element(out));
    let mut elements = MatmulElems::from_globals(&MatmulGlobalElems { lhs: given, rhs: given, out: made });
    let binding = |of: &CubeTensor| InputBinding::new(of.clone().binding(), given);
    let (lhs, rhs) = (binding(x), binding(weight));
    launch_ref(&strategy.into(), &x.client, lhs, rhs, out.clone().binding(), &mut elements).is_ok()
}

/// Tiles of 128 x 64 that Hopper's and later GPUs' copy engine brings, 64 deep.
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
    if rows < MANY_ROWS || depth < DEEP || !aligned || !known || !properties.features.tma.contains(Tma::Base) {
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
