//! The grid of pictures: all of them, or what is selected or found. Only what is in sight is in the document. It is
//! also the way through the pictures without a mouse, and for screen readers.

use leptos::html;
use leptos::prelude::*;
use wasm_bindgen::prelude::*;
use web_sys::{KeyboardEvent, ResizeObserver};

use super::format;
use super::icons::{Glyph, Icon};
use crate::state::{Origin, State};

/// The least side of a tile, in pixels.
const TILE: f64 = 68.0;
/// The least side of a tile on the wall.
const WALL_TILE: f64 = 84.0;
/// Rows kept above and below what is in sight.
const SPARE_ROWS: usize = 2;

/// The size of a scrolled element, and where it stands.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
struct Sight {
    width: f64,
    height: f64,
    top: f64,
}

/// How many tiles stand side by side, and how large they are.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Tiling {
    columns: usize,
    side: f64,
}

impl Tiling {
    fn new(width: f64, least: f64) -> Self {
        let columns = (width / least).floor().max(1.0);
        Self { columns: columns as usize, side: (width / columns).max(1.0) }
    }

    fn rows(self, tiles: usize) -> usize {
        tiles.div_ceil(self.columns)
    }

    /// Places in sight, and a few more.
    fn seen(self, sight: Sight, tiles: usize) -> std::ops::Range<usize> {
        let first = ((sight.top / self.side) as usize).saturating_sub(SPARE_ROWS);
        let last = ((sight.top + sight.height) / self.side) as usize + 1 + SPARE_ROWS;
        (first * self.columns).min(tiles)..(last * self.columns).min(tiles)
    }
}

/// The pictures that are listed, with a heading that says which.
#[component]
pub(super) fn Grid() -> impl IntoView {
    let state = expect_context::<State>();
    let node = NodeRef::<html::Div>::new();
    let sight = watch_sight(node);
    let tiling = Memo::new(move |_| Tiling::new(sight.with(|s| s.width), TILE));
    let seen = move || {
        let listed = state.listed.get();
        let range = tiling.get().seen(sight.get(), listed.len());
        range.map(|place| (place, listed[place])).collect::<Vec<_>>()
    };
    follow_current(state, node, tiling, sight);
    begin_at_top(state, node);
    let height =
        move || format!("{:.1}px", tiling.get().rows(state.listed.with(|l| l.len())) as f64 * tiling.get().side);
    let active = move || state.current.get().map(|p| format!("picture-{p}"));
    view! {
        <section class="pictures" aria-labelledby="grid-title">
            <Heading/>
            <div
                class="grid"
                class:whole=move || state.selection.with(|s| s.len() > 1)
                node_ref=node
                role="listbox"
                tabindex="0"
                aria-multiselectable="true"
                aria-labelledby="grid-title"
                aria-activedescendant=active
                data-testid="grid"
                on:scroll=move |_| look(node, sight)
                on:keydown=move |event| keys(&state, tiling, &event)
            >
                <div class="grid-sheet" role="presentation" style:height=height>
                    <For each=seen key=|tile| *tile let:tile>
                        <Tile place=tile.0 picture=tile.1 tiling/>
                    </For>
                </div>
            </div>
        </section>
    }
}

/// What the grid lists, and how to get back to everything.
#[component]
fn Heading() -> impl IntoView {
    let state = expect_context::<State>();
    let title = move || {
        let selection = state.selection.get();
        match (selection.len() > 1, selection.origin) {
            (true, Origin::Cluster(c)) => state.cluster_name(c),
            (true, Origin::Shared(label, c)) => format!("{} in {}", state.label_name(label), state.cluster_name(c)),
            (true, _) => "Selected".to_owned(),
            (false, _) => state
                .found
                .with(|f| f.as_ref().map_or_else(|| "All pictures".to_owned(), |f| format!("Like “{}”", f.words))),
        }
    };
    let partial = move || state.selection.with(|s| s.len() > 1) || state.found.with(Option::is_some);
    let all = move |_| {
        if state.selection.with_untracked(|s| s.len() > 1) {
            state.clear_selection();
        } else {
            state.found.set(None);
        }
    };
    view! {
        <h2 class="panel-title" id="grid-title">
            <span class="panel-name">{title}</span>
            <span class="badge">{move || state.listed.with(|l| format::count(l.len()))}</span>
            <button class="quiet small" class:gone=move || !partial() type="button" data-testid="show-all" title="Show everything (Escape)" on:click=all>
                <Icon glyph=Glyph::Close/>"Show all"
            </button>
        </h2>
    }
}

