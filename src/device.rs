//! Which device computes, what it can do, what to fall back to.

mod batch;
#[cfg(target_arch = "wasm32")]
mod watch;

use batch::Batch;
use gistmap_models::burn::tensor::{Device, Tensor, TensorData, activation};

use crate::protocol::DeviceChoice;
use crate::readback;
use crate::runtime::ONE_THREAD;
use gistmap_models::encoder::Output;
#[cfg(target_arch = "wasm32")]
pub use watch::on_trouble;

/// No device of the kind that was asked for works.
#[derive(Debug, thiserror::Error)]
pub enum DeviceError {
    /// No adapter, or its driver refused.
    #[error("no GPU works through wgpu: {0}")]
    Wgpu(String),
    /// CUDA was asked for and is not there.
    #[error("CUDA does not work: {0}")]
    Cuda(String),
    /// The device computes wrong numbers.
    #[error("{name} computes wrong numbers ({detail}): its driver is broken")]
    Wrong {
        /// The device.
        name: String,
        /// What was wrong.
        detail: String,
    },
}

/// Where networks run.
#[derive(Debug, Clone)]
pub enum Compute {
    /// gistmap's own kernels on all cores.
    Cpu,
    /// A Burn device.
    Burn(Device),
}

/// The device of a run.
#[derive(Debug, Clone)]
pub struct Selected {
    /// Where networks run.
    pub compute: Compute,
    /// For people, such as `cpu (2 threads)` or `wgpu: NVIDIA H100 (Vulkan)`.
    pub name: String,
    /// Why this one.
    pub why: String,
    /// Pictures a batch.
    pub batch: usize,
    /// Sentences a batch.
    pub sentences: usize,
}

impl Selected {
    fn new(compute: Compute, name: String, why: String, batch: Batch) -> Self {
        Self { compute, name, why, batch: batch.pictures, sentences: batch.sentences }
    }

    /// Whether a GPU computes (or what acts as one), and not the processor.
    pub fn is_gpu(&self) -> bool {
        matches!(self.compute, Compute::Burn(_))
    }
}

/// A device that a run could use.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct DeviceInfo {
    /// As `--device` takes it.
    pub choice: DeviceChoice,
    /// For people.
    pub name: String,
    /// A processor that acts as a GPU: slower than `cpu`.
    pub software: bool,
}

fn processor(why: String) -> Selected {
    let name = if ONE_THREAD {
        "cpu (one thread, SIMD)".to_owned()
    } else {
        format!("cpu ({} threads)", rayon::current_num_threads())
    };
    Selected::new(Compute::Cpu, name, why, Batch::of_processor())
}

/// Opens the device for `choice`.
///
/// # Errors
/// When a device was asked for by name and does not work; `auto` always finds the processor.
pub async fn select(choice: DeviceChoice) -> Result<Selected, DeviceError> {
    match choice {
        DeviceChoice::Cpu => Ok(processor("asked for".to_owned())),
        DeviceChoice::Wgpu => open_wgpu("asked for".to_owned()).await,
        DeviceChoice::Cuda => open_cuda().await,
        DeviceChoice::Auto => Ok(automatic().await),
    }
}

async fn automatic() -> Selected {
    if cfg!(feature = "cuda")
        && let Ok(cuda) = open_cuda().await
    {
        return Selected { why: "the fastest here: an NVIDIA GPU with CUDA".to_owned(), ..cuda };
    }
    let adapters = adapters().await;
    match adapters.iter().find(|a| !a.software) {
        Some(gpu) => match open_wgpu(format!("the fastest here: a GPU ({})", gpu.name)).await {
            Ok(selected) => selected,
            Err(error) => processor(format!("the GPU does not work: {error}")),
        },
        None if adapters.is_empty() => processor("no GPU found".to_owned()),
        None => processor(format!("no GPU found; {} is a software adapter, slower than cpu", adapters[0].name)),
    }
}

/// Every device that a run could use, the processor first.
pub async fn list() -> Vec<DeviceInfo> {
    let cpu = DeviceInfo { choice: DeviceChoice::Cpu, name: processor(String::new()).name, software: false };
    let mut devices = vec![cpu];
    devices.extend(adapters().await);
    if cfg!(feature = "cuda")
        && let Ok(cuda) = open_cuda().await
    {
        devices.push(DeviceInfo { choice: DeviceChoice::Cuda, name: cuda.name, software: false });
    }
    devices
}

async fn adapters() -> Vec<DeviceInfo> {
    let instance = wgpu::Instance::new(wgpu::InstanceDescriptor::new_without_display_handle());
    let adapters = instance.enumerate_adapters(wgpu::Backends::PRIMARY).await;
    let described = adapters.iter().map(|adapter| {
        let info = adapter.get_info();
        let software = info.device_type == wgpu::DeviceType::Cpu;
        DeviceInfo { choice: DeviceChoice::Wgpu, name: shown(&info), software }
    });
    let mut described: Vec<_> = described.collect();
    described.dedup();
    described
}

/// An adapter for people; browsers keep its name to themselves.
fn shown(info: &wgpu::AdapterInfo) -> String {
    match info.name.as_str() {
        "" => format!("{:?}", info.backend),
        name => format!("{name} ({:?})", info.backend),
    }
}

