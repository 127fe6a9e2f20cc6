// The script of every worker: loads the program that the worker's name asks for, `engine` or `hand`.
//
// The page starts `new Worker(worker.js, {type: "module", name: "engine"})`; its address is `data-worker` of the page's
// root element. The engine starts hands by the very same address, its own `location.href`.

const PROGRAMS = {
  engine: ["./engine.js", "./engine_bg.wasm"],
  hand: ["./hand.js", "./hand_bg.wasm"],
};

// Messages that arrive before the program listens wait for it.
const early = [];
const keep = (event) => early.push(event);
addEventListener("message", keep);

const [script, wasm] = PROGRAMS[self.name];
const { default: init } = await import(script);
await init({ module_or_path: new URL(wasm, import.meta.url) });

removeEventListener("message", keep);
for (const event of early) {
  dispatchEvent(new MessageEvent("message", { data: event.data, ports: [...event.ports] }));
}
