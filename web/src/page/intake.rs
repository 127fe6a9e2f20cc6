//! How pictures come in: dropped, chosen or pasted files, folders walked to their last file, album files, the sample.
//! Called by the views; gathers, then hands everything to [`Link`].

use js_sys::{Array, Function, Promise, Reflect};
use leptos::prelude::*;
use leptos::task::spawn_local;
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::{JsFuture, future_to_promise};
use web_sys::{
    DataTransfer, File, FileList, FileSystemDirectoryEntry, FileSystemDirectoryReader, FileSystemEntry,
    FileSystemFileEntry, Response, Url,
};

use crate::link::Link;
use crate::state::{Phase, State};

/// Files that are asked for at a time; browsers give the answers of all in one task.
const AT_A_TIME: usize = 12;
/// What an album file's name ends in.
const ALBUM: &str = ".gistmap";
/// The album in a study's folder.
const STUDY: &str = "study.gistmap";
/// What a model pack's name ends in.
const PACK: &str = ".safetensors";

/// Files with their paths below the folder.
#[derive(Default)]
struct Gathered {
    title: String,
    paths: Vec<String>,
    files: Array,
    unreadable: usize,
}

/// Where pictures go. Copies share it.
#[derive(Clone, Copy)]
pub(crate) struct Intake {
    state: State,
    link: Link,
}

impl Intake {
    pub(crate) fn new(state: State, link: Link) -> Self {
        Self { state, link }
    }

    /// Opens what was dropped; a folder is walked.
    pub(crate) fn dropped(self, data: &DataTransfer) {
        // The items are only there while the event is handled.
        let items = data.items();
        let entries: Vec<FileSystemEntry> = (0..items.length())
            .filter_map(|i| items.get(i))
            .filter(|item| item.kind() == "file")
            .filter_map(|item| item.webkit_get_as_entry().ok().flatten())
            .collect();
        match data.files() {
            _ if entries.iter().any(FileSystemEntry::is_directory) => {
                self.state.opening();
                spawn_local(async move { self.open(walk(entries).await) });
            }
            Some(files) if files.length() > 0 => self.chosen(&files),
            _ => self.state.toast(true, "That was no file. Drop a folder of pictures, pictures, or an album file."),
        }
    }

    /// Opens what was chosen in a dialog or pasted.
    pub(crate) fn chosen(self, files: &FileList) {
        let files: Vec<File> = (0..files.length()).filter_map(|i| files.get(i)).collect();
        if let [file] = files.as_slice()
            && file.name().to_lowercase().ends_with(ALBUM)
        {
            self.link.open_album(file.clone().into());
            return;
        }
        if let [file] = files.as_slice()
            && file.name().to_lowercase().ends_with(PACK)
        {
            self.link.bring(file.clone().into());
            return;
        }
        let mut gathered = Gathered::default();
        for file in files {
            gathered.paths.push(relative_path(&file).unwrap_or_else(|| file.name()));
            gathered.files.push(&file);
        }
        gathered.unwrap_folder();
        self.open(gathered);
    }

    /// Opens the pictures of the page's own origin.
    pub(crate) fn sample(self) {
        self.link.open_sample();
    }

    /// Does what the page's address asks for: `?album=…` opens an album, `?device=…` sets the device.
    pub(crate) fn linked(self) {
        let search = location().search().unwrap_or_default();
        let Ok(asked) = web_sys::UrlSearchParams::new_with_str(&search) else { return };
        if let Some(device) = asked.get("device").and_then(|name| name.parse().ok()) {
            self.state.plan.update(|plan| plan.device = device);
        }
        let Some(album) = asked.get("album") else { return };
        self.state.opening();
        spawn_local(async move {
            match fetch(&album).await {
                Ok(blob) => self.link.open_album(blob),
                Err(why) => {
                    self.state.phase.set(Phase::Failed);
                    self.state.toast(true, format!("The album {album} could not be opened: {why}"));
                }
            }
        });
    }

    fn open(self, gathered: Gathered) {
        let Gathered { title, paths, files, unreadable } = gathered;
        // The folder that `gistmap study` writes: one of its files is what the page opens.
        if let Some(study) = (0_u32..).zip(&paths).find_map(|(at, path)| (path == STUDY).then_some(at)) {
            self.link.open_album(files.get(study));
            return;
        }
        if unreadable > 0 {
            let text = format!("{unreadable} files or folders could not be read; their permissions may forbid it.");
            self.state.toast(true, text);
        }
        if paths.is_empty() {
            self.state.phase.set(Phase::Failed);
            self.state.toast(true, format!("There are no files in {}. Choose a folder with pictures.", named(&title)));
            return;
        }
        self.link.open_folder(title, paths, files);
    }
}

