//! A small HTTP server that does what a test wants, also what no server should do, and remembers what it was asked.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

/// What was asked; the names of headers are in lower case.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: Vec<u8>,
}

impl Request {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(String::as_str)
    }
}

/// What is answered.
#[derive(Debug, Clone)]
pub(crate) struct Reply {
    status: u16,
    headers: Vec<(&'static str, String)>,
    body: Vec<u8>,
    declared: Option<usize>,
    pause: Option<Duration>,
    late: Option<Duration>,
}

impl Reply {
    pub(crate) fn new(status: u16, body: &[u8]) -> Self {
        Self { status, headers: Vec::new(), body: body.to_vec(), declared: None, pause: None, late: None }
    }

    pub(crate) fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// Says that there are so many bytes, whatever comes.
    pub(crate) fn declaring(self, bytes: usize) -> Self {
        Self { declared: Some(bytes), ..self }
    }

    /// Ends after so many bytes, though the length says otherwise.
    pub(crate) fn cut(mut self, bytes: usize) -> Self {
        self.declared = self.declared.or(Some(self.body.len()));
        self.body.truncate(bytes);
        self
    }

    /// Rests after every 16 KiB.
    pub(crate) fn slow(self, pause: Duration) -> Self {
        Self { pause: Some(pause), ..self }
    }

    /// Comes only after a while.
    pub(crate) fn after(self, late: Duration) -> Self {
        Self { late: Some(late), ..self }
    }

    /// The part of the body that was asked for, as the servers of files give it.
    pub(crate) fn ranged(mut self, request: &Request) -> Self {
        let tag = self.headers.iter().find(|(name, _)| *name == "ETag").map(|(_, tag)| tag.clone());
        let same = request.header("if-range").is_none_or(|wanted| Some(wanted) == tag.as_deref());
        let range = request.header("range").and_then(|range| range.strip_prefix("bytes=")?.strip_suffix('-'));
        let Some(from) = range.filter(|_| same).and_then(|from| from.parse::<usize>().ok()) else { return self };
        let total = self.body.len();
        if from >= total {
            return Self::new(416, b"");
        }
        self.status = 206;
        self.body.drain(..from);
        self.with("Content-Range", format!("bytes {from}-{}/{total}", total - 1))
    }

    fn send(&self, mut to: &TcpStream) -> std::io::Result<()> {
        self.late.into_iter().for_each(thread::sleep);
        let mut head = format!("HTTP/1.1 {} X\r\nConnection: close\r\n", self.status);
        for (name, value) in &self.headers {
            head += &format!("{name}: {value}\r\n");
        }
        head += &format!("Content-Length: {}\r\n\r\n", self.declared.unwrap_or(self.body.len()));
        to.write_all(head.as_bytes())?;
        for piece in self.body.chunks(16 << 10) {
            to.write_all(piece)?;
            to.flush()?;
            self.pause.into_iter().for_each(thread::sleep);
        }
        Ok(())
    }
}

/// Listens on a free port until the process ends.
pub(crate) struct Server {
    pub(crate) address: String,
    seen: Arc<Mutex<Vec<Request>>>,
}

impl Server {
    /// `answer` is given the request and how many there were for the same path before it.
    pub(crate) fn start(answer: impl Fn(&Request, usize) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let seen = Arc::new(Mutex::new(Vec::new()));
        let (answer, all) = (Arc::new(answer), Arc::clone(&seen));
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let (answer, seen) = (Arc::clone(&answer), Arc::clone(&all));
                // Whoever asks may go away at any time.
                thread::spawn(move || serve(&stream, &seen, answer.as_ref()).unwrap_or_default());
            }
        });
        Self { address, seen }
    }

    /// Everything that was asked so far.
    pub(crate) fn seen(&self) -> Vec<Request> {
        self.seen.lock().unwrap().clone()
    }

    /// What was asked of paths that end so.
    pub(crate) fn asked(&self, ending: &str) -> Vec<Request> {
        self.seen().into_iter().filter(|request| request.path.ends_with(ending)).collect()
    }
}

fn serve(
    stream: &TcpStream,
    seen: &Mutex<Vec<Request>>,
    answer: &(dyn Fn(&Request, usize) -> Reply + Send + Sync),
) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream);
    loop {
        let first = line(&mut reader)?;
        let mut words = first.split(' ').map(str::to_owned);
        let (Some(method), Some(path)) = (words.next(), words.next()) else { return Ok(()) };
        let mut headers = BTreeMap::new();
        while let Some((name, value)) = line(&mut reader)?.split_once(':') {
            headers.insert(name.trim().to_ascii_lowercase(), value.trim().to_owned());
        }
        let length = headers.get("content-length").and_then(|length: &String| length.parse().ok());
        let mut body = vec![0; length.unwrap_or(0)];
        reader.read_exact(&mut body)?;
        let request = Request { method, path, headers, body };
        let before = {
            let mut seen = seen.lock().unwrap();
            seen.push(request.clone());
            seen.iter().filter(|other| other.path == request.path).count() - 1
        };
        if request.method == "CONNECT" {
            // As a proxy that is all of the world itself.
            (&mut &*stream).write_all(b"HTTP/1.1 200 OK\r\n\r\n")?;
            continue;
        }
        return answer(&request, before).send(stream);
    }
}

/// The next line, without its end.
fn line(reader: &mut impl BufRead) -> std::io::Result<String> {
    let mut line = String::new();
    reader.read_line(&mut line)?;
    Ok(line.trim_end_matches(['\r', '\n']).to_owned())
}
