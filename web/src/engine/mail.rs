//! Messages from and to the page.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::future::poll_fn;
use std::panic;
use std::pin::Pin;
use std::task::{Poll, Waker};

use gistmap_web::protocol::{self, FromEngine, ToEngine, Trouble};
use js_sys::global;
use wasm_bindgen::JsCast;
use web_sys::DedicatedWorkerGlobalScope;

/// This worker.
pub(crate) fn scope() -> DedicatedWorkerGlobalScope {
    global().unchecked_into()
}

/// Sends a message to the page.
pub(crate) fn send(message: &FromEngine) {
    // No message holds what JavaScript cannot, and a page that is gone needs none.
    let Ok(value) = protocol::encode(message) else { return };
    let _ = match message {
        FromEngine::File { .. } | FromEngine::Picture { .. } => {
            scope().post_message_with_transfer(&value, &protocol::buffers(&value))
        }
        _ => scope().post_message(&value),
    };
}

/// Sends word that a command ended without what was asked for.
pub(crate) fn send_failure(trouble: Trouble, message: impl Into<String>) {
    send(&FromEngine::Failed { trouble, message: message.into() });
}

/// A panic is the end of this worker: the page hears of it and starts another, which goes on from what was kept.
pub(crate) fn tell_of_panics() {
    panic::set_hook(Box::new(|info| {
        console_error_panic_hook::hook(info);
        let what = info.payload_as_str().unwrap_or("no reason was given");
        send_failure(Trouble::Device, format!("the engine stopped unexpectedly ({what})"));
    }));
}

/// What the page has sent and nobody has read.
#[derive(Default)]
pub(crate) struct Inbox {
    messages: RefCell<VecDeque<ToEngine>>,
    reader: RefCell<Option<Waker>>,
}

impl Inbox {
    pub(crate) fn put(&self, message: ToEngine) {
        self.messages.borrow_mut().push_back(message);
        if let Some(reader) = self.reader.take() {
            reader.wake();
        }
    }

    /// Waits for the next message, and works on `meanwhile` until it comes.
    pub(crate) async fn next(&self, mut meanwhile: Pin<Box<dyn Future<Output = ()> + '_>>) -> ToEngine {
        let mut working = true;
        poll_fn(|context| {
            if let Some(message) = self.messages.borrow_mut().pop_front() {
                return Poll::Ready(message);
            }
            self.reader.replace(Some(context.waker().clone()));
            working = working && meanwhile.as_mut().poll(context).is_pending();
            Poll::Pending
        })
        .await
    }
}
