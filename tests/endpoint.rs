//! A language model that names clusters and answers criteria: servers that are good and bad.
#![allow(clippy::unwrap_used)]

mod common;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;
use std::time::{Duration, Instant};

use common::server::{Reply, Request, Server};
use common::{Program, csv, drawn_classes, models, stderr};
use gistmap::endpoint::http::Endpoint;
use gistmap::endpoint::{Chat, ChatError, Question};
use serde_json::{Value, json};

const KEY: &str = "sk-secret-782";

/// A chat completion that says `content`.
fn says(content: &str) -> Reply {
    let body = json!({"choices": [{"message": {"role": "assistant", "content": content}, "finish_reason": "stop"}]});
    Reply::new(200, body.to_string().as_bytes())
}

/// What the user's message says.
fn user(request: &Request) -> String {
    let body: Value = serde_json::from_slice(&request.body).unwrap();
    body["messages"][1]["content"].as_str().unwrap().to_owned()
}

/// Names a cluster after its first keyword, and answers every description by its last word.
fn good(request: &Request) -> Reply {
    let user = user(request);
    if let Some((_, descriptions)) = user.split_once("Descriptions:\n") {
        let last = |line: &str| line.split(' ').next_back().unwrap_or_default().to_owned();
        let answers: Vec<String> = descriptions.lines().map(last).collect();
        return says(&serde_json::to_string(&answers).unwrap());
    }
    let keywords = user.lines().find_map(|line| line.split_once("rare in others: ")).unwrap().1;
    says(&format!("\"The {}\"", keywords.split(',').next().unwrap()))
}

fn question() -> Question {
    Question { system: "s".to_owned(), user: "u".to_owned(), max_tokens: 9 }
}

fn asked(server: &Server) -> (Result<String, ChatError>, usize) {
    let wait = Duration::from_millis(2);
    let endpoint =
        Endpoint::patient(&server.address, "m", Some(KEY.to_owned()), Duration::from_millis(400), wait).unwrap();
    let reply = endpoint.ask(&question(), &mut || true);
    (reply, server.seen().len())
}

#[test]
fn a_question_is_a_chat_completion() {
    let server = Server::start(|_, _| says("soup"));
    assert_eq!(asked(&server), (Ok("soup".to_owned()), 1));
    let request = &server.seen()[0];
    assert_eq!((request.method.as_str(), request.path.as_str()), ("POST", "/chat/completions"));
    assert_eq!(request.header("authorization"), Some(format!("Bearer {KEY}").as_str()));
    let body: Value = serde_json::from_slice(&request.body).unwrap();
    assert_eq!((&body["model"], &body["temperature"], &body["max_tokens"]), (&json!("m"), &json!(0), &json!(9)));
    assert_eq!(body["messages"], json!([{"role": "system", "content": "s"}, {"role": "user", "content": "u"}]));
}

