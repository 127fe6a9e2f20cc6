//! The executor of the page's effects. One change of state wakes many effects, and each is a task of its own here: they are
//! polled in the order in which they were woken, a few milliseconds at a time, and the browser can draw and listen in
//! between. Leptos' own executor polls all of them in one microtask.

use std::cell::{Cell, RefCell};
use std::collections::{HashMap, VecDeque};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Wake, Waker};

use any_spawner::{CustomExecutor, PinnedFuture, PinnedLocalFuture};
use js_sys::Promise;
use wasm_bindgen::prelude::*;
use web_sys::{MessageChannel, MessagePort};

use crate::state::now;

/// Milliseconds after which the rest waits for another task.
const SLICE: f64 = 8.0;

/// Polls effects in slices. Its state is the thread's.
pub(crate) struct Slices;

impl CustomExecutor for Slices {
    fn spawn(&self, future: PinnedFuture<()>) {
        self.spawn_local(future);
    }

    fn spawn_local(&self, future: PinnedLocalFuture<()>) {
        QUEUE.with(|queue| queue.add(future));
    }

    fn poll_local(&self) {
        QUEUE.with(Queue::work);
    }
}

thread_local! {
    static QUEUE: Queue = Queue::new();
}

type Task = (Pin<Box<dyn Future<Output = ()>>>, Arc<Waking>);

/// Wakes one task: wakers may be sent to other threads, tasks may not.
struct Waking {
    task: u64,
    queued: AtomicBool,
}

impl Wake for Waking {
    fn wake(self: Arc<Self>) {
        if !self.queued.swap(true, Ordering::Relaxed) {
            QUEUE.with(|queue| queue.push(self.task));
        }
    }
}

struct Queue {
    tasks: RefCell<HashMap<u64, Task>>,
    added: Cell<u64>,
    woken: RefCell<VecDeque<u64>>,
    /// Whether [`Queue::work`] will be called.
    due: Cell<bool>,
    turn: Closure<dyn FnMut(JsValue)>,
    /// A message to oneself is the shortest way to the next task; timers wait when they are nested.
    sender: Option<MessagePort>,
}

impl Queue {
    fn new() -> Self {
        let turn = Closure::<dyn FnMut(JsValue)>::new(|_| QUEUE.with(Queue::work));
        let sender = MessageChannel::new().ok().map(|channel| {
            channel.port1().set_onmessage(Some(turn.as_ref().unchecked_ref()));
            channel.port2()
        });
        let (tasks, woken) = (RefCell::default(), RefCell::default());
        Self { tasks, added: Cell::new(0), woken, due: Cell::new(false), turn, sender }
    }

    fn add(&self, future: PinnedLocalFuture<()>) {
        let task = self.added.get();
        self.added.set(task + 1);
        self.tasks.borrow_mut().insert(task, (future, Arc::new(Waking { task, queued: AtomicBool::new(true) })));
        self.push(task);
    }

    /// Puts a task at the end; the first is polled as soon as what runs now has ended.
    fn push(&self, task: u64) {
        self.woken.borrow_mut().push_back(task);
        if !self.due.replace(true) {
            let _ = Promise::resolve(&JsValue::UNDEFINED).then(&self.turn);
        }
    }

    /// Polls what is woken for as long as a slice takes.
    fn work(&self) {
        let begun = now();
        loop {
            let Some(task) = self.woken.borrow_mut().pop_front() else {
                self.due.set(false);
                return;
            };
            // A task that ended may have been woken once more.
            let taken = self.tasks.borrow_mut().remove(&task);
            if let Some((mut future, waking)) = taken {
                waking.queued.store(false, Ordering::Relaxed);
                let waker = Waker::from(Arc::clone(&waking));
                if future.as_mut().poll(&mut Context::from_waker(&waker)).is_pending() {
                    self.tasks.borrow_mut().insert(task, (future, waking));
                }
            }
            if now() - begun > SLICE && !self.woken.borrow().is_empty() {
                break;
            }
        }
        let sent = self.sender.as_ref().is_some_and(|sender| sender.post_message(&JsValue::NULL).is_ok());
        if !sent {
            let _ = Promise::resolve(&JsValue::UNDEFINED).then(&self.turn);
        }
    }
}
