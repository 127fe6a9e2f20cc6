//! Albums that are opened again, as a folder and as one file, and `gistmap view` through the built program.
#![allow(clippy::unwrap_used)]

mod common;

use std::fs;
use std::io::{BufRead, BufReader, Cursor, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use common::{Program, csv, drawn_classes, models, stderr};
use gistmap::album::folder::FolderSource;
use gistmap::album::manifest::Manifest;
use gistmap::album::{archive, files};

/// A folder with an album of nine drawn pictures, or nothing where the models are not here.
fn made() -> Option<(tempfile::TempDir, PathBuf)> {
    let models = models()?;
    let folder = tempfile::tempdir().unwrap();
    let (images, out) = (folder.path().join("pictures"), folder.path().join("out"));
    drawn_classes(&images, 3);
    fs::write(images.join("discs/empty.png"), b"").unwrap();
    let output = Program::new(&models).run(&images, &out, &["--text", "tags,tag-mean"]);
    assert!(output.status.success(), "{}", stderr(&output));
    Some((folder, out))
}

/// A small built page, with a file beside it that must stay unseen.
fn page() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let page = folder.path().join("dist");
    fs::create_dir_all(page.join("packs")).unwrap();
    fs::write(folder.path().join("secret.txt"), "secret").unwrap();
    fs::write(page.join("index.html"), "<!doctype html><title>page</title>").unwrap();
    fs::write(page.join("page_bg-0123456789abcdef.wasm"), b"\0asm plain").unwrap();
    fs::write(page.join("page_bg-0123456789abcdef.wasm.br"), b"brotli").unwrap();
    fs::write(page.join("sw.js"), "self;").unwrap();
    fs::write(page.join("packs/a b.bin"), vec![7; 100_000]).unwrap();
    fs::write(page.join(".hidden"), "secret").unwrap();
    let outside = folder.path().join("secret.txt");
    for link in ["link.txt", "other.txt.br"] {
        std::os::unix::fs::symlink(&outside, page.join(link)).unwrap();
    }
    (folder, page)
}

/// `gistmap view`, running until it is dropped.
struct Viewer {
    child: Child,
    address: String,
}

impl Viewer {
    fn start(arguments: &[&Path], port: u16) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_gistmap"));
        command.arg("view").args(arguments).args(["--no-open", "--port", &port.to_string()]);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut address = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut address).unwrap();
        Self { child, address: address.trim().to_owned() }
    }

    fn host(&self) -> &str {
        self.address.strip_prefix("http://").unwrap().split_once('/').unwrap().0
    }

    /// Sends `METHOD PATH`, gives status line and headers in small letters, and the body.
    fn ask(&self, request: &str, headers: &str) -> (String, Vec<u8>) {
        self.ask_as(self.host(), request, headers)
    }

    fn ask_as(&self, host: &str, request: &str, headers: &str) -> (String, Vec<u8>) {
        let mut stream = TcpStream::connect(self.host()).unwrap();
        write!(stream, "{request} HTTP/1.1\r\nHost: {host}\r\n{headers}Connection: close\r\n\r\n").unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        let end = answer.windows(4).position(|w| w == b"\r\n\r\n").unwrap();
        (String::from_utf8(answer[..end].to_vec()).unwrap().to_lowercase(), answer[end + 4..].to_vec())
    }
}

