// What every end-to-end test needs: the built page served by `gistmap view`, a browser that has never seen it, and words
// for what a person does. `cargo xtask test` sets the environment; see the end of xtask/src/browser.rs.

import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import { constants, getPriority, setPriority, tmpdir } from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import { inflateRawSync } from "node:zlib";

import { chromium } from "playwright-core";

const GISTMAP = need("GISTMAP");
const DIST = need("GISTMAP_DIST");
/** The sample pictures, a folder a class. */
export const SAMPLE = need("GISTMAP_SAMPLE");
/** Pictures that not every machine has. */
export const SHARED = process.env.GISTMAP_SHARED;
/** WebGPU here is computed by the processor. */
export const PATIENCE = 300_000;

function need(name) {
  const value = process.env[name];
  assert.ok(value, `${name} is not set: run these tests by \`cargo xtask test\``);
  return value;
}

// The page is live while WebGPU computes, and nothing outside this machine can be reached.
const FLAGS = [
  "--no-sandbox",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  "--ignore-gpu-blocklist",
  "--use-angle=gl-egl",
];
const resolver = (host) =>
  `--host-resolver-rules=${host ? `MAP ${host} 127.0.0.1, ` : ""}MAP * ~NOTFOUND, EXCLUDE 127.0.0.1`;
const WEBGPU = ["--enable-unsafe-webgpu", "--use-webgpu-adapter=swiftshader"];

