//! Pictures that keep their proportions, more or less, for networks that read pictures of any.

use super::{Interpolation, Rgb, pillow};

/// As transformers' `ViltImageProcessor` resizes, to Pillow's last bit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Proportional {
    /// The shorter side, in pixels.
    pub shortest: u32,
    /// The longer side at most; the shorter one gives way.
    pub longest: u32,
    /// Both are made multiples of this many pixels, downwards.
    pub multiple: u32,
    /// How to interpolate.
    pub interpolation: Interpolation,
}

impl Proportional {
    /// Width and height of what becomes of a picture; at least one `multiple` each, where the reference gives up.
    pub fn size(&self, width: u32, height: u32) -> (u32, u32) {
        let (shortest, longest) = (f64::from(self.shortest), f64::from(self.longest));
        let scale = shortest / f64::from(width.min(height));
        let (mut new_width, mut new_height) =
            if height < width { (scale * f64::from(width), shortest) } else { (shortest, scale * f64::from(height)) };
        let longer = new_width.max(new_height);
        if longer > longest {
            let scale = longest / longer;
            (new_width, new_height) = (scale * new_width, scale * new_height);
        }
        let whole = |length: f64| (((length + 0.5) as u32) / self.multiple).max(1) * self.multiple;
        (whole(new_width), whole(new_height))
    }

    /// A picture resized so.
    pub fn resize(&self, picture: &Rgb) -> Rgb {
        pillow::resize(picture, self.size(picture.width, picture.height), self.interpolation)
    }

    /// What results depend on.
    pub fn key(&self) -> String {
        let Self { shortest, longest, multiple, interpolation } = self;
        format!("proportional1-{shortest}-{longest}-{multiple}-{interpolation:?}")
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    const VILT: Proportional =
        Proportional { shortest: 384, longest: 639, multiple: 32, interpolation: Interpolation::Bicubic };

    #[test]
    fn sizes_are_those_of_vilts_processor() {
        let golden = include_str!("../../tests/golden/image/vilt.json");
        let golden: Vec<[u32; 4]> = serde_json::from_str(golden).unwrap();
        assert!(golden.len() >= 20);
        for [width, height, new_width, new_height] in golden {
            assert_eq!(VILT.size(width, height), (new_width, new_height), "{width} x {height}");
        }
        assert_eq!(VILT.size(10_000, 10), (608, 32), "the reference fails here");
    }

    #[test]
    fn pictures_have_that_size() {
        let picture = Rgb::new(50, 40, (0..50 * 40 * 3).map(|i| (i % 251) as u8).collect()).unwrap();
        let resized = VILT.resize(&picture);
        assert_eq!((resized.width, resized.height, resized.pixels.len()), (480, 384, 480 * 384 * 3));
    }
}
