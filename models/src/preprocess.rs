//! How a picture becomes what a network reads: the published `preprocessor_config.json`, or torchvision's presets.

use serde::Deserialize;

use crate::config::{ConfigError, read, require};

/// How a picture is resized and cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resize {
    /// To exactly this height and width, whatever the proportions were.
    Exact {
        /// Pixels.
        height: u32,
        /// Pixels.
        width: u32,
    },
    /// The shorter side to this many pixels, the proportions kept.
    Shortest(u32),
    /// The shorter side to `shortest`, or less where the longer would then exceed `longest`; the proportions kept, the
    /// sides rounded to whole pixels and then down to a `multiple`.
    Multiple {
        /// Pixels.
        shortest: u32,
        /// Pixels.
        longest: u32,
        /// Pixels.
        multiple: u32,
    },
}

/// How pixels are mixed when a picture is resized; all of them average over what a new pixel covers (Pillow's).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Filter {
    /// Triangle over two pixels.
    Bilinear,
    /// Cubic with a = -0.5 over four pixels.
    Bicubic,
}

/// Whose pixels are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Processor {
    /// Hugging Face's: where the middle is half a pixel off, what is cut lies to the left and above.
    Transformers,
    /// torchvision's: it lies an even number of pixels away.
    Torchvision,
}

/// What is done to a picture before the network.
#[derive(Debug, Clone, PartialEq)]
pub struct Preprocessing {
    /// By whom.
    pub processor: Processor,
    /// First.
    pub resize: Resize,
    /// With this filter.
    pub filter: Filter,
    /// Then a square of this side is cut from the middle.
    pub crop: Option<u32>,
    /// Pixels enter as `(level / 255 - mean) / deviation`, by channel.
    pub mean: [f32; 3],
    /// See [`Preprocessing::mean`].
    pub deviation: [f32; 3],
}

/// A published size: a number, or sides by name.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(untagged)]
enum Size {
    Number(u32),
    Shortest { shortest_edge: u32 },
    Exact { height: u32, width: u32 },
}

/// The published fields; Hugging Face's names.
#[derive(Debug, Deserialize)]
struct Published {
    size: Size,
    crop_size: Option<Size>,
    size_divisor: Option<u32>,
    #[serde(default)]
    do_center_crop: bool,
    resample: u32,
    image_mean: [f32; 3],
    image_std: [f32; 3],
    rescale_factor: Option<f64>,
}

impl Preprocessing {
    /// A preset of torchvision for ImageNet (`ImageClassification`): the shorter side to `resize`, a square of `crop` from
    /// the middle.
    pub fn imagenet(resize: u32, crop: u32, filter: Filter) -> Self {
        Self {
            processor: Processor::Torchvision,
            resize: Resize::Shortest(resize),
            filter,
            crop: Some(crop),
            mean: [0.485, 0.456, 0.406],
            deviation: [0.229, 0.224, 0.225],
        }
    }

    /// From the bytes of a `preprocessor_config.json`. Old files give `size` as one number, which meant the shorter
    /// side where the processor cuts a square from the middle, and both sides elsewhere.
    ///
    /// # Errors
    /// What is not JSON, and values that no processor here has.
    pub fn from_json(json: &[u8]) -> Result<Self, ConfigError> {
        let file: Published = read(json)?;
        let resize = match file.size {
            Size::Number(shortest) | Size::Shortest { shortest_edge: shortest } if file.size_divisor.is_some() => {
                // ViLT's; the bound of the longer side is in its code, not in the file.
                let longest = (f64::from(shortest) * 1333.0 / 800.0) as u32;
                Resize::Multiple { shortest, longest, multiple: file.size_divisor.unwrap_or(1) }
            }
            Size::Number(side) if file.do_center_crop => Resize::Shortest(side),
            Size::Number(side) => Resize::Exact { height: side, width: side },
            Size::Shortest { shortest_edge } => Resize::Shortest(shortest_edge),
            Size::Exact { height, width } => Resize::Exact { height, width },
        };
        let filter = if file.resample == 2 {
            Filter::Bilinear
        } else {
            require(file.resample == 3, "resample", file.resample, "2 (bilinear), 3 (bicubic)")?;
            Filter::Bicubic
        };
        let crop = match file.crop_size.filter(|_| file.do_center_crop) {
            None => None,
            Some(Size::Number(side) | Size::Shortest { shortest_edge: side }) => Some(side),
            Some(Size::Exact { height, width }) => {
                require(height == width, "crop_size.width", width, "the same as crop_size.height")?;
                Some(height)
            }
        };
        let factor = file.rescale_factor.unwrap_or(1.0 / 255.0);
        require((factor - 1.0 / 255.0).abs() < 1e-6, "rescale_factor", factor, "1 / 255")?;
        let (processor, mean, deviation) = (Processor::Transformers, file.image_mean, file.image_std);
        Ok(Self { processor, resize, filter, crop, mean, deviation })
    }