impl Drop for Viewer {
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

/// `gistmap view` that is expected to fail at once.
fn refused(arguments: &[&Path]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_gistmap"));
    command.arg("view").args(arguments).args(["--no-open", "--port", "0"]).output().unwrap()
}

#[test]
fn an_album_of_the_terminal_opens_and_becomes_one_file() {
    let Some((_folder, out)) = made() else { return };
    let opened = gistmap::album::open(&mut FolderSource::new(&out)).unwrap();
    let album = &opened.album;
    assert_eq!((album.pictures.len(), album.failures.len(), album.features.len()), (9, 1, 1));
    assert_eq!((album.texts.len(), album.vectors.len(), album.cells.len()), (1, 5, 5));
    assert_eq!(album.failures[0].file, "discs/empty.png");
    let labels = csv(&out.join("labels.csv"));
    for (row, (picture, cluster)) in labels[1..].iter().zip(album.pictures.iter().zip(&album.cells[0].labels)) {
        assert_eq!((&row[0], &row[2]), (&picture.file, &cluster.to_string()));
    }
    // Discs are red in the middle and pale at the edge; row-major, so the middle is at 32 x 64 + 32.
    let tile = opened.thumbnails.tile(0).unwrap();
    let pixel = |x: usize, y: usize| &tile[(y * 64 + x) * 3..][..3];
    assert!(pixel(32, 32)[0] > 180 && pixel(32, 32)[2] < 80, "{:?}", pixel(32, 32));
    assert!(pixel(2, 2).iter().all(|v| *v > 200), "{:?}", pixel(2, 2));

    let packed = archive::pack(&mut FolderSource::new(&out)).unwrap();
    let again = archive::open(Cursor::new(&packed)).unwrap();
    assert_eq!((&again.album, &again.plan, &again.models), (album, &opened.plan, &opened.models));
    // What the page saves holds the very files of the terminal; exemplars of the report are smaller there.
    let contents = files::files(&again.album, &again.thumbnails);
    let saved =
        archive::write(&contents, |f| Manifest::new(&again.album, &again.plan, again.models.clone(), f)).unwrap();
    for (path, contents) in &contents {
        let mut bytes = Vec::new();
        contents(&mut bytes).unwrap();
        assert!(path == "report.html" || bytes == fs::read(out.join(path)).unwrap(), "{path}");
    }
    assert_eq!(archive::open(Cursor::new(&saved)).unwrap().album, *album);
}

#[test]
fn an_album_is_viewed_as_a_folder_and_as_one_file() {
    let Some((folder, out)) = made() else { return };
    let (_site, page) = page();
    let album = gistmap::album::open(&mut FolderSource::new(&out)).unwrap().album;
    let one = folder.path().join("food.gistmap");
    fs::write(&one, archive::pack(&mut FolderSource::new(&out)).unwrap()).unwrap();
    for given in [&out, &one] {
        let viewer = Viewer::start(&[given, Path::new("--page"), &page], 0);
        assert!(viewer.address.ends_with("/?album=album.gistmap"), "{}", viewer.address);
        let (head, body) = viewer.ask("GET /album.gistmap", "");
        assert!(head.starts_with("http/1.1 200") && head.contains("content-type: application/zip"), "{head}");
        assert!(head.contains(&format!("content-length: {}", body.len())), "{head}");
        assert_eq!(archive::open(Cursor::new(body)).unwrap().album, album);
    }
    // Without a page the report still is there.
    let nowhere = folder.path().join("nowhere");
    let none = refused(&[&out, Path::new("--page"), &nowhere]);
    assert!(stderr(&none).contains(&out.join("report.html").display().to_string()), "{}", stderr(&none));
    // Damage is told at once and by name.
    let damaged = out.join("vectors/tags.npy");
    let mut bytes = fs::read(&damaged).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    fs::write(&damaged, bytes).unwrap();
    let output = refused(&[&out, Path::new("--page"), &page]);
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains("vectors/tags.npy: damaged"), "{}", stderr(&output));
}

