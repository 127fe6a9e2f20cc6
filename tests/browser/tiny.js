// Networks at tiny sizes, with the random weights of `tests/golden/published`: a hub's repositories, and packs made of them.

import { copyFile, mkdir, readFile, readdir, writeFile } from "node:fs/promises";
import path from "node:path";

import { dist, gistmap, scratch } from "./harness.js";

const GOLDEN = new URL("../golden/published/golden.json", import.meta.url);
/** Where their manifests say that they are. */
const REPOSITORIES = { "blip-caption": "Salesforce/blip-image-captioning-base" };

/** As `random` in tests/published.rs. */
function random(seed, n) {
  const values = new Float32Array(n);
  let state = BigInt(seed);
  for (let i = 0; i < n; i += 1) {
    state = BigInt.asUintN(64, state * 6364136223846793005n + 1442695040888963407n);
    values[i] = Math.fround(Number(state >> 40n) / 2 ** 23) - 1;
  }
  return values;
}

/** As `tensor` there. */
function tensor(name, { shape, gain }) {
  const seed = [...Buffer.from(name)].reduce((h, b) => BigInt.asUintN(64, h * 31n + BigInt(b)), 782n);
  const inputs = shape.slice(1).reduce((product, extent) => product * extent, 1);
  const scale = shape.length > 1 ? Math.sqrt(3 / inputs) : 0.2;
  const centre = name.endsWith("var") || (shape.length === 1 && name.endsWith("weight")) ? 1 : 0;
  const count = shape.reduce((product, extent) => product * extent, 1);
  return random(seed, count).map((v) => (centre + scale * v) * gain);
}

/** A safetensors file. */
function safetensors(tensors) {
  const header = {};
  const parts = [];
  let at = 0;
  for (const [name, entry] of Object.entries(tensors)) {
    const bytes = Buffer.from(tensor(name, entry).buffer);
    header[name] = { dtype: "F32", shape: entry.shape, data_offsets: [at, at + bytes.length] };
    at += bytes.length;
    parts.push(bytes);
  }
  const text = Buffer.from(JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(text.length));
  return Buffer.concat([length, text, ...parts]);
}

/** A folder of packs: the page's own, and one of this network, fetched from a hub and converted as a person would; returns it
 * and the pack's path. */
export async function packs(test, name) {
  const root = await scratch(test, "tiny");
  const { models } = JSON.parse(await readFile(GOLDEN));
  const repository = path.join(root, "hub", REPOSITORIES[name]);
  await mkdir(repository, { recursive: true });
  for (const [file, content] of Object.entries(models[name]).filter(([file]) => file !== "tensors")) {
    await writeFile(path.join(repository, file), JSON.stringify(content));
  }
  await writeFile(path.join(repository, "model.safetensors"), safetensors(models[name].tensors));
  const folder = path.join(root, "packs");
  await mkdir(folder);
  for (const file of (await readdir(path.join(dist, "packs"))).filter((file) => file.includes("-q8-"))) {
    await copyFile(path.join(dist, "packs", file), path.join(folder, file));
  }
  const pack = path.join(folder, `${name}.q8.safetensors`);
  const cache = { env: { ...process.env, GISTMAP_CACHE: path.join(root, "cache") } };
  await gistmap("models", "pull", name, "--from", path.join(root, "hub"), cache);
  await gistmap("models", "convert", name, "--to", "q8", "-o", pack, cache);
  return { folder, pack };
}
