//! The page: what a person sees and does. Its own thread computes nothing that takes long; the engine worker does.

mod intake;
mod link;
mod map;
mod pause;
mod state;
mod views;

fn main() {
    console_error_panic_hook::set_once();
    leptos::mount::mount_to_body(views::App);
}
