#![allow(clippy::unwrap_used)]
use super::*;
use std::path::PathBuf;

fn tree(files: &[&str]) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    for file in files {
        let path = dir.path().join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, file).unwrap();
    }
    dir
}

fn files(c: &Collection) -> Vec<&str> {
    c.items.iter().map(|i| i.file.as_str()).collect()
}

#[test]
fn a_folder_per_class() {
    let dir = tree(&["set/b/2.jpg", "set/a/x/1.png", "set/a/readme.txt", "set/.hidden/3.jpg"]);
    let c = open(&dir.path().join("set")).unwrap();
    assert_eq!((c.title.as_str(), files(&c)), ("set", vec!["a/x/1.png", "b/2.jpg"]));
    assert_eq!(c.label_names, ["a", "b"]);
    assert_eq!(read(&c.items[1].source).unwrap(), Content::Encoded(b"set/b/2.jpg".to_vec()));
    let gone = Source::Encoded(Blob::File(Arc::from(dir.path().join("gone.jpg"))));
    assert!(matches!(read(&gone), Err(ReadError::Io(_))));
}

#[test]
fn errors_say_what_to_do() {
    let dir = tree(&["note.txt", "full/x.jpg", "docs/a.txt", "docs/b.txt", "docs/.c/d"]);
    fs::create_dir(dir.path().join("void")).unwrap();
    let error = |name: &str| open(&dir.path().join(name)).unwrap_err();
    assert!(matches!(error("nowhere"), CollectionError::Missing { .. }));
    assert!(error("nowhere").to_string().contains("nowhere: there is no such file"));
    assert!(matches!(error("void"), CollectionError::Empty { .. }));
    assert!(matches!(error("note.txt"), CollectionError::NotAFolder { .. }));
    assert!(matches!(error("docs"), CollectionError::NoPictures { ignored: 2, .. }));
    assert!(error("docs").to_string().contains("jpg, jpeg"));
    assert!(error("docs").to_string().contains("no picture among 2 file(s);"));
}

#[cfg(unix)]
#[test]
fn unicode_newline_and_non_utf8_names_survive() {
    use std::os::unix::ffi::OsStrExt;
    let dir = tempfile::tempdir().unwrap();
    let names: [&[u8]; 4] = ["été 写真 🐈.jpg".as_bytes(), b"two\nlines.jpg", b"\xff\xfe.jpg", b"back\\slash.jpg"];
    for name in names {
        fs::write(dir.path().join(OsStr::from_bytes(name)), name).unwrap();
    }
    let c = open(dir.path()).unwrap();
    let mut expected = ["\\xFF\\xFE.jpg", "back\\\\slash.jpg", "two\\nlines.jpg", "été 写真 🐈.jpg"];
    expected.sort_by_key(|e| e.as_bytes());
    assert_eq!(files(&c), expected);
    for item in &c.items {
        let Content::Encoded(bytes) = read(&item.source).unwrap() else { panic!("not encoded") };
        assert_eq!(escape(&bytes), item.file);
    }
}

#[cfg(unix)]
#[test]
fn link_loops_are_reported_once_and_files_followed() {
    use std::os::unix::fs::symlink;
    let dir = tree(&["root/a/1.jpg", "root/b/2.jpg", "outside/c/3.jpg", "outside/4.jpg"]);
    let root = dir.path().join("root");
    symlink("..", root.join("a/up")).unwrap();
    symlink(&root, root.join("b/top")).unwrap();
    symlink("self", root.join("self")).unwrap();
    symlink("gone.jpg", root.join("b/broken.jpg")).unwrap();
    symlink("../a", root.join("b/sibling")).unwrap();
    symlink("../../outside/4.jpg", root.join("b/file.jpg")).unwrap();
    symlink("../outside", root.join("c")).unwrap();
    symlink(&root, dir.path().join("outside/back")).unwrap();
    symlink(".", dir.path().join("outside/dot")).unwrap();
    let c = open(&root).unwrap();
    assert_eq!(files(&c), ["a/1.jpg", "b/2.jpg", "b/file.jpg", "c/4.jpg", "c/c/3.jpg"]);
    let failed: Vec<&str> = c.failures.iter().map(|f| f.file.as_str()).collect();
    assert_eq!(failed, ["a/up", "b/broken.jpg", "b/sibling", "b/top", "c/back", "c/dot", "self"]);
    for (file, word) in [(0, "link loop"), (1, "leads nowhere"), (2, "already"), (3, "link loop"), (5, "link loop")] {
        assert!(c.failures[file].reason.contains(word), "{:?}", c.failures[file]);
    }
}

#[cfg(unix)]
#[test]
fn a_fan_of_links_does_not_blow_up() {
    use std::os::unix::fs::symlink;
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join("root");
    fs::create_dir(&root).unwrap();
    // Twelve folders that all link to each other: 12! ways through them.
    for i in 0..12 {
        let folder = dir.path().join(format!("f{i}"));
        fs::create_dir(&folder).unwrap();
        fs::write(folder.join("p.jpg"), "x").unwrap();
        for j in 0..12 {
            symlink(dir.path().join(format!("f{j}")), folder.join(format!("l{j}"))).unwrap();
        }
    }
    symlink(dir.path().join("f0"), root.join("start")).unwrap();
    let c = open(&root).unwrap();
    assert_eq!(c.items.len(), 12);
    assert_eq!(c.failures.len(), 12 * 12 - 11);
}

