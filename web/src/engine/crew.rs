//! The hands as workers: started, given jobs, watched, and replaced when a picture was their end.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::future::poll_fn;
use std::rc::Rc;
use std::task::{Poll, Waker};

use gistmap::collection::Content;
use gistmap::measure::{Measured, Wanted};
use gistmap_web::protocol::{self, FromHand, ToHand};
use wasm_bindgen::JsCast;
use wasm_bindgen::closure::Closure;
use web_sys::{ErrorEvent, MessageEvent, Worker, WorkerGlobalScope, WorkerOptions, WorkerType};

use super::opfs::said;

/// How long a hand may take for a picture, in ticks of the clock. Ticks, because they do not pass while this thread is
/// busy itself and hears no answer.
const PATIENCE: u32 = 30;
/// Milliseconds of a tick.
const TICK: i32 = 1000;
/// When so many hands have ended before any picture was done, it is not the pictures' fault.
const HOPELESS: u32 = 3;
/// Encoded pictures that wait at a hand, in bytes: enough to keep it busy while this thread is.
const WAITING: usize = 32 << 20;

/// What is heard from a hand, by its serial number.
enum Letter {
    Done(u32, FromHand),
    Ended(u32, String),
    Tick,
}

/// What the crew tells about a job.
pub(crate) enum Answer {
    /// It is done, or there is something wrong with the picture.
    Done(u32, Result<Measured, String>),
    /// The hand that had it ended because of another picture: give it again.
    Again(u32),
}

#[derive(Default)]
struct Mailbox {
    letters: VecDeque<Letter>,
    reader: Option<Waker>,
}

impl Mailbox {
    fn put(mailbox: &RefCell<Self>, letter: Letter) {
        let mut mailbox = mailbox.borrow_mut();
        mailbox.letters.push_back(letter);
        if let Some(reader) = mailbox.reader.take() {
            reader.wake();
        }
    }

    /// Counts for whoever waits. While a network computes nobody does, and what the hands answer meanwhile lies here: ticks of
    /// that time, read before the answers to come, would be the end of every hand.
    fn tick(mailbox: &RefCell<Self>) {
        let waited_for = mailbox.borrow().reader.is_some();
        if waited_for {
            Self::put(mailbox, Letter::Tick);
        }
    }
}

struct Hand {
    serial: u32,
    worker: Worker,
    /// Jobs and their bytes, in the order in which the hand does them.
    jobs: VecDeque<(u32, usize)>,
    /// Ticks since it was last heard of, or given something to do.
    silent: u32,
    _heard: Closure<dyn FnMut(MessageEvent)>,
    _ended: Closure<dyn FnMut(ErrorEvent)>,
}

impl Drop for Hand {
    fn drop(&mut self) {
        self.worker.terminate();
    }
}

/// All hands of this engine.
pub(crate) struct Crew {
    script: String,
    hands: Vec<Hand>,
    mailbox: Rc<RefCell<Mailbox>>,
    answers: VecDeque<Answer>,
    serials: u32,
    jobs: u32,
    /// Hands that ended since a picture was last done.
    ended: u32,
    scope: WorkerGlobalScope,
    interval: i32,
    _clock: Closure<dyn FnMut()>,
}

impl Drop for Crew {
    fn drop(&mut self) {
        self.scope.clear_interval_with_handle(self.interval);
    }
}

impl Crew {
    /// Starts as many hands as leave one core to this thread, and at least one.
    ///
    /// # Errors
    /// When the browser starts no workers for a worker.
    pub(crate) fn start(scope: &WorkerGlobalScope) -> Result<Self, String> {
        let mailbox = Rc::new(RefCell::new(Mailbox::default()));
        let ticking = mailbox.clone();
        let clock = Closure::<dyn FnMut()>::new(move || Mailbox::tick(&ticking));
        let interval =
            scope.set_interval_with_callback_and_timeout_and_arguments_0(clock.as_ref().unchecked_ref(), TICK);
        let mut crew = Self {
            script: scope.location().href(),
            hands: Vec::new(),
            mailbox,
            answers: VecDeque::new(),
            serials: 0,
            jobs: 0,
            ended: 0,
            scope: scope.clone(),
            interval: interval.map_err(|e| said(&e))?,
            _clock: clock,
        };
        let cores = scope.navigator().hardware_concurrency() as usize;
        for _ in 0..cores.saturating_sub(1).max(1) {
            let hand = crew.hire()?;
            crew.hands.push(hand);
        }
        Ok(crew)
    }

    fn hire(&mut self) -> Result<Hand, String> {
        let options = WorkerOptions::new();
        options.set_type(WorkerType::Module);
        options.set_name("hand");
        let worker = Worker::new_with_options(&self.script, &options).map_err(|e| said(&e))?;
        let serial = self.serials;
        self.serials += 1;
        let mailbox = self.mailbox.clone();
        let heard = Closure::<dyn FnMut(MessageEvent)>::new(move |event: MessageEvent| {
            Mailbox::put(
                &mailbox,
                match protocol::decode(event.data()) {
                    Ok(answer) => Letter::Done(serial, answer),
                    Err(error) => Letter::Ended(serial, format!("its answer is not understood: {error}")),
                },
            );
        });
        let mailbox = self.mailbox.clone();
        let ended = Closure::<dyn FnMut(ErrorEvent)>::new(move |event: ErrorEvent| {
            // Handled here: the page need not hear of it.
            event.prevent_default();
            Mailbox::put(&mailbox, Letter::Ended(serial, event.message()));
        });
        worker.set_onmessage(Some(heard.as_ref().unchecked_ref()));
        worker.set_onerror(Some(ended.as_ref().unchecked_ref()));
        Ok(Hand { serial, worker, jobs: VecDeque::new(), silent: 0, _heard: heard, _ended: ended })
    }

