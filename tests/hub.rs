//! Models of a hub, fetched from servers that are good and bad.
#![allow(clippy::unwrap_used)]

mod common;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use common::server::{Reply, Request, Server};
use gistmap::engine::ModelSource;
use gistmap::weights::{Hub, ModelFolder, PullEvent, WeightsError};
use sha1::{Digest, Sha1};
use sha2::Sha256;
use tempfile::TempDir;

const MODEL: &str = "dinov2-small";
const REPO: &str = "facebook/dinov2-small";
const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";
const CONFIG: &[u8] = br#"{"model_type": "dinov2"}"#;
const WEIGHTS: &str = "model.safetensors";
/// Where it lies until it is whole.
const PARTIAL: &str = "pulling/model.safetensors.partial";
/// Where the bytes of large files lie, on another server than the hub.
const STORE: &str = "/store/weights";

fn hexadecimal(digest: &[u8]) -> String {
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn sha256(bytes: &[u8]) -> String {
    hexadecimal(&Sha256::digest(bytes))
}

fn git_blob(bytes: &[u8]) -> String {
    let mut hash = Sha1::new();
    hash.update(format!("blob {}\0", bytes.len()));
    hash.update(bytes);
    hexadecimal(&hash.finalize())
}

/// A checkpoint of one tensor, 1 MB.
fn weights() -> Vec<u8> {
    let values: Vec<u8> = (0..250_000).flat_map(|i| (i as f32).to_le_bytes()).collect();
    let header = format!(r#"{{"weight":{{"dtype":"F32","shape":[250,1000],"data_offsets":[0,{}]}}}}"#, values.len());
    [&(header.len() as u64).to_le_bytes()[..], header.as_bytes(), &values].concat()
}

/// A repository's files by name.
type Files = BTreeMap<&'static str, Vec<u8>>;

fn files() -> Files {
    [("config.json", CONFIG.to_vec()), ("preprocessor_config.json", b"{}".to_vec()), (WEIGHTS, weights())].into()
}

/// Where the bytes of large files come from, as good as it can.
fn store(request: &Request) -> Reply {
    Reply::new(200, &weights()).with("ETag", "\"of the store\"").ranged(request)
}

/// What the hub answers: small files at once, large ones from `store`, with what it knows of both.
fn hub(request: &Request, files: &Files, store: &str) -> Reply {
    let place = request.path.strip_prefix(&format!("/{REPO}/resolve/")).and_then(|rest| rest.split_once('/'));
    let Some((name, bytes)) = place.and_then(|(_, name)| files.get_key_value(name)) else {
        return Reply::new(404, b"Entry not found").with("X-Error-Code", "EntryNotFound");
    };
    if name.ends_with(".json") {
        let tag = format!("\"{}\"", git_blob(bytes));
        return Reply::new(200, bytes).with("X-Repo-Commit", COMMIT).with("ETag", tag).ranged(request);
    }
    Reply::new(302, b"Found")
        .with("X-Repo-Commit", COMMIT)
        .with("X-Linked-Etag", format!("\"{}\"", sha256(bytes)))
        .with("X-Linked-Size", bytes.len().to_string())
        .with("ETag", "\"of the link\"")
        .with("Location", format!("{store}{STORE}"))
}

/// A good hub over a store.
fn hub_over(store: &Server) -> Server {
    let address = store.address.clone();
    Server::start(move |request, _| hub(request, &files(), &address))
}

/// A hub whose answers `change` has a say in; it is given what a good hub answers and how often was asked before.
fn hub_with(change: impl Fn(&Request, usize, Reply) -> Reply + Send + Sync + 'static) -> (Server, Arc<Server>) {
    let store = Arc::new(Server::start(|request, _| store(request)));
    let address = store.address.clone();
    let hub = Server::start(move |request, before| change(request, before, hub(request, &files(), &address)));
    (hub, store)
}

fn from(address: &str) -> Hub {
    let first_wait = Duration::from_millis(2);
    Hub { from: address.to_owned(), token: Some("hf_secret".to_owned()), revision: None, tries: 4, first_wait }
}

/// A models' folder of its own.
struct Place {
    root: TempDir,
    folder: ModelFolder,
}

impl Place {
    fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        let folder = ModelFolder::new(root.path().to_owned());
        Self { root, folder }
    }

    fn pull(&self, hub: &Hub) -> Result<bool, WeightsError> {
        self.folder.pull(MODEL, hub, &mut |_| true)
    }

    fn failure(&self, address: &str) -> String {
        self.pull(&from(address)).unwrap_err().to_string()
    }

    fn file(&self, name: &str) -> std::path::PathBuf {
        self.root.path().join(MODEL).join(name)
    }

    fn names(&self) -> Vec<String> {
        let mut names: Vec<String> = fs::read_dir(self.root.path().join(MODEL))
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .filter(|name| name != ".lock")
            .collect();
        names.sort();
        names
    }
}

#[test]
fn a_model_comes_whole_and_its_commit_is_kept() {
    let store = Server::start(|request, _| store(request));
    let hub = hub_over(&store);
    let place = Place::new();
    assert!(place.pull(&from(&hub.address)).unwrap());
    assert_eq!(place.names(), ["config.json", WEIGHTS, "preprocessor_config.json", "pulled.json"]);
    let manifest = place.folder.manifest(MODEL).unwrap();
    assert!(place.folder.is_present(manifest));
    assert_eq!(place.folder.weights_sha256(manifest).unwrap(), sha256(&weights()));
    assert_eq!(place.folder.size(manifest), files().values().map(|bytes| bytes.len() as u64).sum::<u64>());
    assert_eq!(place.folder.origin(manifest), format!("hub {REPO} {}", &COMMIT[..10]));
    let model = place.folder.open(MODEL).unwrap();
    assert_eq!(model.files.keys().collect::<Vec<_>>(), ["config.json", "preprocessor_config.json"]);
    assert_eq!(model.files["config.json"], CONFIG);
    let mut checkpoint = model.checkpoint;
    assert_eq!(checkpoint.take("weight", &[250, 1000]).unwrap()[249_999], 249_999.0);

    // The token goes to the hub, and not where the hub leads.
    assert!(hub.seen().iter().all(|request| request.header("authorization") == Some("Bearer hf_secret")));
    assert_eq!(store.seen().len(), 1);
    assert_eq!(store.seen()[0].header("authorization"), None);
    // Once the branch's commit is known, all files are of that commit.
    let paths: Vec<String> = hub.seen().into_iter().map(|request| request.path).collect();
    assert_eq!(paths[0], format!("/{REPO}/resolve/main/config.json"));
    assert!(paths[1..].iter().all(|path| path.contains(COMMIT)), "{paths:?}");

    // What is here is not asked for; what is missing is asked for at the same commit.
    assert!(!place.pull(&from(&hub.address)).unwrap());
    assert_eq!(hub.seen().len(), 3);
    fs::remove_file(place.file("config.json")).unwrap();
    assert!(place.pull(&from(&hub.address)).unwrap());
    assert_eq!(hub.seen()[3..].iter().map(|r| r.path.clone()).collect::<Vec<_>>(), [paths[0].replace("main", COMMIT)]);

    // Damage is found, and mended by another pull.
    fs::write(place.file(WEIGHTS), vec![0; weights().len()]).unwrap();
    let damaged = place.folder.verify(MODEL).unwrap_err().to_string();
    assert!(damaged.contains("model.safetensors is damaged") && damaged.contains("models pull"), "{damaged}");
    assert!(place.pull(&from(&hub.address)).unwrap());
    place.folder.verify(MODEL).unwrap();
}

#[test]
fn an_asked_revision_is_looked_at_and_unchanged_files_are_not_fetched_again() {
    let store = Server::start(|request, _| store(request));
    let hub = hub_over(&store);
    let place = Place::new();
    place.pull(&from(&hub.address)).unwrap();
    assert!(place.pull(&from(&hub.address).at(Some("refs/pr/1".to_owned()))).unwrap());
    let later: Vec<String> = hub.seen()[3..].iter().map(|request| request.path.clone()).collect();
    assert_eq!(later[0], format!("/{REPO}/resolve/refs%2Fpr%2F1/config.json"));
    // Its commit turns out to be the one that is here.
    assert_eq!(later.len(), 1);
    assert_eq!(store.seen().len(), 1);
    place.folder.verify(MODEL).unwrap();

    // A revision that cannot be had whole leaves what was here.
    let (broken, _store) = hub_with(|request, _, reply| match request.path.rsplit('/').next() {
        Some("config.json") => Reply::new(200, b"of another revision"),
        Some("model.safetensors") => Reply::new(500, b""),
        _ => reply,
    });
    let failed = place.pull(&from(&broken.address).at(Some("v2".to_owned()))).unwrap_err().to_string();
    assert!(failed.contains("the hub answers 500"), "{failed}");
    place.folder.verify(MODEL).unwrap();
    assert_eq!(fs::read(place.file("config.json")).unwrap(), CONFIG);
}

#[test]
fn a_redirect_within_the_hub_keeps_the_token() {
    // As the hub does for small files: a relative address, with the headers of the file.
    let (hub, _store) = hub_with(|request, _, reply| {
        let cached = request.path.strip_prefix("/api/cache/").map(str::to_owned);
        match (cached, request.path.ends_with("/config.json")) {
            (Some(_), _) => Reply::new(200, CONFIG).with("ETag", "\"of the cache\""),
            (None, true) => Reply::new(307, b"")
                .with("X-Repo-Commit", COMMIT)
                .with("X-Linked-Etag", format!("\"{}\"", git_blob(CONFIG)))
                .with("Location", "/api/cache/config.json"),
            (None, false) => reply,
        }
    });
    let place = Place::new();
    assert!(place.pull(&from(&hub.address)).unwrap());
    let cached = hub.asked("/api/cache/config.json");
    assert_eq!(cached[0].header("authorization"), Some("Bearer hf_secret"));
    let pulled = fs::read_to_string(place.file("pulled.json")).unwrap();
    assert!(pulled.contains(&git_blob(CONFIG)) && pulled.contains(COMMIT), "{pulled}");
}

#[test]
fn what_breaks_off_goes_on() {
    // Twice cut short, then whole.
    let store = Server::start(|request, before| {
        let reply = store(request);
        if before < 2 { reply.cut(300_000) } else { reply }
    });
    let hub = hub_over(&store);
    let place = Place::new();
    let mut begun = Vec::new();
    let mut retries = 0;
    let pulled = place.folder.pull(MODEL, &from(&hub.address), &mut |event| {
        match event {
            PullEvent::File { name, done, total } if name == WEIGHTS => begun.push((*done, *total)),
            PullEvent::Retry { reason, .. } => {
                assert!(reason.contains(&format!("of {} bytes", weights().len())), "{reason}");
                retries += 1;
            }
            _ => {}
        }
        true
    });
    assert!(pulled.unwrap());
    let total = Some(weights().len() as u64);
    assert_eq!((begun, retries), (vec![(0, total), (300_000, total), (600_000, total)], 2));
    let ranges: Vec<_> = store.seen().iter().map(|request| request.header("range").map(str::to_owned)).collect();
    assert_eq!(ranges, [None, Some("bytes=300000-".to_owned()), Some("bytes=600000-".to_owned())]);
    assert_eq!(store.seen()[2].header("if-range"), Some("\"of the store\""));
    assert_eq!(fs::read(place.file(WEIGHTS)).unwrap(), weights());
}

#[test]
fn what_is_stopped_goes_on() {
    let store = Server::start(|request, _| store(request));
    let hub = hub_over(&store);
    let place = Place::new();
    let stopped =
        place.folder.pull(MODEL, &from(&hub.address), &mut |event| !matches!(event, PullEvent::Bytes(400_000..)));
    assert!(stopped.unwrap_err().to_string().starts_with("stopped"));
    let here = fs::metadata(place.file(PARTIAL)).unwrap().len();
    assert!((400_000..weights().len() as u64).contains(&here), "{here}");
    assert!(!place.folder.is_present(place.folder.manifest(MODEL).unwrap()));
    assert!(place.folder.verify(MODEL).is_err());
    assert!(place.pull(&from(&hub.address)).unwrap());
    assert_eq!(store.seen()[1].header("range").unwrap(), format!("bytes={here}-"));
    assert_eq!(place.names(), ["config.json", WEIGHTS, "preprocessor_config.json", "pulled.json"]);
    assert_eq!(fs::read(place.file(WEIGHTS)).unwrap(), weights());
    // The small files were here, at a commit that does not change.
    assert_eq!(hub.asked("config.json").len(), 2);
}

#[test]
fn a_beginning_of_another_version_is_thrown_away() {
    let store = Server::start(|request, _| {
        let weights = weights();
        // Takes no notice of If-Range: only the hub's hash tells that the file has changed.
        let from = request.header("range").map_or(0, |_| 1000);
        let part = Reply::new(if from > 0 { 206 } else { 200 }, &weights[from..]);
        part.with("Content-Range", format!("bytes {from}-{}/{}", weights.len() - 1, weights.len()))
    });
    let hub = hub_over(&store);
    let place = Place::new();
    fs::create_dir_all(place.file("pulling")).unwrap();
    fs::write(place.file(PARTIAL), vec![1; 1000]).unwrap();
    let begun = format!(r#"{{"tag": "\"old\"", "checksum": "{}", "commit": null, "size": null}}"#, sha256(b"old"));
    fs::write(place.file(&format!("{PARTIAL}.json")), begun).unwrap();
    assert!(place.pull(&from(&hub.address)).unwrap());
    let ranges: Vec<_> = store.seen().iter().map(|request| request.header("range").map(str::to_owned)).collect();
    assert_eq!(ranges, [Some("bytes=1000-".to_owned()), None]);
    assert_eq!(fs::read(place.file(WEIGHTS)).unwrap(), weights());
}

#[test]
fn what_is_here_whole_is_only_checked() {
    let store = Server::start(|request, _| store(request));
    let hub = hub_over(&store);
    let place = Place::new();
    fs::create_dir_all(place.file("pulling")).unwrap();
    fs::write(place.file(PARTIAL), weights()).unwrap();
    let (hash, size) = (sha256(&weights()), weights().len());
    let begun = format!(r#"{{"tag": "\"of the store\"", "checksum": "{hash}", "commit": null, "size": {size}}}"#);
    fs::write(place.file(&format!("{PARTIAL}.json")), begun).unwrap();
    let mut begun = Vec::new();
    let pulled = place.folder.pull(MODEL, &from(&hub.address), &mut |event| {
        begun.extend(if let PullEvent::File { name, .. } = event { Some(name.clone()) } else { None });
        true
    });
    assert!(pulled.unwrap());
    assert_eq!(begun, ["config.json", "preprocessor_config.json"]);
    assert_eq!(store.seen()[0].header("range"), None);
    assert_eq!(fs::read(place.file(WEIGHTS)).unwrap(), weights());
}

#[test]
fn lies_about_length_are_named() {
    // More is promised than ever comes.
    let (hub, _store) =
        hub_with(|request, _, reply| if request.path.ends_with("config.json") { reply.declaring(1000) } else { reply });
    let place = Place::new();
    let failure = place.failure(&hub.address);
    let sent = CONFIG.len();
    assert!(
        failure.contains("/config.json: broke off after") && failure.contains(&format!("{sent} of 1000")),
        "{failure}"
    );
    assert!(!place.file("config.json").exists());
    assert_eq!(hub.seen().len(), 4, "as often as asked to try");

    // Less is sent than the hub knows the file to have.
    let store = Server::start(|_, _| Reply::new(200, &weights()[..500_000]));
    let place = Place::new();
    let failure = place.failure(&hub_over(&store).address);
    assert!(failure.contains(&format!("says {} bytes, but 500000 are sent", weights().len())), "{failure}");
    assert!(!place.file(WEIGHTS).exists());
}

#[test]
fn a_wrong_byte_is_found() {
    let store = Server::start(|_, _| {
        let mut weights = weights();
        weights[777_777] ^= 1;
        Reply::new(200, &weights)
    });
    let place = Place::new();
    let failure = place.failure(&hub_over(&store).address);
    assert!(failure.contains("sha256") && failure.contains(&sha256(&weights())), "{failure}");
    assert_eq!(place.names(), ["pulling"]);
    assert!(!place.file("pulling/model.safetensors").exists() && !place.file(PARTIAL).exists());
    assert!(place.folder.verify(MODEL).is_err());

    let (hub, _store) = hub_with(|request, _, reply| {
        let tag = format!("\"{}\"", git_blob(CONFIG));
        let changed = br#"{"model_type": "dinov3"}"#;
        if request.path.ends_with("/config.json") { Reply::new(200, changed).with("ETag", tag) } else { reply }
    });
    let failure = Place::new().failure(&hub.address);
    assert!(failure.contains("git blob sha1") && failure.contains(&git_blob(CONFIG)), "{failure}");
}

#[test]
fn refusals_say_what_to_do() {
    for status in [401, 403] {
        let hub = Server::start(move |_, _| Reply::new(status, b"").with("X-Error-Message", "Access is restricted"));
        let failure = Place::new().failure(&hub.address);
        assert!(failure.contains("HF_TOKEN") && failure.contains(&format!("{status}, \"Access is")), "{failure}");
        assert_eq!(hub.seen().len(), 1, "no second try");
        assert!(!failure.contains("hf_secret"));
    }
    let (hub, _store) =
        hub_with(
            |request, _, reply| {
                if request.path.ends_with("/preprocessor_config.json") { Reply::new(404, b"") } else { reply }
            },
        );
    let failure = Place::new().failure(&hub.address);
    assert!(failure.contains("no preprocessor_config.json at http"), "{failure}");
    let hub = Server::start(|_, _| Reply::new(404, b"").with("X-Error-Code", "RevisionNotFound"));
    assert!(Place::new().failure(&hub.address).contains("no such repository or revision"));
    let nowhere = Server::start(|request, _| Reply::new(302, b"").with("Location", request.path.clone()));
    assert!(Place::new().failure(&nowhere.address).contains("leads on more than 10 times"));
    let elsewhere = Server::start(|_, _| Reply::new(302, b"").with("Location", "ftp://files.test/"));
    assert!(Place::new().failure(&elsewhere.address).contains("leads to ftp://files.test/"));
}

#[test]
fn without_safetensors_the_pickle_is_taken() {
    let pickle: Files =
        files().into_iter().map(|(name, b)| (if name == WEIGHTS { "pytorch_model.bin" } else { name }, b)).collect();
    let bytes = Server::start(|request, _| store(request));
    let address = bytes.address.clone();
    let hub_server = Server::start(move |request, _| hub(request, &pickle, &address));
    let place = Place::new();
    assert!(place.pull(&from(&hub_server.address)).unwrap());
    assert_eq!(place.names(), ["config.json", "preprocessor_config.json", "pulled.json", "pytorch_model.bin"]);
    // It is no pickle at all, and says so.
    let failure = place.folder.open(MODEL).err().unwrap();
    assert!(failure.contains("pytorch_model.bin"), "{failure}");
    // When neither is there, both are named.
    let (hub_server, _store) =
        hub_with(|request, _, reply| if request.path.ends_with(".json") { reply } else { Reply::new(404, b"") });
    let failure = Place::new().failure(&hub_server.address);
    assert!(failure.contains("model.safetensors or pytorch_model.bin"), "{failure}");
}

#[test]
fn a_busy_hub_is_asked_again_when_it_says() {
    let (hub, _store) = hub_with(|request, before, reply| match (request.path.ends_with("/config.json"), before) {
        (true, 0) => Reply::new(429, b"").with("Retry-After", "1"),
        (true, 1) => Reply::new(503, b""),
        _ => reply,
    });
    let place = Place::new();
    let begun = Instant::now();
    assert!(place.pull(&from(&hub.address)).unwrap());
    assert!(begun.elapsed() >= Duration::from_secs(1));
    assert_eq!(hub.asked("main/config.json").len(), 3);

    let hub = Server::start(|_, _| Reply::new(500, b""));
    assert!(Place::new().failure(&hub.address).contains("the hub answers 500"));
    assert_eq!(hub.seen().len(), 4, "as often as asked to try");
    let hub = Server::start(|_, _| Reply::new(429, b"").with("Retry-After", "7200"));
    assert!(Place::new().failure(&hub.address).contains("come back in 120 minutes"));
    // Nobody there at all.
    let failure = Place::new().failure("http://127.0.0.1:9");
    assert!(failure.contains("127.0.0.1:9") && failure.contains("run the same command again"), "{failure}");
}

#[test]
fn a_folder_serves_as_well() {
    let here = tempfile::tempdir().unwrap();
    let lay = |folder: &Path| {
        fs::create_dir_all(folder).unwrap();
        files().iter().for_each(|(name, bytes)| fs::write(folder.join(name), bytes).unwrap());
    };
    lay(&here.path().join("plain"));
    lay(&here.path().join("named").join(REPO));
    for folder in ["plain", "named"] {
        let place = Place::new();
        assert!(place.pull(&from(here.path().join(folder).to_str().unwrap())).unwrap());
        assert_eq!(fs::read(place.file(WEIGHTS)).unwrap(), weights());
        place.folder.verify(MODEL).unwrap();
    }

    // The hub's own cache: files are links to blobs, named by their hashes.
    let cache = here.path().join("cache/models--facebook--dinov2-small");
    let snapshot = cache.join("snapshots").join(COMMIT);
    for folder in [&cache.join("refs"), &cache.join("blobs"), &snapshot] {
        fs::create_dir_all(folder).unwrap();
    }
    fs::write(cache.join("refs/main"), COMMIT).unwrap();
    for (name, bytes) in files() {
        let hash = if name == WEIGHTS { sha256(&bytes) } else { git_blob(&bytes) };
        fs::write(cache.join("blobs").join(&hash), bytes).unwrap();
        std::os::unix::fs::symlink(Path::new("../../blobs").join(hash), snapshot.join(name)).unwrap();
    }
    let from_cache = from(here.path().join("cache").to_str().unwrap());
    let place = Place::new();
    assert!(place.pull(&from_cache).unwrap());
    assert_eq!(place.folder.origin(place.folder.manifest(MODEL).unwrap()), format!("hub {REPO} {}", &COMMIT[..10]));
    let unknown = Place::new().pull(&from_cache.clone().at(Some("v2".to_owned()))).unwrap_err().to_string();
    assert!(unknown.contains("revision v2"), "{unknown}");
    let outside = Place::new().pull(&from_cache.clone().at(Some("../../..".to_owned()))).unwrap_err().to_string();
    assert!(outside.contains("no revision ../../.."), "{outside}");
    fs::write(snapshot.join("config.json"), "changed").unwrap();
    assert!(Place::new().pull(&from_cache).unwrap_err().to_string().contains("git blob sha1"));

    fs::write(here.path().join("plain").join(WEIGHTS), "version https://git-lfs.github.com/spec/v1\noid …").unwrap();
    assert!(Place::new().failure(here.path().join("plain").to_str().unwrap()).contains("git lfs pull"));
    fs::remove_file(here.path().join("plain").join(WEIGHTS)).unwrap();
    assert!(Place::new().failure(here.path().join("plain").to_str().unwrap()).contains("model.safetensors or"));
    assert!(Place::new().failure("no/such/folder").contains("neither an address"));
}

#[test]
#[cfg(target_os = "linux")]
fn a_full_disk_says_how_much_is_missing() {
    let store = Server::start(|request, _| store(request));
    let place = Place::new();
    fs::create_dir_all(place.file("pulling")).unwrap();
    std::os::unix::fs::symlink("/dev/full", place.file(PARTIAL)).unwrap();
    let failure = place.failure(&hub_over(&store).address);
    assert!(failure.contains("the disk is full; make room for 1.0 MB"), "{failure}");
}

/// The built program with a folder of models of its own, no proxies, no hub of the person who runs the tests.
fn program(place: &Place, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_gistmap"));
    for name in ["ALL_PROXY", "HTTPS_PROXY", "HTTP_PROXY", "NO_PROXY"] {
        command.env_remove(name).env_remove(name.to_lowercase());
    }
    command.env_remove("HF_TOKEN").env_remove("HF_ENDPOINT").env_remove("SSL_CERT_FILE");
    // `models` of this folder is where the place's own folder is looked for.
    let _ = std::os::unix::fs::symlink(place.root.path(), place.root.path().join("models"));
    command.env("GISTMAP_CACHE", place.root.path()).arg("models").args(arguments);
    command
}

fn printed(output: &Output) -> (String, String) {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    (text(&output.stdout), text(&output.stderr))
}

#[test]
fn the_program_pulls_lists_and_checks() {
    let store = Server::start(|request, _| store(request));
    let hub = hub_over(&store);
    let place = Place::new();
    let run = |arguments: &[&str]| {
        let output = program(&place, arguments).output().unwrap();
        (output.status.code().unwrap(), printed(&output).0, printed(&output).1)
    };
    let (code, out, _) = run(&["list"]);
    let line = out.lines().find(|line| line.starts_with(MODEL)).unwrap();
    assert!(code == 0 && line.contains("not here") && line.contains("Apache-2.0") && line.contains(REPO), "{line}");
    let (code, out, error) = run(&["pull", MODEL, "--from", &hub.address]);
    assert_eq!((code, out.as_str()), (0, format!("{MODEL}: fetched, {}\n", run(&["path", MODEL]).1.trim()).as_str()));
    assert!(error.contains("model.safetensors  1.0 MB"), "{error}");
    assert!(run(&["pull", MODEL, "--from", &hub.address]).1.contains("already here"));
    let line = run(&["list"]).1.lines().find(|line| line.starts_with(MODEL)).unwrap().to_owned();
    assert!(line.contains("1.0 MB") && line.contains("  here") && line.contains(&COMMIT[..10]), "{line}");
    assert_eq!(run(&["verify"]).1, format!("{MODEL}: ok\n"));
    fs::write(place.file("config.json"), "{}").unwrap();
    let (code, _, error) = run(&["verify", MODEL]);
    assert!(code == 1 && error.contains("config.json is damaged"), "{error}");
    let (code, _, error) = run(&["pull", "minilm", "--revision", "main"]);
    assert!(code == 2 && error.contains("package"), "{error}");
}

#[test]
fn the_program_honours_the_environment() {
    let (hub, _store) = hub_with(|_, _, reply| reply);
    let place = Place::new();
    // The proxy plays the hub itself, which is nowhere.
    let pull = |place: &Place| program(place, &["pull", MODEL]);
    let through = pull(&place)
        .env("HTTP_PROXY", &hub.address)
        .env("NO_PROXY", "127.0.0.1")
        .env("HF_ENDPOINT", "http://hub.invalid")
        .env("HF_TOKEN", "hf_other")
        .output()
        .unwrap();
    assert!(through.status.success(), "{}", printed(&through).1);
    assert_eq!((hub.seen()[0].method.as_str(), hub.seen()[0].path.as_str()), ("CONNECT", "hub.invalid:80"));
    assert_eq!(hub.seen()[1].header("authorization"), Some("Bearer hf_other"));
}

#[test]
fn an_interrupted_program_leaves_what_the_next_one_goes_on_with() {
    let store = Server::start(|request, before| {
        let reply = store(request);
        if before == 0 { reply.slow(Duration::from_millis(50)) } else { reply }
    });
    let hub = hub_over(&store);
    let place = Place::new();
    let pull = || program(&place, &["pull", MODEL, "--from", &hub.address]);
    let child = pull().stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let partial = place.file(PARTIAL);
    let begun = Instant::now();
    while fs::metadata(&partial).map_or(0, |found| found.len()) < 50_000 {
        assert!(begun.elapsed() < Duration::from_secs(20), "nothing comes");
        thread::sleep(Duration::from_millis(10));
    }
    let busy = pull().output().unwrap();
    assert!(printed(&busy).1.contains("another gistmap is fetching"), "{}", printed(&busy).1);
    assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
    let stopped = child.wait_with_output().unwrap();
    assert_eq!(stopped.status.code(), Some(1));
    assert!(printed(&stopped).1.contains("stopped; run the same command again"), "{}", printed(&stopped).1);
    let here = fs::metadata(&partial).unwrap().len();
    assert!((50_000..weights().len() as u64).contains(&here), "{here}");
    let second = pull().output().unwrap();
    assert!(second.status.success(), "{}", printed(&second).1);
    assert_eq!(store.seen()[1].header("range").unwrap(), format!("bytes={here}-"));
    assert_eq!(fs::read(place.file(WEIGHTS)).unwrap(), weights());
}