#[cfg(unix)]
#[test]
fn pipes_are_not_read() {
    let dir = tree(&["a.jpg"]);
    let pipe = dir.path().join("pipe.jpg");
    let made = std::process::Command::new("mkfifo").arg(&pipe).status();
    if !made.is_ok_and(|s| s.success()) {
        println!("skipped: no mkfifo here");
        return;
    }
    let c = open(dir.path()).unwrap();
    assert_eq!(files(&c), ["a.jpg"]);
    assert_eq!(c.failures[0].file, "pipe.jpg");
}

/// The walk as another user, for whom permissions hold even where the tests run as root.
#[cfg(target_os = "linux")]
#[test]
fn unreadable_directories_are_failures_and_the_walk_goes_on() {
    use std::os::unix::fs::PermissionsExt;
    if let Some(folder) = std::env::var_os("GISTMAP_TEST_WALK") {
        let c = open(Path::new(&folder)).unwrap();
        println!("FILES {:?} FAILURES {:?}", files(&c), c.failures);
        return;
    }
    let dir = tree(&["a/1.jpg", "locked/2.jpg", "z/3.jpg"]);
    let mode = |path: PathBuf, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    mode(dir.path().to_owned(), 0o755);
    mode(dir.path().join("locked"), 0o000);
    let binary = std::env::current_exe().unwrap();
    let test = "unreadable_directories_are_failures_and_the_walk_goes_on";
    let mut child = if fs::read_dir(dir.path().join("locked")).is_ok() {
        // Root: become `nobody`, who must be able to run this binary; a copy beside the tree makes sure.
        let copy = dir.path().join("walker.exe");
        fs::copy(binary, &copy).unwrap();
        mode(copy.clone(), 0o755);
        let mut child = std::process::Command::new("setpriv");
        child.args(["--reuid=65534", "--regid=65534", "--clear-groups", "--"]).arg(copy);
        child
    } else {
        std::process::Command::new(binary)
    };
    let output = child.args([test, "--nocapture", "--test-threads=1"]).env("GISTMAP_TEST_WALK", dir.path()).output();
    mode(dir.path().join("locked"), 0o755);
    let output = match output {
        Ok(output) => output,
        Err(error) => return println!("skipped: setpriv cannot be run ({error})"),
    };
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
    assert!(text.contains(r#"FILES ["a/1.jpg", "z/3.jpg"]"#), "{text}");
    assert!(text.contains(r#"file: "locked", stage: "list""#) && text.contains("Permission denied"), "{text}");
}

#[test]
fn a_hundred_thousand_files_are_listed_quickly() {
    let dir = tempfile::tempdir().unwrap();
    let first = dir.path().join("0000000.jpg");
    fs::write(&first, "").unwrap();
    let folders: Vec<PathBuf> = (0..10).map(|c| dir.path().join(format!("class{c}"))).collect();
    for folder in &folders {
        fs::create_dir(folder).unwrap();
        for i in 0..10_000 {
            fs::File::create(folder.join(format!("{i:05}.jpg"))).unwrap();
        }
    }
    let start = std::time::Instant::now();
    let c = open(dir.path()).unwrap();
    let seconds = start.elapsed().as_secs_f64();
    println!("100,001 files listed in {seconds:.2} s");
    assert_eq!((c.items.len(), c.label_names.len()), (100_001, 10));
    assert!(c.items.is_sorted_by(|a, b| a.file.as_bytes() < b.file.as_bytes()));
    assert!(seconds < 10.0, "{seconds} s; about 0.3 s on an idle machine");
}

#[test]
fn cifar10_binaries() {
    let record = |label: u8| [vec![label], vec![label; 3072]].concat();
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("data_batch_1.bin");
    fs::write(&path, [record(2), record(7)].concat()).unwrap();
    let c = open(&path).unwrap();
    assert_eq!(
        (c.title.as_str(), files(&c)),
        ("data_batch_1.bin", vec!["data_batch_1.bin/00000", "data_batch_1.bin/00001"])
    );
    assert_eq!(c.label_names, cifar10::CLASS_NAMES);
    let Content::Rgb8 { pixels, .. } = read(&c.items[1].source).unwrap() else { panic!("not pixels") };
    assert_eq!(pixels, vec![7; 3072]);

    fs::write(dir.path().join("test_batch.bin"), record(0)).unwrap();
    fs::write(dir.path().join("batches.meta.txt"), "a\nb\nc\nd\ne\nf\ng\nh\ni\nj\n").unwrap();
    fs::write(dir.path().join("short.bin"), "no records").unwrap();
    let c = open(dir.path()).unwrap();
    assert_eq!(c.items.len(), 3);
    assert_eq!(c.label_names[2], "c");
    assert_eq!(c.failures.len(), 1);
    assert_eq!(c.failures[0].file, "short.bin");
    assert_eq!(c.ignored, 2);

    fs::write(&path, record(0)).unwrap();
    let gone = Source::Cifar10 { binary: Blob::File(Arc::from(path.as_path())), record: 1 };
    assert_eq!(read(&gone), Err(ReadError::NoRecord(1)));
    assert!(matches!(open(&dir.path().join("short.bin")), Err(CollectionError::Cifar10(_))));
}
