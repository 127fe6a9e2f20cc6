//! The page's files and one album over HTTP, for `gistmap view`. It answers only requests that name this machine, so that
//! no other site can read the album through a name of its own that leads here.

use std::fs::File;
use std::io::{self, Cursor, Read};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use gistmap::album::files::media_type;
use tiny_http::{Header, Method, Request, Response, Server, StatusCode};

/// The album's name below the page.
pub(crate) const ALBUM: &str = "album.gistmap";

/// Browsers ask for some files at a time, and one may be large.
const THREADS: usize = 8;
/// Precompressed siblings by preference: content coding and ending.
const CODINGS: [(&str, &str); 2] = [("br", "br"), ("gzip", "gz")];
/// Hexadecimal digits of the hash that `cargo xtask seal` puts into a file's name.
const HASH_DIGITS: usize = 16;

/// What is served.
pub(crate) struct Site {
    page: PathBuf,
    album: Option<Arc<[u8]>>,
}

/// An answer to a request.
struct Answer {
    status: u16,
    headers: Vec<(&'static str, &'static str)>,
    body: Box<dyn Read + Send>,
    size: usize,
}

impl Answer {
    fn text(status: u16, text: &'static str) -> Self {
        let headers = vec![("Content-Type", "text/plain; charset=utf-8")];
        Self { status, headers, body: Box::new(text.as_bytes()), size: text.len() }
    }

    fn missing() -> Self {
        Self::text(404, "There is no such file.\n")
    }
}

impl Site {
    /// The built page in a folder, and an album.
    pub(crate) fn new(page: &Path, album: Option<Vec<u8>>) -> io::Result<Self> {
        Ok(Self { page: page.canonicalize()?, album: album.map(Into::into) })
    }

    /// Answers until the process ends.
    pub(crate) fn serve(&self, listener: TcpListener) -> anyhow::Result<()> {
        let server = Server::from_listener(listener, None).map_err(|e| anyhow::anyhow!("cannot serve: {e}"))?;
        std::thread::scope(|scope| {
            for _ in 0..THREADS {
                scope.spawn(|| {
                    while let Ok(request) = server.recv() {
                        self.respond(request);
                    }
                });
            }
        });
        Err(anyhow::anyhow!("no more connections are taken; start it again"))
    }

    fn respond(&self, request: Request) {
        let answer = self.answer(&request);
        let headers = answer.headers.iter().chain([&("X-Content-Type-Options", "nosniff")]);
        let headers = headers.filter_map(|(name, value)| Header::from_bytes(*name, *value).ok()).collect();
        let response = Response::new(StatusCode(answer.status), headers, answer.body, Some(answer.size), None);
        // The page shows how much of a file has come, which needs a length instead of chunks. A browser that has
        // gone away wants no answer.
        let _ = request.respond(response.with_chunked_threshold(usize::MAX));
    }

    fn answer(&self, request: &Request) -> Answer {
        if !is_local(header(request, "Host")) {
            return Answer::text(403, "This is served to this machine only, as 127.0.0.1 or localhost.\n");
        }
        if !matches!(request.method(), Method::Get | Method::Head) {
            let mut answer = Answer::text(405, "Files can only be read.\n");
            answer.headers.push(("Allow", "GET, HEAD"));
            return answer;
        }
        let path = request.url().split(['?', '#']).next().unwrap_or_default();
        let Some(path) = path.strip_prefix('/').and_then(decode) else { return Answer::missing() };
        match (path.as_str(), &self.album) {
            (ALBUM, Some(album)) => Answer {
                status: 200,
                headers: vec![("Content-Type", media_type(ALBUM)), ("Cache-Control", "no-cache")],
                size: album.len(),
                body: Box::new(Cursor::new(album.clone())),
            },
            ("", _) => self.file("index.html", header(request, "Accept-Encoding")),
            (path, _) => self.file(path, header(request, "Accept-Encoding")),
        }
    }

    /// A file of the page, compressed where it lies there compressed and the browser can read it.
    fn file(&self, path: &str, accepted: &str) -> Answer {
        if path.split('/').any(|part| part.is_empty() || part.starts_with('.') || part.contains(['\\', ':', '\0'])) {
            return Answer::missing();
        }
        let cache = if is_hashed(path) { "public, max-age=31536000, immutable" } else { "no-cache" };
        let mut headers =
            vec![("Content-Type", page_type(path)), ("Cache-Control", cache), ("Vary", "Accept-Encoding")];
        let coded = CODINGS
            .iter()
            .filter(|(coding, _)| accepts(accepted, coding))
            .find_map(|(coding, ending)| self.open(&format!("{path}.{ending}")).map(|opened| (Some(*coding), opened)));
        let Some((coding, (file, size))) = coded.or_else(|| self.open(path).map(|opened| (None, opened))) else {
            return Answer::missing();
        };
        headers.extend(coding.map(|coding| ("Content-Encoding", coding)));
        Answer { status: 200, headers, body: Box::new(file), size }
    }