    /// Whether a hand would take another job now without having too much to do. No hands refuse at once.
    pub(crate) fn has_room(&self) -> bool {
        self.hands.is_empty() || self.hands.iter().any(|hand| hand.jobs.len() < 2 || waiting(hand) < WAITING)
    }

    /// Gives a picture to the hand with the least to do; returns the job's number.
    ///
    /// # Errors
    /// When there is no hand, or the job cannot be sent.
    pub(crate) fn give(&mut self, content: Content, wanted: &Wanted) -> Result<u32, String> {
        let (bytes, size) = match content {
            Content::Encoded(bytes) => (bytes, None),
            Content::Rgb8 { width, height, pixels } => (pixels, Some((width, height))),
        };
        let crops = wanted.crops.clone();
        let kinds = wanted.kinds.iter().map(|kind| kind.name().to_owned()).collect();
        let job = ToHand { job: self.jobs, bytes, size, crops, kinds, thumbnail: wanted.thumbnail };
        self.jobs = self.jobs.wrapping_add(1);
        let idle = self.hands.iter_mut().min_by_key(|hand| (waiting(hand), hand.jobs.len()));
        let hand = idle.ok_or("the workers that decode pictures do not start in this browser; reload this page")?;
        let message = protocol::encode(&job).map_err(|e| e.to_string())?;
        let sent = hand.worker.post_message_with_transfer(&message, &protocol::buffers(&message));
        sent.map_err(|e| said(&e))?;
        if hand.jobs.is_empty() {
            hand.silent = 0;
        }
        hand.jobs.push_back((job.job, job.bytes.len()));
        Ok(job.job)
    }

    /// Waits for the next answer. Somebody must have been given a job.
    pub(crate) async fn answer(&mut self) -> Answer {
        loop {
            if let Some(answer) = self.answers.pop_front() {
                return answer;
            }
            match self.letter().await {
                Letter::Done(serial, FromHand { job, result }) => self.done(serial, job, result),
                Letter::Ended(serial, reason) => {
                    if let Some(at) = self.hands.iter().position(|hand| hand.serial == serial) {
                        self.end(at, &format!("this picture ended its decoder ({reason})"));
                    }
                }
                Letter::Tick => self.tick(),
            }
        }
    }

    async fn letter(&self) -> Letter {
        poll_fn(|context| {
            let mut mailbox = self.mailbox.borrow_mut();
            match mailbox.letters.pop_front() {
                Some(letter) => Poll::Ready(letter),
                None => {
                    mailbox.reader = Some(context.waker().clone());
                    Poll::Pending
                }
            }
        })
        .await
    }

    fn done(&mut self, serial: u32, job: u32, result: Result<protocol::Measured, String>) {
        // A hand that was replaced may have answered before it ended.
        let Some(hand) = self.hands.iter_mut().find(|hand| hand.serial == serial) else { return };
        hand.silent = 0;
        hand.jobs.retain(|(given, _)| *given != job);
        self.ended = 0;
        let measured = result.map(|made| Measured {
            pixels: made.pixels.into_iter().map(serde_bytes::ByteBuf::into_vec).collect(),
            features: made.features,
            thumbnail: made.thumbnail,
        });
        self.answers.push_back(Answer::Done(job, measured));
    }

    fn tick(&mut self) {
        for at in 0..self.hands.len() {
            let hand = &mut self.hands[at];
            hand.silent += u32::from(!hand.jobs.is_empty());
            if hand.silent > PATIENCE {
                let seconds = PATIENCE * TICK as u32 / 1000;
                self.end(at, &format!("decoding took more than {seconds} seconds"));
            }
        }
    }

    /// A hand is of no use any more: its first picture is to blame, the others are given again.
    fn end(&mut self, at: usize, reason: &str) {
        let mut jobs = std::mem::take(&mut self.hands[at].jobs).into_iter().map(|(job, _)| job);
        if let Some(job) = jobs.next() {
            self.answers.push_back(Answer::Done(job, Err(reason.to_owned())));
        }
        self.answers.extend(jobs.map(Answer::Again));
        self.ended += 1;
        self.replace(at);
    }

    fn replace(&mut self, at: usize) {
        let hopeless = self.ended >= HOPELESS * self.hands.len() as u32;
        match self.hire() {
            Ok(hand) if !hopeless => self.hands[at] = hand,
            _ => drop(self.hands.remove(at)),
        }
    }
}

fn waiting(hand: &Hand) -> usize {
    hand.jobs.iter().map(|(_, bytes)| bytes).sum()
}
