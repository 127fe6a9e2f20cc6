//! The page: what a person sees and does. Its own thread computes nothing that takes long; the engine worker does.

mod intake;
mod link;
mod map;
mod pause;
mod slices;
mod state;
mod views;

fn main() {
    console_error_panic_hook::set_once();
    // Only a second one would be refused.
    let _ = any_spawner::Executor::init_local_custom_executor(slices::Slices);
    leptos::mount::mount_to_body(views::App);
}