impl Gathered {
    /// Where all files lie in one folder, that folder is the collection and their paths begin below it.
    fn unwrap_folder(&mut self) {
        let first = self.paths.first().and_then(|p| p.split_once('/')).map(|(folder, _)| folder.to_owned());
        match first {
            Some(folder) if self.paths.iter().all(|p| p.split_once('/').is_some_and(|(f, _)| f == folder)) => {
                for path in &mut self.paths {
                    path.drain(..=folder.len());
                }
                self.title = folder;
            }
            _ => self.title = "pictures".to_owned(),
        }
    }
}

fn named(title: &str) -> String {
    if title.is_empty() { "what was dropped".to_owned() } else { format!("“{title}”") }
}

/// Every file below these entries. Hidden folders are left alone: version control keeps thousands of files there.
async fn walk(roots: Vec<FileSystemEntry>) -> Gathered {
    let mut gathered = Gathered::default();
    let mut folders: Vec<FileSystemDirectoryEntry> = Vec::new();
    let mut files: Vec<FileSystemFileEntry> = Vec::new();
    let sort = |entry: FileSystemEntry, folders: &mut Vec<_>, files: &mut Vec<_>| {
        if entry.is_directory() {
            if !entry.name().starts_with('.') {
                folders.push(entry.unchecked_into::<FileSystemDirectoryEntry>());
            }
        } else {
            files.push(entry.unchecked_into::<FileSystemFileEntry>());
        }
    };
    let only = if let [root] = roots.as_slice() { Some(root.name()) } else { None };
    for root in roots {
        sort(root, &mut folders, &mut files);
    }
    while let Some(folder) = folders.pop() {
        match children(&folder.create_reader()).await {
            Ok(entries) => entries.into_iter().for_each(|entry| sort(entry, &mut folders, &mut files)),
            Err(_) => gathered.unreadable += 1,
        }
    }
    for some in files.chunks(AT_A_TIME) {
        for (entry, file) in some.iter().zip(opened(some).await) {
            if file.is_undefined() {
                gathered.unreadable += 1;
            } else {
                gathered.paths.push(entry.full_path().trim_start_matches('/').to_owned());
                gathered.files.push(&file);
            }
        }
    }
    gathered.unwrap_folder();
    if let Some(only) = only {
        gathered.title = only;
    }
    gathered
}

/// A folder's entries. Browsers hand them out in portions; an empty one is the last.
async fn children(reader: &FileSystemDirectoryReader) -> Result<Vec<FileSystemEntry>, JsValue> {
    let mut all = Vec::new();
    loop {
        let portion = JsFuture::from(Promise::new(&mut |resolve, reject| {
            if let Err(error) = reader.read_entries_with_callback_and_callback(&resolve, &reject) {
                refuse(&reject, &error);
            }
        }))
        .await?;
        let portion: Array = portion.unchecked_into();
        if portion.length() == 0 {
            return Ok(all);
        }
        all.extend(portion.iter().map(JsCast::unchecked_into::<FileSystemEntry>));
    }
}

/// The files of these entries, `undefined` where one cannot be read.
async fn opened(entries: &[FileSystemFileEntry]) -> Vec<JsValue> {
    let promises: Array = entries
        .iter()
        .map(|entry| {
            let file = Promise::new(&mut |resolve, reject| entry.file_with_callback_and_callback(&resolve, &reject));
            // One that cannot be read must not fail the others.
            future_to_promise(async move { Ok(JsFuture::from(file).await.unwrap_or(JsValue::UNDEFINED)) })
        })
        .collect();
    match JsFuture::from(Promise::all(&promises)).await {
        Ok(files) => files.unchecked_into::<Array>().iter().collect(),
        Err(_) => vec![JsValue::UNDEFINED; entries.len()],
    }
}

fn refuse(reject: &Function, error: &JsValue) {
    // Calling a promise's own function does not fail.
    let _ = reject.call1(&JsValue::UNDEFINED, error);
}

/// The path below the chosen folder, which includes the folder itself; `None` for single files.
fn relative_path(file: &File) -> Option<String> {
    let path = Reflect::get(file, &"webkitRelativePath".into()).ok()?.as_string()?;
    (!path.is_empty()).then_some(path)
}

/// Fetches a file of the page's own origin.
async fn fetch(address: &str) -> Result<JsValue, String> {
    let say = |e: JsValue| Reflect::get(&e, &"message".into()).ok().and_then(|m| m.as_string()).unwrap_or_default();
    let base = document().base_uri().ok().flatten().unwrap_or_default();
    let url = Url::new_with_base(address, &base).map_err(|_| "that is no address".to_owned())?;
    if location().origin().ok().as_deref() != Some(url.origin().as_str()) {
        return Err("albums are opened from the page's own address only. Save the file and drop it here.".to_owned());
    }
    let response = JsFuture::from(window().fetch_with_str(&url.href())).await.map_err(say)?;
    let response: Response = response.unchecked_into();
    if !response.ok() {
        return Err(format!("the server answered {}.", response.status()));
    }
    let blob = response.blob().map_err(say)?;
    JsFuture::from(blob).await.map_err(say)
}
