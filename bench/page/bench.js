// `cargo xtask bench page`: the figures of the page, as JSON in the file that GISTMAP_FIGURES names. Both sides of a comparison run in turn in one
// Chromium.

import { readFile, readdir, writeFile } from "node:fs/promises";
import path from "node:path";
import { after, test } from "node:test";
import { brotliCompressSync, constants } from "node:zlib";

import { SAMPLE, SHARED, dist, drop, pictures, reach, scratch, serve, terminal, visit, visitor } from "../../tests/browser/harness.js";
import { multiply } from "./many.js";
import { ourPace, reference, theirPace } from "./sides.js";

const ROUNDS = Number(process.env.GISTMAP_BENCH_ROUNDS ?? 3);
/** 2,000 photographs, which not every machine has. */
const PHOTOGRAPHS = path.join(SHARED ?? "", "data/food101_10/images");
const figures = {};

after(() => writeFile(process.env.GISTMAP_FIGURES, JSON.stringify(figures)));

for (const [provider, webgpu, few, many] of [
  ["webgpu", true, 4, 12],
  ["wasm", false, 8, 48],
]) {
  test(`EfficientNet-lite0, ${provider}`, { timeout: 3_600_000 }, async (t) => {
    const other = await reference(t);
    const [ours, theirs] = [[], []];
    for (let round = 0; round < ROUNDS; round += 1) {
      // A new visitor each time: what was computed is kept, and would not be computed again.
      const browser = await visitor(t, { webgpu });
      // WebGPU is software here, and has to be asked for.
      const page = await visit(browser, (await serve(t)) + (webgpu ? "?device=wgpu" : ""));
      // The first pictures wait for shaders; they are known when the others come.
      await ourPace(page, await pictures(t, 1, few));
      ours.push(await ourPace(page, await pictures(t, 2, many)));
      theirs.push(...(await theirPace(browser, other, "efficientnet-lite0", provider, webgpu ? 1 : 8, 2)));
      await browser.close();
    }
    figures[provider] = { ours, theirs };
  });
}

test("sizes", { timeout: 3_600_000 }, async () => {
  const sizes = {};
  for (const name of (await readdir(dist)).filter((name) => /\.(wasm|js|css|html|svg|webmanifest)$/.test(name))) {
    const bytes = await readFile(path.join(dist, name));
    const params = { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_LGWIN]: 24 };
    sizes[name.replace(/-[0-9a-f]{16}/, "")] = { raw: bytes.length, brotli: brotliCompressSync(bytes, { params }).length };
  }
  const packs = JSON.parse(await readFile(path.join(dist, "packs/packs.json"), "utf8"));
  const q8 = packs.filter((pack) => pack.quantization === "q8");
  figures.sizes = sizes;
  figures.packs = q8.reduce((sum, pack) => sum + pack.bytes, 0);
});

test("time to interactive", { timeout: 600_000 }, async (t) => {
  const address = await serve(t);
  figures.interactive = { first: [], second: [] };
  for (let round = 0; round < 5; round += 1) {
    const browser = await visitor(t, { webgpu: false });
    for (const visited of ["first", "second"]) {
      const page = await browser.newPage();
      await page.goto(String(address));
      const ms = await page.waitForFunction(() => document.documentElement.dataset.state && performance.now(), undefined, { polling: 10 });
      figures.interactive[visited].push(await ms.jsonValue());
      await page.evaluate(() => navigator.serviceWorker.ready.then(() => {}));
      await page.close();
    }
    await browser.close();
  }
});

test("decoding by hands", { timeout: 600_000 }, async (t) => {
  const page = await visit(await visitor(t, { webgpu: false }), await serve(t));
  const folder = SHARED ? PHOTOGRAPHS : SAMPLE;
  const files = [];
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    if (entry.isFile() && files.length < 200) {
      files.push((await readFile(path.join(entry.parentPath ?? entry.path, entry.name))).toString("base64"));
    }
  }
  figures.decode = await page.evaluate(async (files) => {
    const pictures = files.map((text) => Uint8Array.from(atob(text), (c) => c.charCodeAt(0)));
    const IMAGENET = { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] };
    const CROP = { resize_short: 256, crop: 224, squash: false, interpolation: "Bilinear", ...IMAGENET };
    const decode = (hands) =>
      new Promise((resolve, reject) => {
        let [next, done, start] = [0, 0, 0];
        const workers = Array.from({ length: hands }, () => new Worker(document.documentElement.dataset.worker, { type: "module", name: "hand" }));
        const give = (worker) => worker.postMessage({ job: next, bytes: pictures[next++], size: undefined, crops: [CROP], kinds: [], thumbnail: true });
        let warm = workers.length;
        for (const worker of workers) {
          worker.onerror = reject;
          worker.onmessage = ({ data }) => {
            if (data.result.Err) reject(new Error(data.result.Err));
            // The first picture of each hand waits for its program.
            if (warm > 0) {
              warm -= 1;
              if (warm === 0) {
                [next, start] = [0, performance.now()];
                workers.forEach(give);
              }
              return;
            }
            done += 1;
            if (next < pictures.length) give(worker);
            if (done === pictures.length) {
              workers.forEach((it) => it.terminate());
              resolve((1000 * done) / (performance.now() - start));
            }
          };
          give(worker);
        }
      });
    const rates = {};
    for (const hands of new Set([1, Math.max(1, navigator.hardwareConcurrency - 1), navigator.hardwareConcurrency])) {
      rates[hands] = await decode(hands);
    }
    return rates;
  }, files);
});