#[component]
fn Tile(place: usize, picture: u32, tiling: Memo<Tiling>) -> impl IntoView {
    let state = expect_context::<State>();
    let at = move || at(tiling.get(), place);
    let side = move || format!("{:.2}px", tiling.get().side);
    let name = state.pictures.row(picture).map(|r| r.file.to_string()).unwrap_or_default();
    let selected = move || state.selection.with(|s| s.has(picture));
    let colour = move || state.colouring.with(|c| c.pictures.get(picture as usize).map(|c| c.hex()));
    let click = move |event: web_sys::MouseEvent| {
        if event.ctrl_key() || event.meta_key() || event.shift_key() {
            state.pick(picture, true);
        } else if state.selection.with_untracked(|s| s.len() > 1) {
            state.current.set(Some(picture));
        } else {
            state.pick(picture, false);
        }
    };
    view! {
        <div
            class="tile"
            class:current=move || state.current.get() == Some(picture)
            class:hot=move || state.hover.get() == Some(picture)
            id=format!("picture-{picture}")
            role="option"
            aria-selected=move || selected().to_string()
            aria-posinset=(place + 1).to_string()
            aria-setsize=move || state.listed.with(|l| l.len()).to_string()
            aria-label=name
            data-testid="picture"
            data-index=picture.to_string()
            style:transform=at
            style:width=side
            style:height=side
            on:click=click
            on:dblclick=move |_| state.enlarged.set(true)
            on:pointerenter=move |_| state.hover.set(Some(picture))
            on:pointerleave=move |_| state.hover.set(None)
        >
            <img src=state.pictures.thumbnail_url(picture) alt="" draggable="false"/>
            <span class="tile-mark" class:gone=move || state.colouring.with(|c| !c.tells) style:background-color=colour></span>
        </div>
    }
}

fn at(tiling: Tiling, place: usize) -> String {
    let (row, column) = (place / tiling.columns, place % tiling.columns);
    format!("translate({:.2}px,{:.2}px)", column as f64 * tiling.side, row as f64 * tiling.side)
}

/// Thumbnails only, as they come; for eyes, while there is no map yet.
#[component]
pub(super) fn Wall() -> impl IntoView {
    let state = expect_context::<State>();
    let node = NodeRef::<html::Div>::new();
    let sight = watch_sight(node);
    let tiling = Memo::new(move |_| Tiling::new(sight.with(|s| s.width), WALL_TILE));
    // The newest rows are in sight.
    let first = Memo::new(move |_| {
        let tiling = tiling.get();
        let fit = sight.with(|s| (s.height / tiling.side).floor() as usize).max(1);
        tiling.rows(state.pictures.count.get()).saturating_sub(fit) * tiling.columns
    });
    let seen = move || (first.get()..state.pictures.count.get()).collect::<Vec<_>>();
    view! {
        <div class="wall" node_ref=node aria-hidden="true">
            <For each=seen key=|picture| *picture let:picture>
                <img
                    src=u32::try_from(picture).ok().and_then(|p| state.pictures.thumbnail_url(p))
                    alt=""
                    style:transform=move || at(tiling.get(), picture.saturating_sub(first.get()))
                    style:width=move || format!("{:.2}px", tiling.get().side)
                    style:height=move || format!("{:.2}px", tiling.get().side)
                />
            </For>
        </div>
    }
}