async fn open_wgpu(why: String) -> Result<Selected, DeviceError> {
    let (device, name, batch) = wgpu_device().await?;
    Ok(Selected::new(Compute::Burn(device), format!("wgpu: {name}"), why, batch))
}

/// The wgpu device, opened and tested once a process: Burn refuses a second initialisation.
async fn wgpu_device() -> Result<(Device, String, Batch), DeviceError> {
    use std::sync::OnceLock;
    static OPENED: OnceLock<(Device, String, Batch)> = OnceLock::new();
    if let Some(opened) = OPENED.get() {
        return Ok(opened.clone());
    }
    let opened = Device::wgpu_options().init_with_setup_async().await.map_err(|e| e.to_string());
    // A processor that acts as a GPU has to be asked for natively; browsers give what they have at the first request.
    #[cfg(not(target_arch = "wasm32"))]
    let opened = match opened {
        Ok(opened) => Ok(opened),
        Err(first) => {
            let options = Device::wgpu_options().device_kind(gistmap_models::burn::tensor::DeviceKind::Cpu);
            options.init_with_setup_async().await.map_err(|second| format!("{first}; {second}"))
        }
    };
    let (device, setup) = opened.map_err(DeviceError::Wgpu)?;
    let (info, limits) = (setup.adapter.get_info(), setup.device.limits());
    let name = shown(&info);
    #[cfg(target_arch = "wasm32")]
    watch::watch(&setup.device);
    check(&device, &name).await?;
    #[cfg(target_arch = "wasm32")]
    if let Some(detail) = watch::tested() {
        return Err(DeviceError::Wrong { name, detail: detail.to_owned() });
    }
    let binding = limits.max_buffer_size.min(limits.max_storage_buffer_binding_size);
    let batch = Batch::of_gpu(binding, info.device_type);
    Ok(OPENED.get_or_init(|| (device, name, batch)).clone())
}

#[cfg(feature = "cuda")]
async fn open_cuda() -> Result<Selected, DeviceError> {
    // The CUDA runtime is loaded when the first tensor is made, and panics where there is none.
    let device = std::panic::catch_unwind(|| Device::cuda(0))
        .map_err(|_| DeviceError::Cuda("no CUDA driver or GPU was found".to_owned()))?;
    let name = "NVIDIA GPU 0".to_owned();
    check(&device, &name).await?;
    let why = "asked for".to_owned();
    Ok(Selected::new(Compute::Burn(device), format!("cuda: {name}"), why, Batch::of_cuda()))
}

#[cfg(not(feature = "cuda"))]
async fn open_cuda() -> Result<Selected, DeviceError> {
    Err(DeviceError::Cuda(
        "this gistmap was built without the `cuda` feature (cargo build --release --features cuda)".into(),
    ))
}

/// Known answers of the kernels in use, worked out by hand: a driver that skips or breaks one is found here,
/// not in somebody's table.
async fn check(device: &Device, name: &str) -> Result<(), DeviceError> {
    let wrong = |detail: String| DeviceError::Wrong { name: name.to_owned(), detail };
    // [[1, 2], [3, 4]] x [[0, 1], [1, 0]] = [[2, 1], [4, 3]]; softmax of equal scores is even.
    let a = Tensor::<2>::from_data(TensorData::new(vec![1.0f32, 2.0, 3.0, 4.0], [2, 2]), device);
    let b = Tensor::<2>::from_data(TensorData::new(vec![0.0f32, 1.0, 1.0, 0.0], [2, 2]), device);
    let product = a.matmul(b).clamp(0.0, 3.5);
    // Ones under a 3 x 3 kernel of ones count the neighbours inside the picture: 4, 6, 9.
    let picture = Tensor::<4>::ones([1, 1, 3, 3], device);
    let kernel = Tensor::<4>::ones([1, 1, 3, 3], device);
    let options = gistmap_models::burn::tensor::ops::ConvOptions::new([1, 1], [1, 1], [1, 1], 1);
    let counted = gistmap_models::burn::tensor::module::conv2d(picture, kernel, None, options).reshape([1, 9]);
    let even = activation::softmax(Tensor::<2>::ones([1, 4], device), 1);
    let cases = [
        ("matmul", product, vec![2.0, 1.0, 3.5, 3.0]),
        ("conv2d", counted, vec![4.0, 6.0, 4.0, 6.0, 9.0, 6.0, 4.0, 6.0, 4.0]),
        ("softmax", even, vec![0.25; 4]),
    ];
    for (kernel, tensor, expected) in cases {
        let found = readback::read(Output::Device(tensor)).await.map_err(|e| wrong(format!("{kernel}: {e}")))?;
        if !found.iter().zip(&expected).all(|(f, e): (&f32, &f32)| (f - e).abs() < 1e-5) {
            return Err(wrong(format!("{kernel} gave {found:?}, expected {expected:?}")));
        }
    }
    Ok(())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn auto_always_finds_a_device_and_says_why() {
        let selected = crate::runtime::block_on(select(DeviceChoice::Auto)).unwrap();
        assert!(!selected.why.is_empty());
    }
}
