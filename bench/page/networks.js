// `cargo xtask bench page-networks`: the networks that a person brings as packs, beside onnxruntime-web on graphs of the same random weights; JSON in
// the file that GISTMAP_FIGURES names. GISTMAP_NETWORKS is a list of { graph, model, pack }.

import { writeFile } from "node:fs/promises";
import { after, test } from "node:test";

import { bring, pictures, serve, visit, visitor } from "../../tests/browser/harness.js";
import { ourPace, reference, theirPace } from "./sides.js";

/** Pictures that wait for shaders, or for the browser to compile hot code once more, and those that are measured. */
const COUNTS = { webgpu: [2, 4], wasm: [8, 24] };
const figures = {};

after(() => writeFile(process.env.GISTMAP_FIGURES, JSON.stringify(figures)));

for (const { graph, model, pack, provider } of JSON.parse(process.env.GISTMAP_NETWORKS)) {
  test(`${model}, ${provider}`, { timeout: 3_600_000 }, async (t) => {
    const webgpu = provider === "webgpu";
    const [first, measured] = COUNTS[provider];
    // It tells on the console, as errors, what it leaves to the processor.
    const browser = await visitor(t, { webgpu, trouble: [/onnxruntime/] });
    const page = await visit(browser, (await serve(t)) + (webgpu ? "?device=wgpu" : ""));
    await bring(page, pack, model);
    await ourPace(page, await pictures(t, 1, first), model);
    // What was chosen stays chosen.
    const ours = [await ourPace(page, await pictures(t, 2, measured))];
    const theirs = await theirPace(browser, await reference(t), graph, provider, 1, 2);
    figures[`${graph} ${provider}`] = { ours, theirs };
    await browser.close();
  });
}
