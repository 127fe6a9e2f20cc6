//! What people are told about the device: its name, and how fast it has been here.

use gistmap::protocol::{Event, Stage};
use gistmap::runtime::Stopwatch;
use gistmap::store::{BlobStore, Key};
use gistmap_web::protocol::FromEngine;

use super::adapter::Adapter;
use super::mail::send;

/// The device, as far as it is known.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Device {
    WebGpu(String),
    /// And why it is not WebGPU.
    Processor(String),
}

/// Measures how many pictures a minute go through the networks.
pub(crate) struct Speed<'a> {
    store: &'a dyn BlobStore,
    /// What WebGPU offers, for people.
    adapter: Option<String>,
    device: Device,
    /// Since when, and how many pictures had been computed then.
    start: Option<(Stopwatch, usize)>,
    rate: Option<f64>,
    told: Stopwatch,
}

impl<'a> Speed<'a> {
    /// What is to be expected before anything has run: `adapter` is what the browser offers.
    pub(crate) fn new(store: &'a dyn BlobStore, adapter: Option<&Adapter>) -> Self {
        let device = match adapter {
            Some(Adapter { name, software: false, .. }) => Device::WebGpu(name.clone()),
            Some(_) => Device::Processor("WebGPU is software here, and slower".to_owned()),
            None => Device::Processor("no WebGPU here".to_owned()),
        };
        let adapter = adapter.map(|adapter| adapter.name.clone());
        let mut speed = Self { store, adapter, device, start: None, rate: None, told: Stopwatch::start() };
        speed.rate = speed.remembered();
        speed
    }

    /// Whether networks run on WebGPU, and a sentence about it.
    pub(crate) fn about(&self) -> (bool, String) {
        let (webgpu, device) = match &self.device {
            Device::WebGpu(name) => (true, format!("WebGPU: {name}")),
            Device::Processor(why) => (false, format!("Networks run on the processor ({why})")),
        };
        let speed = self.rate.map(|rate| format!(", about {} pictures a minute", rounded(rate)));
        (webgpu, device + &speed.unwrap_or_default())
    }

    /// Listens to a run, and tells the page what it learns.
    pub(crate) fn hear(&mut self, event: &Event) {
        match event {
            Event::Device { name, why } => {
                // An adapter that was offered may not have passed its tests, or not be wanted.
                self.device = match self.adapter.clone().filter(|_| name.starts_with("wgpu")) {
                    Some(adapter) => Device::WebGpu(adapter),
                    None => Device::Processor(why.clone()),
                };
                (self.start, self.rate) = (None, self.remembered());
                self.tell();
            }
            Event::Progress { stage: Stage::Pictures, done, cached, .. } => self.measure(done.saturating_sub(*cached)),
            Event::StageDone { stage: Stage::Pictures, .. } if self.start.take().is_some() => {
                if let Some(rate) = self.rate {
                    // Not worth a word where it cannot be kept: it will be measured again.
                    let _ = self.store.put(&self.key(), &rate.to_le_bytes());
                    self.tell();
                }
            }
            _ => {}
        }
    }

    /// `computed` pictures have been through the networks in this run. The first batch only sets the clock: it pays for
    /// compiling and warming up.
    fn measure(&mut self, computed: usize) {
        let Some((clock, before)) = self.start else {
            if computed > 0 {
                self.start = Some((Stopwatch::start(), computed));
            }
            return;
        };
        let seconds = clock.seconds();
        if computed > before && seconds > 0.0 {
            let first = self.rate.is_none();
            self.rate = Some((computed - before) as f64 / seconds * 60.0);
            if first || self.told.seconds() > 5.0 {
                self.tell();
            }
        }
    }

    fn tell(&mut self) {
        self.told = Stopwatch::start();
        let (webgpu, about) = self.about();
        send(&FromEngine::Device { webgpu, about });
    }

    fn key(&self) -> Key {
        let name = match &self.device {
            Device::WebGpu(name) => name,
            Device::Processor(_) => "processor",
        };
        Key::of(&[b"pictures a minute", name.as_bytes()])
    }

    fn remembered(&self) -> Option<f64> {
        let bytes = self.store.get(&self.key())?;
        Some(f64::from_le_bytes(bytes.try_into().ok()?)).filter(|rate| rate.is_finite() && *rate > 0.0)
    }
}

/// Two digits are as much as a measurement is worth.
fn rounded(rate: f64) -> f64 {
    let step = 10f64.powf(rate.log10().floor() - 1.0).max(1.0);
    (rate / step).round() * step
}
