//! Drawing: everything that touches the device. Called by the map's core, once a frame.
//!
//! From back to front: density, points, thumbnails, marks. Nothing is sent to the device where only the camera moves but
//! the camera itself.

mod gpu;
mod heat;
mod marks;
mod pictures;
mod pipeline;
mod points;
mod stamping;
mod texture;

use std::future::Future;

use bytemuck::{Pod, Zeroable};
use gistmap::scene::density::Density;
use gistmap::scene::splat::Sheet;
use web_sys::{HtmlCanvasElement, ImageBitmap};

use crate::pause::pause;
pub(crate) use gpu::Backend;
pub(super) use marks::{Mark, Shape};
pub(super) use pictures::Shown;
pub(crate) use pictures::{DETAIL, TILE};

/// What a frame's shaders see, as `shaders/camera.wgsl` lays it out.
#[repr(C)]
#[derive(Debug, Clone, Copy, Default, PartialEq, Pod, Zeroable)]
pub(super) struct Camera {
    pub(super) centre: [f32; 2],
    pub(super) world: [f32; 2],
    pub(super) pixel: [f32; 2],
    pub(super) density: f32,
    pub(super) way: f32,
    pub(super) radius: f32,
    pub(super) outline: f32,
    pub(super) opacity: f32,
    pub(super) dimmed: f32,
    pub(super) side: f32,
    pub(super) heat: f32,
    pub(super) unused: [f32; 2],
    pub(super) background: [f32; 4],
    pub(super) ink: [f32; 4],
}

/// A canvas and all that is drawn on it.
pub(super) struct Renderer {
    gpu: gpu::Gpu,
    camera: pipeline::CameraSlot,
    heat: heat::Heat,
    points: points::Points,
    stamping: stamping::Stamping,
    pictures: pictures::Pictures,
    marks: marks::Marks,
}

impl Renderer {
    /// Opens `canvas`.
    ///
    /// # Errors
    /// As [`gpu::Gpu::open`].
    pub(super) async fn open(canvas: &HtmlCanvasElement, backend: Backend) -> Result<Self, String> {
        let gpu = gpu::Gpu::open(canvas, backend).await?;
        pause().await;
        let camera = pipeline::CameraSlot::new(&gpu, size_of::<Camera>() as u64);
        // Each pipeline is compiled, and waited for by the browser, in a task of its own.
        let heat = heat::Heat::new(&gpu, &camera);
        pause().await;
        let points = points::Points::new(&gpu, &camera);
        pause().await;
        let stamping = stamping::Stamping::new(&gpu, &camera);
        pause().await;
        let pictures = pictures::Pictures::new(&gpu, &camera);
        pause().await;
        let marks = marks::Marks::new(&gpu, &camera);
        pause().await;
        let mut renderer = Self { gpu, camera, heat, points, stamping, pictures, marks };
        renderer.rehearse();
        Ok(renderer)
    }

    /// Draws a point that nobody sees: browsers compile a program's functions when they are first called, which for a first
    /// frame takes longer than a task may, once the engine has taken the processors.
    fn rehearse(&mut self) {
        self.place(Some(&[0.0; 2]), &[0.0; 2]);
        self.style(&[[0; 4]]);
        self.draw(&Camera::default(), false, &[], &[]);
        self.place(Some(&[]), &[]);
        self.style(&[]);
    }

    pub(super) fn backend(&self) -> Backend {
        self.gpu.backend
    }

    /// Resolves when the device is gone.
    pub(super) fn lost(&self) -> impl Future<Output = ()> + use<> {
        self.gpu.lost()
    }

    /// The longest side that the canvas may have, in device pixels.
    pub(super) fn longest_side(&self) -> u32 {
        self.gpu.longest_side()
    }

    /// Follows the canvas' size in device pixels, of which the upper left `drawn` are drawn.
    pub(super) fn resize(&mut self, canvas: [u32; 2], drawn: [u32; 2]) {
        self.gpu.resize(canvas, drawn);
    }

    /// See [`points::Points::place`].
    pub(super) fn place(&mut self, before: Option<&[f32]>, after: &[f32]) {
        self.points.place(&self.gpu, before, after);
    }

    /// Colour and state of each point: 0 as it is, 128 dimmed, 255 selected.
    pub(super) fn style(&mut self, styles: &[[u8; 4]]) {
        self.points.style(&self.gpu, styles);
    }

    pub(super) fn set_density(&mut self, density: &Density) {
        self.heat.set(&self.gpu, density);
    }

    pub(super) fn has_picture(&self, picture: u32, sharp: bool) -> bool {
        self.pictures.has(picture, sharp)
    }

    pub(super) fn put_picture(&mut self, picture: u32, sharp: bool, bitmap: &ImageBitmap) {
        self.pictures.put(&self.gpu, picture, sharp, bitmap);
    }

    /// Whether the device is software, as browsers offer where there is no GPU.
    pub(super) fn is_software(&self) -> bool {
        self.gpu.software
    }

    /// Takes the points that frames show from now on, where they ask for stamped ones: see [`stamping::Stamping`].
    pub(super) fn stamp(&mut self, sheet: &Sheet) {
        self.stamping.set(&self.gpu, sheet);
    }

    /// Draws a frame, its points as they were stamped or as they are; false where the browser had no picture to
    /// draw on, and another try is due.
    pub(super) fn draw(&mut self, camera: &Camera, stamped: bool, shown: &[Shown], marks: &[Mark]) -> bool {
        let Some(frame) = self.gpu.frame() else { return false };
        self.pictures.show(&self.gpu, shown);
        self.marks.set(&self.gpu, marks);
        self.gpu.queue.write_buffer(&self.camera.buffer, 0, bytemuck::bytes_of(camera));
        let view = frame.texture.create_view(&wgpu::TextureViewDescriptor::default());
        let mut encoder = self.gpu.device.create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
        let mut pass = clear(&mut encoder, &view, camera);
        let [width, height] = self.gpu.drawn().map(|s| s as f32);
        pass.set_viewport(0.0, 0.0, width, height, 0.0, 1.0);
        pass.set_bind_group(0, &self.camera.group, &[]);
        if camera.heat > 0.0 {
            self.heat.draw(&mut pass);
        }
        if stamped {
            self.stamping.draw(&mut pass);
        } else {
            self.points.draw(&mut pass);
        }
        self.pictures.draw(&mut pass);
        self.marks.draw(&mut pass);
        drop(pass);
        self.gpu.queue.submit([encoder.finish()]);
        self.gpu.queue.present(frame);
        true
    }
}

/// A pass that begins with nothing but the background.
fn clear<'a>(encoder: &'a mut wgpu::CommandEncoder, view: &wgpu::TextureView, camera: &Camera) -> wgpu::RenderPass<'a> {
    let [r, g, b, a] = camera.background.map(f64::from);
    encoder.begin_render_pass(&wgpu::RenderPassDescriptor {
        label: Some("map"),
        color_attachments: &[Some(wgpu::RenderPassColorAttachment {
            view,
            depth_slice: None,
            resolve_target: None,
            ops: wgpu::Operations {
                load: wgpu::LoadOp::Clear(wgpu::Color { r, g, b, a }),
                store: wgpu::StoreOp::Store,
            },
        })],
        depth_stencil_attachment: None,
        timestamp_writes: None,
        occlusion_query_set: None,
        multiview_mask: None,
    })
}
