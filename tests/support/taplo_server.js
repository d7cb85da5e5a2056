// Opens a TOML file in taplo's language server, as an editor does, and prints what it offers for completion at
// the end of the value before each comment "# complete", and shows for the key of each line with "# hover".
const fs = require("fs");
const path = require("path");
const url = require("url");
const { TaploLsp } = require("@taplo/lsp");

const file = path.resolve(process.argv[2]);
const text = fs.readFileSync(file, "utf8");
const uri = url.pathToFileURL(file).href;
const folder = url.pathToFileURL(path.dirname(file)).href;

const environment = {
  now: () => new Date(),
  envVar: (name) => process.env[name],
  envVars: () => Object.entries(process.env),
  stdErrAtty: () => false,
  stdin: async () => new Uint8Array(),
  stdout: async (bytes) => bytes.length,
  stderr: async (bytes) => bytes.length,
  glob: () => [],
  readFile: async (name) => new Uint8Array(fs.readFileSync(name)),
  writeFile: async () => {},
  urlToFilePath: (name) => (name.startsWith("file:") ? url.fileURLToPath(name) : undefined),
  isAbsolute: (name) => path.isAbsolute(name),
  cwd: () => process.cwd(),
  findConfigFile: () => undefined,
  // It asks for its catalogue of schemas; there is none here.
  fetch: { fetch: async () => { throw new Error("offline"); }, Headers, Request, Response },
};

async function main() {
  const waiting = new Map();
  let opened;
  const diagnosed = new Promise((resolve) => { opened = resolve; });
  const server = await TaploLsp.initialize(environment, {
    onMessage(message) {
      if (message.method === "textDocument/publishDiagnostics") opened();
      if (message.method && message.id !== undefined) {
        const result = message.method === "workspace/configuration" ? message.params.items.map(() => ({})) : null;
        setImmediate(() => server.send({ jsonrpc: "2.0", id: message.id, result }));
      } else if (waiting.has(message.id)) {
        waiting.get(message.id)(message);
      }
    },
  });
  let last = 0;
  const tell = (method, params) => server.send({ jsonrpc: "2.0", method, params });
  const ask = (method, params) => new Promise((resolve) => {
    last += 1;
    waiting.set(last, resolve);
    server.send({ jsonrpc: "2.0", id: last, method, params });
  });

  await ask("initialize", { processId: process.pid, rootUri: folder, workspaceFolders: [{ uri: folder, name: "test" }],
    capabilities: { workspace: { configuration: true } }, initializationOptions: {} });
  tell("initialized", {});
  tell("textDocument/didOpen", { textDocument: { uri, languageId: "toml", version: 1, text } });
  await diagnosed; // the schema has been read

  const found = { completion: {}, hover: {} };
  for (const [line, content] of text.split("\n").entries()) {
    const before = content.split(" #")[0];
    if (content.includes("# complete")) {
      const character = before.length - (before.endsWith('""') ? 1 : 0);
      const answer = await ask("textDocument/completion", { textDocument: { uri }, position: { line, character } });
      const items = Array.isArray(answer.result) ? answer.result : (answer.result || {}).items || [];
      found.completion[before] = items.map((item) => item.label);
    }
    if (content.includes("# hover")) {
      const answer = await ask("textDocument/hover", { textDocument: { uri }, position: { line, character: 1 } });
      found.hover[before] = answer.result ? answer.result.contents.value : null;
    }
  }
  console.log(JSON.stringify(found));
}

main().then(() => process.exit(0), (error) => {
  console.error(error);
  process.exit(1);
});
