//! Thumbnails: an atlas of 64 x 64 tiles for many, and a few sharper pictures for when the camera is near.

use bytemuck::{Pod, Zeroable};
use gistmap::scene::slots::Slots;
use web_sys::ImageBitmap;

use super::gpu::{Backend, Gpu, Vertices};
use super::pipeline::{CameraSlot, Recipe, build, sampler_entry, smooth_sampler, texture_entry, vertices};

/// Side of a tile in texels.
pub(crate) const TILE: u32 = 64;
/// Side of a sharper picture in texels.
pub(crate) const DETAIL: u32 = 256;
/// Side of a layer of the atlas.
const LAYER: u32 = 2048;
/// Tiles in a layer.
const TILES: u32 = (LAYER / TILE) * (LAYER / TILE);
/// Layers of the atlas, one size after another as more pictures come. Powers of two: a single layer, or six, would be
/// another kind of texture to WebGL.
const LAYERS: [u32; 3] = [2, 4, 8];
/// Sharper pictures kept.
const DETAILS: u32 = 64;
/// Tells the shader that a cell is a sharper picture.
const DETAIL_FLAG: u32 = 1 << 31;

/// A thumbnail in this frame.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(in crate::map) struct Shown {
    pub(in crate::map) picture: u32,
    /// World coordinates before and after the points' move.
    pub(in crate::map) before: [f32; 2],
    pub(in crate::map) after: [f32; 2],
    /// Colour of the frame, and the state as for points.
    pub(in crate::map) style: [u8; 4],
    /// Whether it is large enough for a sharper picture.
    pub(in crate::map) near: bool,
}

#[repr(C)]
#[derive(Clone, Copy, PartialEq, Pod, Zeroable)]
struct Vertex {
    before: [f32; 2],
    after: [f32; 2],
    cell: u32,
    style: [u8; 4],
}

/// The textures, who is in them, and the pipeline.
pub(super) struct Pictures {
    pipeline: wgpu::RenderPipeline,
    layout: wgpu::BindGroupLayout,
    sampler: wgpu::Sampler,
    tiles: wgpu::Texture,
    tile_slots: Slots,
    details: Option<wgpu::Texture>,
    detail_slots: Slots,
    group: wgpu::BindGroup,
    corners: Vertices,
    sent: Vec<Vertex>,
}

impl Pictures {
    pub(super) fn new(gpu: &Gpu, camera: &CameraSlot) -> Self {
        let array = wgpu::TextureViewDimension::D2Array;
        let layout = gpu.device.create_bind_group_layout(&wgpu::BindGroupLayoutDescriptor {
            label: Some("pictures"),
            entries: &[texture_entry(0, array), texture_entry(1, array), sampler_entry(2)],
        });
        let attributes = wgpu::vertex_attr_array![0 => Float32x2, 1 => Float32x2, 2 => Uint32, 3 => Unorm8x4];
        let recipe = Recipe {
            label: "pictures",
            shader: include_str!("shaders/pictures.wgsl"),
            buffers: &[vertices(size_of::<Vertex>() as u64, &attributes)],
            textures: Some(&layout),
        };
        let pipeline = build(gpu, camera, &recipe);
        let sampler = smooth_sampler(gpu);
        // Sharper pictures get their room when the first one comes; until then the tiles stand in.
        let tiles = array_texture(gpu, LAYER, LAYERS[0]);
        let group = bind(gpu, &layout, &tiles, &tiles, &sampler);
        Self {
            pipeline,
            layout,
            sampler,
            tiles,
            tile_slots: Slots::new(LAYERS[0] * TILES),
            details: None,
            detail_slots: Slots::new(DETAILS),
            group,
            corners: Vertices::default(),
            sent: Vec::new(),
        }
    }

    /// Whether a picture's tile, or its sharper picture, is here.
    pub(super) fn has(&self, picture: u32, sharp: bool) -> bool {
        if sharp { self.detail_slots.get(picture).is_some() } else { self.tile_slots.get(picture).is_some() }
    }

    /// Takes a picture's tile (64 x 64), or its sharper picture (256 x 256).
    pub(super) fn put(&mut self, gpu: &Gpu, picture: u32, sharp: bool, bitmap: &ImageBitmap) {
        if sharp {
            let slot = self.detail_slots.take(picture);
            let texture = self.details.get_or_insert_with(|| {
                let details = array_texture(gpu, DETAIL, DETAILS);
                self.group = bind(gpu, &self.layout, &self.tiles, &details, &self.sampler);
                details
            });
            copy(gpu, bitmap, texture, [0, 0, slot], DETAIL);
        } else {
            if self.tile_slots.is_full() && self.tile_slots.get(picture).is_none() {
                self.grow(gpu);
            }
            let slot = self.tile_slots.take(picture);
            let tile = slot % TILES;
            let across = LAYER / TILE;
            let corner = [(tile % across) * TILE, (tile / across) * TILE, slot / TILES];
            copy(gpu, bitmap, &self.tiles, corner, TILE);
        }
    }

