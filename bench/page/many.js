// An album of many pictures out of a small one: each picture again and again, a little beside itself on the map.

import { createHash } from "node:crypto";
import { mkdir, readFile, readdir, writeFile } from "node:fs/promises";
import path from "node:path";

/** Pictures on one sheet of thumbnails. */
const SHEET = 1024;
/** The representation that is kept; with all of them the file would be a gigabyte. */
const KEPT = "tags";

/** Writes into the folder `to` the album in the folder `from`, of 1,024 pictures or more, with `times` as many pictures. */
export async function multiply(from, to, times) {
  const album = JSON.parse(await readFile(path.join(from, "album.json"), "utf8"));
  const repeat = (list) => Array.from({ length: times }, () => list).flat();
  const known = album.pictures.length;
  album.pictures = repeat(album.pictures).map((picture, i) => ({ ...picture, file: again(picture.file, i, known) }));
  album.features = [];
  album.vectors = album.vectors.filter(({ name }) => name === KEPT);
  album.cells = album.cells.filter(({ representation }) => representation === KEPT);
  album.cells.forEach((cell) => (cell.labels = repeat(cell.labels)));
  album.main_cell = 0;
  album.layout.representation = KEPT;
  const cluster = album.cells[0];
  album.clusters = Array.from({ length: cluster.k }, (_, i) => ({
    ...album.clusters[0],
    cluster: i,
    name: `cluster ${i}`,
    size: cluster.labels.filter((label) => label === i).length,
  }));
  const files = new Map([
    ["texts/tags.csv", await table(from, "texts/tags.csv", times, known, (fields) => fields)],
    ["layout.csv", await table(from, "layout.csv", times, known, spread)],
    ["vectors/tags.npy", await matrix(from, "vectors/tags.npy", times)],
    ...(await sheets(from, known * times)),
  ]);
  const kept = album.files.filter(({ path }) => ["clusters.csv", "errors.csv", "labels.csv", "map.png", "map.svg", "report.html", "scores.csv"].includes(path));
  for (const { path: name } of kept) {
    files.set(name, await readFile(path.join(from, name)));
  }
  album.files = [...files].map(([path, bytes]) => ({ path, size: bytes.length, sha256: createHash("sha256").update(bytes).digest("hex") }));
  files.set("album.json", Buffer.from(JSON.stringify(album)));
  for (const [name, bytes] of files) {
    await mkdir(path.dirname(path.join(to, name)), { recursive: true });
    await writeFile(path.join(to, name), bytes);
  }
}

function again(file, i, known) {
  return `${Math.floor(i / known)}/${file}`;
}

async function table(from, name, times, known, change) {
  const [header, ...lines] = (await readFile(path.join(from, name), "utf8")).trimEnd().split("\n");
  const rows = Array.from({ length: times * lines.length }, (_, i) => {
    const [file, ...fields] = lines[i % lines.length].split(",");
    return [again(file, i, lines.length), ...change(fields)].join(",");
  });
  return Buffer.from([header, ...rows, ""].join("\n"));
}

/** About as far as a neighbour is. */
function spread(fields) {
  return fields.map((value) => (Number(value) + 2 * (Math.random() - 0.5)).toFixed(5));
}

async function matrix(from, name, times) {
  const bytes = await readFile(path.join(from, name));
  const length = 10 + bytes.readUInt16LE(8);
  const header = bytes.toString("latin1", 10, length).trimEnd().replace(/\((\d+),/, (_, rows) => `(${rows * times},`);
  const padded = header.padEnd(64 * Math.ceil((header.length + 11) / 64) - 11) + "\n";
  const start = Buffer.from(bytes.subarray(0, 10));
  start.writeUInt16LE(padded.length, 8);
  return Buffer.concat([start, Buffer.from(padded, "latin1"), ...Array.from({ length: times }, () => bytes.subarray(length))]);
}

async function sheets(from, pictures) {
  const [first] = (await readdir(path.join(from, "thumbnails"))).sort();
  const bytes = await readFile(path.join(from, "thumbnails", first));
  // The last one would have to be smaller; its pictures are without thumbnails.
  const count = Math.floor(pictures / SHEET);
  return Array.from({ length: count }, (_, i) => [`thumbnails/${String(i).padStart(3, "0")}.jpg`, bytes]);
}