    /// Opens a file of the page, which no link may lead out of.
    fn open(&self, path: &str) -> Option<(File, usize)> {
        let path = self.page.join(path).canonicalize().ok()?;
        if !path.starts_with(&self.page) || !path.is_file() {
            return None;
        }
        let file = File::open(path).ok()?;
        let size = usize::try_from(file.metadata().ok()?.len()).ok()?;
        Some((file, size))
    }
}

fn header<'a>(request: &'a Request, name: &'static str) -> &'a str {
    request.headers().iter().find(|h| h.field.equiv(name)).map_or("", |h| h.value.as_str())
}

/// Whether a `Host` names this machine, on whatever port.
fn is_local(host: &str) -> bool {
    let name = host.rsplit_once(':').map_or(host, |(name, _port)| name);
    name == "127.0.0.1" || name.eq_ignore_ascii_case("localhost")
}

/// Whether an `Accept-Encoding` takes `coding`.
fn accepts(accepted: &str, coding: &str) -> bool {
    accepted.split(',').any(|entry| {
        let mut parts = entry.split(';').map(str::trim);
        let named = parts.next().is_some_and(|name| name.eq_ignore_ascii_case(coding));
        let refused = |p: &str| p.strip_prefix("q=").and_then(|q| q.parse::<f32>().ok()).is_some_and(|q| q <= 0.0);
        named && !parts.any(refused)
    })
}

/// Whether the name carries a hash of the content: `page_bg-0123456789abcdef.wasm`.
fn is_hashed(path: &str) -> bool {
    let is_digit = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
    let hash = path.rsplit_once('-').and_then(|(_, end)| end.split_once('.')).map_or("", |(hash, _)| hash);
    hash.len() == HASH_DIGITS && hash.bytes().all(is_digit)
}

/// `%41` to `A`; `None` where the result is no UTF-8 or the escapes are none.
fn decode(path: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(path.len());
    let mut rest = path.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'%' => {
                let mut digit = || char::from(rest.next()?).to_digit(16);
                u8::try_from(digit()? * 16 + digit()?).ok()?
            }
            other => other,
        });
    }
    String::from_utf8(bytes).ok()
}

/// The media type of a file of the page; browsers run only scripts and WebAssembly that are called so.
fn page_type(path: &str) -> &'static str {
    match path.rsplit_once('.').map(|(_, ending)| ending) {
        Some("css") => "text/css; charset=utf-8",
        Some("ico") => "image/x-icon",
        Some("js" | "mjs") => "text/javascript; charset=utf-8",
        Some("txt") => "text/plain; charset=utf-8",
        Some("wasm") => "application/wasm",
        Some("webmanifest") => "application/manifest+json",
        Some("webp") => "image/webp",
        Some("woff2") => "font/woff2",
        _ => media_type(path),
    }
}

#[cfg(test)]
mod tests {
    use super::{accepts, decode, is_hashed, is_local};

    #[test]
    fn only_names_of_this_machine_are_local() {
        for host in ["127.0.0.1:7820", "localhost:80", "LOCALHOST", "127.0.0.1"] {
            assert!(is_local(host), "{host}");
        }
        for host in ["", "example.org", "127.0.0.1.example.org:7820", "localhost.evil", "0.0.0.0:7820"] {
            assert!(!is_local(host), "{host}");
        }
    }

    #[test]
    fn hashes_are_found_in_names() {
        for path in ["page-0a1b2c3d4e5f6789.js", "a/page_bg-0123456789abcdef.wasm", "a-b-0123456789abcdef.q8.bin"] {
            assert!(is_hashed(path), "{path}");
        }
        for path in
            ["index.html", "sw.js", "0a1b2c3d4e5f6789.js", "page-1.2.js", "a-facade.js", "x-0123456789abcdeF.js"]
        {
            assert!(!is_hashed(path), "{path}");
        }
    }

    #[test]
    fn codings_and_escapes_are_read() {
        assert!(accepts("gzip, deflate, br", "br") && accepts("br;q=0.5", "br"));
        assert!(!accepts("gzip;q=0, brotli", "gzip") && !accepts("", "br"));
        assert_eq!(decode("a%20%C3%A9").as_deref(), Some("a é"));
        for wrong in ["%", "%4", "%zz", "%ff", "%C3"] {
            assert_eq!(decode(wrong), None, "{wrong}");
        }
    }
}
