import { describe, expect, test } from "bun:test";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import biome from "../biome.json" with { type: "json" };
import manifest from "../package.json" with { type: "json" };
import { BINARY, ROOT, run, runToEnd, startFolder } from "../scripts/build.ts";

/** Our own text files, as they stand: what others made is not ours to check. */
async function readSources(): Promise<Map<string, string>> {
  const FOREIGN = /^(node_modules|dist|release|\.git)$/;
  const texts = new Map<string, string>();
  const visit = async (folder: string) => {
    const entries = await readdir(join(ROOT, folder), { withFileTypes: true });
    for (const entry of entries) {
      const path = join(folder, entry.name);
      if (entry.isDirectory() && !FOREIGN.test(entry.name)) await visit(path);
      if (!entry.isFile() || entry.name === "bun.lock") continue;
      if (/^\.env(\.local)?$/.test(entry.name)) continue;
      texts.set(path, await readFile(join(ROOT, path), "utf8"));
    }
  };
  await visit("");
  return texts;
}

/** What is compiled and fits, in the order of the alphabet. */
async function listRooms(fits: (text: string) => boolean): Promise<string[]> {
  return [...(await readSources())]
    .filter(([path, text]) => /^[\w-]+\.ts$/.test(path) && fits(text))
    .map(([path]) => path)
    .sort();
}

test("Bun's version is exact, and the same wherever it is mentioned", async () => {
  const [, version = ""] =
    /^bun@(\d+\.\d+\.\d+)$/.exec(manifest.packageManager) ?? [];
  expect(Bun.version).toBe(version);
  const mention =
    /\bbun(?:-types"?|-version"?)?(?:@|:? "?v?|\/bun-v)(\d+\.\d+(?:\.\d+)?)\b/gi;
  const mentions = [...(await readSources())].flatMap(([path, text]) =>
    [...text.matchAll(mention)].map(([, found]) => `${path} says ${found}`),
  );
  expect(mentions.length).toBeGreaterThan(2);
  const others = mentions.filter((one) => !one.endsWith(` says ${version}`));
  expect(others).toEqual([]);
});

test("the owner that is not known yet stands where the first release looks for it", async () => {
  const files = [...(await readSources())]
    .filter(([, text]) => /\bOWNER\//.test(text))
    .map(([path]) => path.replaceAll("\\", "/"));
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

describe("stdout carries the protocol", () => {
  test("by Biome's rule, and no file is excepted", () => {
    expect(biome.linter.rules.suspicious.noConsole).toEqual({
      level: "error",
      options: { allow: ["error"] },
    });
    expect(biome).not.toHaveProperty("overrides");
  });

  test("nothing but the transport and the commands writes to it", async () => {
    const writes = /Bun\.stdout|process\.stdout|console\.(?!error)/;
    const rooms = await listRooms((text) => writes.test(text));
    expect(rooms).toEqual(["index.ts", "stdio.ts"]);
  });
});

describe("the house", () => {
  /** What `bun run check` says of a house in a folder. */
  const judge = (folder: string) =>
    runToEnd([process.execPath, join(ROOT, "scripts/floors.ts"), folder]);

  type Sources = Record<string, string | undefined>;
  const UP = "b.ts imports a.ts, which is on a floor above";
  const AROUND = {
    "b.ts": 'export { c } from "./c.ts";',
    "c.ts": 'import {\n  type B,\n} from "./b.ts";',
  };
  const ITSELF = { "b.ts": 'import type { B } from "./b.ts";' };
  const OUTSIDE = { "a.ts": 'import { run } from "./scripts/build.ts";' };
  const GONE = "CONTRIBUTING.md names c.ts, which is not there";
  test.each<[string, Sources, string]>([
    ["an arrow up", { "b.ts": 'import { a } from "./a.ts";' }, UP],
    ["one for a type", { "b.ts": 'import type { A } from "./a.ts";' }, UP],
    ["one that is taken later", { "b.ts": 'await import("./a.ts");' }, UP],
    ["a circle on one floor", AROUND, "a circle: b.ts → c.ts → b.ts"],
    ["a room that imports itself", ITSELF, "a circle: b.ts → b.ts"],
    ["no room", OUTSIDE, "a.ts imports scripts/build.ts, which is no room"],
    ["no floor", { "d.ts": "" }, "d.ts is on no floor of CONTRIBUTING.md"],
    ["a room that is gone", { "c.ts": undefined }, GONE],
  ])("falls with %s", async (_, sources, fault) => {
    const table = "| floor | rooms |\n| - | - |\n| 1 | `a.ts` |\n";
    await using folder = await startFolder({
      "CONTRIBUTING.md": `\n${table}| 2 | \`b.ts\` \`c.ts\` |\n`,
      ...{ "a.ts": "", "b.ts": "", "c.ts": "", ...sources },
    });
    const { stderr, code } = await judge(folder.path);
    expect(stderr).toBe(`The house: ${fault}.\n`);
    expect(code).toBe(1);
  });

  test("has few rooms, each on a few screens, and a short root", async () => {
    expect((await listRooms(() => true)).length).toBeLessThanOrEqual(28);
    const lines = (text: string) => text.split("\n").length - 1;
    expect(await listRooms((text) => lines(text) > 450)).toEqual([]);
    // Less what is hidden from a visitor or not of the repository.
    const entries = (await readdir(ROOT)).filter(
      (name) => !/^(\.|node_modules$|dist$|release$)/.test(name),
    );
    expect(entries.length).toBeLessThanOrEqual(45);
  });

  // On Windows a Bun.file() read that fails does not keep the process alive: it
  // ends silently, with 0. https://github.com/oven-sh/bun/issues/39787 So did
  // Bun.stdin.text(). https://github.com/oven-sh/bun/issues/41849
  test("nothing that is compiled reads what cannot keep it alive", async () => {
    const reads =
      /\bBun\s*(?:\.\s*file\b|\[)|\bfile\b[^;]*=\s*Bun\b|from "bun"|\bstdin\.(?!stream\b)/;
    expect(await listRooms((text) => reads.test(text))).toEqual([]);
  });

  test("fetch is called in one place", async () => {
    const fetches = /(?<![\w.#])fetch\(/;
    expect(await listRooms((text) => fetches.test(text))).toEqual(["http.ts"]);
  });
});

test("the build leaves the program and nothing beside it", async () => {
  expect((await run([BINARY, "--version"])).trim()).toBe(manifest.version);
  const files = await readdir(join(ROOT, "dist"));
  expect(files.filter((name) => name.endsWith(".map"))).toEqual([]);
});
