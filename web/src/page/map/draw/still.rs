//! A still of density and points, for devices that are slow: made now and then, and only moved in between.
//!
//! The points in it were stamped by the processor, see [`gistmap::scene::splat`].

use gistmap::scene::Bounds;
use gistmap::scene::splat::Sheet;

use super::gpu::{Gpu, Vertices};
use super::heat::Heat;
use super::pipeline::{
    CORNER, CameraSlot, Recipe, build, corners, sampler_entry, smooth_sampler, texture_entry, vertices,
};
use super::texture::Picture;
use super::{Camera, clear};
use crate::pause::pause;

/// The still, the sheet that its points come from, and their pipelines.
pub(super) struct Still {
    stamping: wgpu::RenderPipeline,
    showing: wgpu::RenderPipeline,
    sheet_layout: wgpu::BindGroupLayout,
    still_layout: wgpu::BindGroupLayout,
    sampler: wgpu::Sampler,
    corners: Vertices,
    pictures: Option<Pictures>,
}

struct Pictures {
    sheet: Picture,
    still: Picture,
}

impl Still {
    pub(super) async fn new(gpu: &Gpu, camera: &CameraSlot) -> Self {
        let flat = texture_entry(0, wgpu::TextureViewDimension::D2);
        let layout = |entries: &[wgpu::BindGroupLayoutEntry]| {
            gpu.device.create_bind_group_layout(&wgpu::BindGroupLayoutDescriptor { label: Some("still"), entries })
        };
        let (sheet_layout, still_layout) = (layout(&[flat]), layout(&[flat, sampler_entry(1)]));
        let stamping = Recipe {
            label: "stamping",
            shader: include_str!("shaders/sheet.wgsl"),
            buffers: &[],
            textures: Some(&sheet_layout),
        };
        let showing = Recipe {
            label: "still",
            shader: include_str!("shaders/still.wgsl"),
            buffers: &[vertices(16, &CORNER)],
            textures: Some(&still_layout),
        };
        let stamping = build(gpu, camera, &stamping);
        pause().await;
        Self {
            stamping,
            showing: build(gpu, camera, &showing),
            sampler: smooth_sampler(gpu),
            corners: Vertices::default(),
            pictures: None,
            sheet_layout,
            still_layout,
        }
    }

    /// Makes the still of what `camera` sees, the part `seen` of the world.
    pub(super) fn make(
        &mut self,
        gpu: &Gpu,
        slot: &CameraSlot,
        heat: &Heat,
        camera: &Camera,
        seen: &Bounds,
        sheet: &Sheet,
    ) {
        let size = sheet.size().map(|s| s as u32);
        let kept = self.pictures.take().filter(|p| p.sheet.is(size));
        let pictures = kept.unwrap_or_else(|| Pictures {
            sheet: Picture::new(gpu, &self.sheet_layout, None, size, wgpu::TextureFormat::Rgba8Unorm),
            still: Picture::new(gpu, &self.still_layout, Some(&self.sampler), size, gpu.format()),
        });
        pictures.sheet.write(gpu, bytemuck::cast_slice(sheet.pixels()));
        self.corners.fill(gpu, &corners(seen));
        gpu.queue.write_buffer(&slot.buffer, 0, bytemuck::bytes_of(camera));
        let mut encoder = gpu.device.create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
        let mut pass = clear(&mut encoder, &pictures.still.view, camera);
        pass.set_bind_group(0, &slot.group, &[]);
        if camera.heat > 0.0 {
            heat.draw(&mut pass);
        }
        pass.set_pipeline(&self.stamping);
        pass.set_bind_group(1, &pictures.sheet.group, &[]);
        pass.draw(0..3, 0..1);
        drop(pass);
        gpu.queue.submit([encoder.finish()]);
        self.pictures = Some(pictures);
    }

    pub(super) fn draw(&self, pass: &mut wgpu::RenderPass<'_>) {
        if let (Some(pictures), Some(corners)) = (&self.pictures, self.corners.slice()) {
            pass.set_pipeline(&self.showing);
            pass.set_bind_group(1, &pictures.still.group, &[]);
            pass.set_vertex_buffer(0, corners);
            pass.draw(0..6, 0..1);
        }
    }
}