    /// The atlas' next size; the tiles keep their places.
    fn grow(&mut self, gpu: &Gpu) {
        let now = self.tiles.depth_or_array_layers();
        let Some(&layers) = LAYERS.iter().find(|&&l| l > now) else { return };
        let tiles = array_texture(gpu, LAYER, layers);
        let mut encoder = gpu.device.create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
        encoder.copy_texture_to_texture(self.tiles.as_image_copy(), tiles.as_image_copy(), self.tiles.size());
        gpu.queue.submit([encoder.finish()]);
        self.group = bind(gpu, &self.layout, &tiles, self.details.as_ref().unwrap_or(&tiles), &self.sampler);
        self.tiles = tiles;
        self.tile_slots.grow(layers * TILES);
    }

    /// The thumbnails of this frame; those whose tile is not here are left out.
    pub(super) fn show(&mut self, gpu: &Gpu, shown: &[Shown]) {
        let mut corners = Vec::with_capacity(6 * shown.len());
        for s in shown {
            let detail = if s.near { self.detail_slots.touch(s.picture) } else { None };
            let Some(cell) = detail.map(|d| d | DETAIL_FLAG).or_else(|| self.tile_slots.touch(s.picture)) else {
                continue;
            };
            corners.extend([Vertex { before: s.before, after: s.after, cell, style: s.style }; 6]);
        }
        if corners != self.sent {
            self.corners.fill(gpu, &corners);
            self.sent = corners;
        }
    }

    pub(super) fn draw(&self, pass: &mut wgpu::RenderPass<'_>) {
        if let Some(corners) = self.corners.slice() {
            pass.set_pipeline(&self.pipeline);
            pass.set_bind_group(1, &self.group, &[]);
            pass.set_vertex_buffer(0, corners);
            pass.draw(0..self.sent.len() as u32, 0..1);
        }
    }
}

fn array_texture(gpu: &Gpu, side: u32, layers: u32) -> wgpu::Texture {
    use wgpu::TextureUsages as Usage;
    gpu.device.create_texture(&wgpu::TextureDescriptor {
        label: Some("pictures"),
        size: wgpu::Extent3d { width: side, height: side, depth_or_array_layers: layers },
        mip_level_count: 1,
        sample_count: 1,
        dimension: wgpu::TextureDimension::D2,
        format: wgpu::TextureFormat::Rgba8Unorm,
        // Copying from an ImageBitmap asks for RENDER_ATTACHMENT.
        usage: Usage::TEXTURE_BINDING | Usage::COPY_DST | Usage::COPY_SRC | Usage::RENDER_ATTACHMENT,
        view_formats: &[],
    })
}

fn bind(
    gpu: &Gpu,
    layout: &wgpu::BindGroupLayout,
    tiles: &wgpu::Texture,
    details: &wgpu::Texture,
    sampler: &wgpu::Sampler,
) -> wgpu::BindGroup {
    let view = |texture: &wgpu::Texture| {
        texture.create_view(&wgpu::TextureViewDescriptor {
            dimension: Some(wgpu::TextureViewDimension::D2Array),
            ..Default::default()
        })
    };
    gpu.device.create_bind_group(&wgpu::BindGroupDescriptor {
        label: Some("pictures"),
        layout,
        entries: &[
            wgpu::BindGroupEntry { binding: 0, resource: wgpu::BindingResource::TextureView(&view(tiles)) },
            wgpu::BindGroupEntry { binding: 1, resource: wgpu::BindingResource::TextureView(&view(details)) },
            wgpu::BindGroupEntry { binding: 2, resource: wgpu::BindingResource::Sampler(sampler) },
        ],
    })
}

/// Copies the top left of `bitmap`, at most `side` texels square.
fn copy(gpu: &Gpu, bitmap: &ImageBitmap, texture: &wgpu::Texture, [x, y, z]: [u32; 3], side: u32) {
    let size =
        wgpu::Extent3d { width: bitmap.width().min(side), height: bitmap.height().min(side), depth_or_array_layers: 1 };
    let source = wgpu::CopyExternalImageSourceInfo {
        source: wgpu::ExternalImageSource::ImageBitmap(bitmap.clone()),
        origin: wgpu::Origin2d::ZERO,
        flip_y: false,
    };
    let target = wgpu::CopyExternalImageDestInfo {
        texture,
        mip_level: 0,
        origin: wgpu::Origin3d { x, y, z },
        aspect: wgpu::TextureAspect::All,
        color_space: wgpu::PredefinedColorSpace::Srgb,
        // WebGL takes bitmaps as they are, which is premultiplied.
        premultiplied_alpha: gpu.backend == Backend::WebGpu,
    };
    gpu.queue.copy_external_image_to_texture(&source, target, size);
    // WebGL copies only when something is submitted; the bitmap may be closed before the next frame is.
    gpu.queue.submit([]);
}