for (const [renderer, webgpu] of [
  ["WebGL", false],
  ["WebGPU", true],
]) {
  test(`a map of 60,000 pictures, ${renderer}`, { skip: !SHARED, timeout: 1_200_000 }, async (t) => {
    const album = path.join(await scratch(t, "many"), "album");
    await multiply(await terminal(t, PHOTOGRAPHS), album, 30);
    const page = await visit(await visitor(t, { webgpu }), await serve(t, { album }));
    await page.locator("html[data-state=done]").waitFor();
    const map = page.getByTestId("map");
    const { x, y, width, height } = await map.boundingBox();
    const [middle, centre] = [x + width / 2, y + height / 2];
    await page.mouse.move(middle, centre);
    await page.waitForTimeout(3000);
    await page.evaluate(() => {
      globalThis.frames = [];
      const count = (now) => globalThis.frames.push(now) && requestAnimationFrame(count);
      requestAnimationFrame(count);
    });
    const costs = [];
    for (let turn = 0; turn < 80; turn += 1) {
      // In, across, out, across.
      if (turn % 40 < 20) {
        await page.mouse.wheel(0, turn < 40 ? -60 : 60);
      } else {
        if (turn % 40 === 20) await page.mouse.down();
        await page.mouse.move(middle + 200 * Math.sin(turn / 3), centre + 100 * Math.cos(turn / 3));
        if (turn % 40 === 39) await page.mouse.up();
      }
      await page.waitForTimeout(50);
      costs.push(await page.evaluate(() => Number(document.querySelector("[data-frame-ms]")?.dataset.frameMs)));
    }
    const frames = await page.evaluate(() => globalThis.frames);
    const gaps = frames.slice(1).map((time, i) => time - frames[i]);
    figures.map = { ...figures.map, [renderer]: { gaps, costs } };
  });
}

for (const [pictures, folder] of [
  [2_000, PHOTOGRAPHS],
  [10_000, path.join(SHARED ?? "", "data/cifar10_test/images")],
]) {
  test(`memory, and another number of clusters, of ${pictures} pictures`, { skip: !SHARED, timeout: 3_600_000 }, async (t) => {
    const browser = await visitor(t, { webgpu: false });
    browser.setDefaultTimeout(3_000_000);
    const page = await visit(browser, await serve(t));
    const session = await browser.browser().newBrowserCDPSession();
    await drop(page, folder);
    await reach(page, "running", "done");
    await page.locator("html[data-state=done]").waitFor();
    const { processInfo } = await session.send("SystemInfo.getProcessInfo");
    const memory = {};
    for (const { id, type } of processInfo) {
      const status = await readFile(`/proc/${id}/status`, "utf8");
      const peak = Number(status.match(/VmHWM:\s+(\d+)/)[1]) / 1024;
      memory[type] = Math.max(memory[type] ?? 0, peak);
    }
    figures.memory = { ...figures.memory, [pictures]: memory };
    const answers = [];
    for (const k of [7, 12, 15, 9, 20]) {
      answers.push(await page.evaluate(answer, k));
      await page.locator("html[data-state=done]").waitFor();
      await page.waitForTimeout(3000);
    }
    figures.answers = { ...figures.answers, [pictures]: answers };
  });
}

/** Runs in the page: asks for `k` clusters, and gives the milliseconds until they are listed. */
function answer(k) {
  const field = document.querySelector("[data-testid=k]");
  field.value = String(k);
  const asked = performance.now();
  field.dispatchEvent(new Event("change", { bubbles: true }));
  return new Promise((resolve) => {
    const look = () => {
      const listed = document.querySelectorAll("[data-testid=cluster]").length;
      return listed === k ? resolve(performance.now() - asked) : requestAnimationFrame(look);
    };
    look();
  });
}
