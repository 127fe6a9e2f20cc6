// A network by onnxruntime-web: `measure(graph, provider, batch, rounds)` gives the milliseconds a picture of each round.

import * as ort from "./node_modules/onnxruntime-web/dist/ort.webgpu.bundle.min.mjs";

ort.env.wasm.numThreads = 1;
ort.env.wasm.wasmPaths = new URL("./node_modules/onnxruntime-web/dist/", import.meta.url).href;

const sessions = new Map();

globalThis.measure = async (graph, provider, batch, rounds) => {
  const key = `${graph} ${provider}`;
  if (!sessions.has(key)) {
    sessions.set(key, await ort.InferenceSession.create(`graphs/${graph}.onnx`, { executionProviders: [provider] }));
  }
  const session = sessions.get(key);
  const values = Float32Array.from({ length: batch * 3 * 224 * 224 }, (_, i) => ((i * 37) % 255) / 127.5 - 1);
  const pixels = new ort.Tensor("float32", values, [batch, 3, 224, 224]);
  const times = [];
  // The first call compiles shaders.
  for (let round = 0; round <= rounds; round += 1) {
    const start = performance.now();
    const outputs = await session.run({ [session.inputNames[0]]: pixels });
    await Promise.all(Object.values(outputs).map((output) => output.getData()));
    times.push((performance.now() - start) / batch);
  }
  return times.slice(1);
};
