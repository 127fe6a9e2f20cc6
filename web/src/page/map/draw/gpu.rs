//! The device that draws: opened on a canvas, sized with it, lost with it. Called by [`super::Renderer`].

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker};

use web_sys::HtmlCanvasElement;

use crate::pause::pause;

/// What draws the map.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Backend {
    /// WebGPU.
    WebGpu,
    /// WebGL 2.
    WebGl2,
}

impl Backend {
    /// `webgpu` or `webgl2`.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::WebGpu => "webgpu",
            Self::WebGl2 => "webgl2",
        }
    }

    fn wgpu(self) -> wgpu::Backends {
        match self {
            Self::WebGpu => wgpu::Backends::BROWSER_WEBGPU,
            Self::WebGl2 => wgpu::Backends::GL,
        }
    }
}

/// A device and the surface of one canvas.
pub(super) struct Gpu {
    pub(super) device: wgpu::Device,
    pub(super) queue: wgpu::Queue,
    pub(super) backend: Backend,
    pub(super) software: bool,
    surface: wgpu::Surface<'static>,
    config: wgpu::SurfaceConfiguration,
    drawn: [u32; 2],
    lost: Lost,
}

impl Gpu {
    /// Opens `canvas`, which must not have been drawn on by other means.
    ///
    /// # Errors
    /// In the words of the browser or of wgpu: there is no such device, or it does not draw on canvases.
    pub(super) async fn open(canvas: &HtmlCanvasElement, backend: Backend) -> Result<Self, String> {
        if backend == Backend::WebGpu && !wgpu::util::is_browser_webgpu_supported().await {
            return Err("no WebGPU adapter".to_owned());
        }
        let mut descriptor = wgpu::InstanceDescriptor::new_without_display_handle();
        descriptor.backends = backend.wgpu();
        let instance = wgpu::Instance::new(descriptor);
        let target = wgpu::SurfaceTarget::Canvas(canvas.clone());
        let surface = instance.create_surface(target).map_err(|e| e.to_string())?;
        pause().await;
        let options = wgpu::RequestAdapterOptions { compatible_surface: Some(&surface), ..Default::default() };
        let adapter = instance.request_adapter(&options).await.map_err(|e| e.to_string())?;
        pause().await;
        let limits = match backend {
            Backend::WebGpu => wgpu::Limits::downlevel_defaults(),
            Backend::WebGl2 => wgpu::Limits::downlevel_webgl2_defaults(),
        };
        let wanted = wgpu::DeviceDescriptor {
            label: Some("map"),
            required_limits: limits.using_resolution(adapter.limits()),
            ..Default::default()
        };
        let (device, queue) = adapter.request_device(&wanted).await.map_err(|e| e.to_string())?;
        pause().await;
        let lost = Lost::default();
        let told = lost.clone();
        device.set_device_lost_callback(move |_, _| told.happened());
        device.on_uncaptured_error(Arc::new(|error| leptos::logging::error!("map: {error}")));
        let capabilities = surface.get_capabilities(&adapter);
        // Colours are mixed as CSS mixes them, so the format must not convert.
        let format = capabilities.formats.iter().copied().find(|f| !f.is_srgb());
        let mut config = surface
            .get_default_config(&adapter, canvas.width().max(1), canvas.height().max(1))
            .ok_or("the adapter does not draw on this canvas")?;
        config.format = format.unwrap_or(config.format);
        surface.configure(&device, &config);
        let software = adapter.get_info().device_type == wgpu::DeviceType::Cpu;
        let drawn = [config.width, config.height];
        Ok(Self { device, queue, backend, software, surface, config, drawn, lost })
    }

    /// Resolves when the device is gone.
    pub(super) fn lost(&self) -> impl Future<Output = ()> + use<> {
        self.lost.clone()
    }

    pub(super) fn format(&self) -> wgpu::TextureFormat {
        self.config.format
    }

    /// The longest side that a canvas may have.
    pub(super) fn longest_side(&self) -> u32 {
        self.device.limits().max_texture_dimension_2d
    }

    /// Follows the canvas' size in device pixels, of which the upper left `drawn` are drawn.
    pub(super) fn resize(&mut self, canvas: [u32; 2], drawn: [u32; 2]) {
        self.drawn = drawn;
        if [self.config.width, self.config.height] != canvas && !canvas.contains(&0) {
            [self.config.width, self.config.height] = canvas;
            self.surface.configure(&self.device, &self.config);
        }
    }

    /// The device pixels of the canvas that are drawn, from its upper left.
    pub(super) fn drawn(&self) -> [u32; 2] {
        self.drawn
    }

    /// The coming frame's picture; `None` where this frame must be passed over.
    pub(super) fn frame(&self) -> Option<wgpu::SurfaceTexture> {
        use wgpu::CurrentSurfaceTexture as Current;
        match self.surface.get_current_texture() {
            Current::Success(texture) | Current::Suboptimal(texture) => Some(texture),
            Current::Outdated | Current::Lost => {
                self.surface.configure(&self.device, &self.config);
                None
            }
            _ => None,
        }
    }
}

/// Becomes ready once the device is lost.
#[derive(Clone, Default)]
struct Lost(Arc<Mutex<(bool, Option<Waker>)>>);

impl Lost {
    fn happened(&self) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        state.0 = true;
        if let Some(waker) = state.1.take() {
            waker.wake();
        }
    }
}

impl Future for Lost {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if state.0 {
            return Poll::Ready(());
        }
        state.1 = Some(context.waker().clone());
        Poll::Pending
    }
}

/// Vertices on the device; grown, never shrunk.
#[derive(Default)]
pub(super) struct Vertices {
    buffer: Option<wgpu::Buffer>,
    bytes: u64,
}

impl Vertices {
    /// Replaces what was there.
    pub(super) fn fill<T: bytemuck::Pod>(&mut self, gpu: &Gpu, items: &[T]) {
        let data: &[u8] = bytemuck::cast_slice(items);
        self.bytes = data.len() as u64;
        if data.is_empty() {
            return;
        }
        let fits = self.buffer.as_ref().filter(|b| b.size() >= self.bytes);
        if fits.is_none() {
            let descriptor = wgpu::BufferDescriptor {
                label: None,
                size: self.bytes,
                usage: wgpu::BufferUsages::VERTEX | wgpu::BufferUsages::COPY_DST,
                mapped_at_creation: false,
            };
            self.buffer = Some(gpu.device.create_buffer(&descriptor));
        }
        if let Some(buffer) = &self.buffer {
            gpu.queue.write_buffer(buffer, 0, data);
        }
    }

    /// What was filled in last; `None` where that was nothing.
    pub(super) fn slice(&self) -> Option<wgpu::BufferSlice<'_>> {
        self.buffer.as_ref().filter(|_| self.bytes > 0).map(|b| b.slice(..self.bytes))
    }
}
