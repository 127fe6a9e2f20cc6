//! The page's files and one album over HTTP, for `gistmap view`. It answers only requests that name this machine, so that
//! no other site can read the album through a name of its own that leads here.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context;
use axum::Router;
use axum::body::Bytes;
use axum::extract::{Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, get_service};
use gistmap::album::files::media_type;
use percent_encoding::percent_decode_str;
use tower_http::services::{ServeDir, ServeFile};

/// The album's name below the page.
pub(crate) const ALBUM: &str = "album.gistmap";

/// Endings of a file and of its compressed siblings.
const SIBLINGS: [&str; 3] = ["", ".br", ".gz"];
/// Hexadecimal digits of the hash that `cargo xtask seal` puts into a file's name.
const HASH_DIGITS: usize = 16;

/// What is served.
pub(crate) struct Site {
    /// The folder of the built page.
    pub(crate) page: PathBuf,
    /// An album as one file.
    pub(crate) album: Option<Vec<u8>>,
}

impl Site {
    /// Answers until the process ends.
    pub(crate) fn serve(self, listener: TcpListener) -> anyhow::Result<()> {
        listener.set_nonblocking(true)?;
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
        runtime
            .block_on(async { axum::serve(tokio::net::TcpListener::from_std(listener)?, self.router()?).await })
            .context("no more connections are taken; start it again")
    }

    /// Files lie there compressed too, and are sent so to browsers that can read it.
    fn router(self) -> std::io::Result<Router> {
        let page: Arc<Path> = self.page.canonicalize()?.into();
        let index = ServeFile::new(page.join("index.html")).precompressed_br().precompressed_gzip();
        let files =
            ServeDir::new(&page).append_index_html_on_directories(false).precompressed_br().precompressed_gzip();
        let mut router = Router::new().route("/", get_service(index)).fallback_service(files);
        if let Some(album) = self.album {
            let album = Bytes::from(album);
            let answer = move || async move { ([(header::CONTENT_TYPE, media_type(ALBUM))], album) };
            router = router.route(&format!("/{ALBUM}"), get(answer));
        }
        Ok(router.layer(middleware::from_fn_with_state(page, guard)))
    }
}

/// Lets pass what names this machine and stays in the page's folder, and says how long an answer holds.
async fn guard(State(page): State<Arc<Path>>, request: Request, next: Next) -> Response {
    let host = request.headers().get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    let path = request.uri().path();
    let cache = if is_hashed(path) { "public, max-age=31536000, immutable" } else { "no-cache" };
    let mut response = if !is_local(host) {
        (StatusCode::FORBIDDEN, "This is served to this machine only, as 127.0.0.1 or localhost.\n").into_response()
    } else if is_within(&page, path) {
        next.run(request).await
    } else {
        StatusCode::NOT_FOUND.into_response()
    };
    if response.status() == StatusCode::NOT_FOUND {
        response = (StatusCode::NOT_FOUND, "There is no such file.\n").into_response();
    }
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(cache));
    headers.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

/// Whether a path names nothing hidden, and no link leads out of the page by it.
fn is_within(page: &Path, path: &str) -> bool {
    let path = if path == "/" { "/index.html" } else { path };
    let Some(Ok(path)) = path.strip_prefix('/').map(|path| percent_decode_str(path).decode_utf8()) else {
        return false;
    };
    let is_plain = |part: &str| !part.is_empty() && !part.starts_with('.') && !part.contains(['\\', ':', '\0']);
    let leads_out =
        |end: &&str| page.join(format!("{path}{end}")).canonicalize().is_ok_and(|file| !file.starts_with(page));
    path.split('/').all(is_plain) && !SIBLINGS.iter().any(leads_out)
}

/// Whether a `Host` names this machine, on whatever port.
fn is_local(host: &str) -> bool {
    let name = host.rsplit_once(':').map_or(host, |(name, _port)| name);
    name == "127.0.0.1" || name.eq_ignore_ascii_case("localhost")
}

/// Whether the name carries a hash of the content: `page_bg-0123456789abcdef.wasm`.
fn is_hashed(path: &str) -> bool {
    let is_digit = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
    let hash = path.rsplit_once('-').and_then(|(_, end)| end.split_once('.')).map_or("", |(hash, _)| hash);
    hash.len() == HASH_DIGITS && hash.bytes().all(is_digit)
}

#[cfg(test)]
mod tests {
    use super::{is_hashed, is_local};

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
}