    /// Width and height of the square that is cut; of pictures that are none, the height.
    pub(crate) fn side(&self) -> usize {
        let side = self.crop.unwrap_or(match self.resize {
            Resize::Exact { height, .. } => height,
            Resize::Shortest(side) | Resize::Multiple { shortest: side, .. } => side,
        });
        side as usize
    }

    /// What every 8-bit level becomes.
    pub fn levels(&self) -> Levels {
        Levels::new(self.mean, self.deviation)
    }
}

/// What every 8-bit level of every channel becomes, bit-equal to the published processors.
#[derive(Debug, Clone, PartialEq)]
pub struct Levels(Box<[[f32; 256]; 3]>);

impl Levels {
    /// `(level / 255 - mean) / deviation`: the quotient by 255 is taken in f64 and rounded, the rest in f32.
    pub fn new(mean: [f32; 3], deviation: [f32; 3]) -> Self {
        let mut tables = Box::new([[0.0; 256]; 3]);
        for ((table, mean), deviation) in tables.iter_mut().zip(mean).zip(deviation) {
            for (level, value) in (0u8..).zip(table.iter_mut()) {
                *value = ((f64::from(level) * (1.0 / 255.0)) as f32 - mean) / deviation;
            }
        }
        Self(tables)
    }

    /// `(level - shift) / scale` of every channel.
    pub(crate) fn shifted(shift: f32, scale: f32) -> Self {
        let table = std::array::from_fn(|level| (level as f32 - shift) / scale);
        Self(Box::new([table; 3]))
    }

    /// By channel.
    pub(crate) fn tables(&self) -> &[[f32; 256]; 3] {
        &self.0
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn published_files_are_read() {
        // As published with openai/clip-vit-base-patch32 and Salesforce/blip-image-captioning-base.
        let means = r#""image_mean": [0.48145466, 0.4578275, 0.40821073],
            "image_std": [0.26862954, 0.26130258, 0.27577711]"#;
        let clip = format!(
            r#"{{"crop_size": 224, "do_center_crop": true, "do_resize": true, {means}, "resample": 3, "size": 224}}"#
        );
        let clip = Preprocessing::from_json(clip.as_bytes()).unwrap();
        assert_eq!((clip.resize, clip.crop, clip.filter), (Resize::Shortest(224), Some(224), Filter::Bicubic));
        let blip = format!(
            r#"{{{means}, "resample": 3, "rescale_factor": 0.00392156862745098, "size": {{"height": 384, "width": 384}}}}"#
        );
        let blip = Preprocessing::from_json(blip.as_bytes()).unwrap();
        assert_eq!((blip.resize, blip.crop), (Resize::Exact { height: 384, width: 384 }, None));
        assert_eq!(blip.mean[1], 0.457_827_5);
        let vilt = format!(r#"{{{means}, "resample": 3, "size": 384, "size_divisor": 32}}"#);
        let vilt = Preprocessing::from_json(vilt.as_bytes()).unwrap();
        assert_eq!(vilt.resize, Resize::Multiple { shortest: 384, longest: 639, multiple: 32 });
        let odd = format!(r#"{{{means}, "resample": 0, "size": 224}}"#);
        let error = Preprocessing::from_json(odd.as_bytes()).unwrap_err().to_string();
        assert!(error.contains("`resample` is 0"), "{error}");
    }

    #[test]
    fn levels_are_normalised() {
        let levels = Levels::new([0.5; 3], [0.5, 0.25, 1.0]);
        assert_eq!([levels.tables()[0][0], levels.tables()[0][255], levels.tables()[1][255]], [-1.0, 1.0, 2.0]);
        assert_eq!(levels.tables()[2][51], 0.2 - 0.5);
    }
}