#[test]
fn the_page_is_served_and_nothing_else() {
    let (_folder, page) = page();
    let viewer = Viewer::start(&[Path::new("--page"), &page], 0);
    assert!(viewer.address.ends_with('/') && viewer.address.starts_with("http://127.0.0.1:"), "{}", viewer.address);
    let (head, body) = viewer.ask("GET /?album=x", "");
    assert!(head.starts_with("http/1.1 200") && head.contains("content-type: text/html"), "{head}");
    assert!(head.contains("cache-control: no-cache") && head.contains("x-content-type-options: nosniff"), "{head}");
    assert_eq!(body, fs::read(page.join("index.html")).unwrap());

    let wasm = "GET /page_bg-0123456789abcdef.wasm";
    let (head, body) = viewer.ask(wasm, "Accept-Encoding: gzip, br\r\n");
    assert!(head.contains("content-type: application/wasm") && head.contains("content-encoding: br"), "{head}");
    assert!(head.contains("immutable") && head.contains("vary: accept-encoding"), "{head}");
    assert_eq!(body, b"brotli");
    let (head, body) = viewer.ask(wasm, "");
    assert!(!head.contains("content-encoding") && body == b"\0asm plain", "{head}");
    let (head, body) = viewer.ask("GET /packs/a%20b.bin", "");
    assert!(head.contains("content-length: 100000") && body == vec![7; 100_000], "{head}");
    let (head, body) = viewer.ask("HEAD /sw.js", "");
    assert!(head.contains("content-length: 5") && head.contains("text/javascript") && body.is_empty(), "{head}");

    for path in [
        "/../secret.txt",
        "/%2e%2e/secret.txt",
        "/..%2fsecret.txt",
        "/packs/../../secret.txt",
        "/packs/%2e%2e%5c..%5csecret.txt",
        "//etc/passwd",
        "/link.txt",
        "/other.txt",
        "/.hidden",
        "/packs",
        "/packs/",
        "/none.js",
        "/%00",
        "/%zz",
        "/album.gistmap",
    ] {
        let (head, body) = viewer.ask(&format!("GET {path}"), "");
        assert!(head.starts_with("http/1.1 404") && head.contains("nosniff"), "{path}: {head}");
        assert_ne!(body, b"secret");
    }
    assert!(viewer.ask("POST /", "Content-Length: 0\r\n").0.starts_with("http/1.1 405"));
    let (head, body) = viewer.ask_as("evil.example:80", "GET /", "");
    assert!(head.starts_with("http/1.1 403") && !body.starts_with(b"<!doctype"), "{head}");
}

#[test]
fn connections_that_stay_open_keep_nobody_waiting() {
    let (_folder, page) = page();
    let viewer = Viewer::start(&[Path::new("--page"), &page], 0);
    // Browsers open six at once, and each page and worker more; every one of these waits for the answer to its second.
    let mut streams: Vec<_> = (0..40).map(|_| TcpStream::connect(viewer.host()).unwrap()).collect();
    for _ in 0..2 {
        for stream in &mut streams {
            write!(stream, "GET /sw.js HTTP/1.1\r\nHost: {}\r\n\r\n", viewer.host()).unwrap();
        }
        for stream in &mut streams {
            stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
            let mut answer = Vec::new();
            while !answer.ends_with(b"self;") {
                let mut part = [0; 1024];
                let read = stream.read(&mut part).expect("an answer");
                assert_ne!(read, 0, "{}", String::from_utf8_lossy(&answer));
                answer.extend(&part[..read]);
            }
        }
    }
}

#[test]
fn a_port_in_use_is_stepped_over() {
    let (_folder, page) = page();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let viewer = Viewer::start(&[Path::new("--page"), &page], port);
    assert_ne!(viewer.host(), format!("127.0.0.1:{port}"));
    assert!(viewer.ask("GET /", "").0.starts_with("http/1.1 200"));
}

#[test]
fn what_cannot_be_viewed_is_said() {
    let (folder, page) = page();
    let empty = folder.path().join("empty");
    fs::create_dir(&empty).unwrap();
    let cases: [(&[&Path], &str); 4] = [
        (&[Path::new("--page"), &empty], "trunk build --release"),
        (&[&empty, Path::new("--page"), &page], "album.json is missing"),
        (&[&folder.path().join("secret.txt"), Path::new("--page"), &page], "no album file"),
        (&[&folder.path().join("nowhere"), Path::new("--page"), &page], "nowhere: No such file"),
    ];
    for (arguments, expected) in cases {
        let output = refused(arguments);
        assert_eq!(output.status.code(), Some(1));
        assert!(stderr(&output).contains(expected) && output.stdout.is_empty(), "{}", stderr(&output));
    }
}