/** A new empty folder, removed after the test. */
export async function scratch(test, name) {
  const folder = await mkdtemp(path.join(tmpdir(), `gistmap-${name}-`));
  test.after(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

/** A folder of real pictures: `count` of each of the first `classes` classes of the sample. */
export async function pictures(test, classes, count) {
  const folder = path.join(await scratch(test, "pictures"), "stamps");
  for (const label of (await readdir(SAMPLE)).sort().slice(0, classes)) {
    await mkdir(path.join(folder, label), { recursive: true });
    for (const file of (await readdir(path.join(SAMPLE, label))).sort().slice(0, count)) {
      await cp(path.join(SAMPLE, label, file), path.join(folder, label, file));
    }
  }
  return folder;
}

/** Runs the built program and returns what it printed; a last argument that is no word has options of `execFile`. */
export async function gistmap(...words) {
  const options = typeof words.at(-1) === "object" ? words.pop() : {};
  const { stdout } = await promisify(execFile)(GISTMAP, words, { maxBuffer: 1 << 26, ...options });
  return stdout;
}

/** The built page. */
export const dist = DIST;

/**
 * Makes an album of a folder in the terminal, with the very weights that the page loads; returns its folder.
 *
 * Quantized weights give other features than the originals do (cosine at least 0.999): only the same weights compare.
 */
export async function terminal(test, folder, ...options) {
  const out = path.join(await scratch(test, "terminal"), "album");
  const packs = options.includes("--packs") ? [] : ["--packs", path.join(DIST, "packs")];
  await gistmap("run", folder, "-o", out, "--device", "cpu", ...packs, ...options);
  return out;
}

/** Runs a small study of sample pictures in the terminal; returns its folder. Two representations, a text and their fusions. */
export async function study(test) {
  const folder = await scratch(test, "study");
  const recipe = `
title = "Stamps, by looks and by words"
about = "Three kinds of stamps."
[collection]
images = "${await pictures(test, 3, 6)}"
[representations]
features = ["classical", "efficientnet-lite0"]
text = ["tags"]
fuse = ["concat"]
[clusterings]
clusterers = ["kmeans:n_init=1", "agglomerative"]
seeds = [782, 1, 2]
`;
  await writeFile(path.join(folder, "recipe.toml"), recipe);
  const out = path.join(folder, "out");
  await gistmap("study", path.join(folder, "recipe.toml"), "-o", out, "--device", "cpu");
  return out;
}

/** Serves the page, with an album if one is named; returns the address that the program prints. */
export async function serve(test, { album, page = DIST } = {}) {
  const words = ["view", ...(album ? [album] : []), "--page", page, "--no-open"];
  const server = spawn(GISTMAP, words, { stdio: ["ignore", "pipe", "inherit"] });
  test.after(() => server.kill());
  // A hook that fails keeps later ones from running; no server outlives the tests for that.
  server.unref();
  process.on("exit", () => server.kill());
  let printed = "";
  for await (const chunk of server.stdout) {
    printed += chunk;
    const address = printed.match(/http:\S+/);
    if (address) {
      return Object.assign(new String(address[0]), { stop: () => server.kill() });
    }
  }
  throw new Error(`gistmap view ended: ${printed}`);
}

/** Serves the files of a folder below `/some/path/` and nothing else, as any static host would; returns its address. */
export async function staticHost(test, folder) {
  const types = { ".css": "text/css", ".html": "text/html", ".js": "text/javascript", ".wasm": "application/wasm" };
  const server = createServer(async (request, response) => {
    const name = decodeURIComponent(new URL(request.url, "http://host").pathname).replace(/^\/some\/path\//, "");
    try {
      const bytes = await readFile(path.join(folder, name || "index.html"));
      response.setHeader("Content-Type", types[path.extname(name || "index.html")] ?? "application/octet-stream");
      response.end(bytes);
    } catch {
      response.statusCode = 404;
      response.end();
    }
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  test.after(() => server.closeAllConnections() ?? server.close());
  return server.address();
}

/**
 * A browser that has never seen the page, as one person would use it: its storage lasts until the test ends.
 *
 * Options: `webgpu` (default true), `trouble` (patterns of console errors that belong to the test), `context` (as
 * Playwright's), `host` (a name under which this machine is known as well).
 */
export async function visitor(test, { webgpu = true, trouble = [], context = {}, host } = {}) {
  const profile = await mkdtemp(path.join(tmpdir(), "gistmap-visitor-"));
  const browser = await chromium.launchPersistentContext(profile, {
    executablePath: process.env.GISTMAP_CHROMIUM ?? "/usr/bin/chromium",
    args: [...FLAGS, resolver(host), ...(webgpu ? WEBGPU : [])],
    viewport: { width: 1440, height: 900 },
    acceptDownloads: true,
    ...context,
  });
  browser.setDefaultTimeout(PATIENCE);
  browser.setDefaultNavigationTimeout(60_000);
  const requests = [];
  const wrong = [];
  browser.on("request", (request) => requests.push(request.url()));
  browser.on("weberror", (error) => wrong.push(String(error.error())));
  browser.on("console", (message) => {
    if (message.type() === "error") {
      wrong.push(message.text());
    }
  });
  test.after(async () => {
    await browser.close();
    await rm(profile, { recursive: true, force: true, maxRetries: 5 });
    const own = (url) => /^(blob:|data:|about:)/.test(url) || ["127.0.0.1", host].includes(new URL(url).hostname);
    const foreign = requests.filter((url) => !own(url));
    assert.deepEqual(foreign, [], "requests that leave the page's own origin");
    const unexpected = wrong.filter((text) => !trouble.some((pattern) => pattern.test(text)));
    assert.deepEqual(unexpected, [], "errors on the console");
  });
  return Object.assign(browser, { requests });
}

/** Opens the page and waits until it can be used. */
export async function visit(browser, address) {
  const page = browser.pages().at(-1) ?? (await browser.newPage());
  await page.goto(String(address));
  await page.locator("html[data-state]").waitFor();
  return page;
}

/** Threads that compute beside the page: its workers, and a GPU in software. */
const BESIDE = /^(DedicatedWorker|llvmpipe)/;

/**
 * From now on what computes beside the page gives way to it, as if there were processors enough: here engine, hands and GPU
 * share two with the page, and their turns would count as time of the page's tasks. False where the system has no such
 * list of threads.
 */
export async function giveWay(test, browser) {
  if (process.platform !== "linux") {
    return false;
  }
  const session = await browser.browser().newBrowserCDPSession();
  const { processInfo } = await session.send("SystemInfo.getProcessInfo");
  const last = constants.priority.PRIORITY_LOW;
  const lower = async () => {
    for (const { id } of processInfo.filter(({ type }) => ["renderer", "GPU"].includes(type))) {
      for (const thread of await readdir(`/proc/${id}/task`)) {
        // Threads end while they are looked at.
        const name = await readFile(`/proc/${id}/task/${thread}/comm`, "utf8").catch(() => "");
        if (BESIDE.test(name) && getPriority(Number(thread)) !== last) {
          setPriority(Number(thread), last);
        }
      }
    }
  };
  await lower();
  // Hands start when there is something to do.
  const again = setInterval(() => lower().catch(() => {}), 500);
  test.after(() => clearInterval(again));
  return true;
}

/** Waits for a state of the page; fails at once when it fails instead. */
export async function reach(page, ...states) {
  const wanted = [...states, "failed"];
  const state = await page.waitForFunction(
    (wanted) => wanted.includes(document.documentElement.dataset.state) && document.documentElement.dataset.state,
    wanted,
    { timeout: PATIENCE },
  );
  const reached = await state.jsonValue();
  if (!states.includes(reached)) {
    const said = await page.getByTestId("toast").allTextContents();
    assert.fail(`the page is ${reached} and not ${states.join(" or ")}: ${said.join(" | ")}`);
  }
  return reached;
}

/** Drops a folder of this machine on the page, as a person does: a trusted event with a real directory. */
export async function drop(page, ...paths) {
  const session = await page.context().newCDPSession(page);
  const box = await page.getByTestId("drop-zone").first().boundingBox();
  const [x, y] = [box.x + box.width / 2, box.y + box.height / 2];
  const data = { items: [], files: paths, dragOperationsMask: 1 };
  for (const type of ["dragEnter", "dragOver", "drop"]) {
    await session.send("Input.dispatchDragEvent", { type, x, y, data });
  }
  await session.detach();
}

/** Drops a folder and waits for the finished map. */
export async function mapOf(page, folder) {
  await drop(page, folder);
  await reach(page, "running", "done");
  await reach(page, "done");
}

/** Brings a model's pack, and waits until the list of models has it. */
export async function bring(page, pack, name) {
  await drop(page, pack);
  await page.getByTestId("models").click();
  await page.locator(`[data-model="${name}"]`).getByText("Here", { exact: true }).waitFor();
  await page.keyboard.press("Escape");
}

/** Measures the pictures again, by this model alone in place of those that a run begins with. */
export async function measureBy(page, name) {
  await page.locator(".again > summary").click();
  for (const [choice, wanted] of [["efficientnet-lite0", false], ["tags", false], [name, true], ["concat", false]]) {
    await page.locator(".again").getByLabel(choice, { exact: true }).setChecked(wanted);
  }
  await page.getByTestId("run-again").click();
  await reach(page, "running");
  await reach(page, "done");
}

/** Waits until as many elements with this test id are there; the page shows what it has when the browser has time. */
export async function count(page, id, expected) {
  await page.waitForFunction(
    ([id, expected]) => document.querySelectorAll(`[data-testid="${id}"]`).length === expected,
    [id, expected],
  );
}

/** Waits until `condition`, which may be asynchronous, holds in the page. */
export async function until(page, condition) {
  const end = Date.now() + PATIENCE;
  while (!(await page.evaluate(condition))) {
    assert.ok(Date.now() < end, `never true: ${condition}`);
    await page.waitForTimeout(100);
  }
}

/** Saves the whole album from the export menu, which stays open; returns the path of the file. */
export async function save(page) {
  if (!(await page.locator("#export").isVisible())) {
    await page.getByTestId("export-menu").click();
  }
  const download = page.waitForEvent("download");
  await page.locator('[data-path="album.gistmap"]').click();
  return (await download).path();
}

/** The files of an album that the page saves, by their paths. */
export async function albumOf(page) {
  return unzip(await readFile(await save(page)));
}

/** The files of an album that the terminal wrote into a folder, by their paths. */
export async function albumIn(folder) {
  const files = new Map();
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    if (entry.isFile()) {
      const file = path.join(entry.parentPath ?? entry.path, entry.name);
      files.set(path.relative(folder, file), await readFile(file));
    }
  }
  return files;
}

/** The files of a zip archive by its central directory (APPNOTE.TXT 4.3.12). */
function unzip(bytes) {
  const end = bytes.lastIndexOf(Buffer.from([0x50, 0x4b, 5, 6]));
  assert.ok(end >= 0, "no zip archive");
  const files = new Map();
  let at = bytes.readUInt32LE(end + 16);
  for (let left = bytes.readUInt16LE(end + 10); left > 0; left -= 1) {
    const [method, packed] = [bytes.readUInt16LE(at + 10), bytes.readUInt32LE(at + 20)];
    const [name, extra, comment] = [28, 30, 32].map((field) => bytes.readUInt16LE(at + field));
    const local = bytes.readUInt32LE(at + 42);
    const start = local + 30 + bytes.readUInt16LE(local + 26) + bytes.readUInt16LE(local + 28);
    const body = bytes.subarray(start, start + packed);
    files.set(bytes.toString("utf8", at + 46, at + 46 + name), method === 0 ? body : inflateRawSync(body));
    at += 46 + name + extra + comment;
  }
  return files;
}

/** The rows of a CSV file, as objects by its header. */
export function rows(csv) {
  const [header, ...lines] = String(csv).trimEnd().split(/\r?\n/).map(fields);
  return lines.map((line) => Object.fromEntries(header.map((name, i) => [name, line[i]])));
}

function fields(line) {
  return [...line.matchAll(/(?:^|,)(?:"((?:[^"]|"")*)"|([^,]*))/g)].map(([, quoted, plain]) =>
    quoted === undefined ? plain : quoted.replaceAll('""', '"'),
  );
}

/** The labels of one cell (`representation/clusterer`) in an album's files. */
export function labels(album, cell) {
  return rows(album.get("labels.csv")).map((row) => row[cell]);
}

/** The cells of an album's files, in their order. */
export function cells(album) {
  return Object.keys(rows(album.get("labels.csv"))[0]).slice(2);
}

/** The engine workers of a page; the hands run the same script under another name. */
export async function engines(page) {
  const names = await Promise.all(page.workers().map((worker) => worker.evaluate(() => self.name).catch(() => "")));
  return page.workers().filter((_, i) => names[i] === "engine");
}

/** The adjusted Rand index of two labelings (Hubert and Arabie 1985). */
export function ari(a, b) {
  const pairs = (n) => (n * (n - 1)) / 2;
  const count = (keys) => {
    const counts = new Map();
    keys.forEach((key) => counts.set(key, (counts.get(key) ?? 0) + 1));
    return [...counts.values()].reduce((sum, n) => sum + pairs(n), 0);
  };
  const both = count(a.map((label, i) => `${label} ${b[i]}`));
  const [left, right, all] = [count(a), count(b), pairs(a.length)];
  const expected = (left * right) / all;
  const most = (left + right) / 2;
  return most === expected ? 1 : (both - expected) / (most - expected);
}