/// The element's size and scroll position, kept up to date.
fn watch_sight(node: NodeRef<html::Div>) -> RwSignal<Sight> {
    let sight = RwSignal::new(Sight::default());
    Effect::new(move || {
        let Some(element) = node.get() else { return };
        let seen = Closure::<dyn FnMut()>::new(move || look(node, sight));
        if let Ok(observer) = ResizeObserver::new(seen.as_ref().unchecked_ref()) {
            observer.observe(&element);
            let kept = StoredValue::new_local(Some((observer, seen)));
            on_cleanup(move || {
                if let Some(Some((observer, _))) = kept.try_update_value(Option::take) {
                    observer.disconnect();
                }
            });
        }
    });
    sight
}

fn look(node: NodeRef<html::Div>, sight: RwSignal<Sight>) {
    if let Some(element) = node.get_untracked() {
        let now = Sight {
            width: f64::from(element.client_width()),
            height: f64::from(element.client_height()),
            top: f64::from(element.scroll_top()),
        };
        if sight.get_untracked() != now {
            sight.set(now);
        }
    }
}

/// Scrolls so that the current picture is in sight.
fn follow_current(state: State, node: NodeRef<html::Div>, tiling: Memo<Tiling>, sight: RwSignal<Sight>) {
    Effect::new(move || {
        let Some(current) = state.current.get() else { return };
        let place = state.listed.with(|l| l.iter().position(|p| *p == current));
        let (Some(place), Some(element)) = (place, node.get_untracked()) else { return };
        let (tiling, sight) = (tiling.get_untracked(), sight.get_untracked());
        let top = (place / tiling.columns) as f64 * tiling.side;
        if top < sight.top {
            element.set_scroll_top(top as i32);
        } else if top + tiling.side > sight.top + sight.height {
            element.set_scroll_top((top + tiling.side - sight.height).ceil() as i32);
        }
    });
}

/// Another list is seen from its beginning.
fn begin_at_top(state: State, node: NodeRef<html::Div>) {
    let list = Memo::new(move |_| {
        (state.selection.with(|s| s.len() > 1), state.found.with(|f| f.as_ref().map(|f| f.words.clone())))
    });
    Effect::new(move |first: Option<()>| {
        list.track();
        // The first one is at its beginning; scrolling there would lay out the whole page.
        if let Some(element) = node.get_untracked().filter(|_| first.is_some()) {
            element.set_scroll_top(0);
        }
    });
}

fn keys(state: &State, tiling: Memo<Tiling>, event: &KeyboardEvent) {
    let row = tiling.get_untracked().columns.cast_signed();
    let page = row * 5;
    match event.key().as_str() {
        "ArrowLeft" => state.walk(-1),
        "ArrowRight" => state.walk(1),
        "ArrowUp" => state.walk(-row),
        "ArrowDown" => state.walk(row),
        "PageUp" => state.walk(-page),
        "PageDown" => state.walk(page),
        "Home" => state.walk(isize::MIN),
        "End" => state.walk(isize::MAX),
        "Enter" => state.enlarged.set(state.current.get_untracked().is_some()),
        " " => {
            if let Some(current) = state.current.get_untracked() {
                state.pick(current, true);
            }
        }
        "a" if event.ctrl_key() || event.meta_key() => {
            state.select((*state.listed.get_untracked()).clone(), Origin::Hand);
        }
        "Escape" if state.selection.with_untracked(|s| s.len() > 0) => state.clear_selection(),
        "Escape" => state.found.set(None),
        _ => return,
    }
    event.prevent_default();
}

#[cfg(test)]
mod tests {
    use super::{Sight, Tiling};

    #[test]
    fn only_rows_in_sight_are_made() {
        let tiling = Tiling::new(340.0, 68.0);
        assert_eq!((tiling.columns, tiling.side, tiling.rows(11)), (5, 68.0, 3));
        let sight = Sight { width: 340.0, height: 136.0, top: 680.0 };
        assert_eq!(tiling.seen(sight, 2000), 40..75, "two rows spare above and below");
        assert_eq!(tiling.seen(sight, 42), 40..42);
        assert_eq!(tiling.seen(Sight::default(), 0), 0..0);
    }
}
