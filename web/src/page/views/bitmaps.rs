//! Pictures for the map: decoded by the browser off this thread, cut square, a few at a time.

use std::collections::VecDeque;

use leptos::prelude::*;
use leptos::task::spawn_local;
use wasm_bindgen::JsCast;
use wasm_bindgen_futures::JsFuture;
use web_sys::{Blob, ImageBitmap, ImageBitmapOptions};

use crate::link::Link;
use crate::map::{DETAIL, Map, TILE};
use crate::pause::next_frame;
use crate::state::State;

/// Pictures in the making at a time; each frame takes so many to the GPU at most.
const AT_A_TIME: usize = 6;

/// What the map wants, in the order in which it asked. Copies share it.
#[derive(Clone, Copy)]
pub(super) struct Bitmaps {
    map: Map,
    state: State,
    link: Link,
    wanted: StoredValue<VecDeque<(usize, bool)>>,
    working: StoredValue<bool>,
}

impl Bitmaps {
    pub(super) fn new(map: Map, state: State, link: Link) -> Self {
        Self { map, state, link, wanted: StoredValue::new(VecDeque::new()), working: StoredValue::new(false) }
    }

    /// Makes these pictures: tiles, or sharper ones.
    pub(super) fn want(self, pictures: Vec<usize>, sharp: bool) {
        self.wanted.update_value(|wanted| wanted.extend(pictures.into_iter().map(|p| (p, sharp))));
        if !self.working.get_value() {
            self.working.set_value(true);
            spawn_local(self.work());
        }
    }

    async fn work(self) {
        loop {
            let some = self.wanted.try_update_value(|w| w.drain(..w.len().min(AT_A_TIME)).collect::<Vec<_>>());
            let Some(some) = some.filter(|some| !some.is_empty()) else { break };
            for (picture, sharp) in some {
                let Some(bitmap) = self.make(picture, sharp).await else { continue };
                if sharp {
                    self.map.set_detail(picture, &bitmap);
                } else {
                    self.map.set_thumbnail(picture, &bitmap);
                }
                bitmap.close();
            }
            next_frame().await;
        }
        self.working.try_set_value(false);
    }

    async fn make(self, picture: usize, sharp: bool) -> Option<ImageBitmap> {
        let row = u32::try_from(picture).ok()?;
        let (state, link) = (self.state, self.link);
        let thumbnail = state.pictures.thumbnail_blob(row);
        // A file that this browser cannot decode has a thumbnail all the same.
        if sharp
            && let Some(file) = link.original(row)
            && let Some(bitmap) = square(&file, DETAIL).await
        {
            return Some(bitmap);
        }
        square(&thumbnail?, if sharp { DETAIL } else { TILE }).await
    }
}

/// The middle of a picture, `side` texels square; `None` where the browser cannot decode it.
async fn square(blob: &Blob, side: u32) -> Option<ImageBitmap> {
    let whole = window().create_image_bitmap_with_blob(blob).ok()?;
    let whole: ImageBitmap = JsFuture::from(whole).await.ok()?.unchecked_into();
    let (width, height) = (whole.width(), whole.height());
    let edge = width.min(height);
    let options = ImageBitmapOptions::new();
    options.set_resize_width(side);
    options.set_resize_height(side);
    // A plain object takes any property.
    let _ = js_sys::Reflect::set(&options, &"resizeQuality".into(), &"medium".into());
    let [x, y, edge] = [(width - edge) / 2, (height - edge) / 2, edge].map(u32::cast_signed);
    let cut = window()
        .create_image_bitmap_with_image_bitmap_and_a_sx_and_a_sy_and_a_sw_and_a_sh_and_a_options(
            &whole, x, y, edge, edge, &options,
        )
        .ok()?;
    let cut = JsFuture::from(cut).await.ok();
    whole.close();
    cut.map(JsCast::unchecked_into)
}