#[test]
fn busy_servers_are_asked_again_when_they_say() {
    let server = Server::start(|_, before| match before {
        0 => Reply::new(429, b"").with("Retry-After", "1"),
        1 => Reply::new(503, b""),
        _ => says("soup"),
    });
    let clock = Instant::now();
    assert_eq!(asked(&server), (Ok("soup".to_owned()), 3));
    assert!(clock.elapsed() >= Duration::from_secs(1), "the second that was asked for");
    let server = Server::start(|_, _| Reply::new(429, br#"{"error": {"message": "slow down"}}"#));
    assert_eq!(asked(&server), (Err(ChatError::Busy { status: 429, said: ", \"slow down\"".to_owned() }), 3));
    let server = Server::start(|_, _| Reply::new(429, b"").with("Retry-After", "3600"));
    assert_eq!(asked(&server), (Err(ChatError::Later(Duration::from_secs(3600))), 1));
    let server = Server::start(|_, _| Reply::new(429, b"").with("Retry-After", "30"));
    let endpoint = Endpoint::new(&server.address, "m", None).unwrap();
    assert_eq!(endpoint.ask(&question(), &mut || false), Err(ChatError::Stopped), "nobody waits who wants to stop");
}

#[test]
fn what_is_no_reply_is_told_apart() {
    let of = |reply: Reply| asked(&Server::start(move |_, _| reply.clone())).0.unwrap_err();
    assert_eq!(of(Reply::new(401, b"")), ChatError::Refused { status: 401, said: String::new() });
    assert_eq!(of(Reply::new(404, b"")), ChatError::Status { status: 404, said: String::new() });
    let elsewhere = Server::start(|_, _| says("soup"));
    let moved = Reply::new(302, b"").with("Location", format!("{}/chat/completions", elsewhere.address));
    assert_eq!(of(moved), ChatError::Status { status: 302, said: String::new() });
    assert!(elsewhere.seen().is_empty(), "a key is not sent on");
    assert!(matches!(of(Reply::new(200, b"{\"choices\": [")), ChatError::Malformed(_)));
    assert!(matches!(of(Reply::new(200, &[0xff, 0xfe])), ChatError::Malformed(_)));
    assert_eq!(of(says(&"long ".repeat(300_000))), ChatError::TooLong);
    assert!(matches!(of(says("soup").after(Duration::from_secs(2))), ChatError::Silent(_)), "not in time");
    assert!(matches!(of(says("soup").cut(20)), ChatError::Silent(_)), "broken off");
    let nobody = Endpoint::new("http://127.0.0.1:9", "m", None).unwrap();
    assert!(matches!(nobody.ask(&question(), &mut || true), Err(ChatError::Silent(_))));
}

/// Drawn pictures and a general caption of each, and where an album may go.
struct Place {
    program: Program,
    folder: tempfile::TempDir,
}

impl Place {
    fn new() -> Option<Self> {
        let program = Program::new(&models()?);
        let folder = tempfile::tempdir().unwrap();
        let images = folder.path().join("pictures");
        drawn_classes(&images, 5);
        let mut texts = "file,caption\n".to_owned();
        for (class, place) in [("discs", "kitchen"), ("gradients", "garden"), ("stripes", "harbour")] {
            for (i, ending) in ["jpg", "png", "bmp", "jpg", "png"].iter().enumerate() {
                texts += &format!("{class}/0{i}.{ending},picture {i} shows {class} in a {place}\n");
            }
        }
        fs::write(folder.path().join("texts.csv"), texts).unwrap();
        Some(Self { program, folder })
    }

    fn out(&self) -> PathBuf {
        self.folder.path().join("out")
    }

    fn run(&self, address: &str, more: &[&str]) -> Output {
        let mut command = self.program.command();
        command.arg("run").arg(self.folder.path().join("pictures")).arg("-o").arg(self.out());
        command.args(["--device", "cpu", "--features", "none", "--project", "pca", "-k", "3"]);
        command.arg("--text").arg(format!("import:{}", self.folder.path().join("texts.csv").display()));
        command.args(["--endpoint", address, "--endpoint-model", "tiny"]).args(more).env("GISTMAP_ENDPOINT_KEY", KEY);
        command.output().unwrap()
    }

    /// Names and who gave them.
    fn names(&self) -> Vec<(String, String)> {
        csv(&self.out().join("clusters.csv"))[1..].iter().map(|row| (row[2].clone(), row[6].clone())).collect()
    }
}

fn holds(folder: &Path, text: &str) -> bool {
    fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).any(|path| {
        let found = |bytes: Vec<u8>| bytes.windows(text.len()).any(|window| window == text.as_bytes());
        if path.is_dir() { holds(&path, text) } else { found(fs::read(&path).unwrap()) }
    })
}

#[test]
fn clusters_are_named_and_criteria_answered() {
    let Some(place) = Place::new() else { return };
    let server = Server::start(|request, _| good(request));
    let output = place.run(&server.address, &["--criterion", "where is it"]);
    assert!(output.status.success(), "{}", stderr(&output));
    let by = format!("tiny at {}", server.address);
    let names = place.names();
    assert!(names.iter().all(|(name, named_by)| name.starts_with("The ") && *named_by == by), "{names:?}");
    let mut texts = fs::read_dir(place.out().join("texts")).unwrap().map(|entry| entry.unwrap().path());
    let answers = csv(&texts.find(|path| path.to_string_lossy().contains("where_is_it")).unwrap());
    assert_eq!(answers[1].join(","), "discs/00.jpg,kitchen");
    let album: Value = serde_json::from_slice(&fs::read(place.out().join("album.json")).unwrap()).unwrap();
    let criterion = &album["criteria"][0];
    assert_eq!(criterion["answered_by"], format!("{by}, which read caption"));
    assert_eq!(criterion["clusters"].as_array().unwrap().len(), 3, "{criterion}");
    assert_eq!(criterion["clusters"][0]["named_by"], by.as_str());
    assert!(fs::read_to_string(place.out().join("report.html")).unwrap().contains(&format!("named by {by}")));
    assert!(!holds(&place.out(), KEY) && holds(&place.out(), &by), "the key is in no file of the album");
    assert!(!holds(place.program.cache.path().join("results").as_path(), KEY));
    // What it said is kept.
    let before = server.seen().len();
    assert!(place.run(&server.address, &["--criterion", "where is it"]).status.success());
    assert_eq!((place.names(), server.seen().len()), (names, before));
}

#[test]
fn a_run_goes_on_without_whom_it_asked() {
    let Some(place) = Place::new() else { return };
    let none = "none";
    assert!(place.run(none, &[]).status.success());
    let own = place.names();
    assert!(own.iter().all(|(_, by)| by.is_empty()));
    let check = |server: &Server, asked: usize, told: &str| {
        let output = place.run(&server.address, &["--criterion", "where is it"]);
        assert!(output.status.success(), "{}", stderr(&output));
        assert_eq!(place.names(), own);
        assert!(stderr(&output).contains(told), "{told}: {}", stderr(&output));
        assert_eq!(server.seen().len(), asked, "{told}");
    };
    let key = "it refuses the key (status 401, \"who?\"); give one in GISTMAP_ENDPOINT_KEY";
    check(&Server::start(|_, _| Reply::new(401, br#"{"error": "who?"}"#)), 1, key);
    let later = "asks to wait 3600 s; it is not asked any more";
    check(&Server::start(|_, _| Reply::new(429, b"").with("Retry-After", "3600")), 1, later);
    check(&Server::start(|_, _| Reply::new(200, b"<html>")), 3, "its reply cannot be read");
    let long = "not what was asked for";
    check(&Server::start(|_, _| says("I would rather talk about something else now")), 3, long);
    check(&Server::start(|_, _| says(&"long ".repeat(300_000))), 3, "its reply is too long");
}

#[test]
fn names_stay_different_and_wrong_arguments_are_refused() {
    let Some(place) = Place::new() else { return };
    let output = place.run(&Server::start(|_, _| says("drawings")).address, &[]);
    assert!(output.status.success(), "{}", stderr(&output));
    let names = place.names();
    assert_eq!(names.iter().filter(|(name, by)| name == "drawings" && !by.is_empty()).count(), 1, "{names:?}");
    assert_eq!(names.iter().filter(|(_, by)| by.is_empty()).count(), 2, "{names:?}");
    for wrong in ["localhost:1234/v1", "http://me:secret@localhost/v1", "http://localhost/v1?key=1"] {
        let output = place.run(wrong, &[]);
        assert_eq!(output.status.code(), Some(2), "{wrong}: {}", stderr(&output));
    }
    let mut command = place.program.command();
    command.args(["run", "pictures", "--endpoint", "http://localhost:1"]);
    let output = command.output().unwrap();
    assert!(output.status.code() == Some(2) && stderr(&output).contains("--endpoint-model"), "{}", stderr(&output));
}
