//! Points that the processor drew, see [`gistmap::scene::splat`], laid over the canvas pixel for pixel: for devices that
//! are slow.

use gistmap::scene::splat::Sheet;

use super::gpu::Gpu;
use super::pipeline::{CameraSlot, Recipe, build, texture_entry};
use super::texture::Picture;

/// The sheet's texture and pipeline.
pub(super) struct Stamping {
    pipeline: wgpu::RenderPipeline,
    layout: wgpu::BindGroupLayout,
    sheet: Option<Picture>,
}

impl Stamping {
    pub(super) fn new(gpu: &Gpu, camera: &CameraSlot) -> Self {
        let layout = gpu.device.create_bind_group_layout(&wgpu::BindGroupLayoutDescriptor {
            label: Some("stamping"),
            entries: &[texture_entry(0, wgpu::TextureViewDimension::D2)],
        });
        let recipe = Recipe {
            label: "stamping",
            shader: include_str!("shaders/sheet.wgsl"),
            buffers: &[],
            textures: Some(&layout),
        };
        Self { pipeline: build(gpu, camera, &recipe), layout, sheet: None }
    }

    /// Replaces the sheet, which must be as large as what is drawn of the canvas.
    pub(super) fn set(&mut self, gpu: &Gpu, sheet: &Sheet) {
        let size = sheet.size().map(|s| s as u32);
        let kept = self.sheet.take().filter(|p| p.is(size));
        let new = || Picture::new(gpu, &self.layout, None, size, wgpu::TextureFormat::Rgba8Unorm);
        let picture = kept.unwrap_or_else(new);
        picture.write(gpu, bytemuck::cast_slice(sheet.pixels()));
        self.sheet = Some(picture);
    }

    pub(super) fn draw(&self, pass: &mut wgpu::RenderPass<'_>) {
        if let Some(sheet) = &self.sheet {
            pass.set_pipeline(&self.pipeline);
            pass.set_bind_group(1, &sheet.group, &[]);
            pass.draw(0..3, 0..1);
        }
    }
}
