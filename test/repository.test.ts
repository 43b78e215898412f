import { describe, expect, test } from "bun:test";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import biome from "../biome.json" with { type: "json" };
import manifest from "../package.json" with { type: "json" };
import { BINARY, ROOT, run, runToEnd, startFolder } from "../scripts/build.ts";

/** Our own text files, as they stand: what others made is not ours to check. */
async function readSources(folder = "", texts = new Map<string, string>()) {
  const FOREIGN =
    /^(node_modules|dist|release|\.git|bun\.lock|\.env(\.local)?)$/;
  const entries = await readdir(join(ROOT, folder), { withFileTypes: true });
  for (const entry of entries.filter(({ name }) => !FOREIGN.test(name))) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) await readSources(path, texts);
    else texts.set(path, await readFile(join(ROOT, path), "utf8"));
  }
  return texts;
}

const SOURCES = [...(await readSources())];

/** What is compiled and fits, in the order of the alphabet. */
function listRooms(fits: (text: string) => boolean): string[] {
  return SOURCES.filter(
    ([path, text]) => /^[\w-]+\.ts$/.test(path) && fits(text),
  )
    .map(([path]) => path)
    .sort();
}

test("Bun's version is exact, and the same wherever it is mentioned", () => {
  const [, version = ""] =
    /^bun@(\d+\.\d+\.\d+)$/.exec(manifest.packageManager) ?? [];
  expect(Bun.version).toBe(version);
  const mention =
    /\bbun(?:-types"?|-version"?)?(?:@|:? "?v?|\/bun-v)(\d+\.\d+(?:\.\d+)?)\b/gi;
  const mentions = SOURCES.flatMap(([path, text]) =>
    [...text.matchAll(mention)].map(([, found]) => `${path} says ${found}`),
  );
  expect(mentions.length).toBeGreaterThan(2);
  const others = mentions.filter((one) => !one.endsWith(` says ${version}`));
  expect(others).toEqual([]);
});

test("the owner that is not known yet stands where the first release looks for it", () => {
  const files = SOURCES.filter(([, text]) => /\bOWNER\//.test(text)).map(
    ([path]) => path.replaceAll("\\", "/"),
  );
  const documents = ["README.ja.md", "README.md"];
  const docs = ["docs/company.md", "docs/install.md"];
  const known = [...documents, ...docs, "package.json"];
  expect(known).toEqual(expect.arrayContaining(files));
});

test("package.json has three packages at run time, and every version exactly", () => {
  const { dependencies, devDependencies } = manifest;
  const runtime = ["@modelcontextprotocol/sdk", "valibot", "zod"];
  expect(Object.keys(dependencies).sort()).toEqual(runtime);
  const all = { ...dependencies, ...devDependencies };
  for (const version of Object.values(all)) {
    expect(version).toMatch(/^\d+\.\d+\.\d+$/);
  }
});

test("Biome refuses what writes to stdout, and circles of types, too", () => {
  expect(biome.linter.rules.suspicious).toEqual({
    noConsole: { level: "error", options: { allow: ["error"] } },
    noImportCycles: { level: "error", options: { ignoreTypes: false } },
  });
  expect(biome).not.toHaveProperty("overrides");
});

test("the check is Biome, tsc and the floors, and the tests begin with it", () => {
  const { check, test } = manifest.scripts;
  const biome = "biome ci --error-on-warnings";
  expect(check).toBe(`${biome} && tsc && bun scripts/floors.ts`);
  expect(test).toStartWith("bun run build && bun run check && ");
});

const UP = "b.ts imports a.ts, which is on a floor above";
const GONE = "CONTRIBUTING.md names c.ts, which is not there";
const BACK = "which leads back to it";
const STRANGERS = ["./a", "./scripts/build.ts", "..", "/a.ts", "#a", "ajv"];
const OTHER = ["z.cts", "z.d.mts", "z.js", "z.jsx", "z.mts", "z.tsx"];

describe("the house", () => {
  const runFloors = (...folder: string[]) =>
    runToEnd([process.execPath, join(ROOT, "scripts/floors.ts"), ...folder]);

  test("stands", async () => {
    expect(await runFloors()).toEqual({ stdout: "", stderr: "", code: 0 });
  });

  test.each<[string, Record<string, string | undefined>, ...string[]]>([
    ["an arrow up", { "b.ts": 'import {\n  a,\n} from "./a.ts";' }, UP],
    ["one in other quotes", { "b.ts": "import './a.ts';" }, UP],
    ["one in other letters", { "b.ts": 'import "./\\u0061.ts";' }, UP],
    ["one for a type", { "b.ts": 'import type { A } from "./a.ts";' }, UP],
    ["one in a type", { "b.ts": "let a: import('./a.ts').A;" }, UP],
    ["one that is passed on", { "b.ts": 'export type * from "./a.ts";' }, UP],
    ["one that is taken later", { "b.ts": 'await import("./a.ts");' }, UP],
    ["one in a template", { "b.ts": "await import(`./a.ts`);" }, UP],
    ["one that is required", { "b.ts": 'require("./a.ts");' }, UP],
    [
      "no room",
      { "a.ts": STRANGERS.map((name) => `import "${name}";`).join("") },
      ...STRANGERS.map((name) => `a.ts imports ${name}, which is no room`),
    ],
    [
      "an ending that is not",
      { "b.ts": 'import "./a.js";' },
      "b.ts imports a.js, which is no room",
    ],
    [
      "a path in parts",
      { "b.ts": `import("./" + "a.ts"); import(\`../\${"a"}.ts\`);` },
      ...["b.ts imports ./, which is no room", UP],
      "b.ts imports ../, which is no room",
    ],
    [
      "a circle",
      { "b.ts": 'let c: import("./c.ts").C;' },
      `b.ts imports c.ts, ${BACK}`,
      `c.ts imports b.ts, ${BACK}`,
    ],
    [
      "a wide circle",
      { "a.ts": 'import "./c.ts";', "b.ts": 'import "./a.ts";' },
      ...[`a.ts imports c.ts, ${BACK}`, UP, `c.ts imports b.ts, ${BACK}`],
    ],
    ["no floor", { "d.ts": "" }, "d.ts is on no floor of CONTRIBUTING.md"],
    [
      "code with another ending",
      {
        ...Object.fromEntries(OTHER.map((name) => [name, ""])),
        "a.ts": 'import "./z.mts";',
      },
      ...OTHER.map((name) => `${name} is on no floor of CONTRIBUTING.md`),
      "a.ts imports z.mts, which is no room",
    ],
    ["a room that is gone", { "c.ts": undefined }, GONE],
  ])("falls with %s", async (_, sources, ...faults) => {
    const table = "| floor | rooms |\n| - | - |\n| 1 | `a.ts` |\n";
    await using folder = await startFolder({
      "CONTRIBUTING.md": `\n${table}| 2 | \`b.ts\` \`c.ts\` |\n`,
      ...{ "a.ts": "", "b.ts": "", "c.ts": 'export * from "./b.ts";' },
      ...sources,
    });
    const said = await runFloors(folder.path);
    const stderr = faults.map((fault) => `The house: ${fault}.\n`).join("");
    expect(said).toEqual({ stdout: "", stderr, code: 1 });
  });

  test("has few rooms, each on a few screens, and a short root", async () => {
    expect(listRooms(() => true).length).toBeLessThanOrEqual(28);
    const lines = (text: string) => text.split("\n").length - 1;
    expect(listRooms((text) => lines(text) > 450)).toEqual([]);
    // Less what is hidden from a visitor or not of the repository.
    const entries = (await readdir(ROOT)).filter(
      (name) => !/^(\.|node_modules$|dist$|release$)/.test(name),
    );
    expect(entries.length).toBeLessThanOrEqual(45);
  });

  test.each([
    [
      "nothing writes to stdout but the transport and the commands",
      /Bun\.stdout|process\.stdout|console\.(?!error)/,
      ["index.ts", "stdio.ts"],
    ],
    ["fetch is called in one place", /(?<![\w.#])fetch\(/, ["http.ts"]],
    // On Windows a Bun.file() read that fails does not keep the process alive:
    // it ends silently, with 0. https://github.com/oven-sh/bun/issues/39787 So
    // did Bun.stdin.text(). https://github.com/oven-sh/bun/issues/41849
    [
      "nothing that is compiled reads what cannot keep it alive",
      /\bBun\s*(?:\.\s*file\b|\[)|\bfile\b[^;]*=\s*Bun\b|from "bun"|\bstdin\.(?!stream\b)/,
      [],
    ],
  ])("%s", (_, pattern, rooms) => {
    expect(listRooms((text) => pattern.test(text))).toEqual(rooms);
  });
});

test("the build leaves the program and nothing beside it", async () => {
  expect((await run([BINARY, "--version"])).trim()).toBe(manifest.version);
  const files = await readdir(join(ROOT, "dist"));
  expect(files.filter((name) => name.endsWith(".map"))).toEqual([]);
});
