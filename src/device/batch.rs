//! How many pictures and sentences go through a network together: what is fastest, or what memory has room for.
//!
//! No runtime here tells how much memory a GPU has free, so its batch follows from what the adapter tells of itself:
//! no tensor may be larger than a binding, and the activations of a batch must fit a guess at the memory that one
//! program may take. A guess that is too high is mended while running: the engine halves a batch that fails.

use gistmap_models::minilm;

use crate::runtime::ONE_THREAD;

/// Pictures a batch on the processor, where more is no faster (measured): activations stay in its caches.
const CPU_PICTURES: usize = 32;
/// Pictures a batch on a GPU, where more is no faster (measured).
const GPU_PICTURES: usize = 64;
/// The same with CUDA (an H100: CLIP takes 0.22 ms a picture in batches of 32 and less than 0.15 in batches of 128).
#[cfg(feature = "cuda")]
const CUDA_PICTURES: usize = 96;
/// Sentences a batch, where more is no faster.
const SENTENCES: usize = 64;
/// The same on the processor in a page, whose one thread hears of a wish to stop between batches alone: with 60 to
/// 120 ms a picture after half a second at the latest.
const PAGE_PICTURES: usize = 4;
const PAGE_SENTENCES: usize = 8;

/// Activations of a picture in the processor's kernels, bytes: 112 x 112 pixels by 32 and 96 channels, input and output
/// of EfficientNet-lite0's widest layer, and as much again for what is packed on the way.
const CPU_PICTURE_BYTES: u64 = 2 * 112 * 112 * (32 + 96) * 4;
/// The widest of them as one tensor on a GPU.
const WIDEST_PICTURE_BYTES: u64 = 112 * 112 * 96 * 4;
/// All activations of a picture that a GPU's allocator holds at a time, measured.
const GPU_PICTURE_BYTES: u64 = 40 << 20;
/// A sentence's attention scores at full length, 12 heads of them: the widest tensor of MiniLM.
const WIDEST_SENTENCE_BYTES: u64 = (12 * minilm::MAX_TOKENS * minilm::MAX_TOKENS * 4) as u64;
/// Memory that activations may take on a GPU with memory of its own, and on any other (also where a browser hides which).
const OWN_MEMORY: u64 = 4 << 30;
const SHARED_MEMORY: u64 = 1 << 30;
/// Share of the processor's free memory that activations may take.
const SHARE: u64 = 4;

/// Items that go through a network together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Batch {
    pub(super) pictures: usize,
    pub(super) sentences: usize,
}

impl Batch {
    /// For the processor.
    pub(super) fn of_processor() -> Self {
        if ONE_THREAD {
            return Self { pictures: PAGE_PICTURES, sentences: PAGE_SENTENCES };
        }
        Self { pictures: processor_pictures(available_memory()), sentences: SENTENCES }
    }

    /// For an NVIDIA GPU that is reached through CUDA.
    #[cfg(feature = "cuda")]
    pub(super) fn of_cuda() -> Self {
        Self { pictures: CUDA_PICTURES, sentences: SENTENCES }
    }

    /// For a GPU whose bindings hold `binding` bytes at most.
    pub(super) fn of_gpu(binding: u64, kind: wgpu::DeviceType) -> Self {
        let memory = match kind {
            wgpu::DeviceType::DiscreteGpu => OWN_MEMORY,
            wgpu::DeviceType::Cpu => available_memory().map_or(SHARED_MEMORY, |free| free / SHARE),
            _ => SHARED_MEMORY,
        };
        let pictures = (binding / WIDEST_PICTURE_BYTES).min(memory / GPU_PICTURE_BYTES);
        let sentences = binding / WIDEST_SENTENCE_BYTES;
        Self { pictures: at_most(pictures, GPU_PICTURES), sentences: at_most(sentences, SENTENCES) }
    }
}

fn at_most(items: u64, most: usize) -> usize {
    usize::try_from(items).unwrap_or(most).clamp(1, most)
}

fn processor_pictures(available: Option<u64>) -> usize {
    available.map_or(CPU_PICTURES, |free| at_most(free / SHARE / CPU_PICTURE_BYTES, CPU_PICTURES))
}

/// Bytes that a program can take without others being swapped out; `None` where the system does not tell (the fastest
/// batch, some 400 MB, is then taken to fit).
fn available_memory() -> Option<u64> {
    // Linux tells; reading the file fails everywhere else.
    memory_in(&std::fs::read_to_string("/proc/meminfo").ok()?)
}

/// `MemAvailable` of the text of `/proc/meminfo`.
fn memory_in(meminfo: &str) -> Option<u64> {
    let line = meminfo.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    Some(line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()? << 10)
}

#[cfg(test)]
mod tests {
    use super::*;
    use wgpu::DeviceType;

    #[test]
    fn memory_is_read_from_what_linux_says() {
        let text = "MemTotal:       24640068 kB\nMemFree:          300 kB\nMemAvailable:    2048 kB\nBuffers: 1 kB\n";
        assert_eq!(memory_in(text), Some(2 << 20));
        assert_eq!(memory_in("MemTotal: 5 kB\n"), None);
        assert_eq!(memory_in("MemAvailable: many kB\n"), None);
    }

    #[test]
    fn little_memory_makes_small_batches_and_none_makes_one() {
        assert_eq!(processor_pictures(None), 32);
        assert_eq!(processor_pictures(Some(64 << 30)), 32);
        assert_eq!(processor_pictures(Some(512 << 20)), 10);
        assert_eq!(processor_pictures(Some(0)), 1);
    }

    #[test]
    fn no_tensor_is_larger_than_a_binding() {
        for binding in [1 << 20, 128 << 20, 256 << 20, 1 << 30] {
            for kind in [DeviceType::DiscreteGpu, DeviceType::Other, DeviceType::IntegratedGpu] {
                let Batch { pictures, sentences } = Batch::of_gpu(binding, kind);
                assert!((1..=64).contains(&pictures) && (1..=64).contains(&sentences));
                assert!(pictures == 1 || pictures as u64 * WIDEST_PICTURE_BYTES <= binding);
                assert!(sentences == 1 || sentences as u64 * WIDEST_SENTENCE_BYTES <= binding);
            }
        }
        assert_eq!(Batch::of_gpu(1 << 30, DeviceType::DiscreteGpu).pictures, 64);
        assert_eq!(Batch::of_gpu(1 << 30, DeviceType::Other).pictures, 25);
    }
}
