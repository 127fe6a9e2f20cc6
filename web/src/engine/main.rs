//! The engine worker: opens what the page sends, runs the engine on it, and tells the page what happens.
//!
//! 1. [`mail`] hears the page and answers; [`desk`] holds what is open and answers at once; [`session`] carries out
//!    one command after the other.
//! 2. [`open`] makes collections of dropped files ([`files`]) or the sample; [`album`] opens and makes album files.
//! 3. [`hands`] prepares pictures for the networks with the workers of [`crew`].
//! 4. [`packs`] gets models by [`fetch`]; [`results`] is the store; both lie in [`opfs`].
//! 5. [`adapter`] and [`speed`] know what to say about the device.

mod adapter;
mod album;
mod crew;
mod desk;
mod fetch;
mod files;
mod hands;
mod mail;
mod open;
mod opfs;
mod packs;
mod results;
mod session;
mod speed;

use std::rc::Rc;

use gistmap::device::on_trouble;
use gistmap_web::protocol::{self, ToEngine, Trouble};
use wasm_bindgen::JsCast;
use wasm_bindgen::closure::Closure;
use wasm_bindgen_futures::spawn_local;
use web_sys::MessageEvent;

use desk::Desk;
use mail::Inbox;

fn main() {
    mail::tell_of_panics();
    on_trouble(|what| mail::send_failure(Trouble::Device, format!("the GPU can be used no longer: {what}")));
    let scope = mail::scope();
    let desk = Rc::new(Desk::new(scope.clone().into()));
    let inbox = Rc::new(Inbox::default());
    let (front, letters) = (desk.clone(), inbox.clone());
    let listen =
        Closure::<dyn FnMut(MessageEvent)>::new(move |event: MessageEvent| match protocol::decode(event.data()) {
            Ok(ToEngine::Cancel) => front.stop(),
            Ok(ToEngine::Picture { picture }) => front.send_picture(picture),
            Ok(message) => letters.put(message),
            Err(error) => {
                let what = format!("the page and its engine are of different releases ({error}); reload the page");
                mail::send_failure(Trouble::Input, what);
            }
        });
    scope.set_onmessage(Some(listen.as_ref().unchecked_ref()));
    listen.forget();
    spawn_local(session::run(scope.into(), desk, inbox));
}
